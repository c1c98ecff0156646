"""Makes YAML of JSON. They differ in two things: indentation by tabs, and escapes of half a character."""

import re

#: JSON may indent by tabs, YAML may not. Each tab becomes one space, so columns do not change.
_TAB = str.maketrans("\t", " ")
#: A character beyond U+FFFF as JSON escapes it, behind whole pairs of backslashes. Source: RFC 8259, 7.
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2})(\\u[dD][c-fC-F][0-9a-fA-F]{2})")
#: Candidates for a character that a text does not have: Unicode's private use first, except U+E000, which the
#: command's evaluation uses. A text of ``TEXT_MAX_BYTES`` cannot contain all of them, written or escaped.
_FILLERS = (
    range(0xE001, 0xF900),
    range(0xF0000, 0xFFFFE),
    range(0x100000, 0x10FFFE),
    range(0x20000, 0xE0000),
)


def as_yaml(text: str) -> tuple[str, str]:
    """Returns a text that looks like JSON as YAML with the same meaning and the same lines and columns.

    Args:
        text: At most ``TEXT_MAX_BYTES``.

    Returns:
        The text, and the character that pads replacements, which the caller removes from every value; empty
        if nothing is padded.
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
    """Returns a text in which each pair of escaped surrogates is the character that they stand for.

    The character is padded with fillers, so that the columns after it do not change.
    """

    def whole(match: re.Match[str]) -> str:
        backslashes, high, low = match.groups()
        units = bytes.fromhex(high[2:] + low[2:])
        return f"{backslashes}{units.decode('utf-16-be')}".ljust(len(match[0]), filler)

    return _PAIR.sub(whole, text)
