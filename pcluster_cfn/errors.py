"""Errors that the command reports in one line."""

import difflib
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_DEBUG = "PCLUSTER_CFN_DEBUG"
#: The message for an unexpected exception: maintainers can fix it, users cannot.
FAULT = (
    "this is a bug in pcluster-cfn, not in your input; to report it, run the command again with "
    f"{_DEBUG}=1 and include the output"
)


def wants_tracebacks() -> bool:
    """Whether unexpected exceptions are shown with their traceback."""
    return bool(os.environ.get(_DEBUG))


def suggest(name: str, known: Iterable[str], otherwise: str, *, count: int = 1, cutoff: float = 0.5) -> str:
    """Returns the next step for a name that does not exist: the nearest known ones, or other words.

    Args:
        name: The name.
        known: Those that exist.
        otherwise: What to say if none is near.
        count: How many names at most.
        cutoff: How near a name must be, from 0 to 1.
    """
    near = difflib.get_close_matches(name, list(known), n=count, cutoff=cutoff)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


class CommandError(Exception):
    """A problem that the user can solve: what is wrong, and what to do next."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}; {self.next_step}" if self.next_step else self.what


def message_of(error: "ClientError") -> str:
    """Returns what AWS says of an error, without the words that the SDK puts around it."""
    return error.response.get("Error", {}).get("Message", str(error))
