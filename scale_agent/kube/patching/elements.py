"""Path elements: one step of a path into an object, as FieldsV1 writes it.

``f:`` and a field's name, ``k:`` and the keys of a list's element as JSON, ``v:`` and the element of a set as JSON,
``i:`` and an index. Rules: sigs.k8s.io/structured-merge-diff, ``fieldpath/element.go`` and ``serialize-pe.go``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

#: What Go's JSON escapes in texts although it need not.
_ESCAPED = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode().translate(_ESCAPED)


def of_key(keys: Mapping[str, Any]) -> str:
    """An element of a list that is a map, by its keys."""
    return "k:" + _json(keys)


def of_value(value: Any) -> str:
    """An element of a list that is a set."""
    return "v:" + _json(value)


def canonical(element: str) -> str | None:
    """An element as the server writes it; ``None`` for unknown kinds. Raises ``ValueError`` for malformed ones."""
    if len(element) < 2 or element[1] != ":":
        raise ValueError(f"missing colon: {element}")
    kind, text = element[0], element[2:]
    if kind == "f":
        return element
    if kind == "i":
        return f"i:{int(text)}"
    if kind == "v":
        return of_value(orjson.loads(text))
    if kind == "k":
        keys = orjson.loads(text)
        if not isinstance(keys, dict):
            raise ValueError(f"no keys: {element}")
        return of_key(keys)
    return None


def sort_key(element: str) -> Any:
    """Where an element stands among its siblings: fields, keys, values, indices; numbers by value."""
    if element.startswith("f:"):
        return (0, element)
    return (-1,) if element == "." else _other_key(element)


@lru_cache(maxsize=4096)
def _other_key(element: str) -> Any:
    kind, text = element[:2], element[2:]
    if kind == "k:":
        return (1, tuple((name, _value_key(value)) for name, value in sorted(orjson.loads(text).items())))
    if kind == "v:":
        return (2, _value_key(orjson.loads(text)))
    return (3, int(text))


def _value_key(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    return (3, _json(value))


@lru_cache(maxsize=4096)
def shown(element: str) -> str:
    """An element as messages show it: ``.spec``, ``[name="web"]``, ``[="x"]``, ``[0]``."""
    kind, text = element[:2], element[2:]
    if kind == "f:":
        return f".{text}"
    if kind == "k:":
        return f"[{','.join(f'{name}={_shown(value)}' for name, value in orjson.loads(text).items())}]"
    if kind == "v:":
        return f"[={_shown(orjson.loads(text))}]"
    return f"[{text}]"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return "".join(f"{name}={_shown(inner)}" for name, inner in value.items())
    return json.dumps(value, ensure_ascii=False)
