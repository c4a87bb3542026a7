"""What is said about a write of a custom object, or of a definition, before it is stored: the doors for ``writes``."""

from __future__ import annotations

import re
from typing import Any

from scale_agent.kube import qualified, status
from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.custom import definition_rules, gotext, objects
from scale_agent.kube.custom.record import ESTABLISHED, TERMINATING, set_condition
from scale_agent.kube.custom.types import DEFINITIONS
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.version import Obj, Version, encoded

_LARGEST_INT64 = 1 << 63
_STANDARD_FINALIZERS = frozenset(("orphan", "foregroundDeletion", "kubernetes"))


def problems_of_new(resource: ResourceType, obj: Obj) -> list[Cause]:
    """Why a new object breaks its definition's schema, or a definition a server's rules; its status is begun."""
    if resource.declared is not None:
        return objects.problems_of_new(resource.declared, obj)
    if not is_definition(resource):
        return []
    obj["status"] = {**(obj.get("status") or {}), "storedVersions": []}
    _remember_storage(obj)
    return definition_rules.problems_of_new(obj)


def problems_of_update(resource: ResourceType, before: Obj, obj: Obj, subresource: str) -> list[Cause]:
    """Why a change makes an object break its schema, or a definition a server's rules."""
    if resource.declared is not None:
        return objects.problems_of_update(resource.declared, before, obj, status=subresource == "status")
    if not is_definition(resource) or subresource == "status":
        return []
    _remember_storage(obj)
    established = any(one["type"] == ESTABLISHED and one["status"] == "True" for one in _conditions(before))
    return definition_rules.problems_of_update(before, obj, established=established)


def _conditions(definition: Obj) -> list[dict[str, Any]]:
    return (definition.get("status") or {}).get("conditions") or []


def _remember_storage(definition: Obj) -> None:
    """A new storage version joins those in which objects may be stored, in place."""
    state = definition["status"] = dict(definition.get("status") or {})
    stored = state.get("storedVersions") or []
    now = [one["name"] for one in definition["spec"].get("versions") or () if one.get("storage")][:1]
    state["storedVersions"] = [*stored, *(one for one in now if one not in stored)]


def check_open(resource: ResourceType, meta: dict[str, Any]) -> None:
    """Refuse new objects of a definition that is being deleted (403)."""
    if resource.declared is not None and resource.declared.definition.terminating:
        why = "create not allowed while custom resource definition is terminating"
        raise status.forbidden(resource.plural, resource.group, meta.get("name", ""), why)


def stored_form(resource: ResourceType, obj: Obj) -> Obj:
    """An object as it is stored: in the storage version of its definition."""
    declared = resource.declared
    if declared is None or declared.stored:
        return obj
    return declared.definition.storage.converted(obj, defaults=True)


def in_version(resource: ResourceType, version: Version) -> Version:
    """A stored version as the asked version of its definition shows it."""
    declared = resource.declared
    if declared is None or version.json.startswith(resource.prefix):
        return version
    return Version(version.namespace, version.name, version.rv, encoded(declared.converted(version.object())))


def warnings(resource: ResourceType, before: Version | None, obj: Obj) -> list[str]:
    """What a write is answered with besides: finalizers that may collide; a definition's formats that say nothing.

    Rules: ``generateWarningsFromObj`` of custom resources, ``WarningsOnCreate`` and ``…OnUpdate`` of definitions.
    """
    if is_definition(resource):
        known = definition_rules.unknown_formats(before.object()) if before is not None else ()
        found = definition_rules.unknown_formats(obj)
        return [f"unrecognized format {quote(one)}" for one in found if one not in known]
    if not obj["metadata"].get("finalizers"):
        return []
    old = before.object()["metadata"].get("finalizers") or () if before is not None else ()
    new = set(obj["metadata"]["finalizers"]) - set(old)
    return [text for one in sorted(new) for text in _finalizer_warnings(one)]


def strays(resource: ResourceType, made: object) -> list[str]:
    """The members that nobody knows of what a patch makes, if it is of a version that its definition has not."""
    declared = resource.declared
    if declared is None or not isinstance(made, dict) or made.get("kind") != resource.kind:
        return []
    group, _, version = str(made.get("apiVersion") or "").rpartition("/")
    versions = {one["name"] for one in declared.definition.spec["versions"]}
    if group != resource.group or version in versions:
        return []
    return sorted(made.keys() - {"kind", "apiVersion", "metadata"})


def _finalizer_warnings(name: str) -> list[str]:
    start = f"metadata.finalizers: {quote(name)}: "
    found = [start + one for one in qualified.label_key_problems(name)]
    if "/" not in name and name not in _STANDARD_FINALIZERS:
        how = " including a path (/)" if "." in name else ""
        words = "to avoid accidental conflicts with other finalizer writers"
        found.append(f"{start}prefer a domain-qualified finalizer name{how} {words}")
    return found


#: Numbers that Go writes without a fraction (``1.0`` is ``1``), and those that may be too large for an integer.
_FLOAT = re.compile(rb"\d\.0[,}\]]|\d[eE][+-]?\d|[:,\[]-?\d{19}")


def may_hold_floats(encoded: bytes) -> bool:
    """Whether JSON may hold whole numbers that are written with a fraction or an exponent, or that are too large."""
    return _FLOAT.search(encoded) is not None


def round_floats(value: Any) -> Any:
    """Whole floats as the integers as which Go writes them, and too large integers as floats, in place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            value[name] = round_floats(inner)
    elif isinstance(value, list):
        value[:] = map(round_floats, value)
    elif isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_INT64:
        return int(value)
    elif isinstance(value, int) and abs(value) >= _LARGEST_INT64:
        return int(gotext.json_number(float(value)))
    return value


def begin_deletion(obj: Obj, time: str) -> None:
    """Mark a definition, in place, as one whose objects are about to be deleted (its registry's ``Delete``)."""
    obj["metadata"]["deletionTimestamp"] = time
    state = obj["status"] = obj.get("status") or {}
    message = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    state["conditions"] = set_condition(
        state.get("conditions") or [], TERMINATING, True, "InstanceDeletionPending", message, time
    )


def is_definition(resource: ResourceType) -> bool:
    """Whether objects of the type are definitions."""
    return resource.key == DEFINITIONS
