"""The hands of an agent's life: performs the actions that ``life`` decides on, and reports what came of them.

Everything that waits (a GET, a dial) has a greenlet of its own; an open websocket has its turns by the event loop, and
what is due later is a timer of the runtime. Events that come while an action is being performed wait for their turn, so
the life never sees itself from inside.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import gevent

from scale_agent.cluster import manifest, writes
from scale_agent.cluster.deployment import PATH
from scale_agent.cluster.doors import ApiDoor, Door, EmbeddedDoor
from scale_agent.cluster.hands import Hands
from scale_agent.cluster.life import Life
from scale_agent.cluster.ports import Connector, Observer, WebSocket
from scale_agent.cluster.runtime import Runtime, Timer
from scale_agent.cluster.steps import (
    MAIN,
    STV,
    Action,
    Cleanup,
    Dial,
    Elapsed,
    Ended,
    Event,
    Fetch,
    Fetched,
    FetchFailed,
    HangUp,
    Lost,
    Mount,
    Mounted,
    Opened,
    Refused,
    Report,
    Wait,
    Write,
)
from scale_agent.cluster.transport import Tunnel
from scale_agent.cluster.words import cacerts_value, forgotten, refusal, tunnel_params
from scale_agent.errors import DialError
from scale_agent.kube.errors import StatusError
from scale_agent.kube.local import LocalClient

_PHASES = {MAIN: "tunnel", STV: "second_tunnel"}


class Crew:
    """All of one cluster's agent pods in action. ``on_end`` is called when the life is over, perhaps twice."""

    __slots__ = (
        "_address",
        "_busy",
        "_ca_pem",
        "_client",
        "_connector",
        "_doors",
        "_draw",
        "_hands",
        "_inbox",
        "_life",
        "_observer",
        "_on_end",
        "_replicas",
        "_runtime",
        "_scheduled",
        "_stopped",
        "_strays",
    )

    def __init__(
        self,
        *,
        life: Life,
        client: LocalClient,
        api_door: ApiDoor,
        connector: Connector,
        observer: Observer,
        runtime: Runtime,
        address: str,
        ca_pem: bytes,
        replicas: int,
        draw: Callable[[str], float],
        on_end: Callable[[bool], None],
    ) -> None:
        self._life = life
        self._client = client
        self._doors: dict[str, Door] = {MAIN: api_door, STV: EmbeddedDoor(runtime.http_date)}
        self._connector = connector
        self._observer = observer
        self._runtime = runtime
        self._address = address
        self._ca_pem = ca_pem
        self._replicas = replicas
        self._draw = draw
        self._on_end = on_end
        self._hands: dict[int, Hands] = {}
        self._strays: dict[str, Timer] = {}
        self._inbox: deque[Event] = deque()
        self._busy = self._scheduled = self._stopped = False

    def post(self, event: Event) -> None:
        """Let the life know soon: from places where nothing may happen at once, such as inside a request."""
        self._inbox.append(event)
        if not self._scheduled and not self._busy:
            self._scheduled = True
            self._runtime.spawn(self._drain)

    def tell(self, event: Event) -> None:
        """Let the life know now, and do what it wants."""
        self._inbox.append(event)
        if not self._busy:
            self._drain()

    def stop(self) -> None:
        """End everything at once. Idempotent, never blocks."""
        self._stopped = True
        self._inbox.clear()
        for timer in self._strays.values():
            timer.cancel()
        for hands in self._hands.values():
            hands.let_go()
        self._hands.clear()

    @property
    def tunnels(self) -> list[Tunnel]:
        """The open tunnels, oldest pod first."""
        return [tunnel for hands in self._hands.values() for tunnel in hands.tunnels.values()]

    def _drain(self) -> None:
        self._scheduled = False
        if self._busy:
            return
        self._busy = True
        try:
            while self._inbox and not self._stopped:
                for action in self._life.handle(self._inbox.popleft()):
                    _ACTIONS[type(action)](self, action)
        finally:
            self._busy = False

    def _of(self, pod: int) -> Hands:
        return self._hands.setdefault(pod, Hands())

    def _in_background(self, pod: int, work: Callable[..., None], action: Action) -> None:
        hands = self._of(pod)
        greenlet = self._runtime.spawn(work, hands, action)
        hands.greenlets.add(greenlet)
        greenlet.rawlink(hands.greenlets.discard)

    # -- actions ------------------------------------------------------------------------------------------------------

    def _wait(self, action: Any) -> None:
        timers = self._of(action.pod).timers if action.pod else self._strays
        due_s = self._runtime.clock() + action.delay_s
        event = Elapsed(action.pod, action.what)
        timers[action.what] = self._runtime.call_at(due_s, lambda: self.tell(event))

    def _mount(self, action: Any) -> None:
        secret = self._client.get(f"/api/v1/namespaces/cattle-system/secrets/{action.secret}")
        credentials = manifest.read_credentials(secret) if secret else None
        self._of(action.pod).credentials = credentials
        if credentials is not None and credentials.url != self._connector.server_url:
            text = (
                f"the agent is to connect to {credentials.url}, this process connects to {self._connector.server_url}"
            )
            self._observer.error("server-url", text)
        self._inbox.append(Mounted(action.pod, credentials is not None))

    def _fetch(self, action: Any) -> None:
        self._in_background(action.pod, self._get, action)

    def _dial(self, action: Any) -> None:
        self._in_background(action.pod, self._open, action)

    def _hang_up(self, action: Any) -> None:
        hands = self._hands.pop(action.pod, None)
        if hands is not None:
            hands.let_go()

    def _report(self, action: Any) -> None:
        self._observer.error(action.reason, action.text)

    def _ended(self, action: Any) -> None:
        self._on_end(action.forgotten)

    def _write(self, action: Any) -> None:
        self._guarded(lambda: _STEPS[action.step](self, action.pod))

    def _clean_up(self, _: Any) -> None:
        self._guarded(lambda: writes.remove_agent(self._client))

    def _guarded(self, write: Callable[[], None]) -> None:
        """Someone else may have changed what the agent writes; the real one logs it and goes on, too."""
        try:
            write()
        except StatusError as error:
            self._observer.error("write", f"the agent's own write was refused: {error.code} {error.reason}")

    # -- what the agent writes ----------------------------------------------------------------------------------------

    def _write_start(self, pod: int) -> None:
        writes.account_token(self._client)

    def _write_connected(self, pod: int) -> None:
        hands = self._of(pod)
        assert hands.credentials is not None
        writes.stv_aggregation(self._client, writes.AgentFacts(hands.credentials, hands.cacerts, hands.checksum))

    def _write_embedded(self, pod: int) -> None:
        writes.embedded_server(self._client, f"cattle-cluster-agent-{pod}", self._runtime.clock())
        if self._replicas > 1:
            writes.scale(self._client, PATH, self._replicas)

    # -- what waits ---------------------------------------------------------------------------------------------------

    def _get(self, hands: Hands, action: Any) -> None:
        began = time.perf_counter()
        try:
            reply = self._connector.get(action.path, action.timeout_s)
        except gevent.GreenletExit:
            self._runtime.counts.abandoned_requests += 1
            raise
        except DialError as error:
            self._observer.agent_request(action.name, _ms_since(began), 0, error.reason)
            self.tell(FetchFailed(action.pod, action.name, error.reason == "certificate"))
            return
        failed = f"status {reply.status}" if reply.status >= 400 and action.name != "connect" else None
        self._observer.agent_request(action.name, _ms_since(began), len(reply.body), failed)
        good = True
        if action.checksum and failed is None:
            hands.cacerts, hands.checksum = cacerts_value(reply.body), action.checksum
            good = writes.checksum_of(hands.cacerts) == action.checksum
        self.tell(Fetched(action.pod, action.name, reply.status, good))

    def _open(self, hands: Hands, action: Any) -> None:
        headers = self._headers(hands, action.tunnel)
        if headers is None:
            self._observer.error("credentials", "the agent's service account has no token yet")
            self.tell(Refused(action.pod, action.tunnel))
            return
        began = time.perf_counter()
        try:
            socket, timings = self._connector.dial(action.path, headers, action.timeout_s)
        except gevent.GreenletExit:
            self._runtime.counts.abandoned_dials += 1
            raise
        except DialError as error:
            self._refused(action, error, _ms_since(began))
            return
        self._observer.handshake(action.tunnel, timings, _ms_since(began), None)
        self._serve(hands, action, socket)

    def _refused(self, action: Any, error: DialError, duration_ms: float) -> None:
        self._observer.handshake(action.tunnel, None, duration_ms, refusal(error))
        self.tell(Refused(action.pod, action.tunnel, forgotten(error)))

    def _serve(self, hands: Hands, action: Any, socket: WebSocket) -> None:
        """From now on the tunnel lives by the event loop."""
        name = action.tunnel
        if self._stopped or self._hands.get(action.pod) is not hands:
            socket.shutdown()
            return
        first_id = int(self._draw(f"message-{action.pod}-{name}") * (1 << 62))
        tunnel = Tunnel(name, socket, self._doors[name], self._runtime, self._observer, first_message_id=first_id)
        hands.tunnels[name] = tunnel
        tunnel.start(lambda reason: self._over(hands, action, tunnel, reason))
        self._observer.phase(_PHASES[name])
        self.tell(Opened(action.pod, name))

    def _over(self, hands: Hands, action: Any, tunnel: Tunnel, reason: str | None) -> None:
        if hands.tunnels.get(action.tunnel) is tunnel:
            del hands.tunnels[action.tunnel]
        if reason is not None and self._hands.get(action.pod) is hands:
            self._observer.tunnel_lost(action.tunnel, reason)
            self.tell(Lost(action.pod, action.tunnel))

    def _headers(self, hands: Hands, tunnel: str) -> list[tuple[str, str]] | None:
        assert hands.credentials is not None
        if tunnel == STV:
            return [("Authorization", f"Bearer stv-cluster-{hands.credentials.token}")]
        token = writes.account_token(self._client)
        if not token:
            return None
        params = tunnel_params(self._address, self._ca_pem, token)
        return [("X-API-Tunnel-Params", params), ("X-API-Tunnel-Token", hands.credentials.token)]


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


_STEPS: dict[str, Callable[[Crew, int], None]] = {
    "start": Crew._write_start,
    "connected": Crew._write_connected,
    "embedded": Crew._write_embedded,
}

_ACTIONS: dict[type[Action], Callable[[Crew, Any], None]] = {
    Wait: Crew._wait,
    Mount: Crew._mount,
    Fetch: Crew._fetch,
    Dial: Crew._dial,
    HangUp: Crew._hang_up,
    Write: Crew._write,
    Report: Crew._report,
    Cleanup: Crew._clean_up,
    Ended: Crew._ended,
}
