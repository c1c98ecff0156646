"""Everything that can happen to resources, in one state machine."""

from tests.property.denials import Denials
from tests.property.forgery import Forgeries
from tests.property.images import Images
from tests.property.neighbours import Neighbours


class Lives(Forgeries, Neighbours, Denials, Images):
    """The lives that the tests and the long run live."""
