"""Why a JSON object does not fit a struct, in the words of Go's conversion of untyped objects.

Strategic merge patches and applies make untyped objects that become structs without being decoded as JSON; the first
value that does not fit is named. Rules: k8s.io/apimachinery ``runtime/converter.go`` (``fromUnstructured``). Asked only
when something is known not to fit.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import orjson

from scale_agent.kube.patching.gotypes import go_kind
from scale_agent.kube.schema.types import INTEGERS, Field, Shape, Type

_QUANTITY = re.compile(r"[+-]?[0-9.]+([eEinumkKMGTP]*[-+]?[0-9]*)")
_BAD_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
#: What Go's JSON decoder calls a value.
_JSON = {"map": "object", "slice": "array", "int64": "number", "float64": "number"}


def misfit(kind: Type, value: Any) -> str:
    """What is wrong first, in the order of the struct; ``""`` if everything fits."""
    if not isinstance(value, dict):
        return f"cannot restore struct from: {go_kind(value)}"
    for name, field in kind.fields.items():
        if value.get(name) is not None:
            why = _field(field, value[name])
            if why:
                return why
    return ""


def _field(field: Field, value: Any) -> str:
    if field.shape is Shape.ONE:
        return _one(field, value)
    wanted, called = (dict, "map") if field.shape is Shape.MAP else (list, "slice")
    if not isinstance(value, wanted):
        return f"cannot restore {called} from {go_kind(value)}"
    found = value.values() if isinstance(value, dict) else value
    return next((why for one in found if one is not None and (why := _one(field, one))), "")


def _one(field: Field, value: Any) -> str:
    if field.type is not None:
        return "" if field.type.union else misfit(field.type, value)
    special = _SPECIAL.get(field.kind)
    return special(value) if special is not None else _scalar(field.kind, value)


def _scalar(kind: str, value: Any) -> str:
    is_now = go_kind(value)
    if kind in INTEGERS - {"bool"}:
        if is_now == "int64" or (is_now == "float64" and value == int(value)):
            return ""
        return f"cannot convert float64 to {kind}" if is_now == "float64" else f"unrecognized type: {kind}"
    if is_now == kind or (kind == "float64" and is_now == "int64") or kind in ("raw", "json", "fields"):
        return ""
    return f"cannot convert int64 to {kind}" if is_now == "int64" and kind == "string" else f"unrecognized type: {kind}"


def _quantity(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return "" if _QUANTITY.fullmatch(text) else _BAD_QUANTITY


def _not_text(value: Any, wanted: str) -> str:
    kind = go_kind(value)
    return f"json: cannot unmarshal {_JSON.get(kind, kind)} into Go value of type {wanted}"


def _time(value: Any) -> str:
    if not isinstance(value, str):
        return _not_text(value, "string")
    quoted = orjson.dumps(value).decode()
    layout = '"2006-01-02T15:04:05Z07:00"'
    return "" if _TIME.fullmatch(value) else f'parsing time {quoted} as {layout}: cannot parse {quoted} as "2006"'


def _int_or_string(value: Any) -> str:
    return "" if go_kind(value) in ("string", "int64") else _not_text(value, "int32")


def _bytes(value: Any) -> str:
    if not isinstance(value, str):
        return f"cannot restore slice from {go_kind(value)}"
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        good = re.match(r"[A-Za-z0-9+/]*={0,2}", value)
        return f"error decoding from json: illegal base64 data at input byte {good.end() if good else 0}"
    return ""


_SPECIAL = {
    "quantity": _quantity,
    "time": _time,
    "microtime": _time,
    "intorstring": _int_or_string,
    "bytes": _bytes,
}
