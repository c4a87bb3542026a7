"""What a simulated cluster needs from outside, as protocols: the way to Rancher, and someone to tell.

``rancher.connector`` implements :class:`Connector` (HTTPS and websockets under one TLS policy),
``load`` implements :class:`Observer` (records and Locust events); neither is imported here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

#: What an agent asks of Rancher beside its tunnels; ``connect`` is the second tunnel's plain GET before its first dial
#: (answered 401), ``import`` is the manifest's, which the agent's owner fetches.
AGENT_REQUESTS = ("ping", "cacerts", "root", "connect", "import")

#: Reasons of :meth:`Observer.error`: a websocket message no session can read, a message that means nothing, a tunnelled
#: connection that is no TLS or HTTP, a dial to another address than the API server's, an agent's start that failed
#: (four), an agent without credentials, credentials for another server than ours, a refused write of the agent,
#: a request at which we failed (answered 500).
ERROR_REASONS = (
    "frame",
    "message",
    "connection",
    "connect",
    "ping",
    "cacerts",
    "checksum",
    "root",
    "credentials",
    "server-url",
    "write",
    "internal",
)


class HttpReply(Protocol):
    """Answer to an agent's plain HTTPS GET."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header names in lower case."""

    @property
    def body(self) -> bytes:
        """The whole body."""


class WebSocket(Protocol):
    """An open client websocket that never waits; its owner watches its descriptor.

    Every method but ``shutdown`` raises :class:`~scale_agent.errors.DialError` (reason ``closed``, ``protocol``,
    ``tls``) when the websocket is over; it is closed then.
    """

    def fileno(self) -> int:
        """The descriptor to be watched."""

    def receive(self) -> Sequence[tuple[int, bytes, bool]]:
        """The frames that are there: (opcode, payload, fin); continuation frames have opcode 0. None is no error.

        Answers the peer's pings and its close by itself, and still returns them (opcodes 9, 10, 8).
        """

    def send(self, messages: Sequence[bytes]) -> int:
        """Send each as one binary message in one frame, joined into one write; the number of bytes that wait."""

    def ping(self) -> int:
        """Send an empty ping; the number of bytes that wait."""

    def flush(self) -> int:
        """Send what waits, now that there is room; the number of bytes that still wait."""

    def shutdown(self) -> None:
        """End the connection at once. Idempotent, never blocks."""


class DialTimings(Protocol):
    """How long the steps of a websocket dial took, in milliseconds."""

    @property
    def tcp_ms(self) -> float:
        """The TCP connection."""

    @property
    def tls_ms(self) -> float:
        """The TLS handshake; 0 for ``ws://``."""

    @property
    def upgrade_ms(self) -> float:
        """The HTTP upgrade."""


class Connector(Protocol):
    """The one way from a cluster's agent to Rancher."""

    @property
    def server_url(self) -> str:
        """``https://host[:port]`` without a trailing slash."""

    def get(self, path: str, timeout_s: float) -> HttpReply:
        """An unauthenticated GET of ``server_url + path``. Raises :class:`~scale_agent.errors.DialError`."""

    def dial(self, path: str, headers: Sequence[tuple[str, str]], timeout_s: float) -> tuple[WebSocket, DialTimings]:
        """Open a websocket to ``server_url + path`` (wss), with the header set of the real agent's dialer.

        Raises :class:`~scale_agent.errors.DialError`; a refused upgrade has reason ``status``, its status, and
        Rancher's body in ``what``.
        """


class Observer(Protocol):
    """Is told what happens to one cluster. Calls return at once and never raise.

    Names are from closed lists; durations in milliseconds, sizes in bytes.
    """

    def phase(self, name: str) -> None:
        """A phase of ``records.PHASES`` was reached now (first time only counts)."""

    def agent_request(self, name: str, duration_ms: float, size: int, error: str | None) -> None:
        """An HTTPS request of the agent to Rancher: one of :data:`AGENT_REQUESTS`; ``error`` is a word or two."""

    def handshake(self, tunnel: str, timings: DialTimings | None, duration_ms: float, error: str | None) -> None:
        """A tunnel (``main`` or ``stv``) was opened, or could not be (``error``: reason, status, text; no ids)."""

    def tunnel_lost(self, tunnel: str, reason: str) -> None:
        """An open tunnel ended and we did not end it."""

    def served(
        self, verb: str, resource: str, status: int, duration_ms: float, request_size: int, response_size: int
    ) -> None:
        """A tunnelled request was answered: Kubernetes verb and resource (``get``, ``namespaces``), our service time.

        A watch is told of when it begins; its ``response_size`` is 0.
        """

    def error(self, reason: str, text: str) -> None:
        """Something went wrong that is Rancher's or the wire's doing and that the cluster survives.

        ``reason`` is one of :data:`ERROR_REASONS`; ``text`` is for people.
        """
