"""Values as rules in CEL see them: typed by their schema, members by names that CEL can write."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from scale_agent.kube.custom.schema import Node

_KEYWORDS = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"),
        *("import", "let", "loop", "package", "namespace", "return", "var", "void", "while"),
    )
)
_SIGNS = (("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__"))
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_./-]*")
_META = ("name", "generateName")


def escaped(name: str) -> str | None:
    """A member's name in CEL; ``None`` if rules cannot speak of it."""
    if name in _KEYWORDS:
        return f"__{name}__"
    if not _NAME.fullmatch(name):
        return None
    for sign, word in _SIGNS:
        name = name.replace(sign, word)
    return name


def of(value: Any, node: Node | None, *, root: bool = False) -> Any:
    """A value for an evaluator. ``root``: it has a kind, an API version and a name, whatever its schema says."""
    if value is None or node is None:
        return value
    if isinstance(value, dict):
        return _members(value, node, root=root or node.embedded)
    if isinstance(value, list):
        return [of(one, node.items) for one in value]
    if isinstance(value, str):
        return _text(value, node.format)
    if isinstance(value, int) and not isinstance(value, bool) and node.kinds == ("number",):
        return float(value)
    return value


def _members(value: dict[str, Any], node: Node, *, root: bool) -> dict[str, Any]:
    if node.extra is not None:
        return {name: of(inner, node.extra) for name, inner in value.items()}
    made: dict[str, Any] = {}
    for name, below in node.properties.items():
        called = escaped(name)
        if called is not None and value.get(name) is not None:
            made[called] = of(value[name], below)
    if root:
        made.update({name: value[name] for name in ("apiVersion", "kind") if name in value})
        meta = value.get("metadata") or {}
        made["metadata"] = {name: meta[name] for name in _META if name in meta}
    return made


def _text(value: str, format_: str) -> Any:
    """Texts of format byte are bytes. Times and durations should be their own types: the evaluator has none in maps."""
    if format_ != "byte":
        return value
    try:
        return base64.b64decode(value)
    except binascii.Error:
        return value
