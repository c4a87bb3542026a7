"""The built-in API of one Kubernetes version: what is served, and how its objects are written.

A thin layer over the schema (data generated from the published k8s.io modules): it hands out :class:`ResourceType`
and turns objects into typed JSON and protobuf. One per version and process, shared by all clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from scale_agent.kube import status
from scale_agent.kube.codec import normalizer, protobuf
from scale_agent.kube.custom import objects as custom_objects
from scale_agent.kube.schema import bootstrap, conversion
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.schema.schema import Resource, Schema
from scale_agent.kube.schema.types import Type
from scale_agent.kube.storage.version import Obj


@lru_cache(maxsize=8)
def for_version(version: str) -> Catalog:
    """The catalog of a Kubernetes version (``v1.36.2``); ``FileNotFoundError`` if there is no data for it."""
    return Catalog(version)


def _type_of(resource: Resource) -> ResourceType:
    return ResourceType(
        group=resource.group,
        version=resource.version,
        plural=resource.plural,
        kind=resource.kind,
        namespaced=resource.namespaced,
        verbs=resource.verbs,
        subresources=frozenset(resource.subresources),
    )


#: Annotations that are fields in a kind's internal form, from which metadata alone is taken.
_FIELDS_OF_ANNOTATIONS: dict[ResourceKey, str] = {("apps", "daemonsets"): "deprecated.daemonset.template.generation"}


class Catalog:
    """See the module."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.schema = Schema.load(version)
        types = [_type_of(resource) for resource in self.schema.resources]
        self._types = {(one.group, one.version, one.plural): one for one in types}
        self._kinds: dict[tuple[str, str], ResourceType] = {}
        self._first: dict[ResourceKey, ResourceType] = {}
        for one in types:
            self._kinds.setdefault((one.api_version, one.kind), one)
            self._first.setdefault(one.key, one)
        self._groups = {one.group for one in types}
        self._empty: dict[str, Obj] = {}

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        """A served built-in type."""
        return self._types.get((group, version, plural))

    def has_group(self, group: str) -> bool:
        """Whether the group is built in."""
        return group in self._groups

    def any_version(self, group: str, plural: str) -> ResourceType | None:
        """A resource's preferred version."""
        return self._first.get((group, plural))

    def by_kind(self, api_version: str, kind: str) -> ResourceType:
        """The type of objects of a kind. Raises ``LookupError``."""
        found = self._kinds.get((api_version, kind))
        if found is None:
            raise LookupError(f"no resource is served for {api_version} {kind}")
        return found

    def knows(self, api_version: str, kind: str) -> bool:
        """Whether the kind exists at all, served or not."""
        group, _, version = api_version.rpartition("/")
        return self.schema.kind(group, version, kind) is not None

    def shape(self, resource: ResourceType) -> Type | None:
        """The struct of a built-in type; ``None`` for custom ones."""
        return self.schema.kind(resource.group, resource.version, resource.kind) if resource.typed else None

    def empty(self, resource: ResourceType) -> Obj:
        """An object of that type without anything in it, as a typed server writes it. Shared: do not change it."""
        if not resource.typed:
            return {}
        found = self._empty.get(resource.api_version + resource.kind)
        if found is None:
            found = self.normalize({"metadata": {}}, resource)
            self._empty[resource.api_version + resource.kind] = found
        return found

    def bootstrap(self, time: str, ca_pem: str) -> Sequence[Obj]:
        """What a new cluster holds before anybody acts; ``time`` is RFC 3339."""
        return bootstrap.objects(self.version, time=time, ca_pem=ca_pem)

    def normalize(self, obj: Obj, resource: ResourceType, known: Mapping[str, Any] | None = None) -> Obj:
        """The object as a typed server writes it as JSON; custom objects stay as they are.

        Members that are those of ``known``, a normalised object, are taken as they are.
        """
        obj = resource.ordered(obj)
        return resource.ordered(normalizer.normalize(obj, self.schema, known)) if resource.typed else obj

    def member(self, resource: ResourceType, name: str, value: Obj) -> Obj:
        """A struct of an object (its ``spec``) whose members are normalised each, in Go's order."""
        kind = self.shape(resource)
        struct = kind.fields[name].type if kind is not None else None
        return {each: value[each] for each in struct.fields if each in value} if struct is not None else value

    def checked(self, obj: Obj, resource: ResourceType) -> tuple[Obj, list[str]]:
        """Like :meth:`normalize`, with the paths of unknown fields. Raises 400 for values of the wrong type."""
        try:
            if not resource.typed:
                return self._checked_custom(obj, resource)
            found, unknown = normalizer.check(obj, self.schema)
        except (protobuf.DecodeError, custom_objects.WrongObjectError) as error:
            message = (
                f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {error.what}'
            )
            raise status.bad_request(message) from error
        return resource.ordered(found), sorted(unknown)

    def document(self, obj: Obj, api_version: str, kind: str) -> Obj:
        """A document that is no resource (DeleteOptions, Scale), typed. Raises 400 for values of the wrong type."""
        try:
            return normalizer.normalize({**obj, "kind": kind, "apiVersion": api_version}, self.schema)
        except protobuf.DecodeError as error:
            version = api_version.rpartition("/")[2]
            message = f'{kind} in version "{version}" cannot be handled as a {kind}: {error.what}'
            raise status.bad_request(message) from error

    def _checked_custom(self, obj: Obj, resource: ResourceType) -> tuple[Obj, list[str]]:
        """A custom object: its metadata is typed, the rest is its definition's. Raises 400."""
        meta, unknown = self._metadata(obj.get("metadata") or {})
        made = {**obj, "metadata": meta}
        unknown = [f"metadata.{name}" for name in unknown]
        if resource.declared is not None:
            unknown += custom_objects.read(resource.declared, made, self._metadata)
        return made, unknown

    def _metadata(self, meta: Any) -> tuple[Obj, list[str]]:
        """ObjectMeta as a typed server writes it, and the paths of its unknown fields. Raises ``DecodeError``."""
        kind = self.schema.kind("meta.k8s.io", "v1", "PartialObjectMetadata")
        shape = kind.fields["metadata"].type if kind is not None else None
        if shape is None:
            raise LookupError("ObjectMeta is not in the schema")
        unknown: list[str] = []
        return normalizer.normalizer(shape).apply(meta, (), unknown), unknown

    def metadata(self, obj: Obj, resource: ResourceType) -> Obj:
        """An object's metadata as those see it who get nothing else.

        In the order of Go's struct (whole custom objects have theirs sorted by name), without what stands for a field.
        """
        meta: Obj = obj["metadata"]
        if not resource.typed:
            return self._metadata(meta)[0]
        hidden = _FIELDS_OF_ANNOTATIONS.get(resource.key)
        if hidden is None or hidden not in (meta.get("annotations") or ()):
            return meta
        shown = {**meta, "annotations": {name: text for name, text in meta["annotations"].items() if name != hidden}}
        if not shown["annotations"]:
            del shown["annotations"]
        return shown

    def converted(self, obj: Obj, resource: ResourceType) -> Obj:
        """An object that is stored in another version of its group, in this one: fields of the same name are kept."""
        if resource.declared is not None:
            return resource.declared.converted(obj)
        return self.normalize(conversion.renamed(obj, resource.api_version), resource)

    def decode(self, body: bytes) -> Obj:
        """A protobuf body. Raises ``DecodeError``."""
        return protobuf.decode(body, self.schema)

    def decode_message(self, api_version: str, kind: str, raw: bytes) -> Obj:
        """A message without its envelope. Raises ``DecodeError``."""
        return protobuf.decode_message(api_version, kind, raw, self.schema)

    def encode(self, obj: Obj) -> bytes:
        """An object as protobuf with its envelope."""
        return protobuf.encode(obj, self.schema)

    def encode_raw(self, obj: Obj) -> bytes:
        """An object as a protobuf message without envelope."""
        return protobuf.encode_raw(obj, self.schema)

    @staticmethod
    def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
        """A message in its envelope."""
        return protobuf.envelope(api_version, kind, raw)

    @staticmethod
    def encode_list(api_version: str, kind: str, metadata: Mapping[str, Any], items: Sequence[bytes]) -> bytes:
        """A list of encoded messages."""
        return protobuf.encode_list(api_version, kind, metadata, items)

    @staticmethod
    def watch_frame(event_type: str, envelope: bytes) -> bytes:
        """One framed watch event."""
        return protobuf.watch_frame(event_type, envelope)
