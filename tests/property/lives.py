"""Everything that can happen to resources, in one state machine."""

from tests.property import images, nesting
from tests.property.denials import Denials
from tests.property.forgery import Forgeries
from tests.property.images import Images
from tests.property.lifecycle import Lifecycle
from tests.property.neighbours import Neighbours
from tests.property.nesting import Nesting
from tests.property.providers import TwoProviders


class Lives(Forgeries, Neighbours, Denials, Images, Nesting, TwoProviders):
    """The lives that the tests and the long run live."""

    PLACES = (nesting.PLACE, images.PLACE, *Lifecycle.PLACES)
