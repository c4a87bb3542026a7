"""The state that all clusters of one profile start from: built once, immutable, encoded once.

What differs between clusters is replaced while reading. A uid is a 36-character placeholder in the shared bytes,
so that JSON and protobuf keep their lengths. The authority's PEM has no fixed length: an object that holds it is
encoded once per authority (all clusters of a run share one, unless a switch says otherwise).
"""

from __future__ import annotations

import copy
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from scale_agent.kube import catalog
from scale_agent.kube.codec import gojson, moments
from scale_agent.kube.codec.masks import SharedMask
from scale_agent.kube.identity import Identity
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.version import Obj, RawEncoder, Version, references, uids_of

#: Stands for the cluster's certificate authority (PEM text) in objects given to :meth:`Snapshot.build`.
CA_PLACEHOLDER = "@cluster-ca-pem@"
_UID = "@uid:{:06d}@" + "x" * 24  # 36 characters, as a uid has
_UID_RE = re.compile(rb"@uid:([0-9]{6})@x{24}")
_POD_IP = re.compile(rb'"podIP":"([0-9.]+)"')
_CA_BYTES = CA_PLACEHOLDER.encode()
ROOT_CA = "kube-root-ca.crt"
_NAMESPACES, _ACCOUNTS, _MAPS = ("", "namespaces"), ("", "serviceaccounts"), ("", "configmaps")


class Shared:
    """One snapshot object: its bytes with placeholders, for every cluster.

    ``known`` is how :mod:`scale_agent.kube.repeated` masks it, once it has.
    """

    __slots__ = ("_added", "_json", "_raws", "_tokens", "has_ca", "known", "labels", "name", "namespace", "rv")

    def __init__(self, namespace: str, name: str, rv: int, obj: Obj, uid_keys: Sequence[str]) -> None:
        self.namespace = namespace
        self.name = name
        self.rv = rv
        # Copied: what orjson returns holds up to half as much again (13.2 KB for 9.0), for as long as the process runs.
        self._json = bytes(memoryview(gojson.dumps(obj)))
        self._tokens = {found.group(): uid_keys[int(found.group(1))] for found in _UID_RE.finditer(self._json)}
        self._raws: dict[bytes, bytes] = {}
        self._added: dict[ResourceType, bytes] = {}
        self.labels: Mapping[str, str] = obj["metadata"].get("labels") or {}
        self.has_ca = _CA_BYTES in self._json
        self.known: SharedMask | None = None

    def uids(self, identity: Identity) -> dict[bytes, str]:
        """What :meth:`Identity.uid` is asked for, by the cluster's uids in the object."""
        return {identity.uid(key).encode(): key for key in self._tokens.values()}

    @property
    def shared_json(self) -> bytes:
        """The object with its placeholders."""
        return self._json

    def owner_keys(self) -> list[str]:
        """What :meth:`Identity.uid` is asked for to know this object's owners."""
        return [self._tokens[uid] for uid in uids_of(references(self._json)) if uid in self._tokens]

    def json(self, identity: Identity) -> bytes:
        """The object as this cluster has it."""
        return self._personal(self._with_ca(identity), identity)

    def raw(self, identity: Identity, encode: RawEncoder) -> bytes:
        """The object's protobuf message as this cluster has it; encoded once per authority."""
        variant = identity.ca_pem if self.has_ca else b""
        raw = self._raws.get(variant)
        if raw is None:
            if len(self._raws) >= 4:  # an authority per cluster: caching them all would copy the object per cluster
                self._raws.clear()
            raw = self._raws[variant] = encode(orjson.loads(self._with_ca(identity)))
        return self._personal(raw, identity)

    def added(self, identity: Identity, resource: ResourceType, make: Callable[[Version], bytes]) -> bytes:
        """The event that tells of the object, as this cluster has it; made once, as an import reads 400 of them."""
        found = self._added.get(resource)
        if found is None:
            found = self._added[resource] = make(Version(self.namespace, self.name, self.rv, self._json))
        return self._personal(found, identity)

    def _with_ca(self, identity: Identity) -> bytes:
        if not self.has_ca:
            return self._json
        return self._json.replace(_CA_BYTES, orjson.dumps(identity.ca_pem.decode())[1:-1])

    def _personal(self, encoded: bytes, identity: Identity) -> bytes:
        for placeholder, key in self._tokens.items():
            encoded = encoded.replace(placeholder, identity.uid(key).encode())
        return encoded


