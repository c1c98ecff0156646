"""What the command says when it cannot go on."""

import os

_DEBUG = "PCLUSTER_CFN_DEBUG"
#: What is said of an exception that nobody foresaw: it is for whoever maintains this, and not for the user.
FAULT = (
    "this is a fault of pcluster-cfn, not of what it was given; to report it, run the command again with "
    f"{_DEBUG}=1 and add what it prints then"
)


def wants_tracebacks() -> bool:
    """Whether exceptions that nobody foresaw are shown as they are."""
    return bool(os.environ.get(_DEBUG))


class CommandError(Exception):
    """Something the user can act on: one line of what is wrong, and what to do about it."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}; {self.next_step}" if self.next_step else self.what
