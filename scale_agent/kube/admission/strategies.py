"""What a registry gives to new objects besides defaults, and what it keeps of old ones, as tables of small functions.

Source: ``PrepareForCreate`` and ``PrepareForUpdate`` of the registries' strategies, and the admission plugins that
every server runs; values were compared with a running 1.36.2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.kube.admission import addresses, limits, podadmission
from scale_agent.kube.codec import gonumbers
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj

#: Keeps a claim until no pod uses it; the garbage collector's rule takes it off.
PROTECTION = "kubernetes.io/pvc-protection"
#: Keeps a class of volume attributes while claims use it.
ATTRIBUTES_PROTECTION = "kubernetes.io/vac-protection"
#: Keeps a volume until its claim is gone.
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
NOT_READY = "node.kubernetes.io/not-ready"
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def _spec(obj: Obj) -> dict[str, Any]:
    spec: dict[str, Any] = obj.setdefault("spec", {})
    return spec


def _set(target: dict[str, Any], **values: Any) -> None:
    for name, value in values.items():
        if target.get(name) is None or target.get(name) == "":
            target[name] = value


def convert(resource: ResourceType, obj: Obj) -> None:
    """What a new object has from being read: its writer's fields. A DaemonSet's counter of templates, in place."""
    if resource.key != ("apps", "daemonsets"):
        return
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {**annotations, _TEMPLATE_GENERATION: "1"}


def _new_job(_: Core, obj: Obj) -> None:
    spec = _spec(obj)
    if spec.get("manualSelector"):
        return
    uid, name = obj["metadata"]["uid"], obj["metadata"].get("name", "")
    given = spec.get("selector") or {}
    labels = {**(given.get("matchLabels") or {}), "batch.kubernetes.io/controller-uid": uid}
    spec["selector"] = {**given, "matchLabels": labels}
    template_meta = spec.setdefault("template", {}).setdefault("metadata", {})
    ours = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    shared = template_meta.get("labels") is not None and template_meta["labels"] is obj["metadata"].get("labels")
    template_meta["labels"] = {**(template_meta.get("labels") or {}), **ours}
    if shared or not obj["metadata"].get("labels"):  # reading it back from storage, the server gives a Job these
        obj["metadata"]["labels"] = dict(template_meta["labels"])


def _new_namespace(_: Core, obj: Obj) -> None:
    _spec(obj).setdefault("finalizers", ["kubernetes"])
    obj["status"] = {"phase": "Active"}


def _new_node(_: Core, obj: Obj) -> None:
    """The plugin TaintNodesByCondition: nobody runs on a node before it says that it is ready."""
    spec = _spec(obj)
    taints = spec.get("taints") or []
    if not any(one.get("key") == NOT_READY for one in taints):
        spec["taints"] = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]


def _new_claim(core: Core, obj: Obj) -> None:
    _protect(obj, PROTECTION)
    spec = _spec(obj)
    source = spec.get("dataSource")
    if source is not None and (source.get("apiGroup") or "", source.get("kind")) not in SOURCE_KINDS:
        spec.pop("dataSource")
    _same_sources(spec)
    obj["status"] = {"phase": "Pending"}
    if spec.get("storageClassName") is None:
        _default_class(core, spec)
    limits.check_claim(obj, limits.items(core, obj["metadata"].get("namespace", "")))


def _default_class(core: Core, spec: dict[str, Any]) -> None:
    """The plugin DefaultStorageClass."""
    marked = _marked(core, ("storage.k8s.io", "storageclasses"), DEFAULT_CLASS)
    if marked:
        spec["storageClassName"] = marked


def _marked(core: Core, key: ResourceKey, annotation: bytes) -> str:
    """The newest of the classes that say that they are everybody's; of equally new ones the first by name."""
    metas = [one.object()["metadata"] for one in core.store.list(key) if annotation in one.json]
    metas = [one for one in metas if (one.get("annotations") or {}).get(annotation.decode()) == "true"]
    metas.sort(key=lambda one: str(one["name"]))
    return str(max(metas, key=lambda one: str(one["creationTimestamp"]))["name"]) if metas else ""


#: What marks the class of ingresses that name none.
DEFAULT_INGRESS = b"ingressclass.kubernetes.io/is-default-class"
#: What marks the class of claims that name none.
DEFAULT_CLASS = b"storageclass.kubernetes.io/is-default-class"


def _same_sources(spec: dict[str, Any]) -> None:
    """``NormalizeDataSources``: what a claim begins with is said in two members; the older one takes two kinds only."""
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        spec["dataSourceRef"] = dict(source)
        return
    if source is not None or reference is None or reference.get("namespace"):
        return
    if (reference.get("apiGroup") or "", reference.get("kind")) in SOURCE_KINDS:
        spec["dataSource"] = dict(reference)


