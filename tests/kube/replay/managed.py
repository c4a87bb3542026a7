"""How long managed fields would be: our server keeps what clients send of them and makes none by itself.

A real server writes one entry per manager, naming every field that it set. Where a recording kept nothing of an answer
but its length, that entry is part of the length; its size follows from the object.
"""

from __future__ import annotations

import json
from typing import Any

#: Set by the server, owned by nobody.
UNOWNED = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink"}
)
#: Maps whose existence is a field of its own.
MAPS = frozenset({"labels", "annotations", "data", "matchLabels"})

ENTRY_JSON = len('{"manager":"rancher-2.10.3","operation":"Update","apiVersion":"v1","time":"2026-11-21T09:54:05Z",')
ENTRY_JSON += len('"fieldsType":"FieldsV1","fieldsV1":},')
ENTRY_PROTOBUF = 60


def missing(value: dict[str, Any], *, protobuf: bool) -> int:
    """Bytes that managed fields would add to an object, 0 if it has some."""
    meta = value.get("metadata") or {}
    if meta.get("managedFields") or not meta.get("uid"):
        return 0
    owned = {key: item for key, item in value.items() if key not in ("kind", "apiVersion", "status")}
    fields = {f"f:{key}": _fields(item, key) for key, item in owned.items()}
    size = len(json.dumps(fields, separators=(",", ":"))) + (ENTRY_PROTOBUF if protobuf else ENTRY_JSON)
    return size + len(str(value.get("apiVersion", "v1")))


def missing_in(value: Any, *, protobuf: bool) -> int:
    """The same for an object, or for all items of a list."""
    if not isinstance(value, dict):
        return 0
    if isinstance(value.get("items"), list):
        return sum(missing(item, protobuf=protobuf) for item in value["items"])
    return missing(value, protobuf=protobuf)


def _fields(value: Any, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    owned = {f"f:{name}": _fields(item, name) for name, item in value.items() if name not in UNOWNED}
    return {".": {}, **owned} if key in MAPS else owned
