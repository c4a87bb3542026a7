"""From what happens to one cluster to Locust's request events and to records: the observers of a process.

Everything that reaches Locust's statistics has a name from :mod:`scale_agent.load.names`.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from locust.event import EventHook

from scale_agent.cluster.ports import DialTimings
from scale_agent.load import names
from scale_agent.load.clock import PhaseClock
from scale_agent.load.names import CountedError, reason_of
from scale_agent.load.sinks import Sink
from scale_agent.records import Record

#: Whose work a greenlet does: REST calls of a shared client are recorded for this cluster.
current_cluster: contextvars.ContextVar[str] = contextvars.ContextVar("current_cluster", default="")


class RestCall(Protocol):
    """What ``rancher.Call`` tells about one REST call."""

    @property
    def name(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def duration_ms(self) -> float: ...
    @property
    def size(self) -> int: ...
    @property
    def error(self) -> str: ...


#: Texts of survived errors are for people; what is longer than this is no message any more.
_LONGEST_TEXT = 200


@dataclass(slots=True)
class ServedTally:
    """Served requests of one kind since the last flush."""

    n: int = 0
    sum_ms: float = 0.0
    max_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0


class Meter:
    """One per process and run. ``now`` is Unix time in seconds; it stamps records and measures nothing."""

    def __init__(self, requests: EventHook, sink: Sink, now: Callable[[], float] = time.time) -> None:
        self._fire: Callable[..., None] = requests.fire
        self._sink = sink
        self._now = now
        self._served: dict[tuple[str, str, int], ServedTally] = {}

    def request(self, kind: str, name: str, ms: float | None, size: int = 0, reason: str = "") -> None:
        """Fire one Locust request event; a ``reason`` makes it a failure."""
        self._fire(
            request_type=kind,
            name=name,
            response_time=ms,
            response_length=size,
            exception=CountedError(reason) if reason else None,
            context={},
        )

    def record(
        self,
        kind: str,
        name: str,
        cluster: str = "",
        ms: float = -1.0,
        error: str = "",
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Write one record."""
        self._sink.put(Record(kind, name, self._now(), cluster, ms, error, detail or {}))

    def rest(self, call: RestCall) -> None:
        """A REST call ended: ``on_call`` of the client."""
        reason = reason_of(call.error) if call.error else ""
        name = f"{call.method} {call.name}"
        self.request(names.REST, name, call.duration_ms, call.size, reason)
        self.record(
            "request",
            name,
            current_cluster.get(),
            call.duration_ms,
            reason,
            detail={"status": call.status, "bytes": call.size},
        )

    def serve(self, verb: str, resource: str, status: int, ms: float, size_in: int, size_out: int) -> None:
        """A tunnelled request was answered; an answer from 500 on is a failure of ours.

        Locust's table has one row per verb (with one per resource it would have a hundred); records have both.
        """
        self.request(
            names.SERVED, names.one_of(verb, names.VERBS), ms, size_out, f"status {status}" if status >= 500 else ""
        )
        tally = self._served.setdefault((verb, resource, status), ServedTally())
        tally.n += 1
        tally.sum_ms += ms
        tally.max_ms = max(tally.max_ms, ms)
        tally.bytes_in += size_in
        tally.bytes_out += size_out

    def flush_served(self) -> None:
        """Write one record per verb, resource and status that was served since the last time."""
        served, self._served = self._served, {}
        for (verb, resource, status), tally in served.items():
            self.record(
                "served",
                names.served_name(verb, resource),
                ms=tally.sum_ms / tally.n,
                detail={
                    "status": status,
                    "n": tally.n,
                    "max_ms": round(tally.max_ms, 3),
                    "bytes_in": tally.bytes_in,
                    "bytes_out": tally.bytes_out,
                },
            )


class ClusterObserver:
    """``cluster.ports.Observer`` for one cluster."""

    __slots__ = ("_clock", "_meter", "name")

    def __init__(self, name: str, meter: Meter, clock: PhaseClock) -> None:
        self.name = name
        self._meter = meter
        self._clock = clock

    def phase(self, name: str) -> None:
        """A milestone; the first time counts."""
        ms = self._clock.mark(name)
        if ms is not None:
            self._meter.request(names.PHASE, name, ms)
            self._meter.record("phase", name, self.name, ms)

    def agent_request(self, name: str, duration_ms: float, size: int, error: str | None) -> None:
        """The agent's own HTTPS request."""
        known, reason = names.one_of(name, names.AGENT_NAMES), reason_of(error) if error else ""
        self._meter.request(names.AGENT, known, duration_ms, size, reason)
        self._meter.record("request", f"agent {known}", self.name, duration_ms, reason, {"bytes": size})

    def handshake(self, tunnel: str, timings: DialTimings | None, duration_ms: float, error: str | None) -> None:
        """A tunnel's handshake; its steps are requests of their own when it succeeded."""
        known, reason = names.one_of(tunnel, names.TUNNELS), reason_of(error) if error else ""
        self._meter.request(names.TUNNEL, known, duration_ms, 0, reason)
        detail: dict[str, object] = {}
        if timings is not None:
            for step in ("tcp", "tls", "upgrade"):
                ms: float = getattr(timings, f"{step}_ms")
                detail[f"{step}_ms"] = round(ms, 3)
                self._meter.request(names.TUNNEL, f"{known} {step}", ms)
        self._meter.record("handshake", known, self.name, duration_ms, reason, detail)

    def tunnel_lost(self, tunnel: str, reason: str) -> None:
        """An open tunnel ended, and not by us."""
        known, why = names.one_of(tunnel, names.TUNNELS), reason_of(reason) or names.OTHER
        self._meter.request(names.TUNNEL, f"{known} lost", None, 0, why)
        self._meter.record("lost", known, self.name, error=why)

    def served(
        self, verb: str, resource: str, status: int, duration_ms: float, request_size: int, response_size: int
    ) -> None:
        """A tunnelled request was answered."""
        self._meter.serve(verb, resource, status, duration_ms, request_size, response_size)

    def error(self, reason: str, text: str) -> None:
        """Something that the cluster survives."""
        known = reason_of(reason)
        self._meter.record(
            "error", known, self.name, error=known, detail={"text": text[:_LONGEST_TEXT]} if text else None
        )
