"""What the server serves: one :class:`ResourceType` per group, version and plural, built-in or custom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scale_agent.kube.custom.definition import ServedVersion

#: (group, plural): where objects are stored, whatever version they are asked for in.
ResourceKey = tuple[str, str]
#: Resources that are another group's view of the same objects.
STORED_WITH: dict[ResourceKey, ResourceKey] = {("events.k8s.io", "events"): ("", "events")}


@dataclass(frozen=True, slots=True)
class Names:
    """What else a custom type is called."""

    singular: str = ""
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """A served resource. ``typed`` ones have a schema, protobuf and Go's field order; custom ones are plain JSON.

    ``prefix`` is how the stored JSON of this version starts. ``declared`` is what a custom type's definition says.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: frozenset[str]
    subresources: frozenset[str] = frozenset()
    typed: bool = True
    list_kind: str = ""
    columns: tuple[dict[str, Any], ...] = ()
    names: Names = Names()
    selectable_fields: tuple[str, ...] = ()
    declared: ServedVersion | None = None
    key: ResourceKey = field(init=False)
    api_version: str = field(init=False)
    prefix: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Compute what every request needs."""
        api_version = f"{self.group}/{self.version}" if self.group else self.version
        start = f'"kind":"{self.kind}","apiVersion":"{api_version}",'
        if not self.typed:  # sorted by name: nearly always the first, and nothing is sure to be the next
            start = f'"apiVersion":"{api_version}",'
        key = (self.group, self.plural)
        object.__setattr__(self, "key", STORED_WITH.get(key, key))
        object.__setattr__(self, "api_version", api_version)
        object.__setattr__(self, "list_kind", self.list_kind or f"{self.kind}List")
        object.__setattr__(self, "prefix", f"{{{start}".encode())

    def ordered(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The object with its type first, as :attr:`prefix` says."""
        out = {"kind": "", "apiVersion": "", **obj} if self.typed else {"apiVersion": "", "kind": "", **obj}
        out["kind"] = self.kind
        out["apiVersion"] = self.api_version
        return out
