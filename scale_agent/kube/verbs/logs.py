"""pods/log: what a container wrote and goes on to write (registry/core/pod, LogLocation; the kubelet's answers)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scale_agent.kube import query, status
from scale_agent.kube.codec import gonumbers, moments, times
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.core import Core
from scale_agent.kube.http import Delivered, Headers, Response
from scale_agent.kube.representation import negotiation
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.history import Event, EventType
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs import containers
from scale_agent.kube.verbs.call import Call
from scale_agent.kube.verbs.log_lines import KEPT, Line, Output

_TEXT = "text/plain"
_PODS = ("", "pods")
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_PULLS = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


@dataclass(frozen=True, slots=True)
class LogOptions:
    """PodLogOptions. ``since_s`` is a time; ``tail`` and ``limit_bytes`` are ``None`` for all."""

    container: str
    follow: bool
    previous: bool
    timestamps: bool
    since_s: float
    tail: int | None
    limit_bytes: int | None


def read(call: Call) -> Response | LogStream:
    """GET …/pods/{name}/log."""
    negotiation.choose(call.request.headers.get("accept", ""), transforms=False)
    options = _options(call)
    pod = call.current().object()
    container = containers.chosen(pod, options.container)
    if not pod["spec"].get("nodeName"):
        return Response(204, call.headers(_TEXT), b"")
    if call.core.store.get(("", "nodes"), "", pod["spec"]["nodeName"]) is None:
        raise status.not_found("pods", "", pod["spec"]["nodeName"])  # the resource is the request's: a quirk
    output = _output(call, pod, container, previous=options.previous)
    tail = _Tail(output, options, call.now)
    if not options.follow:
        return Response(200, call.headers(_TEXT), tail.take(call.now))
    return LogStream(call.core, call.route.namespace, call.route.name, tail, call.headers(_TEXT), call.now)


# -- options ---------------------------------------------------------------------------------------------------------


def _options(call: Call) -> LogOptions:
    asked = query.parse_query(call.request.query)
    numbers = {name: _number(asked.get(name)) for name in ("tailLines", "limitBytes", "sinceSeconds")}
    since_time = _time(asked.get("sinceTime"))
    causes = _causes(numbers, since_time, asked)
    if causes:
        raise status.invalid("PodLogOptions", "", call.route.name, causes)
    since_s = since_time or 0.0
    if numbers["sinceSeconds"] is not None:
        since_s = call.now - numbers["sinceSeconds"]
    return LogOptions(
        container=asked.get("container", ""),
        follow=_flag(asked.get("follow")),
        previous=_flag(asked.get("previous")),
        timestamps=_flag(asked.get("timestamps")),
        since_s=since_s,
        tail=numbers["tailLines"],
        limit_bytes=numbers["limitBytes"],
    )


def _number(text: str | None) -> int | None:
    if not text:
        return None
    try:
        return gonumbers.parse_int(text)
    except ValueError as error:
        raise status.bad_request(str(error)) from error


def _time(text: str | None) -> float | None:
    if not text:
        return None
    try:
        return times.parse(text).timestamp()
    except DecodeError as error:
        raise status.bad_request(error.what) from error


def _flag(text: str | None) -> bool:
    return text is not None and text.lower() not in ("false", "0")


def _causes(numbers: dict[str, int | None], since_time: float | None, asked: query.Query) -> list[Cause]:
    """ValidatePodLogOptions."""
    found = []
    least = {"tailLines": (0, "must be greater than or equal to 0"), "limitBytes": (1, "must be greater than 0")}
    both = numbers["sinceSeconds"] is not None and since_time is not None
    if not both:
        least["sinceSeconds"] = (1, "must be greater than 0")
    for name, (smallest, why) in least.items():
        number = numbers[name]
        if number is not None and number < smallest:
            found.append(status.invalid_value(name, str(number), why))
    if both:
        why = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        found.append(status.forbidden_field("[]", why))
    if "stream" in asked:
        found.append(status.forbidden_field("stream", "may not be specified"))
    return found


# -- which run of which container ------------------------------------------------------------------------------------


def _output(call: Call, pod: Obj, container: Obj, *, previous: bool) -> Output:
    """What the container wrote in this run, or in the one before. Raises the kubelet's 400."""
    name = container["name"]
    state = _status_of(pod, name)
    current, last = state.get("state") or {}, (state.get("lastState") or {}).get("terminated")
    about = f'container "{name}" in pod "{call.route.name}"'
    run, number = current.get("running") or current.get("terminated"), int(state.get("restartCount") or 0)
    if previous:
        if last is None:
            raise status.bad_request(f"previous terminated {about} not found")
        run, number = last, number - 1
    elif run is None and last is not None:
        run, number = last, number - 1
    elif run is None:
        raise status.bad_request(_not_yet(about, current.get("waiting")))
    begun = _seconds(run.get("startedAt")) or _seconds(pod["metadata"].get("creationTimestamp")) or call.now
    seed = f"{pod['metadata']['uid']}/{name}/{number}"
    return Output(seed, call.route.name, container.get("image", ""), begun, _seconds(run.get("finishedAt")))


