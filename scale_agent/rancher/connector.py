"""The one way from a cluster's agent to Rancher: plain GETs and websocket dials, as the real agent makes them.

Implements ``cluster.ports.Connector`` structurally. Every GET has its own connection, as curl and the agent's TLS check
do; nothing reads proxies or credentials from the environment: a simulated agent dials Rancher itself.
"""

from __future__ import annotations

import socket
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scale_agent.errors import DialError
from scale_agent.rancher.answers import AnswerReader, TooLargeError
from scale_agent.rancher.readywebsocket import ReadyWebSocket
from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.upgrade import GO_USER_AGENT, StepTimes, encode_head, upgraded
from scale_agent.rancher.url import parse_server_url
from scale_agent.rancher.wire import Deadline, connect_tcp, raise_dial_error, wrap_tls

#: The agent's script asks these two by curl (protocol 2.1), everything else comes from Go's client.
_CURL_PATHS = frozenset({"/ping", "/v3/settings/cacerts"})
_CURL = (("User-Agent", "curl/8.14.1"), ("Accept", "*/*"))
_GO = (("User-Agent", GO_USER_AGENT), ("Accept-Encoding", "gzip"))
_MAX_BODY_BYTES = 4 << 20
_RECEIVE = 16 << 10


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer to a GET, header names lower case; what ``cluster.ports.HttpReply`` asks for."""

    status: int
    headers: dict[str, str]
    body: bytes


class RancherConnector:
    """``url`` as a person wrote it, one policy for everything. Raises ``InputError`` for a bad URL or authority."""

    def __init__(self, url: str, tls: TlsPolicy, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = parse_server_url(url)
        self._tls = tls
        if self._server.tls:
            tls.context()  # an unusable RANCHER_CACERT is found before the first dial
        self._clock = clock

    @property
    def server_url(self) -> str:
        """``https://host[:port]`` without a trailing slash."""
        return str(self._server)

    def get(self, path: str, timeout_s: float) -> Answer:
        """An unauthenticated GET within ``timeout_s`` altogether, gzip undone. Raises :class:`DialError`."""
        deadline = Deadline(self._clock() + timeout_s, self._clock)
        try:
            sock = wrap_tls(connect_tcp(self._server, deadline), self._server, self._tls, deadline)
            with sock:
                headers = [("Host", self._server.host_header), *(_CURL if path in _CURL_PATHS else _GO)]
                sock.settimeout(deadline.left_s())
                sock.sendall(encode_head(f"GET {path} HTTP/1.1", headers))
                return _read_answer(sock, deadline)
        except TooLargeError:
            raise DialError("protocol", f"Rancher's answer is larger than {_MAX_BODY_BYTES >> 20} MiB") from None
        except (OSError, DialError, ValueError, zlib.error) as error:
            raise_dial_error(error, self._server)

    def dial(self, path: str, headers: Sequence[tuple[str, str]], timeout_s: float) -> tuple[ReadyWebSocket, StepTimes]:
        """Open a websocket to ``server_url + path``: the real dialer's headers and these. Raises :class:`DialError`."""
        sock, rest, times = upgraded(self._server, self._tls, path, headers, timeout_s, clock=self._clock)
        return ReadyWebSocket(sock, rest), times


def _read_answer(sock: socket.socket, deadline: Deadline) -> Answer:
    reader = AnswerReader(_MAX_BODY_BYTES)
    while not reader.done:
        sock.settimeout(deadline.left_s())
        if data := sock.recv(_RECEIVE):
            reader.feed(data)
        else:
            reader.feed_eof()
    return Answer(reader.status, reader.headers, reader.body)
