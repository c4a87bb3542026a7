"""The simulated API server as the scenarios' other end: its controllers run, its kubelets and its scheduler do not."""

from __future__ import annotations

from typing import Any

import orjson

from scale_agent.kube.codec import moments
from scale_agent.kube.storage.snapshot import Snapshot
from tests.kube.controllers.looks import Look, collections
from tests.kube.testbed import VERSION, Bed, FixedIdentity

Obj = dict[str, Any]
#: What the recorded control plane did not have.
WITHOUT = ("kubelet", "kube-scheduler", "provisioner", "node-heartbeat")
#: A step waits until nothing has changed for so long (seconds): the recorder's.
SETTLE_S = 2.0
_START_S = 1_800_000_000.0
_PLAIN = Snapshot.build([], version=VERSION, now=_START_S, without=WITHOUT)


class Ours:
    """Implements ``scenarios.Play``. ``second``: of the minute in which the recording began."""

    def __init__(self, second: int = 0) -> None:
        self.bed = Bed(_PLAIN, FixedIdentity())
        self.bed.now_s = _START_S - _START_S % 60 + 60 + second
        self.started = self.bed.now_s
        self.namespace, self.cluster = "controllers-ours-x", "cl-ours-x"
        self.look = Look(self.namespace, self.cluster)
        self.steps: list[Obj] = []
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.bed.advance(1.5)

    def _filled(self, text: str) -> str:
        text = text.replace("{ns}", self.namespace).replace("{c}", self.cluster)
        return text.replace("{now}", moments.stamp(self.bed.now_s))

    def call(self, method: str, path: str, body: object = None, media: str = "application/json") -> Obj:
        path, _, query = self._filled(path).partition("?")
        filled = self._filled(orjson.dumps(body).decode()).encode() if body is not None else None
        parameters: Obj = dict(pair.split("=", 1) for pair in query.split("&")) if query else {}
        answer = self.bed.ask(method, path, filled, media=media, agent="player/1", **parameters)
        assert answer.status < 400, (method, path, answer.body)
        found: Obj = orjson.loads(answer.body)
        return found

    def wait(self, seconds: float) -> None:
        self.bed.advance(seconds)

    def step(self, name: str) -> None:
        self.bed.advance(SETTLE_S)
        found = {}
        for plural, path in collections(self.namespace):
            answer = orjson.loads(self.bed.ask("GET", path).body)
            found[plural] = [dict(one) for one in answer.get("items") or ()]
        self.steps.append({"name": name, "found": self.look.taken(found)})