def _status_of(pod: Obj, name: str) -> Obj:
    for member in _STATUSES:
        for one in pod["status"].get(member) or ():
            if one["name"] == name:
                return dict(one)
    message = f'container "{name}" in pod "{pod["metadata"]["name"]}" is not available'
    raise status.bad_request(message)


def _not_yet(about: str, waiting: Obj | None) -> str:
    if waiting is None:
        return f"{about} is waiting to start - no logs yet"
    reason = waiting.get("reason") or ""
    return f"{about} is waiting to start: {_PULLS.get(reason, reason)}"


def _seconds(text: Any) -> float | None:
    return moments.parse(text) if text else None


# -- the lines -------------------------------------------------------------------------------------------------------


class _Tail:
    """What is still to be sent of an output."""

    __slots__ = ("_bytes_left", "_next", "_options", "output")

    def __init__(self, output: Output, options: LogOptions, now: float) -> None:
        self.output = output
        self._options = options
        self._bytes_left = options.limit_bytes
        written = output.count(now)
        kept = KEPT if options.tail is None else min(options.tail, KEPT)
        self._next = max(written - kept, 0)

    @property
    def over(self) -> bool:
        """Whether nothing more may be sent."""
        return self._bytes_left == 0

    @property
    def due_s(self) -> float:
        """When the next line is written."""
        return self.output.at(self._next)

    def take(self, now: float) -> bytes:
        """The lines that were written until ``now``, once."""
        end = self.output.count(now)
        lines = self.output.lines(self._next, end)
        self._next = max(self._next, end)
        wanted: list[Line] = [line for line in lines if line.at_s >= self._options.since_s]
        data = b"".join(line.render(self._options.timestamps) for line in wanted)
        if self._bytes_left is not None:
            data = data[: self._bytes_left]
            self._bytes_left -= len(data)
        return data


class LogStream:
    """A log that goes on, as a :class:`~scale_agent.kube.http.Watch`: it ends with its container."""

    __slots__ = (
        "_core",
        "_ended",
        "_name",
        "_namespace",
        "_pending",
        "_tail",
        "delivered",
        "headers",
        "on_readable",
        "status",
    )

    def __init__(self, core: Core, namespace: str, name: str, tail: _Tail, headers: Headers, now: float) -> None:
        self.status = 200
        self.headers = headers
        self.on_readable: Callable[[], None] | None = None
        self.delivered: Delivered | None = None  # a log's lines are no events: nothing is added
        self._core = core
        self._namespace, self._name = namespace, name
        self._tail = tail
        self._pending = b""
        self._ended = False
        core.store.log(_PODS).follow(namespace, self)
        self._go_on(now)

    def read(self, max_bytes: int) -> bytes:
        """What was written and not yet read."""
        data, self._pending = self._pending[:max_bytes], self._pending[max_bytes:]
        return data

    @property
    def drained(self) -> bool:
        """Whether all was read for now."""
        return not (self._pending or self._ended)

    @property
    def ended(self) -> bool:
        """Whether all was read and nothing will come."""
        return self._ended and not self._pending

    def close(self) -> None:
        """Nobody listens any more."""
        self._ended, self._pending = True, b""
        self._core.store.log(_PODS).unfollow(self._namespace, self)

    def changed(self, event: Event) -> None:
        """The pod's end is the log's."""
        if event.type is EventType.DELETED and event.after.name == self._name:
            self._finish()

    def finish(self) -> None:
        """The resource's history is over."""
        self._finish()

    def _go_on(self, now: float) -> None:
        if self._ended:
            return
        data = self._tail.take(now)
        self._pending += data
        if self._tail.over or self._tail.due_s == float("inf"):
            self._finish()
        else:
            self._core.schedule.at(self._tail.due_s, self._go_on)
            if data:
                self._tell()

    def _finish(self) -> None:
        if not self._ended:
            self._ended = True
            self._core.store.log(_PODS).unfollow(self._namespace, self)
            self._tell()

    def _tell(self) -> None:
        if self.on_readable is not None:
            self.on_readable()
