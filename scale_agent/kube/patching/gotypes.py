"""Decoded JSON values as Go sees and prints them: refusals quote them."""

from __future__ import annotations

from typing import Any

_KINDS = {bool: "bool", str: "string", int: "int64", float: "float64", dict: "map", list: "slice", type(None): "nil"}
_TYPES = {"map": "map[string]interface {}", "slice": "[]interface {}", "nil": "%!s(<nil>)"}


def go_kind(value: Any) -> str:
    """``map``, ``slice``, ``string``, ``int64``, ``float64``, ``bool`` or ``nil``."""
    return _KINDS[type(value)]


def type_name(value: Any) -> str:
    """A value's type as ``%s`` of ``reflect.TypeOf`` prints it."""
    kind = go_kind(value)
    return _TYPES.get(kind, kind)


def go_text(value: Any) -> str:
    """A value as ``%v`` prints it: ``map[a:1 b:[x <nil>]]``, names sorted."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{go_text(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(go_text, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "<nil>", True: "true", False: "false"}[value]
    return f"{value}"
