"""The few rules of built-in kinds that clients run into. Most kinds have none here: the next step is data.

Words: Kubernetes 1.36.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from scale_agent.kube import status
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.status import Cause, invalid_value, required
from scale_agent.kube.storage.version import Obj

Rule = Callable[[Obj], list[Cause]]


def _workload(obj: Obj) -> list[Cause]:
    spec: dict[str, Any] = obj.get("spec") or {}
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    out = []
    selector = spec.get("selector")
    wanted = (selector or {}).get("matchLabels") or {}
    if not selector:
        out.append(required("spec.selector"))
    if not selector or any((labels or {}).get(name) != value for name, value in wanted.items()):
        shown = orjson.dumps(labels).decode()
        out.append(invalid_value("spec.template.metadata.labels", shown, "`selector` does not match template `labels`"))
    return out + _containers(template.get("spec") or {}, "spec.template.spec")


def _pod(obj: Obj) -> list[Cause]:
    return _containers(obj.get("spec") or {}, "spec")


def _job(obj: Obj) -> list[Cause]:
    template = (obj.get("spec") or {}).get("template") or {}
    return _containers(template.get("spec") or {}, "spec.template.spec")


def _containers(spec: dict[str, Any], path: str) -> list[Cause]:
    containers = spec.get("containers") or []
    if not containers:
        return [required(f"{path}.containers")]
    out = []
    for index, container in enumerate(containers):
        for name in ("name", "image"):
            if not container.get(name):
                out.append(required(f"{path}.containers[{index}].{name}"))
    return out


def _role_binding(obj: Obj) -> list[Cause]:
    return [] if (obj.get("roleRef") or {}).get("name") else [required("roleRef.name")]


RULES: dict[ResourceKey, Rule] = {
    ("apps", "deployments"): _workload,
    ("apps", "replicasets"): _workload,
    ("apps", "daemonsets"): _workload,
    ("apps", "statefulsets"): _workload,
    ("batch", "jobs"): _job,
    ("", "pods"): _pod,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _role_binding,
    ("rbac.authorization.k8s.io", "rolebindings"): _role_binding,
}

#: Fields that an update must leave alone, by resource.
IMMUTABLE: dict[ResourceKey, tuple[str, ...]] = {
    ("rbac.authorization.k8s.io", "clusterrolebindings"): ("roleRef",),
    ("rbac.authorization.k8s.io", "rolebindings"): ("roleRef",),
    ("apps", "deployments"): ("spec.selector",),
    ("apps", "replicasets"): ("spec.selector",),
    ("apps", "daemonsets"): ("spec.selector",),
    ("", "secrets"): ("type",),
}


def check(resource: ResourceType, obj: Obj) -> None:
    """Refuse an object that breaks its kind's rules (422)."""
    rule = RULES.get(resource.key)
    causes = rule(obj) if rule is not None else []
    if causes:
        raise status.invalid(resource.kind, resource.group, obj["metadata"].get("name", ""), causes)


def check_update(resource: ResourceType, old: Obj, new: Obj) -> None:
    """Refuse a change of what may not change (422)."""
    causes = [_immutable(path, new) for path in IMMUTABLE.get(resource.key, ()) if _at(old, path) != _at(new, path)]
    if causes:
        raise status.invalid(resource.kind, resource.group, new["metadata"]["name"], causes)


def _at(obj: Obj, path: str) -> Any:
    at: Any = obj
    for part in path.split("."):
        at = at.get(part) if isinstance(at, dict) else None
    return at


def _immutable(path: str, obj: Obj) -> Cause:
    value = _at(obj, path)
    if path == "roleRef":
        shown = {"APIGroup": value["apiGroup"], "Kind": value["kind"], "Name": value["name"]}  # Go's names
        return invalid_value(path, orjson.dumps(shown).decode(), "cannot change roleRef")
    return invalid_value(path, orjson.dumps(value).decode(), "field is immutable")
