"""JSON as the YAML that it nearly is: two habits of its writers are none of YAML's.

They are indentation by tabs, and escapes of half a character.
"""

import re

#: A tab is no indentation in YAML and is in JSON; one column stays one column.
_TAB = str.maketrans("\t", " ")
#: A character beyond U+FFFF as JSON escapes it, behind whole pairs of backslashes. Source: RFC 8259, 7.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})")
#: Where a character is looked for that a text does not have: Unicode's private use first, but for the hole
#: of the command's evaluation. All of them are more than ``TEXT_MAX_BYTES`` can hold, written or escaped.
_FILLERS = (
    range(0xE001, 0xF900),
    range(0xF0000, 0xFFFFE),
    range(0x100000, 0x10FFFE),
    range(0x20000, 0xE0000),
)


def as_yaml(text: str) -> tuple[str, str]:
    """Returns a text that YAML reads as its author meant it, every piece in its place, if it looks like JSON.

    Args:
        text: Within ``TEXT_MAX_BYTES``.

    Returns:
        The text, and the character that fills it up where something shorter took a place: to be taken out of
        every value, empty if there is none.
    """
    if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        return text, ""
    filler = _unused(text) if _PAIR.search(text) else ""
    return _indented_by_spaces(_with_whole_characters(text, filler) if filler else text), filler


def _indented_by_spaces(text: str) -> str:
    lines = text.split("\n")
    widths = [len(line) - len(line.lstrip()) for line in lines]
    pairs = zip(lines, widths, strict=True)
    return "\n".join(line[:width].translate(_TAB) + line[width:] for line, width in pairs)


def _unused(text: str) -> str:
    """Returns a character that is not in a text, whether written or escaped."""
    written = set(text)
    codes = [*re.findall(r"\\u([0-9a-fA-F]{4})", text), *re.findall(r"\\U([0-9a-fA-F]{8})", text)]
    escaped = {int(code, 16) for code in codes}
    return next(
        chr(code)
        for candidates in _FILLERS
        for code in candidates
        if code not in escaped and chr(code) not in written
    )


def _with_whole_characters(text: str, filler: str) -> str:
    """Returns a text in which a pair of escaped surrogates is the character that they stand for.

    It is filled up with what is taken out later, so that what is behind it stays in its column.
    """

    def whole(match: re.Match[str]) -> str:
        backslashes, high, low = match.groups()
        units = bytes.fromhex(high[2:] + low[2:])
        return f"{backslashes}{units.decode('utf-16-be')}".ljust(len(match[0]), filler)

    return _PAIR.sub(whole, text)
