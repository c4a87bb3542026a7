"""RBAC, as far as reviews ask for it: which binding lets a user do something, in the words of a real server's reason.

Rules: the published RBAC authorizer, compared with 1.36.2. Cluster-wide bindings are asked first, then those of the
namespace; a real server asks them in no particular order, this one by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from scale_agent.kube.core import Core
from scale_agent.kube.storage.version import Obj

_GROUP = "rbac.authorization.k8s.io"
_ACCOUNT = "system:serviceaccount:"
#: Whoever is in this group may do everything, and no binding says so.
MASTERS = "system:masters"
#: What an administrator may do.
_EVERYTHING: Obj = {"verb": "*", "group": "*", "resource": "*"}


@dataclass(frozen=True, slots=True)
class User:
    """A name and groups; service accounts are in the groups that a real server puts them in."""

    name: str
    groups: frozenset[str] = frozenset()

    @classmethod
    def account(cls, namespace: str, name: str) -> User:
        """A ServiceAccount."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return cls(f"{_ACCOUNT}{namespace}:{name}", frozenset(groups))


def verdict(core: Core, user: User, spec: Obj) -> Obj:
    """The ``status`` of a review of that user with that ``spec``."""
    if MASTERS in user.groups:
        return {"allowed": True}
    reason = allowed_by(core, user, spec)
    return {"allowed": True, "reason": reason} if reason else {"allowed": False}


def allowed_by(core: Core, user: User, spec: Obj) -> str:
    """``RBAC: allowed by …``; empty if no binding allows what the review's ``spec`` asks."""
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    asked = resource or path or {}
    for binding in _bindings(core, asked.get("namespace", "") if resource else "", user):
        subject = next((one for one in binding.get("subjects") or () if _is(one, binding, user)), None)
        if subject is not None and _grants(core, binding, asked, _allows if resource else _allows_path):
            return _reason(binding, subject)
    return ""


def administrator(core: Core) -> User | None:
    """The first ServiceAccount that a cluster-wide binding lets do everything: whose the agent's token is."""
    for version in core.store.list((_GROUP, "clusterrolebindings")):
        if b'"ServiceAccount"' not in version.json:
            continue
        binding = version.object()
        account = next((one for one in binding.get("subjects") or () if one.get("kind") == "ServiceAccount"), None)
        if account is not None and _grants(core, binding, _EVERYTHING, _allows):
            return User.account(account.get("namespace", ""), account["name"])
    return None


def _bindings(core: Core, namespace: str, user: User) -> Iterator[Obj]:
    """The bindings that may name the user, cluster-wide ones first."""
    names = [one.removeprefix(_ACCOUNT).rpartition(":")[2] for one in (user.name,) if one.startswith(_ACCOUNT)]
    needles = [name.encode() for name in (*names, user.name, *user.groups)]
    places = [("clusterrolebindings", ""), *([("rolebindings", namespace)] if namespace else [])]
    for plural, where in places:
        for version in core.store.list((_GROUP, plural), where):
            if any(needle in version.json for needle in needles):
                yield version.object()


def _is(subject: Obj, binding: Obj, user: User) -> bool:
    """Whether a binding's subject is the user."""
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
        return user.name == f"{_ACCOUNT}{namespace}:{name}"
    return name in user.groups if kind == "Group" else kind == "User" and name == user.name


def _grants(core: Core, binding: Obj, asked: Obj, allows: Callable[[Obj, Obj], bool]) -> bool:
    reference = binding["roleRef"]
    own = reference["kind"] == "Role"
    plural, namespace = ("roles", binding["metadata"].get("namespace", "")) if own else ("clusterroles", "")
    role = core.store.get((_GROUP, plural), namespace, reference["name"])
    return role is not None and any(allows(rule, asked) for rule in role.object().get("rules") or ())


def _allows(rule: Obj, asked: Obj) -> bool:
    resource, subresource, name = asked.get("resource", ""), asked.get("subresource", ""), asked.get("name", "")
    wanted = (f"{resource}/{subresource}", f"*/{subresource}") if subresource else (resource,)
    names = rule.get("resourceNames") or ()
    return (
        _has(rule.get("verbs"), asked.get("verb", ""))
        and _has(rule.get("apiGroups"), asked.get("group", ""))
        and _has(rule.get("resources"), *wanted)
        and (not names or name in names)
    )


def _allows_path(rule: Obj, asked: Obj) -> bool:
    path = asked.get("path", "")
    urls = rule.get("nonResourceURLs") or ()
    fits = any(path.startswith(url[:-1]) if url.endswith("*") else path == url for url in urls)
    return fits and _has(rule.get("verbs"), asked.get("verb", ""))


def _has(listed: Iterable[str] | None, *wanted: str) -> bool:
    return any(one == "*" or one in wanted for one in listed or ())


def _reason(binding: Obj, subject: Obj) -> str:
    meta, reference = binding["metadata"], binding["roleRef"]
    namespace = meta.get("namespace", "")
    kind, name = ("RoleBinding", f"{meta['name']}/{namespace}") if namespace else ("ClusterRoleBinding", meta["name"])
    who = subject["name"]
    if subject["kind"] == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or namespace}"
    role = f'{reference["kind"]} "{reference["name"]}"'
    return f'RBAC: allowed by {kind} "{name}" of {role} to {subject["kind"]} "{who}"'
