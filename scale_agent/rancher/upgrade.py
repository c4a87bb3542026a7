"""Opening a websocket as the agent's dialer does: the same headers in the same order, each step timed.

The recorded dialer (frames-import.jsonl) sends ``Host``, ``User-Agent``, then all others sorted by name; no Origin, no
subprotocol, no extension. websocket-client cannot order headers, shares one cookie jar between all connections and
reads proxies from the environment, so only its frame reader is used (:mod:`scale_agent.rancher.websocket`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scale_agent.errors import DialError
from scale_agent.rancher.causes import CURES, refusal, without_ids
from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.url import ServerUrl
from scale_agent.rancher.websocket import ClientWebSocket
from scale_agent.rancher.wire import Deadline, HeadReader, connect_tcp, raise_dial_error, wrap_tls

GO_USER_AGENT = "Go-http-client/1.1"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: .*)?")
_BODY_LIMIT = 4096

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Milliseconds of a websocket dial; what ``cluster.ports.DialTimings`` asks for."""

    tcp_ms: float
    tls_ms: float
    upgrade_ms: float


def open_websocket(
    server: ServerUrl,
    tls: TlsPolicy,
    path: str,
    headers: Headers,
    timeout_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[ClientWebSocket, StepTimes]:
    """As :func:`upgraded`, for one who waits for each frame."""
    sock, rest, times = upgraded(server, tls, path, headers, timeout_s, clock=clock)
    return ClientWebSocket(sock, rest), times


def upgraded(
    server: ServerUrl,
    tls: TlsPolicy,
    path: str,
    headers: Headers,
    timeout_s: float,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[socket.socket, bytes, StepTimes]:
    """Dial, encrypt, upgrade, within ``timeout_s`` altogether: the socket, and what came after Rancher's answer.

    Raises :class:`DialError`.

    A refused upgrade has reason ``status``, its status, and Rancher's text without ids.
    """
    deadline = Deadline(clock() + timeout_s, clock)
    sock: socket.socket | None = None
    try:
        started = clock()
        sock = connect_tcp(server, deadline)
        connected = clock()
        sock = wrap_tls(sock, server, tls, deadline)
        encrypted = clock()
        rest = _upgrade(sock, server, path, headers, deadline)
        times = (connected - started, encrypted - connected, clock() - encrypted)
        sock.settimeout(None)
        return sock, rest, StepTimes(*(one * 1000 for one in times))
    except BaseException as error:
        if sock is not None:
            sock.close()
        if not isinstance(error, (OSError, DialError, ValueError)):
            raise
        raise_dial_error(error, server)


def request_head(server: ServerUrl, path: str, headers: Headers, key: str) -> bytes:
    """The upgrade request as gorilla's dialer writes it; ``User-Agent`` among ``headers`` replaces Go's."""
    given = {name.lower(): (name, value) for name, value in headers}
    agent = given.pop("user-agent", ("", GO_USER_AGENT))[1]
    own = [
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", "13"),
        ("Upgrade", "websocket"),
    ]
    lines = [("Host", server.host_header), ("User-Agent", agent), *sorted([*own, *given.values()])]
    return encode_head(f"GET {path} HTTP/1.1", lines)


def encode_head(first_line: str, headers: Headers) -> bytes:
    """Request line and headers as bytes. Raises ``ValueError`` for line breaks in them."""
    lines = [first_line, *(f"{name}: {value}" for name, value in headers)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a line break in a request's head")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers (names lower case). Raises :class:`DialError` ``protocol``."""
    first, *lines = head.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise DialError("protocol", "Rancher's answer is not HTTP as it should be")
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return int(found[1]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _upgrade(sock: socket.socket, server: ServerUrl, path: str, headers: Headers, deadline: Deadline) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    sock.settimeout(deadline.left_s())
    sock.sendall(request_head(server, path, headers, key))
    reader = HeadReader(sock, deadline)
    status, answered = parse_head(reader.read_head())
    if status != 101:
        raise _refused(status, answered, reader)
    if answered.get("upgrade", "").lower() != "websocket" or answered.get("sec-websocket-accept") != _accept(key):
        raise DialError("protocol", "Rancher's answer to the upgrade is no websocket", status=status)
    return reader.rest


def _accept(key: str) -> str:
    digest = hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()
    return binascii.b2a_base64(digest, newline=False).decode()


def _refused(status: int, answered: dict[str, str], reader: HeadReader) -> DialError:
    length = answered.get("content-length", "")
    size = min(int(length), _BODY_LIMIT) if length.isascii() and length.isdigit() else 0
    body = reader.read_body(size)
    if body.lstrip().startswith(b"{"):
        text = refusal("upgrade", status, body).what
    elif body.lstrip().startswith(b"<"):
        text = f"{status}"
    else:
        text = f"{status} {without_ids(body.decode('utf-8', 'replace'))}".strip()
    return DialError("status", text, status=status, cure=CURES["unresolved"] if 300 <= status < 400 else "")
