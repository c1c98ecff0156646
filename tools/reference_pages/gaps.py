"""The page of what the embedded cloud does not emulate."""

from collections.abc import Iterable, Mapping
from typing import Any

from tools.reference_pages.markdown import joined, table

_LEAD = """
An error of the embedded cloud that is due to one of these gaps names its id, such as `lambda.triggers`.
"""


def gaps_page(sections: Iterable[Mapping[str, Any]], made: str) -> str:
    """Returns the page.

    Args:
        sections: Each with a title, and ``gaps`` (sentences by id) or ``facts`` (what AWS was recorded to
            do, and what happens here, by number).
        made: Says what the page is made from.
    """
    parts = [made, "# What the embedded cloud does not emulate", _LEAD]
    for section in sections:
        parts += [f"## {section['title']}", section.get("lead", "")]
        if "facts" in section:
            facts = section["facts"].items()
            recorded = [(str(number), fact["aws"], fact["here"]) for number, fact in facts]
            parts.append(table(("number", "on AWS", "here"), recorded))
        else:
            gaps = [(f"`{identity}`", text) for identity, text in section["gaps"].items()]
            parts.append(table(("gap", "here"), gaps))
        parts.append(section.get("more", ""))
    return joined(parts)
