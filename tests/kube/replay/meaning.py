"""What two bodies mean, and where their meanings differ.

Set aside, everywhere: points in time and ages, resource versions (checked one by one in ``versions.py``), managed
fields, and what only its owner can make (tokens, certificates, digests, the commit that a server was built from).
Of the descriptions of built-in table columns only the length on the wire counts, as of the prose of OpenAPI documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
AGE = re.compile(r"^((\d+[dhms])+|<unknown>|<invalid>)$")
INSIDE = (
    (re.compile(r"hash=[0-9A-Fa-f]{32,}"), "hash=<digest>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
)
DROPPED = frozenset({"resourceVersion", "managedFields", "selfLink"})
OWNED = frozenset({"token", "ca.crt", "gitCommit"})
#: What a column of a table has.
COLUMN = frozenset({"name", "type", "format", "description", "priority"})
#: Go writes these as six characters.
ESCAPED = re.compile("[<>&\u2028\u2029]")
#: The laboratory's binary was called so; the real one's name is ours.
MANAGERS = {"kcm": "kube-controller-manager", "apiserver": "kube-apiserver"}
SHOWN = 160


def normal(value: Any, key: str = "", dropped: frozenset[str] = DROPPED) -> Any:
    """The value with everything set aside that may differ."""
    if isinstance(value, Mapping) and value.keys() == COLUMN:
        return {**value, "description": f"<{_wire_length(value['description'])} bytes>"}
    if isinstance(value, Mapping):
        kept = {k: normal(v, k, dropped) for k, v in value.items() if k not in dropped}
        return {k: v for k, v in kept.items() if not (v is None or (k == "creationTimestamp" and v == ""))}
    if isinstance(value, list):
        return [normal(item, key, dropped) for item in value]
    if isinstance(value, str):
        return _text(value, key)
    return value


def _wire_length(text: str) -> int:
    return len(ESCAPED.sub("\\\\u0000", json.dumps(text, ensure_ascii=False)).encode())


def _text(value: str, key: str) -> str:
    if key in OWNED and value:
        return "<owned>"
    if key == "manager":
        return MANAGERS.get(value, value)
    if TIME.match(value):
        return "<time>"
    if key == "cells" and AGE.match(value):
        return "<age>"
    for pattern, instead in INSIDE:
        value = pattern.sub(instead, value)
    return value


def diff(recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where two values differ, depth first."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for key in sorted(recorded.keys() | ours.keys()):
            if key not in ours:
                yield f"{path}.{key} missing, recorded {_shown(recorded[key])}"
            elif key not in recorded:
                yield f"{path}.{key} = {_shown(ours[key])}, not recorded"
            else:
                yield from diff(recorded[key], ours[key], f"{path}.{key}")
    elif isinstance(recorded, list) and isinstance(ours, list):
        yield from _diff_lists(recorded, ours, path)
    elif recorded != ours:
        yield f"{path} = {_shown(ours)}, recorded {_shown(recorded)}"


def _diff_lists(recorded: list[Any], ours: list[Any], path: str) -> Iterator[str]:
    if len(recorded) != len(ours):
        yield f"{path} has {len(ours)} items {_names(ours)}, recorded {len(recorded)} {_names(recorded)}"
    for index, (a, b) in enumerate(zip(recorded, ours, strict=False)):
        yield from diff(a, b, f"{path}[{index}]")


def _names(items: list[Any]) -> str:
    return _shown([_name(item) for item in items])


def _name(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    inside = item.get("object", item)
    meta = inside.get("metadata", {}) if isinstance(inside, dict) else {}
    return item.get("type") or meta.get("name") or item.get("name") or item.get("version") or "?"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
