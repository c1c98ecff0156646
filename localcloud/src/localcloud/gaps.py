"""Names what this cloud does not emulate, by the ids of gaps.yaml, from which GAPS.md is made."""


def gap(identity: str) -> str:
    """Returns the end of an error's message: where GAPS.md explains it."""
    return f"(localcloud/GAPS.md, {identity})"
