"""Role bindings by the subjects they name, so that a check looks at those of its user only.

What the snapshot binds is indexed once per snapshot and shared by its clusters; a cluster indexes what it changed,
when it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from scale_agent.kube.storage.snapshot import SharedVersion, Snapshot
from scale_agent.kube.storage.store import NameKey, Store
from scale_agent.kube.storage.version import Version
from scale_agent.kube.users import User, account_of

GROUP = "rbac.authorization.k8s.io"
CLUSTER_BINDINGS = (GROUP, "clusterrolebindings")
BINDINGS = (GROUP, "rolebindings")
#: Kind, name and, of a ServiceAccount, namespace.
Subject = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Binding:
    """A RoleBinding, or without a namespace a ClusterRoleBinding."""

    namespace: str
    name: str
    role_kind: str
    role_name: str
    subjects: tuple[Subject, ...]

    @classmethod
    def of(cls, version: Version) -> Binding:
        """From its object."""
        obj = version.object()
        subjects = (_subject(one, version.namespace) for one in obj.get("subjects") or ())
        role = obj["roleRef"]
        return cls(version.namespace, version.name, role["kind"], role["name"], tuple(subjects))

    def applies_to(self, wanted: Iterable[Subject]) -> Subject | None:
        """The first subject of the binding that is among those."""
        known = set(wanted)
        return next((subject for subject in self.subjects if subject in known), None)


def _subject(raw: dict[str, str], namespace: str) -> Subject:
    kind = raw.get("kind", "")
    return kind, raw.get("name", ""), (raw.get("namespace") or namespace) if kind == "ServiceAccount" else ""


def subjects_of(user: User) -> list[Subject]:
    """All subjects that mean a user."""
    account = account_of(user.name)
    own = [("ServiceAccount", account[1], account[0])] if account else []
    return [*own, ("User", user.name, ""), *(("Group", group, "") for group in user.groups)]


class _Index:
    """Bindings by subject and namespace."""

    __slots__ = ("_by_subject", "_known")

    def __init__(self) -> None:
        self._by_subject: dict[tuple[Subject, str], list[Binding]] = {}
        self._known: dict[NameKey, tuple[int, Binding]] = {}

    def put(self, at: NameKey, version: Version | None) -> None:
        """A binding's present state, ``None`` when there is none any more."""
        known = self._known.get(at)
        if known is not None:
            if version is not None and known[0] == version.rv:
                return
            del self._known[at]
            for subject in set(known[1].subjects):
                self._by_subject[(subject, at[0])].remove(known[1])
        if version is not None:
            binding = Binding.of(version)
            self._known[at] = (version.rv, binding)
            for subject in set(binding.subjects):
                self._by_subject.setdefault((subject, at[0]), []).append(binding)

    def retain(self, present: Iterable[NameKey]) -> None:
        """Forget all others."""
        for at in self._known.keys() - set(present):
            self.put(at, None)

    def find(self, subject: Subject, namespace: str) -> list[Binding]:
        """The bindings of a namespace that name the subject."""
        return self._by_subject.get((subject, namespace), [])


@lru_cache(maxsize=32)
def _place(snapshot: Snapshot, key: tuple[str, str]) -> list[_Index]:
    """Where the index of a snapshot is kept once a cluster needed it."""
    return []


def _shared(store: Store, key: tuple[str, str]) -> _Index:
    place = _place(store.snapshot, key)
    if not place:
        index = _Index()
        resource = store.snapshot.resources.get(key)
        for at, entry in resource.by_key.items() if resource is not None else ():
            index.put(at, SharedVersion(entry, store.identity))
        place.append(index)
    return place[0]


class Bindings:
    """The bindings of one kind in one cluster."""

    __slots__ = ("_key", "_own", "_seen", "_store")

    def __init__(self, store: Store, key: tuple[str, str]) -> None:
        self._store = store
        self._key = key
        self._own = _Index()
        self._seen = -1  # the position in the resource's log up to which the index is right

    def of(self, subjects: Iterable[Subject], namespace: str = "") -> Iterator[Binding]:
        """Those that name one of the subjects, by name. A real server asks them in no particular order."""
        changed = self._store.changed(self._key)
        self._catch_up()
        shared = _shared(self._store, self._key)
        found: dict[str, Binding] = {}
        for subject in subjects:
            for binding in shared.find(subject, namespace):
                if (namespace, binding.name) not in changed:
                    found[binding.name] = binding
            for binding in self._own.find(subject, namespace):
                found[binding.name] = binding
        yield from sorted(found.values(), key=attrgetter("name"))

    def _catch_up(self) -> None:
        end = self._store.log(self._key).end
        if end == self._seen:
            return
        self._seen = end
        changed = self._store.changed(self._key)
        self._own.retain(changed)
        for at, version in changed.items():
            self._own.put(at, version)
