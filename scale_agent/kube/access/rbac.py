"""RBAC: which binding lets a user do something, in the words of a real server's reason.

Rules: the published RBAC authorizer and rule resolver, compared with 1.36.2. Cluster-wide bindings are asked first,
then those of the namespace.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scale_agent.kube.access.attributes import Attributes
from scale_agent.kube.access.bindings import BINDINGS, CLUSTER_BINDINGS, GROUP, Binding, Bindings, Subject, subjects_of
from scale_agent.kube.access.rules import Rule
from scale_agent.kube.storage.store import Store
from scale_agent.kube.users import MASTERS, User

#: The resources of what bindings refer to.
PLURALS = {"Role": "roles", "ClusterRole": "clusterroles"}
#: A role's rules are kept parsed for as many roles as checks of one cluster come across.
_ROLES_KEPT = 256
Rules = tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer of the authorizer; the reason says which binding allows it, or what kept it from finding out."""

    allowed: bool
    reason: str = ""


class Rbac:
    """The roles and bindings of one cluster, as checks ask for them. Costs nothing until the first check."""

    __slots__ = ("_bindings", "_cluster_bindings", "_roles", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cluster_bindings = Bindings(store, CLUSTER_BINDINGS)
        self._bindings = Bindings(store, BINDINGS)
        self._roles: dict[tuple[str, str, str], tuple[int, Rules]] = {}

    def decide(self, user: User, asked: Attributes) -> Decision:
        """Whether a user may do something. Masters may without a reason."""
        if MASTERS in user.groups:
            return Decision(True)
        lost: list[str] = []
        for binding, subject in self._binding_of(user, asked.namespace if not asked.path else ""):
            rules = self.role(binding.role_kind, binding.role_name, binding.namespace)
            if rules is None:
                lost.append(f'{binding.role_kind.lower()}.{GROUP} "{binding.role_name}" not found')
            elif any(rule.allows(asked) for rule in rules):
                return Decision(True, _reason(binding, subject))
        return Decision(False, f"RBAC: {aggregate(lost)}" if lost else "")

    def rules_for(self, user: User, namespace: str) -> tuple[list[Rule], list[Binding]]:
        """Every rule that applies to a user in a namespace, and the bindings whose role is not there."""
        found: list[Rule] = []
        lost: list[Binding] = []
        for binding, _ in self._binding_of(user, namespace):
            rules = self.role(binding.role_kind, binding.role_name, binding.namespace)
            if rules is None:
                lost.append(binding)
            found += rules or ()
        return found, lost

    def role(self, kind: str, name: str, namespace: str) -> Rules | None:
        """A role's rules; ``None`` if there is no such role."""
        at = (PLURALS.get(kind, ""), namespace if kind == "Role" else "", name)
        version = self._store.get((GROUP, at[0]), at[1], name)
        if version is None:
            return None
        known = self._roles.get(at)
        if known is None or known[0] != version.rv:
            if len(self._roles) >= _ROLES_KEPT:
                self._roles.clear()
            known = self._roles[at] = (version.rv, parsed(version.object().get("rules")))
        return known[1]

    def _binding_of(self, user: User, namespace: str) -> Iterator[tuple[Binding, Subject]]:
        subjects = subjects_of(user)
        yield from _with_subject(self._cluster_bindings.of(subjects), subjects)
        if namespace:
            yield from _with_subject(self._bindings.of(subjects, namespace), subjects)


def parsed(rules: Iterable[dict[str, object]] | None) -> Rules:
    """Rules from their JSON form."""
    return tuple(Rule.of(rule) for rule in rules or ())


def aggregate(errors: Sequence[str]) -> str:
    """Several errors as one, as Go's errors.Aggregate writes them."""
    distinct = list(dict.fromkeys(errors))
    return distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]"


def _with_subject(found: Iterable[Binding], subjects: list[Subject]) -> Iterator[tuple[Binding, Subject]]:
    for binding in found:
        subject = binding.applies_to(subjects)
        if subject is not None:
            yield binding, subject


def _reason(binding: Binding, subject: Subject) -> str:
    name = f"{binding.name}/{binding.namespace}" if binding.namespace else binding.name
    kind = "RoleBinding" if binding.namespace else "ClusterRoleBinding"
    who = f"{subject[1]}/{subject[2]}" if subject[0] == "ServiceAccount" else subject[1]
    return f'RBAC: allowed by {kind} "{name}" of {binding.role_kind} "{binding.role_name}" to {subject[0]} "{who}"'
