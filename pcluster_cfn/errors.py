"""What the command says when it cannot go on."""


class CommandError(Exception):
    """Something the user can act on: one line of what is wrong, and what to do about it."""

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what}; {self.next_step}" if self.next_step else self.what
