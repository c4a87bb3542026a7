"""Cells of storage kinds. Rules: k8s.io/kubernetes/pkg/printers."""

from __future__ import annotations

from collections.abc import Sequence

from scale_agent.kube.representation.cells import NONE
from scale_agent.kube.storage.version import Obj

_MODES = (
    ("ReadWriteOnce", "RWO"),
    ("ReadOnlyMany", "ROX"),
    ("ReadWriteMany", "RWX"),
    ("ReadWriteOncePod", "RWOP"),
)
UNSET = "<unset>"
_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULTS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def modes(given: Sequence[str]) -> str:
    """``RWO,ROX``, in their own order."""
    return ",".join(short for name, short in _MODES if name in given)


def phase(obj: Obj, _: float) -> str:
    """The phase, unless it is going."""
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str((obj.get("status") or {}).get("phase", ""))


def volume_modes(obj: Obj, _: float) -> str:
    """Access modes of a volume."""
    return modes((obj.get("spec") or {}).get("accessModes") or ())


def claim(obj: Obj, _: float) -> str:
    """``namespace/name`` of a volume's claim."""
    found = (obj.get("spec") or {}).get("claimRef")
    return f"{found.get('namespace', '')}/{found.get('name', '')}" if found else ""


def class_of(obj: Obj, _: float) -> str:
    """The storage class, by annotation as it once was."""
    old = (obj["metadata"].get("annotations") or {}).get(_CLASS)
    return str(old if old is not None else (obj.get("spec") or {}).get("storageClassName") or "")


def storage_class_name(obj: Obj, _: float) -> str:
    """A class's name, marked when it is the default."""
    annotations = obj["metadata"].get("annotations") or {}
    default = any(annotations.get(name) == "true" for name in _DEFAULTS)
    return f"{obj['metadata']['name']} (default)" if default else str(obj["metadata"]["name"])


def bound_capacity(obj: Obj, _: float) -> str:
    """What a claim got, once it is bound."""
    status = obj.get("status") or {}
    bound = (obj.get("spec") or {}).get("volumeName")
    return str((status.get("capacity") or {}).get("storage", "0")) if bound else ""


def bound_modes(obj: Obj, _: float) -> str:
    """How a bound claim's volume may be used."""
    bound = (obj.get("spec") or {}).get("volumeName")
    return modes((obj.get("status") or {}).get("accessModes") or ()) if bound else ""


def token_audiences(obj: Obj, _: float) -> str:
    """Audiences of the tokens that a driver asks for."""
    found = (obj.get("spec") or {}).get("tokenRequests")
    return UNSET if found is None else ",".join(one.get("audience", "") for one in found)


def lifecycle_modes(obj: Obj, _: float) -> str:
    """How volumes of a driver may live."""
    return ",".join((obj.get("spec") or {}).get("volumeLifecycleModes") or ()) or NONE
