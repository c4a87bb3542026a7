"""Volume attributes classes stay until no claim or volume names them (pkg/controller/volume/vacprotection)."""

from __future__ import annotations

from scale_agent.kube.admission.strategies import ATTRIBUTES_PROTECTION
from scale_agent.kube.controllers.common import deleting, drop_finalizer, read
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey

CLASSES: ResourceKey = ("storage.k8s.io", "volumeattributesclasses")
_USERS: tuple[ResourceKey, ...] = (("", "persistentvolumeclaims"), ("", "persistentvolumes"))


def attributes_class(core: Core, _: str, name: str, now: float) -> None:
    """Let a deleted class go that nobody names."""
    found = read(core, CLASSES, "", name)
    if found is not None and deleting(found) and not _used(core, name):
        resource = core.builtin(CLASSES[0], "v1", CLASSES[1])
        drop_finalizer(core, resource, found, ATTRIBUTES_PROTECTION, now)


def _used(core: Core, name: str) -> bool:
    users = (version.object() for key in _USERS for version in core.store.list(key))
    return any((user.get("spec") or {}).get("volumeAttributesClassName") == name for user in users)