class SharedVersion(Version):
    """A snapshot object seen by one cluster; made on demand and thrown away."""

    __slots__ = ("_identity", "shared")

    def __init__(self, shared: Shared, identity: Identity) -> None:
        self.shared = shared
        self._identity = identity
        self.namespace = shared.namespace
        self.name = shared.name
        self.rv = shared.rv

    @property
    def json(self) -> bytes:
        """Compact JSON without a newline."""
        return self.shared.json(self._identity)

    def starts(self, prefix: bytes) -> bool:
        """Whether the JSON starts so; nothing of the cluster's own stands there."""
        return self.shared.shared_json.startswith(prefix)

    @property
    def references(self) -> bytes:
        """The JSON of its ownerReferences without their brackets; ``b""`` if it has none."""
        return references(self.json) if references(self.shared.shared_json) else b""

    def raw(self, encode: RawEncoder) -> bytes:
        """The protobuf message; its encoding is shared by all clusters."""
        return self.shared.raw(self._identity, encode)

    def added(self, resource: ResourceType, make: Callable[[Version], bytes]) -> bytes:
        """What a watch says of the object; shared by all clusters, unless there is more than uids to be replaced."""
        return make(self) if self.shared.has_ca else self.shared.added(self._identity, resource, make)

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""
        return self.shared.labels

    def forget(self) -> None:
        """Nothing is held here."""

    def pack(self) -> None:
        """Nothing is held here."""


class SharedResource:
    """All snapshot objects of one resource, in the order of their keys."""

    __slots__ = ("by_key", "by_namespace")

    def __init__(self, entries: Iterable[Shared]) -> None:
        ordered = sorted(entries, key=lambda one: f"{one.namespace}/{one.name}")
        self.by_key = {(one.namespace, one.name): one for one in ordered}
        self.by_namespace: dict[str, dict[tuple[str, str], Shared]] = {}
        for at, one in self.by_key.items():
            self.by_namespace.setdefault(one.namespace, {})[at] = one


