"""What there is after a step, with everything that cannot be equal taken out: ids, versions, times, random names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

Obj = dict[str, Any]

#: What is looked at: path of the collection, and whether it is the scenario's own namespace's.
NAMESPACED = (
    "/api/v1 pods services endpoints configmaps secrets serviceaccounts events persistentvolumeclaims resourcequotas "
    "replicationcontrollers",
    "/apis/apps/v1 deployments replicasets statefulsets daemonsets controllerrevisions",
    "/apis/batch/v1 jobs cronjobs",
    "/apis/discovery.k8s.io/v1 endpointslices",
    "/apis/policy/v1 poddisruptionbudgets",
    "/apis/autoscaling/v2 horizontalpodautoscalers",
)
CLUSTER = (
    "/api/v1 nodes persistentvolumes namespaces",
    "/apis/storage.k8s.io/v1 storageclasses",
    "/apis/rbac.authorization.k8s.io/v1 clusterroles",
)
_RANDOM = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9-])")
_HASH = re.compile(r"(?<=[-/\"=])[456789bcdf]{6,10}(?=[-.\\\" ,]|$)")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_EVENT = re.compile(r"\.[0-9a-f]{14,16}$")
_MINUTES = re.compile(r"(?<=tick-)\d{8}")
#: The binaries of the laboratory have short names; the real ones' are these.
MANAGERS = {"kcm": "kube-controller-manager", "apiserver": "kube-apiserver"}


def collections(namespace: str) -> Iterable[tuple[str, str]]:
    """Name and path of all that is looked at."""
    for rows, middle in ((NAMESPACED, f"/namespaces/{namespace}"), (CLUSTER, "")):
        for row in rows:
            base, *plurals = row.split()
            yield from ((plural, f"{base}{middle}/{plural}") for plural in plurals)


class Look:
    """Normalises the objects of one scenario; hashes get numbers in the order in which they appear."""

    def __init__(self, namespace: str, cluster: str) -> None:
        self._names = ((namespace, "NS"), (cluster, "CL"))
        self._hashes: dict[str, str] = {}

    def taken(self, found: dict[str, list[Obj]]) -> dict[str, list[Obj]]:
        """The comparable form of ``found``, by plural."""
        kept = {plural: [one for one in items if self._mine(plural, one)] for plural, items in found.items()}
        for plural in ("replicasets", "controllerrevisions"):
            for one in sorted(kept.get(plural, []), key=_age):
                self._learn(json.dumps(one["metadata"].get("labels") or {}) + f'"{one["metadata"]["name"]}"')
        texts = {plural: sorted(self._text(_plain(plural, one)) for one in items) for plural, items in kept.items()}
        return {plural: [json.loads(text) for text in items] for plural, items in texts.items() if items}

    def _mine(self, plural: str, obj: Obj) -> bool:
        if plural == "events" and obj.get("source", {}).get("component") == "default-scheduler":
            return False
        meta = obj["metadata"]
        if meta.get("namespace") or plural == "namespaces":
            return bool(meta.get("namespace") or meta["name"] == self._names[0][0])
        return str(meta["name"]).startswith(self._names[1][0])

    def _learn(self, text: str) -> None:
        for found in _HASH.findall(text):
            self._hashes.setdefault(found, f"#{len(self._hashes) + 1}")

    def _text(self, obj: Obj) -> str:
        text = json.dumps(obj, sort_keys=True)
        for name, short in self._names:
            text = text.replace(name, short)
        text = _TIME.sub("T", _UID.sub("U", text))
        text = _HASH.sub(lambda found: self._hashes.get(found.group(), found.group()), text)
        return _MINUTES.sub("MMMMMMMM", _RANDOM.sub("-*", text))


def _age(obj: Obj) -> tuple[str, int]:
    return str(obj["metadata"]["creationTimestamp"]), int(obj.get("revision") or 0)


def _plain(plural: str, obj: Obj) -> Obj:
    meta = dict(obj["metadata"])
    for name in ("uid", "resourceVersion", "creationTimestamp"):
        meta.pop(name, None)
    if plural == "events":
        meta["name"] = _EVENT.sub("", meta["name"])
        obj = {**obj, "involvedObject": {**obj["involvedObject"], "resourceVersion": ""}}
    if plural == "endpoints":
        obj = json.loads(re.sub(r'"resourceVersion": "\d+", ', "", json.dumps(obj)))
    if meta.get("managedFields"):
        meta["managedFields"] = sorted((_manager(one) for one in meta["managedFields"]), key=str)
    if plural == "secrets" and "data" in obj:
        obj = {**obj, "data": sorted(obj["data"])}
    if plural == "configmaps" and meta["name"] == "kube-root-ca.crt":
        obj = {**obj, "data": "certificate" if "BEGIN" in str(obj.get("data")) else "other"}
    out = {name: value for name, value in obj.items() if name not in ("kind", "apiVersion", "metadata")}
    return {"metadata": meta, **out}


def _manager(entry: Obj) -> Obj:
    kept = {name: value for name, value in entry.items() if name not in ("time", "fieldsType", "apiVersion")}
    kept["manager"] = MANAGERS.get(entry["manager"], entry["manager"])
    kept["fieldsV1"] = json.loads(re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "U", json.dumps(entry.get("fieldsV1") or {})))
    return kept
