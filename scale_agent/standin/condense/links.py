"""What a step waits for: the rules by which a recording's order becomes dependencies.

1. the request before it on its connection;
2. the last successful request for the same object, and the creation of its namespace;
3. the steps that made the names and uids it mentions;
4. a recorded conflict waits for the write that wins;
5. handlers wait for ``synced`` (all first watches), PUTs for the ``object:<path>`` they change;
6. kubectl waits for a node and for the impersonating account; what follows the first good probe waits for ``ready``.
"""

from __future__ import annotations

import json
from typing import Any

from scale_agent.standin.templates import names

Step = dict[str, Any]


def join(steps: list[Step]) -> None:
    """Fill in ``after``, ``needs``, ``anchor`` and ``marks`` of every step; drop what only this needed."""
    linked = _Linker(steps)
    for step in steps:
        step["after"] = sorted(linked.before(step))
        step["needs"] = linked.needs(step)
    _anchor(steps)
    _mark(steps)
    for step in steps:
        del step["end"]


def object_key(step: Step) -> str:
    """The path of the object that a step is about; of a POST, its name's or ``<collection>/<generated>``."""
    if step["method"] != "POST":
        return str(step["path"])
    metadata = (step["body"] or {}).get("metadata", {})
    return f"{step['path']}/{metadata.get('name') or '${name:' + str(step['id']) + '}'}"


class _Linker:
    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._keys = {step["id"]: object_key(step) for step in steps}
        self._created = {self._keys[s["id"]]: s["id"] for s in steps if s["method"] == "POST" and s["status"] == 201}
        writes = [step for step in steps if step["method"] in ("PUT", "POST") and step["client"] == "rancher"]
        self._first_write_s = min((step["at"] for step in writes), default=0.0)
        self._ready_from = _first_after_ready(steps)

    def before(self, step: Step) -> set[int]:
        found = {self._on_connection(step), self._on_object(step), self._namespace(step), self._winner(step)}
        found |= self._mentioned(step)
        if step["client"] == "kubectl":
            found |= self._account(step)
        return {number for number in found if number is not None and number != step["id"]}

    def needs(self, step: Step) -> list[str]:
        out: list[str] = []
        if step["at"] >= self._first_write_s and not step["watch"]:
            out.append("synced")
        if step["change"] and "${name:" not in step["path"]:
            out.append(f"object:{step['path']}")
        if step["client"] == "kubectl":
            out.append("collection:/api/v1/nodes")
        if step["id"] >= self._ready_from:
            out.append("ready")
        if "resourceVersion" in step["query"]:
            out.append(f"listed:{step['path']}")
        return out

    def _on_connection(self, step: Step) -> int | None:
        earlier = [s for s in self._steps[: step["id"]] if s["conn"] == step["conn"] and not s["watch"]]
        return earlier[-1]["id"] if earlier else None

    def _on_object(self, step: Step) -> int | None:
        if step["watch"]:
            return None
        key = self._keys[step["id"]]
        for other in reversed(self._steps[: step["id"]]):
            if self._keys[other["id"]] == key and other["status"] < 300 and not other["watch"] and _writes(other):
                return int(other["id"])
        return None

    def _namespace(self, step: Step) -> int | None:
        parts = step["path"].split("/")
        if "namespaces" not in parts[3:4] or len(parts) < 6 or step["watch"] or "limit" in step["query"]:
            return None
        return self._created.get("/".join(parts[:5]))

    def _winner(self, step: Step) -> int | None:
        if step["status"] != 409:
            return None
        key = self._keys[step["id"]]
        rivals = [s for s in self._steps if self._keys[s["id"]] == key and s["status"] < 300 and _writes(s)]
        earlier = [rival for rival in rivals if rival["id"] < step["id"]]
        later = [rival for rival in rivals if step["at"] <= rival["at"] <= step["end"]]
        found = earlier[-1:] or later[:1]
        return int(found[0]["id"]) if found else None

    def _mentioned(self, step: Step) -> set[int]:
        out: set[int] = set()
        for name in names(json.dumps([step["path"], step["query"], step["body"]])):
            kind, _, rest = name.partition(":")
            if kind == "name":
                out.add(int(rest))
            elif kind == "uid" and rest in self._created:
                out.add(self._created[rest])
        return {number for number in out if number < step["id"]}

    def _account(self, step: Step) -> set[int]:
        """kubectl comes through an impersonating account: its binding, and the last look at its secret."""
        earlier = [other for other in self._steps[: step["id"]] if other["status"] < 300]
        looks = [s for s in earlier if "cattle-impersonation-system/secrets/" in s["path"] and s["method"] == "GET"]
        bound = [s for s in earlier if s["method"] == "POST" and "/cattle-imp" in self._keys[s["id"]]]
        return {other["id"] for other in [*looks[-1:], *bound]}


def _writes(step: Step) -> bool:
    return step["method"] in ("POST", "PUT", "PATCH", "DELETE")


def _first_after_ready(steps: list[Step]) -> int:
    """Provider detection begins when the first probe has succeeded: the first list of nodes that is no informer's."""
    for step in steps:
        if step["path"] == "/api/v1/nodes" and not step["watch"] and step["query"].get("limit") != "500":
            return int(step["id"])
    return len(steps)


def _anchor(steps: list[Step]) -> None:
    """Times of steps count from ``start``, from ``ready``, or from when the agent's namespace ``local`` is there."""
    local = "/api/v1/namespaces/local"
    for anchor, mine in (
        (f"object:{local}", [s for s in steps if s["path"].startswith(local)]),
        ("ready", [s for s in steps if "ready" in s["needs"]]),
    ):
        for step in mine:
            step["anchor"] = anchor
        origin = min((step["at"] for step in mine), default=0.0)
        for step in mine:
            step["at"] = round(step["at"] - origin, 3)


def _mark(steps: list[Step]) -> None:
    """``admins``: the global administrators' binding is made; ``deployed``: Rancher looked at what kubectl applied."""
    for step in steps:
        if step["method"] == "POST" and "/globaladmin-" in object_key(step):
            step["marks"].append("admins")
    applied = [s["id"] for s in steps if s["method"] == "PATCH" and s["client"] == "kubectl"]
    looks = [s for s in steps if s["path"].endswith("/deployments/cattle-cluster-agent") and s["client"] == "rancher"]
    for step in looks:
        if applied and step["id"] > applied[0] and step["method"] == "GET":
            step["marks"].append("deployed")
            step["after"] = sorted({*step["after"], applied[0]})
            break
    for step in looks:
        if step["method"] == "PUT":
            step["marks"].append("upgraded")
