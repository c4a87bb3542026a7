"""Small servers on 127.0.0.1: scripted HTTP answers, and raw sockets for what HTTP is too tame for."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """One scripted answer; a dict or list is sent as JSON."""

    status: int = 200
    body: Any = ""
    headers: tuple[tuple[str, str], ...] = ()

    def payload(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Seen:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


Route = Answer | list[Answer] | Callable[[Seen], Answer]


@dataclass
class Site:
    """What a scripted server answers, and what it was asked. Lists are used up to their last answer, which repeats."""

    routes: dict[tuple[str, str], Route] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None

    def answer(self, seen: Seen) -> Answer:
        self.seen.append(seen)
        bare = seen.path.partition("?")[0]
        route = self.routes.get((seen.method, seen.path)) or self.routes.get((seen.method, bare))
        if route is None:
            return Answer(404, {"type": "error", "status": 404, "code": "NotFound", "message": "nothing here"})
        if isinstance(route, list):
            return route.pop(0) if len(route) > 1 else route[0]
        return route if isinstance(route, Answer) else route(seen)

    def asked(self, method: str, path: str) -> list[Seen]:
        return [one for one in self.seen if one.method == method and one.path.partition("?")[0] == path]


class HttpLoopback:
    """Serves a :class:`Site` until :meth:`close`."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._server = _Server(("127.0.0.1", 0), _handler(site))
        self._server.site = site
        scheme = "https" if site.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    site: Site

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.site.tls is not None:
            request = self.site.tls.wrap_socket(request, server_side=True)
        self.site.connections += 1
        try:
            super().finish_request(request, client_address)
        finally:
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away or does not trust us is what some tests are about."""


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = site.answer(Seen(self.command, self.path, headers, json.loads(raw) if raw else None))
            payload = answer.payload()
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class wants these names

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


class RawLoopback:
    """Runs ``script(sock)`` for every connection, each in its thread; ``sock`` is closed after it."""

    def __init__(self, script: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        self._script = _nothing
        with socket.create_connection(self._listener.getsockname()):  # wakes accept, which sees the flag
            self._accepting.join(5)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self._script is _nothing:
                sock.close()
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(5)
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            self._script(sock)
        except OSError:
            pass  # the client went away or did not trust us: what some tests are about
        finally:
            sock.close()


def _nothing(_sock: socket.socket) -> None:
    """The script of a server that was closed."""


def read_head(sock: socket.socket) -> bytes:
    """One request head, with its empty line."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            raise ConnectionResetError("closed")
        data += part
    return data
