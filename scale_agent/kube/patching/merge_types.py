"""How a resource's objects merge, in every version that their owners may speak."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from scale_agent.kube.core import Core
from scale_agent.kube.custom.definition import ServedVersion
from scale_agent.kube.patching import atoms, configs, resets
from scale_agent.kube.patching.atoms import Atom
from scale_agent.kube.patching.fieldsets import Node
from scale_agent.kube.patching.ownership import Owners
from scale_agent.kube.patching.updater import Versions
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.schema.types import Type
from scale_agent.kube.storage.version import Obj


def atom_of(core: Core, resource: ResourceType) -> Atom:
    """How objects of a type merge: built-in ones by their structs, custom ones by their schema."""
    shape = core.catalog.shape(resource)
    if shape is not None:
        return atoms.of_type(shape)
    return _custom(resource.declared, object_meta(core)) if resource.declared is not None else atoms.DEDUCED


@lru_cache(maxsize=2048)
def _custom(declared: ServedVersion, meta: Type) -> Atom:
    """A version without a schema merges as what its values look like, its metadata too."""
    schema = (declared.raw.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        return atoms.DEDUCED
    return atoms.of_schema(schema, meta, preserve=declared.definition.preserves)


def object_meta(core: Core) -> Type:
    """The struct of ``metadata``."""
    partial = core.catalog.schema.kind("meta.k8s.io", "v1", "PartialObjectMetadata")
    found = partial.fields["metadata"].type if partial is not None else None
    if found is None:
        raise LookupError("ObjectMeta is not in the schema")
    return found


def _in_version(core: Core, resource: ResourceType, api_version: str) -> ResourceType | None:
    """The type that serves the same objects in another version, or group."""
    if api_version == resource.api_version:
        return resource
    group, _, version = api_version.rpartition("/")
    found = core.find(group, version, resource.plural)
    return found if found is not None and found.key == resource.key else None


def versions_of(core: Core, resource: ResourceType, subresource: str = "") -> Versions:
    """The versions of a resource as an updater sees them. Its ``convert`` raises ``LookupError``, ``TypedError``."""

    def atom(api_version: str) -> Atom | None:
        found = _in_version(core, resource, api_version)
        return atom_of(core, found) if found is not None else None

    def convert(obj: Obj, api_version: str) -> Obj:
        if obj.get("apiVersion") == api_version:
            return obj
        found = _in_version(core, resource, api_version)
        if found is None:
            raise LookupError(api_version)
        if found.typed:
            return core.catalog.converted(obj, found)
        other = {**obj, "apiVersion": api_version}
        configs.check(atom_of(core, found), other)  # nothing is pruned: a member that the version lacks is an error
        return other

    return Versions(atom, convert, lambda _: resets.of(resource, subresource))


def reconcile(versions: Versions, resource: ResourceType, owners: Owners) -> None:
    """Bring owners, in place, in line with a schema that was changed since they were written: custom types only.

    Who owned parts of what is one value now owns the whole (structured-merge-diff ``typed/reconcile_schema.go``).
    """
    if resource.typed:
        return
    for one, owned in owners.items():
        atom = versions.atom(owned.api_version)
        fields = _whole(atom, owned.fields) if atom is not None else owned.fields
        if fields is not owned.fields:
            owners[one] = replace(owned, fields=fields, entry=None)


def _whole(atom: Atom, fields: Node) -> Node:
    """A set in which atomic values have nothing below them; ``fields`` itself if it is one."""
    out = fields
    for name, node in fields.items():
        inner = _inner(atom, name) if node else None
        if inner is None:
            continue
        shape = inner.map or inner.list
        below = {} if shape is not None and shape.atomic and inner.scalar is None else _whole(inner, node)
        if below is not node:
            out = {**out, name: below}
    return out


def _inner(atom: Atom, element: str) -> Atom | None:
    """The type below a path element."""
    if element.startswith("f:") and atom.map is not None:
        return atom.map.fields.get(element[2:], atom.map.element)
    return atom.list.element if element[:2] in ("k:", "v:") and atom.list is not None else None
