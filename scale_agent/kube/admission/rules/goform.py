"""How the server's own structs look where a message quotes them: Go's names, every field, in Go's order.

The names come from a generated table (``tools/schemagen``, part ``internals``) that pairs the published structs with
the server's; it is read when a message first needs it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Container, Mapping
from typing import Any

from scale_agent.kube import data_files
from scale_agent.kube.admission.rules.report import escaped
from scale_agent.kube.schema.schema import DEFAULT_VERSION

#: Members that the server keeps in another struct than the published form has them: in the pod's security context.
_MOVED = {
    "HostNetwork": "hostNetwork",
    "HostPID": "hostPID",
    "HostIPC": "hostIPC",
    "ShareProcessNamespace": "shareProcessNamespace",
    "HostUsers": "hostUsers",
}
CORE = "k8s.io/api/core/v1."


def form(name: str, value: Mapping[str, Any] | None, around: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A struct (``k8s.io/api/core/v1.PodSpec``) in the server's own form. ``around``: the struct that it stands in."""
    table = data_files.load_json(DEFAULT_VERSION, "internals.json")
    return _form(table, name, value or {}, around or {})


def _form(table: Any, name: str, value: Mapping[str, Any], around: Mapping[str, Any]) -> dict[str, Any]:
    out = {}
    for row in table[name]:
        found = value.get(row["json"]) if "json" in row else around.get(_MOVED.get(row["go"], ""))
        out[row["go"]] = _member(table, row, found, value)
    return out


def _member(table: Any, row: Any, found: Any, value: Mapping[str, Any]) -> Any:
    kind = row.get("type")
    if found is None:
        return _form(table, kind, {}, value) if kind and row["zero"] == {} else row["zero"]
    if kind and isinstance(found, list):
        return [_form(table, kind, one or {}, value) for one in found]
    if isinstance(found, dict):
        if kind and not row.get("map"):
            return _form(table, kind, found, value)
        return {key: _form(table, kind, found[key], value) if kind else found[key] for key in sorted(found)}
    return found


def difference(name: str, old: Any, new: Any, only: Container[str] | None = None) -> str:
    """What changed between two structs, as ``diff.Diff`` of apimachinery shows it. ``only``: of these JSON members."""
    forms = [form(name, one) for one in (old, new)]
    if only is not None:
        rows = data_files.load_json(DEFAULT_VERSION, "internals.json")[name]
        names = [row["go"] for row in rows if row.get("json") in only]
        forms = [{name: one[name] for name in names} for one in forms]
    before, after = (escaped(json.dumps(one, indent=1, ensure_ascii=False)).splitlines() for one in forms)
    found = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]
    return "".join(f"{line}\n" for line in found)
