"""managedFields of the scale subresource: who owns an object's replicas owns its Scale's, and the other way round.

Rules: k8s.io/apimachinery ``util/managedfields/scalehandler.go``. The replicas' path is that of the main resource.
"""

from __future__ import annotations

from scale_agent.kube.core import Core
from scale_agent.kube.patching import atoms, fieldsets, ownership
from scale_agent.kube.patching.fieldsets import Node
from scale_agent.kube.patching.ownership import Owned, Owners, Who
from scale_agent.kube.patching.updater import Versions
from scale_agent.kube.schema.types import Type

SCALE = "autoscaling/v1"
_IN_SCALE = ("f:spec", "f:replicas")
Path = tuple[str, ...]


def path_of(replicas: str) -> Path:
    """A JSON path (``.spec.replicas``) as path elements."""
    return tuple(f"f:{name}" for name in replicas.strip(".").split("."))


def _tree(path: Path) -> Node:
    node: Node = {}
    for element in reversed(path):
        node = {element: node}
    return node


def of_scale(owners: Owners, path: Path) -> Owners:
    """The owners of an object's Scale; updates are then known by the Scale's version."""
    return {
        _speaking_scale(one): Owned(_tree(_IN_SCALE), SCALE, owned.time)
        for one, owned in owners.items()
        if fieldsets.has(owned.fields, path)
    }


def _speaking_scale(one: Who) -> Who:
    return one if one.operation == ownership.APPLY else one._replace(api_version=SCALE)


def of_object(owners: Owners, scale: Owners, path: Path, api_version: str) -> Owners:
    """The object's owners after its Scale's became ``scale``.

    As in the real server only those that apply are known again; an update's entry is a new one, and has no time.
    """
    out: Owners = {}
    rest = dict(scale)
    for one, owned in owners.items():
        if fieldsets.has(owned.fields, path) and rest.pop(one, None) is None:
            owned = owned.less(_tree(path))
        if owned.fields:
            out[one] = owned
    for one, owned in rest.items():
        if fieldsets.has(owned.fields, _IN_SCALE):
            out[one] = Owned(_tree(path), api_version, owners[one].time if one in owners else None)
    return out


def versions_of(core: Core) -> Versions:
    """Scales have one version."""
    kind: Type | None = core.catalog.schema.kind("autoscaling", "v1", "Scale")
    if kind is None:
        raise LookupError("Scale is not in the schema")
    atom = atoms.of_type(kind)
    return Versions(lambda version: atom if version == SCALE else None, lambda obj, _: obj, lambda _: {})
