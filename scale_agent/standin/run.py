"""One script against one cluster: a state machine without I/O. Requests come out, answers go in.

The owner asks :meth:`ScriptRun.due` for the requests to send now, tells what came back, and asks
:attr:`ScriptRun.next_due` when to look again. Times are seconds of the clock that the owner passes in.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from scale_agent.standin import checks, codec, templates
from scale_agent.standin.memory import Memory, Renewal
from scale_agent.standin.paths import collection_kind
from scale_agent.standin.steps import Script, Step
from scale_agent.standin.watches import WatchReader

#: Rancher's clients give up a request after this (rest.Config.Timeout, protocol section 3.2).
ANSWER_LIMIT_S = 45.0
#: After this a need that is not met is reported (a real informer start gives up after ten minutes).
PATIENCE_S = 90.0
RETRY_S = 0.2
LOST_RETRY_S = 1.0
MAX_TRIES = 50
REWATCH_S = 1.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send now on the connection labelled ``conn``; a watch keeps that connection."""

    step: int
    conn: int
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    watch: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that Rancher could not have used. ``at_s`` counts from the start of the run."""

    at_s: float
    request: str
    client: str
    what: str


class ScriptRun:
    """See the module. ``lookup`` gives the values of the cluster's own placeholders (``cluster``, ``token`` …)."""

    def __init__(
        self,
        script: Script,
        lookup: templates.Lookup,
        *,
        speed: float = 1.0,
        on_mark: Callable[[str], None] | None = None,
    ) -> None:
        self.script = script
        self.problems: list[Problem] = []
        self.requests = 0
        self.conflicts = 0
        self.memory = Memory(script.wanted, lookup)
        self._speed = speed
        self._on_mark = on_mark or (lambda name: None)
        self._started_s = 0.0
        self._anchors: dict[str, float] = {}
        self._unmet = [len(step.after) + len(step.needs) + 1 for step in script.steps]
        self._waiting: dict[str, list[int]] = {}
        self._heap: list[tuple[float, int]] = []
        self._sent: dict[int, float] = {}
        self._tries: dict[int, int] = {}
        self._refreshing: set[int] = set()
        self._asked: dict[int, checks.Asked] = {}
        self._broken: set[int] = set()
        self._watches: dict[int, WatchReader] = {}
        self._unsynced = set(script.first_watches)
        self._done: set[int] = set()
        self._expect()

    def _expect(self) -> None:
        for step in self.script.steps:
            for need in (*step.needs, step.anchor):
                self._waiting.setdefault(self._fill(need), []).append(step.id)

    def _fill(self, text: str) -> str:
        return templates.fill_text(text, self.memory.value)

    # --- what the owner calls ---

    def start(self, now: float) -> None:
        """The main tunnel is there; the first requests are due at once."""
        self._started_s = now
        self.signal("start", now)

    def signal(self, fact: str, now: float) -> None:
        """Something that steps wait for is true (``start``, ``ready``); repeated calls do nothing."""
        if fact in self._anchors:
            return
        self._anchors[fact] = now
        for number in self._waiting.pop(fact, ()):
            self._met(number, now)

    def due(self, now: float) -> list[Outgoing]:
        """Requests to send now, in order; also gives up those that were not answered in time."""
        self._give_up(now)
        out: list[Outgoing] = []
        while self._heap and self._heap[0][0] <= now:
            _, number = heapq.heappop(self._heap)
            out.append(self._outgoing(self.script.steps[number], now))
        self.requests += len(out)
        return out

    @property
    def next_due(self) -> float | None:
        """When :meth:`due` will have something to do if nothing comes in before; ``None``: never."""
        times = [self._heap[0][0]] if self._heap else []
        pending = [sent for number, sent in self._sent.items() if number not in self._watches]
        if pending:
            times.append(min(pending) + ANSWER_LIMIT_S)
        return min(times, default=None)

    @property
    def finished(self) -> bool:
        """True when every step was answered, except the watches, which stay open."""
        return all(step.id in self._done for step in self.script.steps if not step.watch)

    @property
    def waiting_for(self) -> list[str]:
        """Facts that steps still wait for, for the report."""
        return sorted(self._waiting)

    def answered(self, number: int, status: int, content_type: str, body: bytes, now: float) -> None:
        """The complete answer to a request that is no watch."""
        step = self.script.steps[number]
        self._sent.pop(number, None)
        answer = codec.decode(content_type, body)
        try:
            self._take(step, status, content_type, answer, now)
        except (AttributeError, TypeError, KeyError, ValueError) as error:
            shape = f"{type(error).__name__}: {error}"
            self._problem(step, f"the answer's parts are not of the expected shape: {shape}", now)
            self._finish(step, now)

    def _take(self, step: Step, status: int, content_type: str, answer: Any, now: float) -> None:
        if step.id in self._refreshing:
            self._refreshed(step, status, answer, now)
            return
        asked = self._asked.pop(step.id, None) or checks.Asked(self._fill(step.path), None)
        verdict = checks.judge(step, asked, status, content_type, answer)
        if verdict.retry and self._again(step.id, now, RETRY_S):
            self._after_conflict(step)
            return
        if verdict.problem:
            self._problem(step, verdict.problem, now)
        self._learn(step, status, answer, now)
        self._finish(step, now)

    def watch_started(self, number: int, status: int, content_type: str, now: float) -> bool:
        """A watch's headers came; False (and a problem) when it cannot be used."""
        step = self.script.steps[number]
        if status != 200:
            self._problem(step, f"the watch was answered {status}", now)
            return False
        self._tries.pop(number, None)
        self._broken.discard(number)
        self._watches[number] = WatchReader(content_type, collection_kind(step.path), self.memory.interested)
        if "sendInitialEvents" not in step.query:
            self._synced(number, now)
        return True

    def watch_data(self, number: int, data: bytes, now: float) -> None:
        """Bytes of a watch's body."""
        step = self.script.steps[number]
        reader = self._watches.get(number)
        if reader is None:
            return
        for kind, obj in reader.receive(data):
            self._event(step, kind, obj, now)
        if reader.broken:
            self._problem(step, reader.broken, now)
            reader.broken = ""

    def watch_ended(self, number: int, now: float) -> None:
        """A watch ended in order: it is renewed on its connection, as Rancher does."""
        self._watches.pop(number, None)
        self._sent.pop(number, None)
        heapq.heappush(self._heap, (now + REWATCH_S / self._speed, number))

    def lost(self, number: int, now: float, reason: str) -> None:
        """The connection broke before the answer was complete; the request is made again."""
        self._watches.pop(number, None)
        self._sent.pop(number, None)
        self._asked.pop(number, None)
        if self.script.steps[number].watch:
            self._broken.add(number)
        elif number in self._done:
            return
        if not self._again(number, now, LOST_RETRY_S):
            self._problem(self.script.steps[number], f"the connection was lost again and again: {reason}", now)
            self._finish(self.script.steps[number], now)

    def overdue(self, now: float) -> None:
        """Report what should have happened by now and did not; called by the owner's probes."""
        if self._unsynced and now > self._started_s + PATIENCE_S and "synced" not in self._anchors:
            for number in sorted(self._unsynced):
                self._problem(self.script.steps[number], "no initial-events-end bookmark came", now)
            self._unsynced.clear()

    # --- inside ---

    def _met(self, number: int, now: float) -> None:
        self._unmet[number] -= 1
        if self._unmet[number] == 0:
            step = self.script.steps[number]
            when = self._anchors[self._fill(step.anchor)] + step.at / self._speed
            heapq.heappush(self._heap, (max(now, when), number))

    def _again(self, number: int, now: float, delay_s: float) -> bool:
        self._tries[number] = self._tries.get(number, 0) + 1
        if self._tries[number] > MAX_TRIES:
            return False
        heapq.heappush(self._heap, (now + delay_s / self._speed, number))
        return True

    def _finish(self, step: Step, now: float) -> None:
        if step.id in self._done:
            return
        self._done.add(step.id)
        for mark in step.marks:
            self._on_mark(mark)
        for number in self.script.followers[step.id]:
            self._met(number, now)

    def _problem(self, step: Step, what: str, now: float) -> None:
        if len(self.problems) < 20:
            where = f"{step.method} {self._fill(step.path)}"
            self.problems.append(Problem(round(now - self._started_s, 3), where, step.client, what))
        self._on_mark("problem")

    def _give_up(self, now: float) -> None:
        late = [n for n, sent in self._sent.items() if n not in self._watches and now >= sent + ANSWER_LIMIT_S]
        for number in late:
            del self._sent[number]
            self._problem(self.script.steps[number], f"no answer within {ANSWER_LIMIT_S:.0f} s", now)
            self._finish(self.script.steps[number], now)

    def _outgoing(self, step: Step, now: float) -> Outgoing:
        self._sent[step.id] = now
        path = self._fill(step.path)
        if step.id in self._refreshing:
            return Outgoing(step.id, step.conn, "GET", path, self._headers(step, path, body=False), b"", False)
        query = self.memory.query(step, self._renewal(step))
        target = path + ("?" + urlencode(query, safe="/,") if query else "")
        body = self._body(step, path)
        if step.watch:
            self._done.add(step.id)
            self._asked.pop(step.id, None)
        return Outgoing(
            step.id, step.conn, step.method, target, self._headers(step, path, bool(body)), body, step.watch
        )

    def _renewal(self, step: Step) -> Renewal:
        if step.id not in self._done:
            return Renewal.FIRST
        return Renewal.AFTER_LOSS if step.id in self._broken else Renewal.IN_ORDER

    def _headers(self, step: Step, path: str, body: bool) -> tuple[tuple[str, str], ...]:
        recorded = self.script.headers[step.headers]
        out = [(name, self._fill(value)) for name, value in recorded.items() if body or name != "Content-Type"]
        if step.client == "kubectl":
            out.append(("X-Forwarded-Uri", self._fill("/k8s/clusters/${cluster}") + path))
        if "Authorization" not in recorded:  # the older recordings did not keep it
            out.append(("Authorization", "Bearer REDACTED"))
        return tuple((name, self.memory.secret(value, step.client)) for name, value in out)

    def _body(self, step: Step, path: str) -> bytes:
        body = templates.fill(step.body, self.memory.value)
        self._asked[step.id] = checks.Asked(path, body)
        if body is None:
            return b""
        if step.change:
            body = self.memory.changed(path, body, stale=step.stale)
        return codec.encode(body, step.encoding)

    def _after_conflict(self, step: Step) -> None:
        """Rancher takes a newer object from its watch; for kinds that it does not watch it asks again."""
        self.conflicts += 1
        if step.change:
            self._refreshing.add(step.id)

    def _refreshed(self, step: Step, status: int, answer: Any, now: float) -> None:
        self._refreshing.discard(step.id)
        if status == 200 and isinstance(answer, dict):
            self.memory.saw(answer)
        self._again(step.id, now, 0.0)

    def _learn(self, step: Step, status: int, answer: Any, now: float) -> None:
        if not isinstance(answer, dict) or status >= 300:
            return
        facts = self.memory.learn(step, answer)
        for fact in facts:
            self.signal(fact, now)

    def _event(self, step: Step, kind: str, obj: dict[str, Any], now: float) -> None:
        if kind == "ERROR":
            if obj.get("code") != 410:
                self._problem(step, f"the watch said ERROR {obj.get('message', '')}", now)
            return
        version = str(obj.get("metadata", {}).get("resourceVersion", ""))
        if version:
            self.memory.versions[step.id] = version
        if kind == "BOOKMARK":
            notes = obj.get("metadata", {}).get("annotations") or {}
            if notes.get("k8s.io/initial-events-end") == "true":
                self._synced(step.id, now)
            return
        for fact in self.memory.watched(step.path, kind, obj):
            self.signal(fact, now)

    def _synced(self, number: int, now: float) -> None:
        if number not in self._unsynced:
            return
        self._unsynced.discard(number)
        if not self._unsynced:
            self.signal("synced", now)
            self._on_mark("synced")
