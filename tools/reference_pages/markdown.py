"""Markdown of the pages: tables, and parts with an empty line between them."""

from collections.abc import Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Returns a table; line ends and bars in its cells are written so that the table stays whole."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def cell(text: str) -> str:
    """Returns a text as a table's cell."""
    return " ".join(text.replace("|", "&#124;").split())


def joined(parts: list[str]) -> str:
    """Returns a page or a section of its parts; empty ones are left out."""
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"
