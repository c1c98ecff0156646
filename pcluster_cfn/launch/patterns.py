r"""A template's patterns, in words that mean the same to Java, Python and JavaScript.

CloudFormation matches ``AllowedPattern`` as Java does. The three languages share most of the syntax and
differ in its meaning: ``\d`` is ASCII in one and Unicode in another, ``.`` stops at other line ends. So a
pattern is read token by token and written anew with nothing in it that could be understood in two ways. What
only Java knows is not guessed at: such a pattern has no shared form, and CloudFormation alone checks it.

Source: Java SE API, class java.util.regex.Pattern; Python, module re; ECMAScript, RegExp with flag u.
"""

import re

#: What the classes of letters hold, as members of a set; ASCII only, as in Java without flags.
_CLASSES = {
    "d": "0-9",
    "D": "\\x00-\\x2f\\x3a-\U0010ffff",
    "w": "A-Za-z0-9_",
    "W": "\\x00-\\x2f\\x3a-\\x40\\x5b-\\x5e\\x60\\x7b-\U0010ffff",
    "s": r" \t\n\x0b\f\r",
    "S": "\\x00-\\x08\\x0e-\\x1f\\x21-\U0010ffff",
}
_NAMED_CLASSES = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "A-Za-z",
    "Digit": "0-9",
    "Alnum": "A-Za-z0-9",
    "Punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "Graph": r"\x21-\x7e",
    "Print": r"\x20-\x7e",
    "XDigit": "0-9A-Fa-f",
    "Space": r" \t\n\x0b\f\r",
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ANY = r"[^\n\r\x85\u2028\u2029]"
_END = r"(?![\s\S])"

#: As long as the longest value; nobody writes a longer one, and translating takes a while for each character.
MAX_PATTERN_CHARACTERS = 4_096

_ESCAPE = r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|p\{\w+\}|.)"
_TOKEN = re.compile(
    rf"""(?P<look>\(\?<?[=!]) | (?P<group>\((?:\?:|\?<[A-Za-z][A-Za-z0-9]*>|(?!\?))) | (?P<close>\))
    | (?P<or>\|) | (?P<repeat>(?:[*+?]|\{{\d+(?:,\d*)?\}})\??(?!\+)) | (?P<any>\.) | (?P<begin>\^)
    | (?P<end>\$) | (?P<set>\[\^?) | (?P<escape>{_ESCAPE}) | (?P<literal>[^\\\[(){{|*+?^$.])""",
    re.VERBOSE | re.DOTALL,
)
_MEMBER = re.compile(rf"(?P<escape>{_ESCAPE})|(?P<literal>[^\\\[\]])", re.DOTALL)


class _NotSharedError(Exception):
    """The pattern uses what not all three languages have."""


def shared(pattern: str) -> str | None:
    """Returns a pattern's shared form, to be matched against the whole of a text; None where it has none."""
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        return None
    try:
        expression = _Reader(pattern).expression()
        re.compile(expression)
    except (_NotSharedError, re.error, OverflowError, RecursionError):
        return None
    return expression


class _Reader:
    """Reads one pattern from its begin to its end."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._groups: list[bool] = []  # of those that are open: whether it only looks ahead or back
        self._repeatable = False

    def expression(self) -> str:
        written = ""
        while self._at < len(self._pattern):
            written += self._next()
        return written

    def _next(self) -> str:
        kind, text = self._take(_TOKEN)
        repeatable, self._repeatable = self._repeatable, kind in {"any", "set", "escape", "literal"}
        match kind:
            case "look" | "group":
                self._groups.append(kind == "look")
                return text if kind == "look" else "(?:"
            case "close":
                self._repeatable = not self._closes_a_look()
            case "repeat" if not repeatable:  # only Python repeats what takes no character
                raise _NotSharedError
            case "any":
                return _ANY
            case "end":
                return _END
            case "set":
                return text + self._members()
            case "escape":
                return self._escape(text)
            case "literal":
                return _literal(text)
        return text

    def _closes_a_look(self) -> bool:
        if not self._groups:
            raise _NotSharedError
        return self._groups.pop()

    def _escape(self, text: str) -> str:
        if text[1] in "AzZ":
            self._repeatable = False
            return "^" if text[1] == "A" else _END
        members, _ = _member(text)
        return f"[{members}]"

    def _members(self) -> str:
        """Reads a set up to its end."""
        written: list[str] = []
        while not self._pattern.startswith("]", self._at):
            members, single = _member(self._take(_MEMBER)[1])
            if self._pattern.startswith("&&", self._at - 1):  # Java's intersection
                raise _NotSharedError
            if single and re.match(r"-[^\]]", self._pattern[self._at :]):
                self._at += 1
                last, single = _member(self._take(_MEMBER)[1])
                if not single:
                    raise _NotSharedError
                members = f"{members}-{last}"
            written.append(members)
        if not written:
            raise _NotSharedError
        self._at += 1
        return "".join(written) + "]"

    def _take(self, tokens: re.Pattern[str]) -> tuple[str, str]:
        found = tokens.match(self._pattern, self._at)
        if found is None or found.lastgroup is None:
            raise _NotSharedError
        self._at = found.end()
        return found.lastgroup, found[0]


def _member(text: str) -> tuple[str, bool]:
    """Returns what a literal or an escape puts into a set, and whether it is a single character."""
    if not text.startswith("\\"):
        return _literal(text), True
    letter, rest = text[1], text[2:]
    if rest and letter in "xu":
        character = chr(int(rest, 16))
        if "\ud800" <= character <= "\udfff":  # half of a character, which the three join differently
            raise _NotSharedError
        return _literal(character), True
    if rest and rest[1:-1] in _NAMED_CLASSES:
        return _NAMED_CLASSES[rest[1:-1]], False
    if letter in _CLASSES:
        return _CLASSES[letter], False
    if letter in _CONTROLS:
        return _literal(_CONTROLS[letter]), True
    if rest or (letter.isascii() and letter.isalnum()):
        raise _NotSharedError
    return _literal(letter), True


def _literal(character: str) -> str:
    """Returns a character as one that no language takes for syntax, inside of sets and outside."""
    code = ord(character)
    if character.isascii():
        return character if character.isalnum() else f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else character  # noqa: PLR2004 - what \u can name
