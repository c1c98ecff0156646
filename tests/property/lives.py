"""Everything that can happen to resources, in one state machine."""

from tests.property.forgery import Forgeries


class Lives(Forgeries):
    """The lives that the tests and the long run live."""
