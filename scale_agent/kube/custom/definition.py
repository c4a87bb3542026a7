"""A CustomResourceDefinition, read: what one of its versions is, to whoever serves its objects.

Made once per distinct spec and process (ten thousand clusters hold the same twenty definitions), and as far as
anybody asks: the tree of a schema when the first object is written or converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from scale_agent.kube.custom import defaulting, pruning
from scale_agent.kube.custom.schema import Node

Obj = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the scale subresource finds its fields, as paths of names. ``selector`` is empty without one."""

    replicas: tuple[str, ...]
    status_replicas: tuple[str, ...]
    selector: tuple[str, ...] = ()


def _path(text: str) -> tuple[str, ...]:
    return tuple(text.removeprefix(".").split(".")) if text else ()


class ServedVersion:
    """One version of a definition. ``raw`` is its entry in ``spec.versions``."""

    def __init__(self, definition: Definition, raw: Mapping[str, Any]) -> None:
        self.definition = definition
        self.raw = raw
        self.name: str = raw["name"]
        self.api_version = f"{definition.group}/{self.name}"
        self.served = bool(raw.get("served"))
        self.stored = bool(raw.get("storage"))
        subresources = raw.get("subresources") or {}
        self.has_status = subresources.get("status") is not None
        self.scale = _scale(subresources.get("scale"))
        fields = (one["jsonPath"].removeprefix(".") for one in raw.get("selectableFields") or ())
        self.selectable: tuple[str, ...] = tuple(fields)

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """Its OpenAPI v3 schema as it stands in the definition."""
        found: Mapping[str, Any] | None = (self.raw.get("schema") or {}).get("openAPIV3Schema")
        return found

    @cached_property
    def node(self) -> Node | None:
        """The same, compiled; ``None`` if there is none, so that anything goes."""
        if self.schema is None:
            return None
        node = Node(self.schema)
        if not self.definition.preserves:
            _prune_defaults(node)
        return node

    @property
    def status_node(self) -> Node | None:
        """The schema of the status."""
        return self.node.properties.get("status") if self.node is not None else None

    @cached_property
    def warning(self) -> str:
        """What whoever uses a deprecated version is told; ``""`` for others."""
        if not self.raw.get("deprecated"):
            return ""
        return str(self.raw.get("deprecationWarning") or self._deprecated())

    def _deprecated(self) -> str:
        kind = self.definition.kind
        newer = [one.name for one in self.definition.versions if one.served and not one.raw.get("deprecated")]
        newer = [one for one in newer if version_order(one) < version_order(self.name)]
        hint = f"; use {self.definition.group}/{min(newer, key=version_order)} {kind}" if newer else ""
        return f"{self.api_version} {kind} is deprecated{hint}"

    def coerce(self, obj: Obj) -> list[str]:
        """Prune an object in place to this version's schema; the paths of unknown fields. Wrong nulls go too."""
        if self.definition.preserves:
            return []
        node = self.node
        unknown = pruning.prune(obj, node, root=True)
        pruning.drop_nulls(obj, node)
        return unknown

    def default(self, obj: Obj) -> None:
        """Fill in the schema's defaults, in place."""
        defaulting.fill(obj, self.node)

    def converted(self, obj: Obj, *, defaults: bool = False) -> Obj:
        """An object of another version in this one, pruned; it is changed. (Conversion strategy None: it is renamed.)

        ``defaults``: for the storage version, whose defaults everybody sees who reads the object.
        """
        meta = obj.get("metadata")
        obj["apiVersion"] = self.api_version
        self.coerce(obj)
        if defaults:
            self.default(obj)
        obj["metadata"] = meta
        return obj


def _scale(raw: Mapping[str, Any] | None) -> ScalePaths | None:
    if raw is None:
        return None
    selector = raw.get("labelSelectorPath") or ""
    return ScalePaths(_path(raw["specReplicasPath"]), _path(raw["statusReplicasPath"]), _path(selector))


def _prune_defaults(node: Node) -> None:
    """Defaults hold nothing that their own schema does not know (``structuraldefaulting.PruneDefaults``)."""
    if node.default is not None:
        pruning.prune(node.default, node)
    for inner in (*node.properties.values(), node.items, node.extra):
        if inner is not None:
            _prune_defaults(inner)


class Definition:
    """What a definition's spec says, with the names that were accepted."""

    def __init__(self, spec: Mapping[str, Any], names: Mapping[str, Any], *, terminating: bool = False) -> None:
        self.spec = spec
        self.names = names
        self.group: str = spec["group"]
        self.plural: str = names.get("plural") or spec["names"]["plural"]
        self.kind: str = names.get("kind") or spec["names"]["kind"]
        self.namespaced = spec.get("scope") == "Namespaced"
        self.preserves = bool(spec.get("preserveUnknownFields"))
        self.terminating = terminating
        self.versions = tuple(ServedVersion(self, one) for one in spec.get("versions") or ())

    def version(self, name: str) -> ServedVersion | None:
        """A version by its name."""
        return next((one for one in self.versions if one.name == name), None)

    @cached_property
    def storage(self) -> ServedVersion:
        """The version in which objects are stored."""
        return next(one for one in self.versions if one.stored)


def version_order(version: str) -> tuple[int, int, int, str]:
    """Kubernetes' order of versions, newest first: v2, v1, v1beta2, v1alpha1, then others by name."""
    for rank, stage in enumerate(("", "beta", "alpha")):
        major, separator, minor = version[1:].partition(stage) if stage else (version[1:], "", "0")
        if version.startswith("v") and major.isdecimal() and minor.isdecimal() and (separator or not stage):
            return rank, -int(major), -int(minor), ""
    return 3, 0, 0, version
