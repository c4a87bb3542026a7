"""Secrets, config maps, definitions and custom objects that are there for their number and size.

What is in them is drawn from their names: the same on every run, and it does not compress to nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

from scale_agent.cluster.entries import MADE_AT, CustomKind, Obj, Sized, metadata_of, numbered
from scale_agent.kube import catalog
from scale_agent.kube.admission import defaults
from scale_agent.kube.custom import naming
from scale_agent.kube.custom.record import ESTABLISHED, NAMES_ACCEPTED

#: The keys that a type's data has; further ones are numbered.
_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "helm.sh/release.v1": ("release",),
}
#: A property of a padded schema is so many bytes long, its description included.
_PROPERTY = 256
_VERSION = "v1"


def drawn(seed: str, size: int) -> bytes:
    """So many bytes, made of ``seed``."""
    return hashlib.shake_256(seed.encode()).digest(size)


def text(seed: str, size: int) -> str:
    """So many characters, made of ``seed``."""
    return base64.b64encode(drawn(seed, size)).decode()[:size]


def sized(entry: Sized) -> Iterator[Obj]:
    """The secrets or config maps of an entry."""
    for number in range(1, entry.count + 1):
        namespace, name = numbered(entry.namespace, number), numbered(entry.name, number)
        made = data_object(entry.kind, namespace, name, key_names(entry), entry.size)
        metadata = metadata_of(name, entry.labels) | {"namespace": namespace}
        yield {**made, "metadata": metadata} | ({"type": entry.type} if entry.type else {})


def key_names(entry: Sized) -> tuple[str, ...]:
    """The keys of an entry's data."""
    own = _KEYS.get(entry.type, ())
    return (*own, *(f"key-{number}" for number in range(len(own) + 1, entry.keys + 1)))


def data_object(kind: str, namespace: str, name: str, keys: tuple[str, ...], size: int) -> Obj:
    """A secret or a config map with ``size`` bytes of data in all."""
    data = {}
    for number, key in enumerate(keys):
        share = size * (number + 1) // len(keys) - size * number // len(keys)
        seed = f"{namespace}/{name}/{key}"
        data[key] = base64.b64encode(drawn(seed, share)).decode() if kind == "Secret" else text(seed, share)
    made: Obj = {"apiVersion": "v1", "kind": kind, "metadata": {}}
    return made | ({"data": data} if data else {})


def definitions(entry: CustomKind, version: str) -> Iterator[Obj]:
    """The definitions of an entry in an API of that Kubernetes version, in service for long."""
    for number in range(1, entry.count + 1):
        yield _definition(entry, numbered(entry.kind, number), version)


def plural(kind: str) -> str:
    """What objects of a kind are called in paths."""
    return f"{kind.lower()}s"


def _definition(entry: CustomKind, kind: str, version: str) -> Obj:
    names = {"plural": plural(kind), "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    served = {"name": _VERSION, "served": True, "storage": True, "schema": {"openAPIV3Schema": _schema(entry, kind)}}
    obj: Obj = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": metadata_of(f"{names['plural']}.{entry.group}") | {"generation": 1},
        "spec": {"group": entry.group, "names": names, "scope": entry.scope, "versions": [served]},
    }
    resource = catalog.for_version(version).by_kind(obj["apiVersion"], obj["kind"])
    defaults.fill(version, resource, obj, MADE_AT)
    verdict = naming.decide(names, {}, ())
    obj["status"] = {
        "acceptedNames": verdict.names,
        "conditions": [
            _condition(NAMES_ACCEPTED, verdict.reason, verdict.message),
            _condition(ESTABLISHED, "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "storedVersions": [_VERSION],
    }
    return obj


def _condition(kind: str, reason: str, message: str) -> Obj:
    return {"type": kind, "status": "True", "lastTransitionTime": MADE_AT, "reason": reason, "message": message}


def _schema(entry: CustomKind, kind: str) -> Obj:
    """A structural schema of about the wanted size: properties with descriptions, as generated ones have."""
    properties: Obj = {"data": {"type": "string"}}
    for number in range(1, entry.schema_size // _PROPERTY + 1):
        name = f"field{number}"
        described = text(f"{entry.group}/{kind}/{name}", _PROPERTY - 40 - len(name))
        properties[name] = {"type": "string", "description": described}
    spec = {"type": "object", "properties": properties}
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "properties": {"spec": spec, "status": status}}


def custom_objects(entry: CustomKind) -> Iterator[Obj]:
    """The objects of all definitions of an entry."""
    for number in range(1, entry.count + 1):
        kind = numbered(entry.kind, number)
        for index in range(1, entry.objects + 1):
            name, namespace = f"{kind.lower()}-{index}", numbered(entry.namespace, index)
            metadata = metadata_of(name) | {"generation": 1} | ({"namespace": namespace} if namespace else {})
            spec = {"data": text(f"{entry.group}/{kind}/{index}", entry.size)}
            yield {"apiVersion": f"{entry.group}/{_VERSION}", "kind": kind, "metadata": metadata, "spec": spec}
