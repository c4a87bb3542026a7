"""WSGI: REST calls, the subscription's and the tunnels' websockets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import gevent
from geventwebsocket.handler import WebSocketHandler

from scale_agent.standin import admission, subscribe
from scale_agent.standin.rest.calls import Call, parse_query
from scale_agent.standin.rest.dispatch import answer
from scale_agent.standin.rest.service import Service, authenticated
from scale_agent.standin.sockets import ServerSocket
from scale_agent.standin.tunnels import TunnelSession

_LOG = logging.getLogger(__name__)
TUNNELS = ("/v3/connect/register", "/v3/connect")
SUBSCRIBE = "/v1/subscribe"
Environ = dict[str, Any]
Attach = Callable[[admission.Admitted, TunnelSession], None]


def _header(environ: Environ, name: str) -> str | None:
    return environ.get("HTTP_" + name.upper().replace("-", "_"))


def _call(environ: Environ) -> Call:
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    size = environ.get("CONTENT_LENGTH") or "0"
    body = environ["wsgi.input"].read() if size != "0" or "chunked" in headers.get("transfer-encoding", "") else b""
    query = parse_query(environ.get("QUERY_STRING", ""))
    return Call(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, body)


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"


class Application:
    """The WSGI application. ``attach`` takes an admitted agent's session before it is served."""

    def __init__(self, service: Service, attach: Attach) -> None:
        self._service = service
        self._attach = attach
        self.calls = 0
        self.refused = 0

    def refuse(self, environ: Environ) -> admission.Refusal | None:
        """The refusal of an upgrade, ``None`` when it is welcome; an admitted agent is left in ``environ``."""
        if environ["PATH_INFO"] == SUBSCRIBE:
            good = authenticated(self._service, _call(environ))
            return None if good else admission.Refusal(401, "must authenticate")
        if environ["PATH_INFO"] not in TUNNELS:
            return admission.Refusal(404, "404 page not found\n")
        decided = admission.admit(
            self._service.registry,
            _header(environ, "Authorization") or "",
            _header(environ, "X-API-Tunnel-Token"),
            _header(environ, "X-API-Tunnel-Params") or "",
        )
        if isinstance(decided, admission.Refusal):
            self.refused += 1
            return decided
        environ["standin.admitted"] = decided
        return None

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a REST call, or serve an upgraded websocket until it is over."""
        websocket = environ.get("wsgi.websocket")
        if websocket is not None:
            self._serve(environ, ServerSocket(websocket))
            return []
        if environ["PATH_INFO"] in TUNNELS:
            refusal = self.refuse(environ) or admission.Refusal(400, "Bad Request\n")
            start_response(_status(refusal.status), list(admission.REFUSED_HEADERS))
            return [refusal.text.encode()]
        self.calls += 1
        given = answer(self._service, _call(environ))
        body = given.encoded()
        headers = [("Content-Type", given.content_type), ("Content-Length", str(len(body))), *given.headers]
        start_response(_status(given.status), headers)
        return [body]

    def _serve(self, environ: Environ, socket: ServerSocket) -> None:
        admitted = environ.pop("standin.admitted", None)
        if isinstance(admitted, admission.Admitted):
            session = TunnelSession(socket, first_message_id=1)
            self._attach(admitted, session)
            reason = session.serve()
            _LOG.info("%s tunnel of %s ended: %s", admitted.tunnel, admitted.cluster.id, reason)
        else:
            self._subscribed(socket)

    def _subscribed(self, socket: ServerSocket) -> None:
        subscriber = subscribe.Subscriber(self._service, lambda data: socket.send([data], text=True))
        pings = gevent.spawn(self._ping, subscriber)
        while (message := socket.receive()) is not None:
            subscriber.receive(message)
        pings.kill(block=False)
        subscriber.close()
        socket.finished()

    @staticmethod
    def _ping(subscriber: subscribe.Subscriber) -> None:
        while True:
            gevent.sleep(subscribe.PING_S)
            subscriber.ping()


class Handler(WebSocketHandler):  # type: ignore[misc]
    """gevent-websocket's handler that can refuse an upgrade with a status and a body."""

    def upgrade_websocket(self) -> Any:
        """Refuse, or upgrade."""
        if self.environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            refusal = self.application.refuse(self.environ)
            if refusal is not None:
                self.start_response(_status(refusal.status), list(admission.REFUSED_HEADERS))
                return [refusal.text.encode()]
        return super().upgrade_websocket()

    def handle_error(self, kind: Any, error: Any, trace: Any) -> None:
        """A client that went away is no error of ours; a bug is, and is told with its traceback."""
        if isinstance(error, OSError):
            self.close_connection = True
            return
        super().handle_error(kind, error, trace)

    def log_request(self) -> None:
        """Nothing: the report counts calls."""
