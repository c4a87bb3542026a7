"""Roles and bindings cannot give more than their writer has (registry/rbac, ConfirmNoEscalation)."""

from __future__ import annotations

from typing import Any

import orjson

from scale_agent.kube import status
from scale_agent.kube.access.attributes import Attributes, refusal
from scale_agent.kube.access.bindings import GROUP
from scale_agent.kube.access.rbac import PLURALS, Rbac, aggregate, parsed
from scale_agent.kube.access.rules import Rule, compact, missing, quoted
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.users import MASTERS, User

_EVERYTHING = (Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",)))
_ROLES = ("roles", "clusterroles")
_BINDINGS = ("rolebindings", "clusterrolebindings")
#: What garbage collection changes in an object's metadata: such a write is nobody's escalation.
_COLLECTED = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")


def check(rbac: Rbac, user: User, key: ResourceKey, obj: Obj, before: Obj | None) -> None:
    """Refuse a write of a role or binding that would give away what ``user`` does not have. Raises 403, 404."""
    group, plural = key
    if group != GROUP or MASTERS in user.groups or (before is not None and _same(obj, before)):
        return
    if plural in _ROLES:
        _check_role(rbac, user, plural, obj, before)
    elif plural in _BINDINGS:
        _check_binding(rbac, user, plural, obj)


def _check_role(rbac: Rbac, user: User, plural: str, obj: Obj, before: Obj | None) -> None:
    meta = obj["metadata"]
    name, namespace = meta.get("name", ""), meta.get("namespace", "")
    # a role that is being created has no name in the request's path
    asked = Attributes("escalate", GROUP, plural, namespace=namespace, name=name if before is not None else "")
    if rbac.decide(user, asked).allowed:
        return
    _confirm(rbac, user, (plural, name, namespace), parsed(obj.get("rules")))
    if _aggregates(obj) or (before is not None and _aggregates(before)):
        own, _ = rbac.rules_for(user, "")
        if missing(own, _EVERYTHING):
            raise refusal(plural, GROUP, name, "must have cluster-admin privileges to use the aggregationRule")


def _check_binding(rbac: Rbac, user: User, plural: str, obj: Obj) -> None:
    meta, role = obj["metadata"], obj.get("roleRef") or {}
    name, namespace = meta.get("name", ""), meta.get("namespace", "")
    kind, role_name = role.get("kind", ""), role.get("name", "")
    role_plural = PLURALS.get(kind)
    if role_plural is None:
        return  # validation refuses it
    asked = Attributes("bind", role.get("apiGroup", ""), role_plural, namespace=namespace, name=role_name)
    if rbac.decide(user, asked).allowed:
        return
    wanted = rbac.role(kind, role_name, namespace)
    if wanted is None:
        raise status.not_found(plural, GROUP, role_name)  # the resource is the request's: a real server's quirk
    _confirm(rbac, user, (plural, name, namespace), wanted)


def _confirm(rbac: Rbac, user: User, about: tuple[str, str, str], wanted: tuple[Rule, ...]) -> None:
    plural, name, namespace = about
    own, lost = rbac.rules_for(user, namespace)
    lacking = missing(own, wanted)
    if not lacking:
        return
    lines = "\n".join(sorted({rule.text() for rule in compact(lacking)}))
    who = f"user {orjson.dumps(user.name).decode()} (groups={quoted(user.groups)})"
    message = f"{who} is attempting to grant RBAC permissions not currently held:\n{lines}"
    if lost:
        errors = aggregate([status.not_found(plural, GROUP, one.role_name).message for one in lost])
        message = f"{message}; resolution errors: [{errors}]"
    raise refusal(plural, GROUP, name, message)


def _aggregates(role: Obj) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _same(obj: Obj, before: Obj) -> bool:
    return _compared(obj) == _compared(before)


def _compared(obj: Obj) -> dict[str, Any]:
    meta = {name: value for name, value in obj["metadata"].items() if name not in _COLLECTED}
    return {**obj, "metadata": meta}
