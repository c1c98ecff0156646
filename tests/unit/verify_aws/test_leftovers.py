"""A clean-up goes on until nothing is left, whatever AWS answers meanwhile."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tools.verify_aws.leftovers import Cleaner, Leftover

LOST = EndpointConnectionError(endpoint_url="https://cloudformation.example")
BUSY = ClientError({"Error": {"Code": "ValidationError", "Message": "is being updated"}}, "DeleteStack")


class Account(Cleaner):
    """An account with two things, of which the second can be removed after the first."""

    def __init__(self, *troubles):
        self.there = ["parent", "provider"]
        self.removed = []
        self._troubles = list(troubles)

    def find(self):
        if self._troubles and self._troubles[0] is LOST:
            raise self._troubles.pop(0)
        return [self._leftover(name) for name in self.there]

    def _leftover(self, name):
        def remove():
            if self._troubles:
                raise self._troubles.pop(0)
            self.there.remove(name)
            self.removed.append(name)

        return Leftover("stack", name, 1 if name == "parent" else 4, f"aws delete {name}", remove)


@pytest.mark.parametrize("troubles", [(), (LOST, LOST), (BUSY,), (LOST, BUSY, LOST)])
def test_everything_is_removed_in_order_in_spite_of_lost_connections_and_refusals(troubles):
    account = Account(*troubles)
    assert account.remove(patience_s=5, poll_s=0) == []
    assert account.removed == ["parent", "provider"]


def test_what_cannot_be_removed_is_named_with_its_reason_and_command():
    account = Account(*[BUSY] * 1_000_000)
    parent, provider = account.remove(patience_s=0.01, poll_s=0)
    assert str(parent).startswith("stack parent (")
    assert "is being updated" in str(parent)
    assert (parent.command, provider.command) == ("aws delete parent", "aws delete provider")


def test_an_account_that_cannot_be_asked_is_not_called_empty():
    assert Account(*[LOST] * 1_000_000).remove(patience_s=0.01, poll_s=0) is None
