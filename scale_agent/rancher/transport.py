"""HTTP to Rancher's REST API: kept connections, one TLS context, one report per attempt.

Written out because it is ten calls per cluster: the requests library took 1.6 ms of CPU each on a busy machine, this
takes 0.5. What is sent is what it sent: the same headers in the same order, bodies as its JSON.
"""

from __future__ import annotations

import json
import socket
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from scale_agent import __version__
from scale_agent.errors import DialError, RancherError
from scale_agent.rancher.answers import ENCODINGS, AnswerReader, TooLargeError
from scale_agent.rancher.calls import CALLS, Call
from scale_agent.rancher.causes import CURES, WHAT, reason_of, refusal, verify_message
from scale_agent.rancher.kept import KeptConnections
from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.upgrade import encode_head
from scale_agent.rancher.url import ServerUrl
from scale_agent.rancher.wire import Deadline

#: Rancher demands CSRF tokens of user agents that contain "mozilla" (protocol 1.1): ours names the project.
USER_AGENT = f"scale-agent/{__version__}"
_HEADERS = (
    ("User-Agent", USER_AGENT),
    ("Accept-Encoding", ENCODINGS),
    ("Accept", "application/json"),
    ("Connection", "keep-alive"),
)
_CHUNK = 1 << 16

Query = Sequence[tuple[str, str]]


def decode_json(body: bytes) -> Any:
    """An object; ``ValueError`` for anything else."""
    data = orjson.loads(body)
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    return data


def decode_nothing(_body: bytes) -> Any:
    """For answers whose body does not matter."""
    return {}


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. ``name`` is from :data:`CALLS`; statuses in ``expected`` are answers, all others refusals.

    ``decode`` turns the body of a status below 400 into data, ``ValueError`` if it cannot be used.
    """

    name: str
    method: str
    path: str
    query: Query = ()
    body: Any = None
    expected: frozenset[int] = frozenset({200})
    authenticated: bool = True
    decode: Callable[[bytes], Any] = decode_json


@dataclass(frozen=True, slots=True)
class Reply:
    """``data``: what ``decode`` made of the body, ``None`` for expected refusals; ``wire_bytes``: as received."""

    status: int
    data: Any
    wire_bytes: int


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for connecting, between two reads, and for an answer altogether."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 120.0


class Transport:
    """Sends :class:`ApiRequest`; any number of threads or greenlets may use one at a time.

    A GET whose kept connection turned out to be closed is sent once more, at once; each attempt is its own
    :class:`Call`. Nothing else is repeated here: repeating belongs to those who know what it measures.
    """

    def __init__(
        self,
        server: ServerUrl,
        tls: TlsPolicy,
        *,
        on_call: Callable[[Call], None] | None = None,
        timeouts: Timeouts | None = None,
        pool_size: int = 1000,
        max_body_bytes: int = 64 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self.authorization = ""
        self._on_call = on_call
        self._timeouts = timeouts or Timeouts()
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._kept = KeptConnections(server, tls, pool_size, clock)
        if server.tls:
            tls.context()  # an unusable RANCHER_CACERT is found before the first request

    def close(self) -> None:
        """Close the kept connections."""
        self._kept.close()

    def send(self, request: ApiRequest) -> Reply:
        """Send, wait, decode. Raises :class:`RancherError`; what happened was reported before."""
        try:
            return self._attempt(request)
        except RancherError as error:
            if request.method != "GET" or error.reason != "closed" or error.status:
                raise
        return self._attempt(request)

    def report(self, name: str, method: str, status: int, started: float, size: int, error: str) -> None:
        """Report a call that did not go through :meth:`send` (a websocket upgrade)."""
        if name not in CALLS:
            raise ValueError(f"{name} is not in the list of calls")
        if self._on_call is not None:
            self._on_call(Call(name, method, status, (self._clock() - started) * 1000, size, error))

    def _attempt(self, request: ApiRequest) -> Reply:
        started = self._clock()
        status, size, error = 0, 0, ""
        try:
            status, body, wire_bytes = self._exchange(request, started)
            size = len(body)
            return Reply(status, _data(request, status, body), wire_bytes)
        except RancherError as problem:
            error, status = problem.reason, problem.status or status
            raise
        finally:
            self.report(request.name, request.method, status, started, size, error)

    def _exchange(self, request: ApiRequest, started: float) -> tuple[int, bytes, int]:
        try:
            answer = self._ask(request, Deadline(started + self._timeouts.total_s, self._clock))
            return answer.status, answer.body, answer.wire_bytes
        except TooLargeError:
            limit = self._max_body_bytes >> 20
            reason, what = "body", f"Rancher's answer is larger than {limit} MiB"
        except DialError as error:
            reason, what = error.reason, WHAT[error.reason]
        except zlib.error:
            reason, what = "protocol", WHAT["protocol"]
        except (OSError, ValueError) as error:
            reason = reason_of(error)
            what = f"{WHAT[reason]}{verify_message(error)}"
        raise RancherError(reason, what, where=self._where(request), cure=CURES.get(reason, ""))

    def _ask(self, request: ApiRequest, deadline: Deadline) -> AnswerReader:
        """One request on a connection of its own for as long as it takes; kept afterwards if the answer allows."""
        payload = self._payload(request)
        sock = self._kept.take(self._timeouts.connect_s)
        answer = AnswerReader(self._max_body_bytes)
        try:
            sock.settimeout(self._timeouts.read_s)
            sock.sendall(payload)
            while not answer.done:
                self._read_some(sock, answer, deadline)
        except BaseException:
            sock.close()
            raise
        if answer.keep_alive:
            self._kept.give(sock)
        else:
            sock.close()
        return answer

    def _read_some(self, sock: socket.socket, answer: AnswerReader, deadline: Deadline) -> None:
        sock.settimeout(min(self._timeouts.read_s, deadline.left_s()))
        data = sock.recv(_CHUNK)
        if data:
            answer.feed(data)
        else:
            answer.feed_eof()

    def _payload(self, request: ApiRequest) -> bytes:
        """The request as bytes. Raises ``ValueError`` for line breaks in its head."""
        query = f"?{urlencode(request.query)}" if request.query else ""
        headers = [("Host", self.server.host_header), *_HEADERS]
        if request.authenticated:
            headers.append(("Authorization", self.authorization))
        body = b""
        if request.body is not None:
            body = json.dumps(request.body).encode()
            headers += [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
        elif request.method != "GET":
            headers.append(("Content-Length", "0"))
        return encode_head(f"{request.method} {request.path}{query} HTTP/1.1", headers) + body

    def _where(self, request: ApiRequest) -> str:
        return f"{request.name} at {self.server}"


def _data(request: ApiRequest, status: int, body: bytes) -> Any:
    if status not in request.expected:
        raise refusal(request.name, status, body)
    if status >= 400:
        return None
    try:
        return request.decode(body)
    except ValueError as error:
        problem = f"Rancher's answer cannot be used: {request.name}: {type(error).__name__}"
        text = str(error) if type(error) is ValueError else "not JSON"
    raise RancherError("body", f"{problem}: {text}", status=status, cure="is this URL a Rancher server?")
