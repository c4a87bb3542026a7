"""The stand-in as a server: certificates, HTTPS, everything wired together."""

from __future__ import annotations

import datetime
import json
import logging
import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gevent
from gevent import ssl as gevent_ssl
from gevent.event import Event
from gevent.pywsgi import WSGIServer

from scale_agent.errors import InputError
from scale_agent.standin import certificates, probes, report
from scale_agent.standin.admission import Admitted
from scale_agent.standin.application import Application, Handler
from scale_agent.standin.clusters import Cluster, Registry
from scale_agent.standin.downstream import Downstream, Pace, Surroundings
from scale_agent.standin.names import Names
from scale_agent.standin.rest.service import Service, Settings
from scale_agent.standin.sockets import patch_masking, set_no_delay
from scale_agent.standin.steps import VERSIONS
from scale_agent.standin.tokens import Tokens
from scale_agent.standin.tunnels import Contexts, TunnelSession
from scale_agent.standin.values import Values
from scale_agent.standin.wheel import Wheel

_LOG = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Options:
    """How to run. ``port`` 0: any free one. ``directory`` holds the authority's certificate; empty: a new one."""

    port: int = 0
    version: str = VERSIONS[0]
    user: str = "admin"
    password: str = field(default="adminadminadmin", repr=False)
    speed: float = 1.0
    probe_period_s: float = probes.PERIOD_S
    ready_file: str = ""
    directory: str = ""
    server_url: bool = True
    seed: str = ""


class _Server(WSGIServer):
    """Sets TCP_NODELAY on every connection; a failed handshake is the client's affair."""

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> Any:
        set_no_delay(client_socket)
        try:
            return super().wrap_socket_and_handle(client_socket, address)
        except OSError as error:
            _LOG.debug("a connection from %s failed: %s", address, error)
            client_socket.close()
            return None


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot write: {os.strerror(error.errno or 0)}", where=str(path), cure="choose another place")


class StandIn:
    """A running stand-in. ``url``, ``ca_file`` and ``token`` are for clients."""

    def __init__(self, options: Options) -> None:
        if options.version not in VERSIONS:
            raise InputError(f"no recording of Rancher {options.version}", cure=f"use one of {', '.join(VERSIONS)}")
        patch_masking()
        self.options = options
        self._certificate = certificates.make(datetime.datetime.now(datetime.UTC))
        self._names = Names(options.seed or None)
        self._wheel = Wheel(time.time)
        self._registry = Registry(self._names)
        self._tokens = Tokens(self._names)
        self._clusters: dict[str, Downstream] = {}
        self._stopped = Event()
        self.token = self._tokens.make(time.time(), 0.0, "stand-in").bearer
        self._server = self._listen()
        self.url = f"https://{LOOPBACK}:{self._server.server_port}"
        self._wire()
        self.ca_file = self._write_ca()

    def _listen(self) -> WSGIServer:
        context = gevent_ssl.SSLContext(gevent_ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = gevent_ssl.TLSVersion.TLSv1_2
        context.num_tickets = 0
        with tempfile.TemporaryDirectory() as folder:
            chain, key = Path(folder, "chain.pem"), Path(folder, "key.pem")
            chain.write_bytes(self._certificate.chain_pem)
            key.touch(mode=0o600)
            key.write_bytes(self._certificate.key_pem)
            context.load_cert_chain(chain, key)
        address = (LOOPBACK, self.options.port)
        server = _Server(address, self._dispatch, handler_class=Handler, ssl_context=context, log=None, backlog=4096)
        try:
            server.init_socket()
        except OSError as error:
            cure = "choose another --port, or 0 for any"
            raise InputError(
                f"cannot listen: {os.strerror(error.errno or 0)}", where=f"{LOOPBACK}:{self.options.port}", cure=cure
            ) from error
        return server

    def _wire(self) -> None:
        options = self.options
        cacerts = self._certificate.ca_pem.decode()
        server_url = self.url if options.server_url else ""
        settings = Settings(options.version, self.url, server_url, cacerts, options.user, options.password)
        clock = self._wheel.clock
        self._shared = Surroundings(
            self._registry,
            self._wheel,
            Contexts(),
            Values(options.version, self.url, cacerts, clock),
            options.version,
            Pace(options.speed, options.probe_period_s),
        )
        self._service = Service(
            settings, self._registry, self._tokens, self._names, clock, self._delete, self._created, self.report
        )
        self._application = Application(self._service, self._attach)
        self._server.application = self._application

    def _dispatch(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self._application(environ, start_response)

    def _write_ca(self) -> str:
        folder = self.options.directory or tempfile.mkdtemp(prefix="scale-agent-standin-")
        path = Path(folder, "ca.pem")
        try:
            path.write_bytes(self._certificate.ca_pem)
        except OSError as error:
            raise _unwritable(path, error) from error
        return str(path)

    # --- clusters ---

    def _created(self, cluster: Cluster) -> None:
        self._clusters[cluster.id] = Downstream(cluster, self._shared)

    def _delete(self, cluster: Cluster) -> None:
        self._clusters[cluster.id].delete()

    def _attach(self, admitted: Admitted, session: TunnelSession) -> None:
        self._clusters[admitted.cluster.id].attached(admitted.tunnel, session, admitted.params)

    def _forget(self, event: str, cluster: Cluster) -> None:
        if event == "resource.remove":
            self._clusters.pop(cluster.id, None)

    def _ping_all(self) -> None:
        """All clusters are pinged at one beat, one after the other, as Rancher's leader does."""
        self._wheel.after(self.options.probe_period_s, self._ping_all)
        gevent.spawn(self._ping_each, list(self._clusters.values()))

    @staticmethod
    def _ping_each(clusters: list[Downstream]) -> None:
        for one in clusters:
            one.ping()
            gevent.sleep(0)

    def report(self) -> dict[str, Any]:
        """See :mod:`scale_agent.standin.report`."""
        counts = {"rest_calls": self._application.calls, "refused_tunnels": self._application.refused}
        return report.whole(self.options.version, self._registry, self._clusters.values(), counts)

    # --- running ---

    def start(self) -> None:
        """Begin to serve, then write the ready file."""
        self._registry.listen(self._forget)
        self._wheel.start()
        self._wheel.after(self._names.fraction() * self.options.probe_period_s, self._ping_all)
        self._server.start()
        if self.options.ready_file:
            self._write_ready()

    def _write_ready(self) -> None:
        """Whole or not at all; holds a token, so only its owner may read it."""
        path = Path(self.options.ready_file)
        facts = {
            "url": self.url,
            "cacert": self.ca_file,
            "token": self.token,
            "pid": os.getpid(),
            "version": self.options.version,
        }
        temporary = path.with_name(path.name + f".{os.getpid()}")
        try:
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(facts) + "\n", encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise _unwritable(path, error) from error

    def wait(self) -> None:
        """Until :meth:`stop`."""
        self._stopped.wait()

    def stop(self) -> None:
        """End at once. Idempotent."""
        self._wheel.stop()
        self._server.stop(timeout=0)
        self._stopped.set()
