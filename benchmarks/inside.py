"""The simulated API server in this process, without a wire: CPU per request, and per change that watches see."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import unquote

import orjson

from benchmarks.questions import FURNITURE, MAPS, QUESTIONS, Question, config_map
from scale_agent.cluster.identity import ClusterIdentity
from scale_agent.cluster.profile import Profile
from scale_agent.cluster.runtime import ManualRuntime
from scale_agent.kube.http import Request, Response, Watch
from scale_agent.kube.server import ApiServer

WATCHERS = (1, 10, 100)
_CHANGES = 100


class Inside:
    """One cluster's API server with a clock by hand."""

    def __init__(self, runtime: ManualRuntime, profile: Profile, seed: str = "bench") -> None:
        identity = ClusterIdentity(seed, runtime.authority(seed, profile.host).ca_pem)
        self.api = ApiServer(runtime.snapshot(profile), identity, rbac=profile.rbac)
        self.now_s = runtime.clock() + 1

    def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        accept: str = "application/json",
        media: str = "application/json",
    ) -> Response | Watch:
        """One request."""
        path, _, query = target.partition("?")
        headers = {"accept": accept, "content-type": media, "user-agent": "bench/1"}
        return self.api.handle(Request(method, unquote(path), query, headers, body), self.now_s)

    def furnish(self) -> None:
        """Make what the questions ask about."""
        for path, obj in FURNITURE:
            answer = self.ask("POST", path, orjson.dumps(obj))
            if answer.status != 201:
                raise RuntimeError(f"{path} answered {answer.status}")
            self.now_s += 1
            self.api.advance(self.now_s)

    def cpu_us(self, question: Question, first: int) -> float:
        """CPU per request of one run, microseconds; the numbers of the run begin at ``first``."""
        numbers = range(first, first + question.repeat)
        asked = [(question.path(number), question.encoded(number)) for number in numbers]
        start = time.process_time()
        for target, body in asked:
            self.ask(question.method, target, body, question.accept, question.media)
        return (time.process_time() - start) / question.repeat * 1e6


def requests(runtime: ManualRuntime, profile: Profile, runs: int) -> dict[str, list[float]]:
    """CPU per request by the kind of request: one value per run, microseconds."""
    server = Inside(runtime, profile)
    server.furnish()
    found: dict[str, list[float]] = {question.name: [] for question in QUESTIONS}
    for run in range(runs + 1):
        for question in QUESTIONS:
            value = server.cpu_us(question, run * 1000)
            if run:  # the first run compiles and fills caches
                found[question.name].append(value)
        server.now_s += 60
        server.api.advance(server.now_s)
    return found


def changes(runtime: ManualRuntime, profile: Profile, runs: int) -> dict[int, list[float]]:
    """CPU per change and its delivery to so many watchers, microseconds; JSON, the change itself included."""
    return {count: [_delivered(runtime, profile, count) for _ in range(runs)] for count in WATCHERS}


def _delivered(runtime: ManualRuntime, profile: Profile, count: int) -> float:
    server = Inside(runtime, profile, f"watchers-{count}")
    server.furnish()
    opened = [server.ask("GET", f"{MAPS}?watch=true&resourceVersion={_version(server)}") for _ in range(count)]
    watches = [watch for watch in opened if not isinstance(watch, Response)]
    if len(watches) != count:
        raise RuntimeError("a watch was refused")
    bodies = [orjson.dumps(config_map("listed-1") | {"data": {"n": str(number)}}) for number in range(_CHANGES)]
    start = time.process_time()
    for body in bodies:
        server.ask("PUT", f"{MAPS}/listed-1", body)
        _read(watches)
    return (time.process_time() - start) / _CHANGES * 1e6


def _version(server: Inside) -> int:
    return server.api.core.store.rv


def _read(watches: Sequence[Watch]) -> None:
    for watch in watches:
        if not watch.read(1 << 16):
            raise RuntimeError("a watch saw nothing of a change")
