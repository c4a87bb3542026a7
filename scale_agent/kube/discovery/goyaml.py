"""JSON values as yaml.v3 writes them: what gnostic's models keep of extensions, defaults and enums."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson
from yaml.emitter import Emitter

_STEP = 4
#: Texts that would be read as something else: truth values, nothing, numbers, times.
_OTHER = re.compile(
    r"true|True|TRUE|false|False|FALSE|null|Null|NULL|~|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
    r"|[-+]?(0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)"
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?"
)
_LAST_OF_PLANE = 0xFFFF


def dump(value: Any) -> str:
    """The value as a document in block style, with a newline at its end."""
    return _dump(orjson.dumps(value))


@lru_cache(maxsize=4096)
def _dump(text: bytes) -> str:
    value = orjson.loads(text)
    return "\n".join(_block(value, 0) if _nested(value) else _scalar(value, _STEP)) + "\n"


def _nested(value: Any) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def _block(value: Any, column: int) -> Iterator[str]:
    """The lines of a collection whose entries start at ``column``."""
    if isinstance(value, dict):
        inner = _STEP * ((column + _STEP) // _STEP)
        for key, one in value.items():
            yield from _entry(f"{' ' * column}{_text(key)}:", one, inner)
        return
    for one in value:
        first, *rest = _block(one, column + 2) if _nested(one) else _scalar(one, column + 2)
        yield f"{' ' * column}- {first.lstrip(' ')}"
        yield from rest


def _entry(head: str, value: Any, column: int) -> Iterator[str]:
    if _nested(value):
        yield head
        yield from _block(value, column)
        return
    first, *rest = _scalar(value, column)
    yield f"{head} {first}"
    yield from rest


def _scalar(value: Any, column: int) -> list[str]:
    """The lines of what is no collection; those behind the first are content and start at ``column``."""
    if isinstance(value, str) and "\n" in value:
        mark = "|" if value.endswith("\n") else "|-"
        return [mark, *(f"{' ' * column}{line}" if line else "" for line in value.removesuffix("\n").split("\n"))]
    if isinstance(value, str):
        return [_text(value)]
    if isinstance(value, (dict, list)):
        return ["{}" if isinstance(value, dict) else "[]"]
    return [orjson.dumps(value).decode()]


def _text(value: str) -> str:
    if not value:
        return '""'
    if _OTHER.fullmatch(value):
        return f'"{value}"'
    if ord(max(value)) > _LAST_OF_PLANE:
        letters = (f"\\U{ord(one):08X}" if ord(one) > _LAST_OF_PLANE else one for one in value)
        return f'"{"".join(letters)}"'
    analysis = Emitter(io.StringIO(), allow_unicode=True).analyze_scalar(value)
    if analysis.allow_block_plain:
        return value
    if analysis.allow_single_quoted:
        return "'" + value.replace("'", "''") + "'"
    return orjson.dumps(value).decode()
