"""What simulated containers write: lines that depend on the container and the time, and on nothing else.

A container writes a few lines when it starts and one every few seconds from then on. Any stretch of its output can be
made at any time, so nothing is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

#: How many lines a container runtime keeps: older files were rotated away.
KEPT = 2000
#: Between two lines of a start, and from the start to the first line of the routine (seconds).
_START_STEP_S = 0.11
_ROUTINE_AFTER_S = 3.0
_PERIODS_S = (5, 7, 10, 15, 20, 30)


@dataclass(frozen=True, slots=True)
class Words:
    """What programs of one kind say when they start, and later in turn."""

    start: tuple[str, ...]
    routine: tuple[str, ...]


_WEB = Words(
    (
        "/entrypoint.sh: configuration is complete, starting the server",
        "{date} [notice] 1#1: using the event method epoll",
        "{date} [notice] 1#1: start worker processes",
        "{date} [notice] 1#1: worker process {pid} started",
    ),
    (
        '{client} - - [{clf}] "GET /healthz HTTP/1.1" 200 2 "-" "kube-probe/1.36"',
        '{client} - - [{clf}] "GET / HTTP/1.1" 200 {size} "-" "Mozilla/5.0"',
        '{client} - - [{clf}] "GET /favicon.ico HTTP/1.1" 404 153 "-" "Mozilla/5.0"',
        '{client} - - [{clf}] "POST /api/items HTTP/1.1" 201 {size} "-" "curl/8.7.1"',
    ),
)
_DNS = Words(
    (".:53", "[INFO] plugin/reload: running configuration hash {hex}", "linux/amd64, go1.26"),
    (
        '[INFO] {client}:{port} - {pid} "A IN kubernetes.default.svc.cluster.local. udp 54 false 512" NOERROR {ms}ms',
        '[INFO] {client}:{port} - {pid} "AAAA IN example.org. udp 29 false 512" NOERROR {ms}ms',
    ),
)
_AGENT = Words(
    (
        'time="{iso}" level=info msg="Starting the cluster agent"',
        'time="{iso}" level=info msg="Listening on /tmp/log.sock"',
        'time="{iso}" level=info msg="Connecting to the server"',
        'time="{iso}" level=info msg="Connected; waiting for requests"',
    ),
    (
        'time="{iso}" level=info msg="Synchronized {n} objects in {ms}ms"',
        'time="{iso}" level=debug msg="Session is alive"',
    ),
)
_DATABASE = Words(
    (
        "{date} UTC [1] LOG:  starting the database system",
        "{date} UTC [1] LOG:  listening on port 5432",
        "{date} UTC [1] LOG:  database system is ready to accept connections",
    ),
    (
        "{date} UTC [{pid}] LOG:  checkpoint starting: time",
        "{date} UTC [{pid}] LOG:  checkpoint complete: wrote {n} buffers in {ms} ms",
    ),
)
_CONTROLLER = Words(
    (
        'I{klog} {pid} main.go:52] "Starting" image="{image}"',
        'I{klog} {pid} server.go:118] "Serving health checks" address=":8081"',
        "I{klog} {pid} leaderelection.go:257] attempting to acquire leader lease {pod}...",
        "I{klog} {pid} leaderelection.go:271] successfully acquired lease {pod}",
    ),
    (
        'I{klog} {pid} controller.go:231] "Reconciled" items={n} duration="{ms}ms"',
        'I{klog} {pid} reflector.go:946] "Watch closed" items={n}',
    ),
)
_ANY = Words(
    (
        '{{"level":"info","time":"{iso}","msg":"starting","image":"{image}"}}',
        '{{"level":"info","time":"{iso}","msg":"configuration loaded"}}',
        '{{"level":"info","time":"{iso}","msg":"ready","startup_ms":{ms}}}',
    ),
    (
        '{{"level":"info","time":"{iso}","msg":"request","method":"GET","path":"/","status":200,"ms":{ms}}}',
        '{{"level":"info","time":"{iso}","msg":"processed","items":{n},"ms":{ms}}}',
        '{{"level":"debug","time":"{iso}","msg":"cache refreshed","entries":{size}}}',
    ),
)
#: What a word in an image's name says about its program; the first that fits counts.
_KINDS = (
    ("agent", _AGENT),
    ("coredns", _DNS),
    ("nginx", _WEB),
    ("httpd", _WEB),
    ("ingress", _WEB),
    ("postgres", _DATABASE),
    ("mysql", _DATABASE),
    ("mariadb", _DATABASE),
    ("controller", _CONTROLLER),
    ("operator", _CONTROLLER),
    ("proxy", _CONTROLLER),
    ("provisioner", _CONTROLLER),
    ("metrics", _CONTROLLER),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its newline, and when it was written (seconds since 1970)."""

    at_s: float
    text: str

    def render(self, stamped: bool) -> bytes:
        """As the kubelet sends it."""
        return f"{nano_stamp(self.at_s)} {self.text}\n".encode() if stamped else f"{self.text}\n".encode()