class Snapshot:
    """Immutable; see the module. ``version`` is the Kubernetes version (``v1.36.2``)."""

    def __init__(
        self,
        version: str,
        resources: Mapping[ResourceKey, SharedResource],
        rv: int,
        built_s: float,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self.version = version
        self.resources = resources
        self.rv = rv
        self.built_s = built_s
        self.catalog = catalog.for_version(version)
        self.without = without
        self._addresses: list[int] | None = None
        self._owned: dict[str, list[tuple[ResourceKey, str, str]]] | None = None

    def owned_by(self, uid_key: str) -> Sequence[tuple[ResourceKey, str, str]]:
        """Resource, namespace and name of the objects that an object owned from the beginning."""
        if self._owned is None:
            self._owned = {}
            for key, resource in sorted(self.resources.items()):
                for at, entry in resource.by_key.items():
                    for owner in entry.owner_keys():
                        self._owned.setdefault(owner, []).append((key, *at))
        return self._owned.get(uid_key, ())

    def unowned(self, key: ResourceKey) -> Iterator[tuple[str, str]]:
        """Namespace and name of the objects of a resource that nobody owned from the beginning."""
        resource = self.resources.get(key)
        for at, entry in resource.by_key.items() if resource is not None else ():
            if not references(entry.shared_json):
                yield at

    def highest_address(self, network: ipaddress.IPv4Network) -> int:
        """How many addresses of a node's network, from its second on, the pods of the snapshot reach up to."""
        if self._addresses is None:
            pods = self.resources.get(("", "pods"))
            found = (_POD_IP.search(entry.shared_json) for entry in (pods.by_key.values() if pods is not None else ()))
            self._addresses = [int(ipaddress.IPv4Address(one.group(1).decode())) for one in found if one is not None]
        first, last = int(network.network_address) + 1, int(network.broadcast_address)
        return max((one - first for one in self._addresses if first < one < last), default=0)

    @classmethod
    def build(
        cls, objects: Iterable[dict[str, Any]], *, version: str, now: float, without: Iterable[str] = ()
    ) -> Snapshot:
        """A snapshot of the bootstrap objects of that Kubernetes version and of ``objects``, which win.

        Objects need apiVersion, kind, metadata.name and, where the kind has one, metadata.namespace; custom ones come
        after their definition, which is in service if its status says so. Everything else that a
        server fills in is filled in. An ownerReference or an involvedObject without a uid gets its object's.
        ``without`` names the controllers that do nothing (:mod:`scale_agent.kube.controllers.manager`).
        """
        return _Builder(version, now).build(objects, frozenset(without))


class _Builder:
    def __init__(self, version: str, now: float) -> None:
        self.version = version
        self.now = now
        self.catalog = catalog.for_version(version)
        self.time = moments.stamp(now)
        self.uid_keys: list[str] = []
        self.placeholder_of: dict[str, str] = {}
        self.declared: dict[tuple[str, str], ResourceType] = {}

    def build(self, objects: Iterable[Obj], without: frozenset[str]) -> Snapshot:
        merged: dict[tuple[ResourceKey, str, str], Obj] = {}
        first = self.catalog.bootstrap(self.time, CA_PLACEHOLDER)
        certificate = next(obj for obj in first if obj["kind"] == "ConfigMap" and obj["metadata"]["name"] == ROOT_CA)
        for obj in (*first, *objects):
            obj = copy.deepcopy(obj)
            self.declare(obj)
            resource = self.by_kind(obj["apiVersion"], obj["kind"])
            meta = obj.setdefault("metadata", {})
            namespace = meta.get("namespace", "") if resource.namespaced else ""
            merged[(resource.key, namespace, meta["name"])] = obj
        self.furnish(merged, certificate)
        found: dict[ResourceKey, list[Shared]] = {}
        for rv, ((key, namespace, name), obj) in enumerate(merged.items(), start=1):
            obj = self.finish(obj, self.placeholder(key, namespace, name), rv)
            found.setdefault(key, []).append(Shared(namespace, name, rv, obj, self.uid_keys))
        resources = {key: SharedResource(entries) for key, entries in found.items()}
        return Snapshot(self.version, resources, max(len(merged), 1), self.now, without)

    def furnish(self, merged: dict[tuple[ResourceKey, str, str], Obj], certificate: Obj) -> None:
        """Every namespace has its default service account and the authority's certificate."""
        for namespace in [name for key, _, name in merged if key == _NAMESPACES]:
            meta = {"name": "default", "namespace": namespace}
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
            merged.setdefault((_ACCOUNTS, namespace, "default"), account)
            if (_MAPS, namespace, ROOT_CA) not in merged:
                copied = copy.deepcopy(certificate)
                copied["metadata"]["namespace"] = namespace
                merged[(_MAPS, namespace, ROOT_CA)] = copied

    def declare(self, obj: Obj) -> None:
        """The kinds of a definition are known to the objects after it."""
        if obj["kind"] != "CustomResourceDefinition":
            return
        spec = obj["spec"]
        names, namespaced = spec["names"], spec["scope"] == "Namespaced"
        for one in spec["versions"]:
            made = ResourceType(
                spec["group"], one["name"], names["plural"], names["kind"], namespaced, frozenset(), typed=False
            )
            self.declared[made.api_version, made.kind] = made

    def by_kind(self, api_version: str, kind: str) -> ResourceType:
        """The type of objects of a kind, built-in or declared before. Raises ``LookupError``."""
        return self.declared.get((api_version, kind)) or self.catalog.by_kind(api_version, kind)

    def placeholder(self, key: ResourceKey, namespace: str, name: str) -> str:
        """The placeholder for an object's uid; ``Identity.uid`` is asked for ``plural.group/namespace/name``."""
        plural = f"{key[1]}.{key[0]}" if key[0] else key[1]
        uid_key = f"{plural}/{namespace}/{name}"
        known = self.placeholder_of.get(uid_key)
        if known is None:
            known = self.placeholder_of[uid_key] = _UID.format(len(self.uid_keys))
            self.uid_keys.append(uid_key)
        return known

    def finish(self, obj: Obj, uid: str, rv: int) -> Obj:
        meta = obj["metadata"]
        meta.setdefault("uid", uid)
        meta["resourceVersion"] = str(rv)
        meta.setdefault("creationTimestamp", self.time)
        for reference in self.references(obj):
            if not reference.get("uid"):
                self.fill_reference(reference, meta.get("namespace", ""))
        resource = self.by_kind(obj["apiVersion"], obj["kind"])
        if not resource.typed:  # a Go map: sorted by name
            obj["metadata"] = dict(sorted(meta.items()))
        return self.catalog.normalize(obj, resource)

    @staticmethod
    def references(obj: Obj) -> Iterator[Obj]:
        yield from obj["metadata"].get("ownerReferences") or ()
        if isinstance(obj.get("involvedObject"), dict):
            yield obj["involvedObject"]

    def fill_reference(self, reference: Obj, namespace: str) -> None:
        if not reference.get("kind") or not reference.get("name"):
            return
        resource = self.by_kind(reference.get("apiVersion", "v1"), reference["kind"])
        namespace = reference.get("namespace", namespace) if resource.namespaced else ""
        reference["uid"] = self.placeholder(resource.key, namespace, reference["name"])
