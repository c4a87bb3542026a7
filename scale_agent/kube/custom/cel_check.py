"""What can be said about a rule in CEL before it is asked: that it is no expression, or speaks of unknown fields.

A real server's type checker says more: types that do not fit, costs that are too high.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scale_agent.kube.custom import cel, cel_values, rules

Raw = Mapping[str, Any]
_CHAIN = re.compile(r"(?<![\w.])(?:self|oldSelf)((?:\.[A-Za-z_]\w*)+)(\()?")
_META: Raw = {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}}
_ROOT = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _META}


def problem(text: str, schema: Raw, *, root: bool) -> str:
    """Why a server refuses an expression over values of a schema; ``""`` if nothing is known against it."""
    if not text.strip():
        return ""
    try:
        cel.compiled(text)
    except cel.CompileError as error:
        return str(error)
    return _undefined(text, schema, root=root)


def _undefined(text: str, schema: Raw, *, root: bool) -> str:
    lines = []
    for found in _CHAIN.finditer(rules.bare(text)):
        names = found[1][1:].split(".")
        at = found.start(1)
        if found[2]:
            names.pop()  # the last one is called
        missing = _missing(names, schema, root=root or bool(schema.get("x-kubernetes-embedded-resource")))
        if missing is not None:
            at += sum(len(name) + 1 for name in names[:missing])
            lines.append(_error(text, at, f"undefined field '{names[missing]}'"))
    return "compilation failed: " + "\n".join(lines) if lines else ""


def _missing(names: list[str], schema: Raw, *, root: bool) -> int | None:
    """Which of the names of a chain is the first that no value can have."""
    for index, name in enumerate(names):
        known = {**(schema.get("properties") or {}), **(_ROOT if root and index == 0 else {})}
        if schema.get("type") != "object" or schema.get("x-kubernetes-int-or-string"):
            return None
        if isinstance(schema.get("additionalProperties"), dict):
            schema = schema["additionalProperties"]
            continue
        below = {cel_values.escaped(one): inner for one, inner in known.items()}.get(name)
        if below is None:
            return index
        schema = below
    return None


def _error(text: str, at: int, words: str) -> str:
    line = text.count("\n", 0, at)
    start = text.rfind("\n", 0, at) + 1
    shown = text.split("\n")[line]
    return f"ERROR: <input>:{line + 1}:{at - start + 1}: {words}\n | {shown}\n | {'.' * (at - start)}^"
