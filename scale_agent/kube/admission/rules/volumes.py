"""Volumes of pods and what persistent volumes are made of (``ValidateVolumes``, ``validateVolumeSource``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats, quantities
from scale_agent.kube.admission.rules.checks import (
    at_least,
    between,
    each,
    filled,
    given,
    need,
    needs_pointer,
    one_of,
    required,
    struct,
    text,
)
from scale_agent.kube.admission.rules.claims import claim_template
from scale_agent.kube.admission.rules.report import Check, Path, Report

Names = set[str]
mode = given(between(0, 0o777, "must be a number between 0 and 0777 (octal), both inclusive"))
subdomain = text(formats.subdomain)
HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")


def local_path(value: Any, path: Path, report: Report) -> None:
    """``validateLocalDescendingPath``: relative, and not upwards."""
    if (value or "").startswith("/"):
        report.invalid(path, value, "must be a relative path")
    no_climbing(value, path, report)


def no_climbing(value: Any, path: Path, report: Report) -> None:
    """``validatePathNoBacksteps``."""
    if ".." in (value or "").split("/"):
        report.invalid(path, value, "must not contain '..'")


def _not_dotted(value: Any, path: Path, report: Report) -> None:
    if value.startswith("..") and not value.startswith("../"):
        report.invalid(path, value, "must not start with '..'")


_item = struct(("key", required()), ("path", need(local_path, _not_dotted)), ("mode", mode))
_items = each(_item)
#: Paths of an object's or of a container's own facts.
_VOLUME_FIELDS = ("metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid")
_RESOURCES = tuple(
    sorted(f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage"))
)


def field_ref(allowed: tuple[str, ...]) -> Check:
    """``validateObjectFieldSelector``."""

    def check(value: Any, path: Path, report: Report) -> None:
        if not value.get("apiVersion"):
            report.required((*path, "apiVersion"))
            return
        name = value.get("fieldPath") or ""
        if not name:
            report.required((*path, "fieldPath"))
            return
        plain, _, subscript = name.partition("['")
        if subscript and plain in ("metadata.labels", "metadata.annotations"):
            _subscripted(plain, subscript.removesuffix("']"), (*path, "fieldPath"), report)
        elif name not in KNOWN_FIELDS:
            words = f"error converting fieldPath: field label not supported: {name}"
            report.invalid((*path, "fieldPath"), name, words)
        elif name not in allowed:
            report.unsupported((*path, "fieldPath"), name, sorted(allowed))

    return check


def _subscripted(plain: str, key: str, path: Path, report: Report) -> None:
    report.each_invalid(path, key, formats.qualified_name(key.lower() if plain.endswith("annotations") else key))


ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
KNOWN_FIELDS = frozenset((*ENV_FIELDS, *_VOLUME_FIELDS))


def resource_ref(needs_container: bool) -> Check:
    """``validateContainerResourceFieldSelector``."""

    def check(value: Any, path: Path, report: Report) -> None:
        name = value.get("resource") or ""
        if needs_container and not value.get("containerName"):
            report.required((*path, "containerName"))
        elif not name:
            report.required((*path, "resource"))
        elif name not in _RESOURCES and ".hugepages-" not in name:
            report.unsupported((*path, "resource"), name, _RESOURCES)
        divisor = value.get("divisor")
        if name in _RESOURCES and divisor not in (None, "0", 0):
            _divisor(name, str(divisor), (*path, "divisor"), report)

    return check


_DIVISORS = {
    "cpu": ("1m", "1"),
    "memory": ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"),
}


def _divisor(name: str, divisor: str, path: Path, report: Report) -> None:
    kind = "cpu" if name.endswith(".cpu") else "memory"
    if divisor not in _DIVISORS[kind]:
        words = "only divisor's values 1m and 1 are supported with the cpu resource"
        if kind == "memory":
            words = (
                "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the "
                f"{name.partition('.')[2].replace('-', ' ')} resource"
            )
        report.invalid(path, divisor, words)


def _downward_item(value: Any, path: Path, report: Report) -> None:
    name = value.get("path")
    if not name:
        report.required((*path, "path"))
    local_path(name, (*path, "path"), report)
    field, resource = value.get("fieldRef"), value.get("resourceFieldRef")
    if field is not None:
        field_ref(_VOLUME_FIELDS)(field, (*path, "fieldRef"), report)
        if resource is not None:
            report.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif resource is not None:
        resource_ref(True)(resource, (*path, "resourceFieldRef"), report)
    else:
        report.required(path, "one of fieldRef and resourceFieldRef is required")
    mode(value.get("mode"), (*path, "mode"), report)


_downward = struct(("defaultMode", mode), ("items", each(_downward_item)))
_token = struct(
    (
        "expirationSeconds",
        at_least(600, "may not specify a duration less than 10 minutes"),
        lambda value, path, report: (
            report.invalid(path, value, "may not specify a duration larger than 2^32 seconds")
            if (value or 0) > 1 << 32
            else None
        ),
    ),
    ("path", required()),
)
_PROJECTED: dict[str, Check] = {
    "secret": struct(("name", required()), ("items", _items)),
    "configMap": struct(("name", required()), ("items", _items)),
    "downwardAPI": struct(("items", each(_downward_item))),
    "serviceAccountToken": _token,
    "clusterTrustBundle": struct(("path", required())),
    "podCertificate": struct(),
}


def _projected(value: Any, path: Path, report: Report) -> None:
    mode(value.get("defaultMode"), (*path, "defaultMode"), report)
    for index, source in enumerate(value.get("sources") or ()):
        count = 0
        at = (*path, "sources", index)
        for name, check in _PROJECTED.items():
            if source.get(name) is not None:
                count += 1
                if count > 1:
                    report.forbidden((*at, name), "may not specify more than 1 volume type per source")
                else:
                    check(source[name], (*at, name), report)
        if not count:
            report.required(at, "exactly one source is required")


_secret_reference = given(struct(("name", need(subdomain)), ("namespace", need(text(formats.label)))))
_local_secret = given(struct(("name", required())))


def driver(value: Any, path: Path, report: Report) -> None:
    """``ValidateCSIDriverName``."""
    if not value:
        report.required(path)
        return
    if len(value) > 63:
        report.too_long(path, 63)
    report.each_invalid(path, value, formats.subdomain(value.lower()))


host_path = struct(("path", need(no_climbing)), ("type", given(one_of(*HOST_PATH_TYPES))))


def _absolute_path(value: Any, path: Path, report: Report) -> None:
    if not (value or "").startswith("/"):
        report.invalid(path, value or "", "must be an absolute path")


_iscsi = struct(("targetPortal", required()), ("iqn", required()))
_COMMON: dict[str, Check] = {
    "hostPath": host_path,
    "gcePersistentDisk": struct(("pdName", required())),
    "awsElasticBlockStore": struct(("volumeID", required())),
    "nfs": struct(("server", required()), ("path", required(), _absolute_path)),
    "iscsi": _iscsi,
    "glusterfs": struct(("endpoints", required()), ("path", required())),
    "flocker": struct(),
    "rbd": struct(("monitors", required()), ("image", required())),
    "cinder": struct(("volumeID", required())),
    "cephfs": struct(("monitors", required())),
    "fc": struct(),
    "flexVolume": struct(("driver", required())),
    "azureFile": struct(("secretName", required()), ("shareName", required())),
    "vsphereVolume": struct(("volumePath", required())),
    "photonPersistentDisk": struct(("pdID", required())),
    "portworxVolume": struct(("volumeID", required())),
    "azureDisk": struct(("diskName", required()), ("diskURI", required())),
    "storageos": struct(),
    "scaleIO": struct(("gateway", required()), ("system", required()), ("volumeName", required())),
    "quobyte": struct(("registry", required()), ("volume", required())),
}
#: In the order in which the server looks at them: it is that of the first refusals.
_POD_SOURCES: dict[str, Check] = {
    "emptyDir": struct(
        ("sizeLimit", given(quantities.not_below_zero("SizeLimit field must be a valid resource quantity")))
    ),
    "hostPath": host_path,
    "gitRepo": struct(("repository", required())),
    "gcePersistentDisk": _COMMON["gcePersistentDisk"],
    "awsElasticBlockStore": _COMMON["awsElasticBlockStore"],
    "secret": struct(("secretName", required()), ("defaultMode", mode), ("items", _items)),
    "nfs": _COMMON["nfs"],
    "iscsi": _iscsi,
    "glusterfs": _COMMON["glusterfs"],
    "flocker": _COMMON["flocker"],
    "persistentVolumeClaim": struct(("claimName", required())),
    "rbd": _COMMON["rbd"],
    "cinder": _COMMON["cinder"],
    "cephfs": _COMMON["cephfs"],
    "quobyte": _COMMON["quobyte"],
    "downwardAPI": _downward,
    "fc": _COMMON["fc"],
    "flexVolume": _COMMON["flexVolume"],
    "configMap": struct(("name", required()), ("defaultMode", mode), ("items", _items)),
    "azureFile": _COMMON["azureFile"],
    "vsphereVolume": _COMMON["vsphereVolume"],
    "photonPersistentDisk": _COMMON["photonPersistentDisk"],
    "portworxVolume": _COMMON["portworxVolume"],
    "azureDisk": _COMMON["azureDisk"],
    "storageos": _COMMON["storageos"],
    "projected": _projected,
    "scaleIO": _COMMON["scaleIO"],
    "csi": struct(("driver", driver), ("nodePublishSecretRef", _local_secret)),
    "ephemeral": struct(("volumeClaimTemplate", needs_pointer(claim_template))),
    "image": struct(("pullPolicy", filled(one_of("Always", "IfNotPresent", "Never")))),
}
#: Sources of a persistent volume.
PERSISTENT_SOURCES: dict[str, Check] = {
    **_COMMON,
    "local": struct(("path", need(no_climbing))),
    "csi": struct(
        ("driver", driver),
        ("volumeHandle", required()),
        *((name, _secret_reference) for name in ("controllerPublishSecretRef", "nodePublishSecretRef")),
        *(
            (name, _secret_reference)
            for name in ("nodeStageSecretRef", "nodeExpandSecretRef", "controllerExpandSecretRef")
        ),
    ),
}


def one_source(sources: dict[str, Check], missing: str) -> Check:
    """Exactly one of these members, checked by its own rules."""

    def check(value: Any, path: Path, report: Report) -> None:
        count = 0
        for name, source in sources.items():
            if value.get(name) is None:
                continue
            count += 1
            if count > 1:
                report.forbidden((*path, name), "may not specify more than 1 volume type")
            else:
                source(value[name], (*path, name), report)
        if not count:
            report.required(path, missing)

    return check


_volume_source = one_source(_POD_SOURCES, "must specify a volume type")


def volumes(value: Any, path: Path, report: Report) -> Names:
    """Every volume of a pod: its source, then its name. Returns the names that containers may use."""
    seen: Names = set()
    usable: Names = set()
    for index, volume in enumerate(value or ()):
        at = (*path, index)
        name, before = volume.get("name") or "", len(report.causes)
        _volume_source(volume, at, report)
        if not name:
            report.required((*at, "name"))
        else:
            faults = formats.label(name)
            report.each_invalid((*at, "name"), name, faults)
            if not faults and name in seen:
                report.duplicate((*at, "name"), name)
            elif not faults:
                seen.add(name)
        if len(report.causes) == before:
            usable.add(name)
    return usable
