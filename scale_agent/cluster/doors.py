"""What stands behind a tunnel: who is served on a tunnelled connection, and how requests are answered.

The main tunnel leads to the API server over TLS; any other address is a dial that fails. The second tunnel leads,
whatever address is asked for, to the agent's embedded server over plain HTTP (protocol/rancher.md, section 2.4).
"""

from __future__ import annotations

import ssl
import traceback
import urllib.parse
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import orjson

from scale_agent.cluster.names import OTHER, verb_and_resource
from scale_agent.kube import status
from scale_agent.kube.access.impersonation import JOINT
from scale_agent.kube.http import Headers, Request, Response, Watch
from scale_agent.kube.server import ApiServer
from scale_agent.kube.users import ANONYMOUS
from scale_agent.kube.verbs.call import NO_CACHE
from scale_agent.tunnel.http_answers import Refusal
from scale_agent.tunnel.http_requests import HttpRequest
from scale_agent.tunnel.served import ServedConnection

#: A body above the limit is never read to its end, so the API server is not asked; these are its words.
_TOO_LARGE = Refusal.of(
    413,
    (NO_CACHE, ("Content-Type", "application/json")),
    orjson.dumps(status.too_large_body().status()) + b"\n",
)
#: Where the agent's pod would be: only its error texts show it.
_POD_ADDRESS = "10.42.0.10"


class Door(Protocol):
    """What a tunnel's transport asks of what is behind it.

    ``local_host``: the address from which it pretends to dial, for the texts of late Errors; "" for an in-process pipe.
    """

    local_host: str

    def allows(self, network: str, address: str) -> bool:
        """False ends the whole session, as the real agent's authorizer does."""

    def open(self, address: str) -> ServedConnection | str:
        """A new connection, or the text with which its dial fails."""

    def answer(self, request: HttpRequest) -> Response | Watch:
        """One request."""

    def name(self, request: HttpRequest) -> tuple[str, str]:
        """Verb and resource for metrics."""


class ApiDoor:
    """The main tunnel's end: the cluster's API server at ``address``; an empty one stands for any."""

    __slots__ = ("_address", "_api", "_clock", "_context", "_date", "local_host")

    def __init__(
        self,
        api: ApiServer,
        address: str,
        context: ssl.SSLContext,
        clock: Callable[[], float],
        date: Callable[[], str],
    ) -> None:
        self._api = api
        self._address = address
        self._context = context
        self._clock = clock
        self._date = date
        self.local_host = _POD_ADDRESS

    def allows(self, network: str, address: str) -> bool:
        """tcp to anywhere; sockets of a container engine are not there (cmd/agent/main.go)."""
        return network == "tcp"

    def open(self, address: str) -> ServedConnection | str:
        """TLS and HTTP for the API server's address; no other is ever dialled."""
        if self._address in (address, ""):
            return ServedConnection(self._context, date=self._date, too_large=_TOO_LARGE)
        return f"dial tcp {address}: connect: connection refused"

    def answer(self, request: HttpRequest) -> Response | Watch:
        """By the API server, which upgrades no connection: exec, attach and port-forward find no kubelet."""
        headers = dict(request.headers)
        if len(headers) < len(request.headers):
            headers = _joined(request)
        path, query = _parts(request.target)
        asked = Request(request.method, path, query, headers, request.body, ANONYMOUS)
        return self._api.handle(asked, self._clock())

    def name(self, request: HttpRequest) -> tuple[str, str]:
        """As an API server's metrics name it."""
        return _name(request.method, request.target)


class EmbeddedDoor:
    """The second tunnel's end: the server inside the agent. Of it only what Rancher itself asks is there."""

    __slots__ = ("_date", "local_host")

    def __init__(self, date: Callable[[], str]) -> None:
        self._date = date
        self.local_host = ""

    def allows(self, network: str, address: str) -> bool:
        """Everything (steve/pkg/aggregation)."""
        return True

    def open(self, address: str) -> ServedConnection | str:
        """Plain HTTP whatever the address: Rancher says ``not-used:80`` and ``127.0.0.1:6080``."""
        return ServedConnection(None, date=self._date)

    def answer(self, request: HttpRequest) -> Response | Watch:
        """``/ping`` as recorded; the explorer's paths as a server that has no such resource."""
        path = request.target.partition("?")[0]
        if path == "/ping":
            return Response(200, _PING_HEADERS, b"pong")
        if path == "/v1/subscribe":
            return Response(400, _TEXT_HEADERS, b"Bad Request\n")
        message = f"{urllib.parse.unquote(path)} is not served by a simulated cluster"
        return _json(404, {"type": "error", "status": 404, "code": "NotFound", "message": message})

    def name(self, request: HttpRequest) -> tuple[str, str]:
        """``/ping``, ``/v1`` (the explorer) or other."""
        path = request.target.partition("?")[0]
        known = path if path == "/ping" else "/v1" if path.startswith("/v1/") else OTHER
        return request.method.lower(), known


def internal_error() -> Response:
    """The answer to a request that we failed at."""
    return _status(500, "InternalError", "Internal error occurred: the simulated cluster failed at this request")


def failure_of(error: Exception) -> str:
    """Kind and place of a failure of ours; not its text, which may quote what a client sent."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "somewhere"
    return f"{type(error).__name__} at {place}"


#: Recorded in frames-import.jsonl (Rancher 2.15.0, second tunnel); Date and Content-Length are added when sent.
_TEXT_HEADERS: Headers = (
    ("Cache-Control", "no-cache, no-store, must-revalidate"),
    ("X-Api-Cattle-Auth", "true"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Type", "text/plain; charset=utf-8"),
)
_PING_HEADERS: Headers = tuple(
    (name, "false" if name == "X-Api-Cattle-Auth" else value) for name, value in _TEXT_HEADERS
)


@lru_cache(maxsize=2048)
def _parts(target: str) -> tuple[str, str]:
    """Path, decoded, and query: all clusters are asked for the same."""
    path, _, query = target.partition("?")
    return urllib.parse.unquote(path), query


@lru_cache(maxsize=2048)
def _name(method: str, target: str) -> tuple[str, str]:
    path, _, query = target.partition("?")
    return verb_and_resource(method, path, query)


def _joined(request: HttpRequest) -> dict[str, str]:
    """Several headers of one name are one."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        joint = JOINT if name.startswith("impersonate-") else ","
        headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
    return headers


def _json(status: int, body: dict[str, object]) -> Response:
    return Response(status, (("Content-Type", "application/json"),), orjson.dumps(body))


def _status(code: int, reason: str, message: str) -> Response:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return _json(code, body | {"message": message, "reason": reason, "code": code})