class Output:
    """All that one run of a container writes. ``seed`` names the run; times are seconds since 1970."""

    __slots__ = ("_end_s", "_image", "_period_s", "_pod", "_seed", "_start_s", "_words")

    def __init__(self, seed: str, pod: str, image: str, start_s: float, end_s: float | None = None) -> None:
        self._seed = seed
        self._pod = pod
        self._image = image
        self._start_s = start_s
        self._end_s = end_s
        self._words = next((words for name, words in _KINDS if name in image), _ANY)
        self._period_s = float(_PERIODS_S[self._draw(-1) % len(_PERIODS_S)])

    def count(self, now: float) -> int:
        """How many lines were written until ``now``."""
        now = min(now, self._end_s) if self._end_s is not None else now
        first = len(self._words.start)
        routine = int((now - self._start_s - _ROUTINE_AFTER_S) // self._period_s)
        number = max(first + routine, 0) if routine >= 0 else 0
        while self.at(number) <= now:
            number += 1
        return number

    def lines(self, first: int, end: int) -> Iterator[Line]:
        """The lines from number ``first`` to before ``end``."""
        return (Line(self.at(number), self._text(number)) for number in range(first, end))

    def at(self, number: int) -> float:
        """When a line is written; later for every line, infinity when the run is over before."""
        first = len(self._words.start)
        if number < first:
            at_s = self._start_s + number * _START_STEP_S
        else:
            within = (self._draw(number) % 900) / 1000
            at_s = self._start_s + _ROUTINE_AFTER_S + (number - first + within) * self._period_s
        return float("inf") if self._end_s is not None and at_s > self._end_s else at_s

    def _text(self, number: int) -> str:
        first = len(self._words.start)
        drawn = self._draw(number)
        routine = self._words.routine
        template = self._words.start[number] if number < first else routine[drawn % len(routine)]
        moment = datetime.fromtimestamp(self.at(number), UTC)
        return template.format(
            iso=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            date=moment.strftime("%Y/%m/%d %H:%M:%S"),
            clf=moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            klog=moment.strftime("%m%d %H:%M:%S.%f"),
            client=f"10.42.0.{drawn % 250 + 2}",
            port=30000 + drawn % 20000,
            pid=self._draw(-2) % 60 + 7,
            size=drawn % 4000 + 200,
            ms=drawn % 90 + 1,
            n=drawn % 40 + 1,
            hex=f"{drawn:08x}",
            pod=self._pod,
            image=self._image,
        )

    def _draw(self, number: int) -> int:
        digest = hashlib.blake2b(f"{self._seed}/{number}".encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big")


def nano_stamp(at_s: float) -> str:
    """RFC 3339 with nine digits, as container runtimes stamp lines."""
    whole = int(at_s)
    nanos = int((at_s - whole) * 10**9)
    return f"{datetime.fromtimestamp(whole, UTC).strftime('%Y-%m-%dT%H:%M:%S')}.{nanos:09d}Z"
