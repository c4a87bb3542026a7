"""The bodies of patches: JSON or YAML → values, with a real server's refusals.

Observed from 1.36.2: ``fieldValidation`` other than Ignore decodes a patch once more, strictly and typed, before it is
applied, and then other words refuse it.
"""

from __future__ import annotations

from typing import Any

import orjson

from scale_agent.kube import status
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.representation import strict, texts
from scale_agent.kube.representation.decoding import check_size
from scale_agent.kube.storage.version import Obj

JSON_PATCH = strict.JSON_PATCH
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

_MAP = "map[string]interface {}"
#: The members of an operation that are texts.
_TEXTS = ("op", "path", "from")


def parsed(body: bytes, media: str, validation: str) -> Any:
    """A JSON document of the patch's shape. Raises 400, 413."""
    check_size(body)
    strictly = validation != "Ignore"
    prefix = "error decoding patch: " if strictly and media != STRATEGIC else ""
    try:
        found = texts.from_json(body)
    except DecodeError as error:
        if media == MERGE and not strictly:
            raise status.bad_request("Invalid JSON Patch") from error
        raise status.bad_request(prefix + error.what) from error
    if media == JSON_PATCH:
        _check_operations(found, prefix, strictly)
        found = [operation or {} for operation in found or ()]
    elif found is None:
        if media == MERGE:
            raise status.bad_request("Invalid JSON Patch")
    elif not isinstance(found, dict) and (strictly or media == STRATEGIC or not isinstance(found, list)):
        why = "Invalid JSON Patch" if media == MERGE and not strictly else _mismatch(found, _MAP)
        raise status.bad_request(prefix + why)
    return found


def _mismatch(value: Any, wanted: str) -> str:
    return f"json: cannot unmarshal {json_kind(value)} into Go value of type {wanted}"


def json_kind(value: Any) -> str:
    """What Go's decoder calls a value."""
    kinds = {dict: "object", list: "array", str: "string", bool: "bool"}
    return kinds.get(type(value), "number")


def _check_operations(found: Any, prefix: str, strictly: bool) -> None:
    one, all_ = (
        ("handlers.jsonPatchOp", "[]handlers.jsonPatchOp") if strictly else ("jsonpatch.Operation", "jsonpatch.Patch")
    )
    if found is None:
        return
    if not isinstance(found, list):
        raise status.bad_request(prefix + _mismatch(found, all_))
    for operation in found:
        if operation is not None and not isinstance(operation, dict):
            raise status.bad_request(prefix + _mismatch(operation, one))
        for name in _TEXTS if strictly else ():
            value = (operation or {}).get(name)
            if value is not None and not isinstance(value, str):
                field = f"Go struct field jsonPatchOp.{name} of type string"
                raise status.bad_request(f"{prefix}json: cannot unmarshal {json_kind(value)} into {field}")


def configuration(body: bytes) -> Obj:
    """An applied configuration: YAML or JSON; of nothing it is empty. Raises 400, 413."""
    check_size(body)
    try:
        found = _json_or_yaml(body)
    except DecodeError as error:
        raise status.bad_request(f"error decoding YAML: error converting YAML to JSON: {error.what}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        why = f"error unmarshaling JSON: while decoding JSON: {_mismatch(found, _MAP)}"
        raise status.bad_request(f"error decoding YAML: {why}")
    return found


def _json_or_yaml(body: bytes) -> Any:
    """JSON first: it is YAML too, and read a hundred times faster. Raises :class:`DecodeError`."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return texts.from_yaml(body)


def doubled(body: bytes, validation: str) -> list[str]:
    """Warnings about doubled keys. Raises 400 under ``Strict``."""
    if validation == "Ignore" or not _may_double(body):
        return []
    lines = strict.doubled_keys(body.decode("utf-8", "replace"))
    if not lines:
        return []
    why = "\n  ".join(("error converting YAML to JSON: yaml: unmarshal errors:", *lines))
    if validation == "Strict":
        raise status.bad_request(f"error strict decoding YAML: {why}")
    return lines


def _may_double(body: bytes) -> bool:
    """Cheap, and never wrongly false: compact JSON that lost a member would be shorter when written again."""
    try:
        return len(orjson.dumps(orjson.loads(body))) != len(body.strip())
    except orjson.JSONDecodeError:
        return True
