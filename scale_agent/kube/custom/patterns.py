"""Go's regular expressions (RE2) in Python: what the two write differently is translated, the rest is the same.

Not translated, hence found by nobody: classes of scripts (``\\p{Greek}``); ``\\pL`` and the other general categories
that patterns use in practice are. A pattern that Python cannot read though Go can matches everything.
"""

from __future__ import annotations

import re
from functools import lru_cache

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
#: General categories, as far as ASCII and Latin-1 letters go.
_CATEGORIES = {
    "L": "A-Za-zÀ-ÖØ-öø-ʯͰ-῿Ⰰ-퟿豈-﷿",
    "Lu": "A-ZÀ-ÖØ-Þ",
    "Ll": "a-zß-öø-ÿ",
    "N": "0-9",
    "Nd": "0-9",
    "P": "!-#%-*,-/:;?@\\[-\\]_{}",
    "S": "$+<=>\\^`|~",
    "Z": " \\u00a0",
}
_TOKEN = re.compile(
    r"(?P<quoted>\\Q.*?(?:\\E|$))|(?P<category>\\[pP](?:\{\^?\w+\}|\w))|(?P<code>\\x\{[0-9A-Fa-f]+\})|(?P<escape>\\.)"
    r"|(?P<posix>\[:\^?\w+:\])|(?P<named>\(\?<(?![=!]))|(?P<char>.)",
    re.DOTALL,
)
_ESCAPES = {"\\z": "\\Z", "\\a": "\\x07", "\\C": "(?s:.)"}


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern to search with; ``None`` if it cannot be read."""
    try:
        return re.compile(_Translation(pattern).text(), re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return None


def found(pattern: str, text: str) -> bool:
    """Whether the pattern matches anywhere in a text."""
    expression = compiled(pattern)
    return expression is None or expression.search(text) is not None


class _Translation:
    """One pattern on its way."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.in_class = False
        self.fresh = False  # right behind the opening bracket: a closing one is a character
        self.multi_line = "(?m" in pattern or re.search(r"\(\?[a-z]*m", pattern) is not None

    def text(self) -> str:
        """The same in Python."""
        return "".join(self._token(found) for found in _TOKEN.finditer(self.pattern))

    def _token(self, found: re.Match[str]) -> str:
        token = found[0]
        kind = found.lastgroup
        if kind == "char":
            return self._char(token)
        self.fresh = False
        if kind == "quoted":
            return re.escape(token.removeprefix("\\Q").removesuffix("\\E"))
        if kind == "category":
            return self._category(token)
        if kind == "code":
            return re.escape(chr(int(token[3:-1], 16)))
        if kind == "posix":
            return self._posix(token)
        return _ESCAPES.get(token, token) if kind == "escape" else "(?P<"

    def _char(self, char: str) -> str:
        if self.in_class:
            closes = char == "]" and not self.fresh
            self.fresh = self.fresh and char == "^"
            self.in_class = not closes
            return "\\" + char if char in "[&|~" or (char == "]" and not closes) else char
        if char == "[":
            self.in_class = self.fresh = True
        return "\\Z" if char == "$" and not self.multi_line else char

    def _posix(self, token: str) -> str:
        name = token[2:-2].removeprefix("^")
        if not self.in_class:  # a class of these characters
            return token.replace("[", "[", 1)
        if name not in _POSIX:
            raise re.error("invalid character class range")
        return _POSIX[name]

    def _category(self, token: str) -> str:
        name = token[2:].strip("{}").removeprefix("^")
        members = _CATEGORIES.get(name) or _CATEGORIES.get(name[0])
        if members is None:
            raise re.error("invalid character class range")
        if self.in_class:
            return members
        negated = (token[1] == "P") != ("^" in token)
        return f"[{'^' if negated else ''}{members}]"


def problem(pattern: str) -> str:
    """Why a pattern cannot be read, in Go's words as far as they are known; ``""`` if it can."""
    try:
        re.compile(_Translation(pattern).text(), re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        return f"error parsing regexp: {_words(str(error), pattern)}"
    return ""


def _words(error: str, pattern: str) -> str:
    """Go says what is missing and shows the pattern, or the part of it that is wrong."""
    at = re.search(r"at position (\d+)", error)
    start = int(at[1]) if at is not None else 0
    for known, words, shown in _GO_WORDS:
        if known in error:
            found = shown.match(pattern, max(start - (known == "multiple repeat"), 0)) if shown is not None else None
            return f"{words}: `{found[0] if found is not None else pattern}`"
    return f"{error}: `{pattern}`"


_REST, _NOTHING = re.compile(".*", re.DOTALL), re.compile("")
#: Python's words, Go's, and what Go shows from the place on that Python names; ``None``: the whole pattern.
_GO_WORDS: tuple[tuple[str, str, re.Pattern[str] | None], ...] = (
    ("missing ), unterminated", "missing closing )", None),
    ("unbalanced parenthesis", "unexpected )", None),
    ("unterminated character set", "missing closing ]", _REST),
    ("nothing to repeat", "missing argument to repetition operator", re.compile("[*+?]")),
    ("multiple repeat", "invalid nested repetition operator", re.compile("[*+?]{2}")),
    ("bad character range", "invalid character class range", re.compile(".-.")),
    ("min repeat greater", "invalid repeat count", None),
    ("bad escape (end of pattern)", "trailing backslash at end of expression", _NOTHING),
    ("bad escape", "invalid escape sequence", re.compile(r"\\.")),
    ("unknown extension", "invalid or unsupported Perl syntax", None),
    ("missing >", "invalid named capture", None),
)
