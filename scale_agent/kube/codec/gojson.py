"""JSON as Go's ``encoding/json`` writes it, and its words for what it cannot read."""

from __future__ import annotations

import json
from typing import Any

import orjson

#: ``json.Encoder`` escapes what HTML would take for markup, and two line ends of JavaScript.
_MARKUP = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))
_LINE_ENDS = (("\u2028".encode(), b"\\u2028"), ("\u2029".encode(), b"\\u2029"))


def escaped(encoded: bytes) -> bytes:
    """Compact JSON with Go's escapes: these characters stand in texts only, so the JSON says the same."""
    for plain, escape in _MARKUP if encoded.isascii() else (*_MARKUP, *_LINE_ENDS):
        if plain in encoded:
            encoded = encoded.replace(plain, escape)
    return encoded


def dumps(value: Any, option: int | None = None) -> bytes:
    """A value as compact JSON; ``option`` is orjson's (``OPT_SORT_KEYS``)."""
    return escaped(orjson.dumps(value, option=option))


def indented(encoded: bytes) -> bytes:
    """JSON as ``MarshalIndent`` writes it for people: two spaces, no newline at the end."""
    return escaped(json.dumps(json.loads(encoded), indent=2, ensure_ascii=False).encode())


def syntax_error(text: bytes) -> str:
    """Why Go's scanner refuses a text that is no JSON (``invalid character 'a' looking for beginning of value``)."""
    return _Scanner(text).run()


_END = "unexpected end of JSON input"
_SPACE = b" \t\r\n"
_LITERALS = {b"t": b"true", b"f": b"false", b"n": b"null"}


class RefusedError(Exception):
    """What the scanner says."""


class _Scanner:
    """A reader that keeps nothing and stops at the first wrong character, as Go's scanner does."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.at = 0

    def run(self) -> str:
        try:
            self.value()
            self.space()
            if self.at < len(self.text):
                raise self.wrong("after top-level value")
        except RefusedError as refused:
            return str(refused)
        except RecursionError:
            return "exceeded max depth"
        return ""

    def peek(self) -> bytes:
        if self.at >= len(self.text):
            raise RefusedError(_END)
        return self.text[self.at : self.at + 1]

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1

    def wrong(self, where: str) -> RefusedError:
        return RefusedError(f"invalid character {_shown(self.text[self.at :])} {where}")

    def value(self) -> None:
        self.space()
        first = self.peek()
        if first == b"{":
            self.members()
        elif first == b"[":
            self.elements()
        elif first == b'"':
            self.string()
        elif first in _LITERALS:
            self.literal(_LITERALS[first])
        elif first == b"-" or first.isdigit():
            self.number()
        else:
            raise self.wrong("looking for beginning of value")

    def members(self) -> None:
        self.at += 1
        self.space()
        if self.peek() == b"}":
            self.at += 1
            return
        while True:
            self.space()
            if self.peek() != b'"':
                raise self.wrong("looking for beginning of object key string")
            self.string()
            self.space()
            if self.peek() != b":":
                raise self.wrong("after object key")
            self.at += 1
            self.value()
            if self.closed(b"}", "after object key:value pair"):
                return

    def elements(self) -> None:
        self.at += 1
        self.space()
        if self.peek() == b"]":
            self.at += 1
            return
        while True:
            self.value()
            if self.closed(b"]", "after array element"):
                return

    def closed(self, bracket: bytes, where: str) -> bool:
        self.space()
        if self.peek() not in (b",", bracket):
            raise self.wrong(where)
        done = self.peek() == bracket
        self.at += 1
        return done

    def string(self) -> None:
        self.at += 1
        while (one := self.peek()) != b'"':
            if one < b" ":
                raise self.wrong("in string literal")
            self.at += 1
            if one == b"\\":
                self.escape()
        self.at += 1

    def escape(self) -> None:
        if self.peek() not in b'bfnrt\\/"u':
            raise self.wrong("in string escape code")
        unicode = self.peek() == b"u"
        self.at += 1
        for _ in range(4 if unicode else 0):
            if self.peek() not in b"0123456789abcdefABCDEF":
                raise self.wrong("in \\u hexadecimal character escape")
            self.at += 1

    def literal(self, word: bytes) -> None:
        for index in range(1, len(word)):
            self.at += 1
            if self.peek() != word[index : index + 1]:
                raise self.wrong(f"in literal {word.decode()} (expecting {_shown(word[index:])})")
        self.at += 1

    def number(self) -> None:
        if self.peek() == b"-":
            self.at += 1
        if not self.peek().isdigit():
            raise self.wrong("in numeric literal")
        self.digits(leading_zero=self.peek() == b"0")
        if self.text[self.at : self.at + 1] == b".":
            self.at += 1
            if not self.peek().isdigit():
                raise self.wrong("after decimal point in numeric literal")
            self.digits()
        if self.text[self.at : self.at + 1] in (b"e", b"E"):
            self.at += 1
            if self.peek() in (b"+", b"-"):
                self.at += 1
            if not self.peek().isdigit():
                raise self.wrong("in exponent of numeric literal")
            self.digits()

    def digits(self, *, leading_zero: bool = False) -> None:
        self.at += 1
        while not leading_zero and self.text[self.at : self.at + 1].isdigit():
            self.at += 1


def _shown(text: bytes) -> str:
    """The first character as Go quotes it."""
    one = text[:1].decode("latin-1")
    if one in ("'", "\\"):
        return f"'\\{one}'"
    if one == '"':
        return "'\"'"
    if one.isprintable():
        return f"'{one}'"
    return f"'{one.encode('unicode_escape').decode()}'" if one < "\x80" else f"'\\u{ord(one):04x}'"
