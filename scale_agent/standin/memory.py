"""What a run remembers of a cluster: objects that it will change, names it was given, versions of lists."""

from __future__ import annotations

import base64
import copy
from enum import Enum
from typing import Any

from scale_agent.standin import templates
from scale_agent.standin.paths import RESOURCES, path_of
from scale_agent.standin.steps import Step

#: The type of secrets that hold an account's token.
ACCOUNT_TOKEN = "kubernetes.io/service-account-token"


class Renewal(Enum):
    """Why a request is made: for the first time, after its watch ended, or after its connection was lost."""

    FIRST = "first"
    IN_ORDER = "in order"
    AFTER_LOSS = "after loss"


def merge(target: Any, change: Any) -> Any:
    """RFC 7386: ``change`` laid over ``target``, neither altered."""
    if not isinstance(change, dict):
        return change
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in change.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merge(out.get(key), value)
    return out


class Memory:
    """Objects by path, at their newest; the resourceVersion before the newest, for recorded conflicts."""

    __slots__ = ("_account", "_before", "_hashes", "_lookup", "_names", "_objects", "_wanted", "versions")

    def __init__(self, wanted: frozenset[str], lookup: templates.Lookup) -> None:
        self._lookup = lookup
        self._account = ""
        self._names: dict[int, str] = {}
        self._hashes: dict[str, str] = {}
        self._objects: dict[str, dict[str, Any]] = {}
        self._before: dict[str, str] = {}
        self._wanted = {templates.fill_text(path, self._own) for path in wanted if "${name:" not in path}
        self.versions: dict[int | str, str] = {}

    def _own(self, name: str) -> str:
        return self._lookup(name)

    def value(self, name: str) -> str:
        """A placeholder's value: the cluster's own, or learnt (``name:``, ``uid:``, ``hash:``; else ``""``)."""
        kind, found, rest = name.partition(":")
        if not found:
            return self._lookup(name)
        if kind == "name":
            return self._names.get(int(rest), "")
        if kind == "uid":
            return str(self._objects.get(rest, {}).get("metadata", {}).get("uid", ""))
        return self._hashes.get(rest, "") if kind == "hash" else name

    def secret(self, header: str, client: str) -> str:
        """A header's value with the recorder's mark for tokens replaced: by the impersonating account's token for
        kubectl, which comes through Rancher's proxy, by the agent's account's for Rancher itself."""
        mine = self._lookup("account.token")
        return header.replace("REDACTED", (self._account or mine) if client == "kubectl" else mine)

    def get(self, path: str) -> dict[str, Any] | None:
        """The newest object seen at ``path``, if it is one that the script changes or refers to."""
        return self._objects.get(path)

    def saw(self, obj: dict[str, Any]) -> str:
        """Remember an object that the cluster showed; returns its path, empty if it is of no interest."""
        path = path_of(obj)
        if path not in self._wanted:
            return ""
        known = self._objects.get(path)
        version = str(obj["metadata"].get("resourceVersion", ""))
        if known is not None:
            old = str(known["metadata"].get("resourceVersion", ""))
            if old == version or _older(version, old):
                return path
            self._before[path] = old
        self._objects[path] = obj
        return path

    def interested(self, obj: dict[str, Any]) -> bool:
        """Is the whole object needed, or is a glance enough?"""
        return path_of(obj) in self._wanted

    def want(self, path: str) -> None:
        """Remember objects at ``path`` from now on (its name was not known before)."""
        self._wanted.add(path)

    def learn(self, step: Step, answer: dict[str, Any]) -> list[str]:
        """Take what a successful answer says; returns the facts that became true."""
        if answer.get("kind", "").endswith("List") and "items" in answer:
            return self._listed(step, answer)
        if "paths" in answer and step.path == "/openapi/v3":
            self._learn_hashes(answer["paths"])
            return []
        if step.method == "POST" and "metadata" in answer:
            self._names[step.id] = str(answer["metadata"].get("name", ""))
            self.want(path_of(answer))
        if step.method == "GET" and answer.get("type") == ACCOUNT_TOKEN and not self._account:
            self._account = base64.b64decode((answer.get("data") or {}).get("token", "")).decode()
        path = (
            self.saw(answer)
            if "metadata" in answer and (answer.get("apiVersion"), answer.get("kind")) in RESOURCES
            else ""
        )
        return [f"object:{path}"] if path else []

    def _learn_hashes(self, paths: dict[str, Any]) -> None:
        for name, entry in paths.items():
            self._hashes[name] = str(entry.get("serverRelativeURL", "")).partition("hash=")[2]

    def _listed(self, step: Step, answer: dict[str, Any]) -> list[str]:
        self.versions[step.path] = str(answer.get("metadata", {}).get("resourceVersion", ""))
        facts = [f"listed:{step.path}"]
        kind = str(answer["kind"]).removesuffix("List")
        for item in answer["items"] or ():
            facts += self.watched(step.path, "ADDED", {"apiVersion": answer["apiVersion"], "kind": kind} | item)
        return facts

    def watched(self, collection: str, event: str, obj: dict[str, Any]) -> list[str]:
        """An object came through a list or a watch of ``collection``; returns the facts that became true."""
        if event == "DELETED":
            self._objects.pop(path_of(obj), None)
            return []
        path = self.saw(obj)
        return [f"collection:{collection}"] + ([f"object:{path}"] if path else [])

    def changed(self, path: str, change: Any, *, stale: bool) -> dict[str, Any]:
        """The object at ``path`` with Rancher's change; ``stale``: under the version before the newest."""
        current = self._objects.get(path) or {"metadata": {}}
        out: dict[str, Any] = merge(copy.deepcopy(current), change)
        if stale:
            out["metadata"]["resourceVersion"] = self._before.get(path) or "1"
        return out

    def query(self, step: Step, renewal: Renewal) -> dict[str, str]:
        """The query to send. A watch that ended goes on from the last version it saw; one that was lost begins anew
        from there, with its initial events where it had them (measured with 2.15.0, protocol section 12)."""
        query = {name: templates.fill_text(str(value), self.value) for name, value in step.query.items()}
        if renewal is Renewal.FIRST:
            return query | ({"resourceVersion": self.versions.get(step.path, "")} if "resourceVersion" in query else {})
        if renewal is Renewal.IN_ORDER:
            query.pop("sendInitialEvents", None)
            query.pop("resourceVersionMatch", None)
        if step.watch:
            query["resourceVersion"] = self.versions.get(step.id) or self.versions.get(step.path, "")
        return query


def _older(version: str, than: str) -> bool:
    return version.isdigit() and than.isdigit() and int(version) < int(than)