#: What a claim's older member for its beginnings may name.
SOURCE_KINDS = frozenset([("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")])


def _protect(obj: Obj, finalizer: str) -> None:
    """The plugin StorageObjectInUseProtection."""
    finalizers = obj["metadata"].get("finalizers") or ()
    if finalizer not in finalizers:
        obj["metadata"]["finalizers"] = [*finalizers, finalizer]


def _new_attributes_class(_: Core, obj: Obj) -> None:
    _protect(obj, ATTRIBUTES_PROTECTION)


def _stateful_set(_: Core, obj: Obj) -> None:
    """The server writes claims of a set with their kind."""
    for claim in _spec(obj).get("volumeClaimTemplates") or ():
        claim.update(kind="PersistentVolumeClaim", apiVersion="v1")


def _new_volume(_: Core, obj: Obj) -> None:
    _protect(obj, VOLUME_PROTECTION)
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": obj["metadata"]["creationTimestamp"]}


def _new_ingress(core: Core, obj: Obj) -> None:
    """With the plugin DefaultIngressClass."""
    spec, annotations = _spec(obj), obj["metadata"].get("annotations") or {}
    if spec.get("ingressClassName") is None and "kubernetes.io/ingress.class" not in annotations:
        marked = _marked(core, ("networking.k8s.io", "ingressclasses"), DEFAULT_INGRESS)
        if marked:
            spec["ingressClassName"] = marked
    obj["status"] = {"loadBalancer": {}}


#: By resource. Their status was reset before, if it has a subresource.
PREPARED: dict[ResourceKey, Callable[[Core, Obj], None]] = {
    ("", "namespaces"): _new_namespace,
    ("", "nodes"): _new_node,
    ("", "persistentvolumeclaims"): _new_claim,
    ("", "persistentvolumes"): _new_volume,
    ("", "pods"): podadmission.prepare,
    ("", "services"): addresses.prepare,
    ("apps", "statefulsets"): _stateful_set,
    ("batch", "jobs"): _new_job,
    ("networking.k8s.io", "ingresses"): _new_ingress,
    ("storage.k8s.io", "volumeattributesclasses"): _new_attributes_class,
}


def prepare_new(core: Core, resource: ResourceType, obj: Obj) -> None:
    """What the server assigns to a new object, in place."""
    prepare = PREPARED.get(resource.key)
    if prepare is not None:
        prepare(core, obj)


#: What the server assigned and a replacing object may leave out, by resource: kept from the old object.
KEPT: dict[ResourceKey, tuple[tuple[str, str], ...]] = {
    ("", "pods"): tuple(
        ("spec", name) for name in ("nodeName", "serviceAccountName", "serviceAccount", "preemptionPolicy", "priority")
    ),
    ("", "namespaces"): (("spec", "finalizers"),),
    ("batch", "jobs"): (("spec", "selector"),),
}


#: What a main write does not change, whatever it says.
FIXED: dict[ResourceKey, tuple[tuple[str, str], ...]] = {("", "namespaces"): (("spec", "finalizers"),)}


def _count_template(old: Obj, obj: Obj) -> None:
    """A DaemonSet's annotation counts its templates; nobody else sets it (``daemonSetStrategy.PrepareForUpdate``)."""
    before = (old["metadata"].get("annotations") or {}).get(_TEMPLATE_GENERATION, "1")
    same = (old.get("spec") or {}).get("template") == (obj.get("spec") or {}).get("template")
    number = gonumbers.whole(before)
    count = before if same or number is None else str(number + 1)
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {**annotations, _TEMPLATE_GENERATION: count}


def _claim_again(_: Core, __: Obj, obj: Obj) -> None:
    _same_sources(_spec(obj))


def _pod_again(_: Core, __: Obj, obj: Obj) -> None:
    podadmission.tolerate(_spec(obj))


#: What is done to every new state of an object, by resource.
COMPLETED: dict[ResourceKey, Callable[[Core, Obj, Obj], None]] = {
    ("", "persistentvolumeclaims"): _claim_again,
    ("", "pods"): _pod_again,
    ("", "services"): addresses.complete,
}


def keep_assigned(core: Core, resource: ResourceType, old: Obj, obj: Obj) -> None:
    """Give a replacing object back what the server once assigned, in place."""
    if resource.key == ("apps", "daemonsets"):
        _count_template(old, obj)
    for part, name in FIXED.get(resource.key, ()):
        obj[part] = {**(obj.get(part) or {}), name: (old.get(part) or {}).get(name)}
    complete = COMPLETED.get(resource.key)
    if complete is not None:
        complete(core, old, obj)
    for part, name in KEPT.get(resource.key, ()):
        value = (old.get(part) or {}).get(name)
        inside = obj.get(part)
        if value is not None and isinstance(inside, dict | None) and not (inside or {}).get(name):
            obj[part] = {**(inside or {}), name: value}
