"""ClusterRoles that add up others by their labels (pkg/controller/clusterroleaggregation)."""

from __future__ import annotations

import orjson

from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import shared
from scale_agent.kube.controllers.common import labels_of, read, selected
from scale_agent.kube.core import Core
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.storage.store import Change
from scale_agent.kube.storage.version import Obj, Version

ROLES: ResourceKey = ("rbac.authorization.k8s.io", "clusterroles")
MANAGER = "clusterrole-aggregation-controller"
_NEEDLE = b'"aggregationRule":{'


def role_changed(core: Core, change: Change, _: float) -> None:
    """Rule: a role with labels may belong to others' sums; one with a rule of its own is a sum."""
    event = change.event
    sums: dict[str, list[Obj]] | None = core.memo.get("aggregating")
    if sums is None:
        sums = core.memo["aggregating"] = _first_sums(core)
    if event.type is EventType.DELETED:
        sums.pop(event.after.name, None)
    elif _NEEDLE in event.after.json:
        sums[event.after.name] = _selectors(event.after)
        core.queue.add(reconcile, "", event.after.name)
    shown = [core.seen(one) for one in (event.after, event.before) if one is not None]
    labels = [found for one in shown if (found := labels_of(one))]
    if labels:
        for name, selectors in sums.items():
            if name != event.after.name and any(selected(one, each) for one in selectors for each in labels):
                core.queue.add(reconcile, "", name)


def _first_sums(core: Core) -> dict[str, list[Obj]]:
    """The roles that are sums, and what they select, when the first role changed."""
    sums = dict(shared.once(core.store.snapshot, _sums_of))
    for (_, name), version in core.store.changed(ROLES).items():
        sums.pop(name, None)
        if version is not None and _NEEDLE in version.json:
            sums[name] = _selectors(version)
    return sums


def _sums_of(snapshot: Snapshot) -> dict[str, list[Obj]]:
    roles = snapshot.resources.get(ROLES)
    entries = [one for one in roles.by_key.values() if _NEEDLE in one.shared_json] if roles is not None else ()
    return {one.name: _selected_by(orjson.loads(one.shared_json)) for one in entries}


def _selectors(version: Version) -> list[Obj]:
    return _selected_by(version.object())


def _selected_by(role: Obj) -> list[Obj]:
    return list((role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ())


def reconcile(core: Core, _: str, name: str, now: float) -> None:
    """Add up the rules of the roles that a role selects, in the order of their names; equal ones once."""
    role = read(core, ROLES, "", name)
    if role is None or not role.get("aggregationRule"):
        return
    rules: list[Obj] = []
    chosen = (role["aggregationRule"].get("clusterRoleSelectors")) or ()
    for selector in chosen:
        for version in core.store.list(ROLES):
            if version.name != name and selected(selector, version.labels):
                rules += [rule for rule in core.seen(version).get("rules") or () if rule not in rules]
    if rules != (role.get("rules") or []):
        _apply(core, role, rules, now)


def _apply(core: Core, role: Obj, rules: list[Obj], now: float) -> None:
    """As the controller's server-side apply: it owns ``rules``, whoever set them before does not any more."""
    resource = core.builtin("rbac.authorization.k8s.io", "v1", "clusterroles")
    meta = role["metadata"]
    others = [one for one in map(_without_rules, meta.get("managedFields") or ()) if one is not None]
    own = {"manager": MANAGER, "operation": "Apply", "apiVersion": resource.api_version, "time": moments.stamp(now)}
    applied = [{**own, "fieldsType": "FieldsV1", "fieldsV1": {"f:rules": {}}}] if rules else []
    body = {**role, "metadata": {**meta, "managedFields": [*applied, *others]}, "rules": rules or None}
    core.store.put(ROLES, core.catalog.normalize(body, resource), now)


def _without_rules(entry: Obj) -> Obj | None:
    if entry["manager"] == MANAGER:
        return None
    fields = {path: inner for path, inner in (entry.get("fieldsV1") or {}).items() if path != "f:rules"}
    return {**entry, "fieldsV1": fields} if fields else None
