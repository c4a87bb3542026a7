"""Rancher's REST API, as far as a load test needs it (``/v1`` steve, ``/v3`` norman; protocol 1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from scale_agent.errors import DialError, RancherError
from scale_agent.rancher import lists
from scale_agent.rancher.calls import Call
from scale_agent.rancher.causes import CURES
from scale_agent.rancher.credentials import Credentials
from scale_agent.rancher.login import Login
from scale_agent.rancher.refs import NAMESPACE, ClusterRef, CreationPath, Registration
from scale_agent.rancher.server import ServerInfo
from scale_agent.rancher.shapes import strings, text
from scale_agent.rancher.state import ClusterState, from_steve
from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.transport import (
    USER_AGENT,
    ApiRequest,
    Reply,
    Timeouts,
    Transport,
    decode_json,
    decode_nothing,
)
from scale_agent.rancher.upgrade import open_websocket
from scale_agent.rancher.url import parse_server_url
from scale_agent.rancher.websocket import ClientWebSocket

PROVISIONING = "/v1/provisioning.cattle.io.clusters"
MANAGEMENT = "/v1/management.cattle.io.clusters"
NORMAN = "/v3/clusters"
TOKENS = "/v1/management.cattle.io.clusterregistrationtokens"

_DISPLAY_NAME = "provisioning.cattle.io/management-cluster-display-name"
_OK_OR_ABSENT = frozenset({200, 404})
#: What every import manifest contains (protocol 1.6); an error page or a proxy's log-in form does not.
_MANIFEST_PARTS = ("kind: Deployment", "cattle-cluster-agent", "cattle-credentials-")


class RancherClient:
    """One Rancher server and one user; may be used by any number of threads or greenlets.

    Everything that goes wrong is a :class:`RancherError`; every request is told to ``on_call``.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        tls: TlsPolicy,
        *,
        on_call: Callable[[Call], None] | None = None,
        timeouts: Timeouts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = parse_server_url(url)
        self._tls = tls
        self._clock = clock
        self._transport = Transport(self._server, tls, on_call=on_call, timeouts=timeouts, clock=clock)
        self._login = Login(self._transport, credentials)
        self._lists = lists.Lists(self._transport.send)

    @property
    def url(self) -> str:
        """``https://host[:port]``."""
        return str(self._server)

    def describe(self) -> str:
        """One line for the output: where, as whom, and what is verified."""
        return f"{self.url} ({self._tls.describe(self.url)})"

    def login(self) -> None:
        """Log in by user and password, or take the token as it is; whether it is good, the next call finds out."""
        self._login.log_in()

    def logout(self) -> None:
        """Delete the token that :meth:`login` made, if it made one. Idempotent."""
        self._login.log_out()

    def close(self) -> None:
        """Close the kept connections; the token stays (see :meth:`logout`)."""
        self._transport.close()

    def server(self) -> ServerInfo:
        """Version and server-url. :class:`RancherError` ``no-server-url`` if no agent could be told where to dial."""
        version = self._version()
        setting = text(self._send("setting", "GET", "/v3/settings/server-url").data, "value")
        if not setting:
            what = "Rancher's setting server-url is empty, so that no agent can register"
            raise RancherError("no-server-url", what, cure=CURES["no-server-url"])
        return ServerInfo(version=version, server_url=setting.rstrip("/"))

    def create_cluster(self, name: str, labels: Mapping[str, str], path: CreationPath = "v1") -> ClusterRef:
        """Create an imported cluster. :class:`RancherError` ``conflict`` if the name exists: see :meth:`find_cluster`.

        Rancher copies the labels from the provisioning object to the management cluster (v1), and from the management
        cluster to the provisioning object (v3), there without those that contain ``cattle.io/``.
        """
        where, body = _creation(name, labels, path)
        data = self._send("create", "POST", where, body=body, expected=frozenset({200, 201})).data
        return ClusterRef(name, path, id=text(data, "id") if path == "v3" else "", labels=dict(labels))

    def find_cluster(self, name: str, path: CreationPath = "v1") -> ClusterRef | None:
        """The cluster of that name with its labels, to tell whether it is ours."""
        if path == "v1":
            data = self._provisioning("find", name)
            return None if data is None else _from_provisioning(data, name)
        for item in self._lists.norman("find", NORMAN, [("name", name)]):
            if item.get("name") == name:
                return ClusterRef(name, "v3", id=text(item, "id"), labels=strings(item, "labels"))
        return None

    def resolve(self, ref: ClusterRef) -> ClusterRef | None:
        """The ref with its id; ``None`` while Rancher has not made the management cluster yet."""
        if ref.id:
            return ref
        data = self._provisioning("resolve", ref.name)
        if data is None:
            raise RancherError("not-found", "the cluster does not exist any more: resolve", status=404)
        found = _from_provisioning(data, ref.name)
        return found if found.id else None

    def registration(self, ref: ClusterRef) -> Registration | None:
        """The default registration token; ``None`` until token and manifest are both there (one request)."""
        data = self._send("token", "GET", f"{TOKENS}/{_one(ref.id)}/default-token", expected=_OK_OR_ABSENT).data
        token, manifest_url = text(data, "status", "token"), text(data, "status", "manifestUrl")
        if not token or not manifest_url or "{token}" in manifest_url:
            return None
        return Registration(ref.id, token, urlsplit(manifest_url).path)

    def manifest(self, registration: Registration) -> str:
        """The import manifest (YAML), fetched without authentication from our own URL of Rancher."""
        reply = self._send("manifest", "GET", registration.manifest_path, authenticated=False, decode=_decode_manifest)
        return str(reply.data)

    def state(self, cluster_id: str) -> ClusterState | None:
        """One cluster's state, ``None`` if it is gone. For many clusters use the feed."""
        path = f"{MANAGEMENT}/{_one(cluster_id)}"
        found: ClusterState | None = self._send(
            "state", "GET", path, expected=_OK_OR_ABSENT, decode=lambda body: from_steve(decode_json(body))
        ).data
        return found

    def clusters(self, labels: Mapping[str, str]) -> list[ClusterState]:
        """All clusters that carry all these labels, whatever their number and the path they were created by."""
        return self.list_clusters(labels).states

    def list_clusters(self, labels: Mapping[str, str], call: str = "list") -> lists.ClusterList:
        """:meth:`clusters` with what it cost Rancher."""
        return self._lists.clusters(call, MANAGEMENT, labels)

    def provisioned(self, labels: Mapping[str, str]) -> list[ClusterRef]:
        """All clusters created with these labels, also without a management cluster yet (to adopt or sweep)."""
        items = self._lists.provisioning("list", PROVISIONING, labels)
        return [_owned(item) for item in items]

    def delete(self, ref: ClusterRef) -> None:
        """Start the deletion; a cluster that is gone already is no error."""
        where = f"{NORMAN}/{_one(ref.id)}" if ref.path == "v3" else _provisioning_path(ref.name)
        expected = frozenset({200, 202, 204, 404})
        self._send("delete", "DELETE", where, expected=expected, decode=decode_nothing)

    def exists(self, ref: ClusterRef) -> bool:
        """Whether anything of the cluster is left: its provisioning object or its management cluster."""
        if ref.provisioning_name and self._there(_provisioning_path(ref.provisioning_name)):
            return True
        return bool(ref.id) and self._there(f"{MANAGEMENT}/{_one(ref.id)}")

    def subscribe(self, fields: tuple[str, ...], timeout_s: float) -> ClientWebSocket:
        """Open the websocket ``/v1/subscribe``; events carry only ``fields``. Raises :class:`DialError`."""
        query = "&".join(f"include={field}" for field in fields)
        headers = (("Authorization", self._transport.authorization), ("User-Agent", USER_AGENT))
        started = self._clock()
        status, error = 101, ""
        try:
            socket, _ = open_websocket(self._server, self._tls, f"/v1/subscribe?{query}", headers, timeout_s)
            return socket
        except DialError as problem:
            status, error = problem.status, problem.reason
            raise
        finally:
            self._transport.report("subscribe", "GET", status, started, 0, error)

    def leftover_items(self, path: str) -> list[dict[str, Any]]:
        """All items of a ``/v1`` or ``/v3`` collection (for :mod:`scale_agent.rancher.leftovers`)."""
        if path.startswith("/v3/"):
            return list(self._lists.norman("leftovers", path, ()))
        return list(self._lists.steve("leftovers", path, lists.OWNERS))

    def _version(self) -> str:
        """Needs no authentication: whatever refuses it, or answers something else, is not Rancher (or not ready)."""
        try:
            return text(self._send("version", "GET", "/rancherversion", authenticated=False).data, "Version")
        except RancherError as error:
            if not error.status or error.status >= 500:
                raise
            what = f"what answers here is not Rancher: version: {error.status}"
            raise RancherError(
                error.reason, what, status=error.status, where=self.url, cure="check RANCHER_URL"
            ) from None

    def _there(self, path: str) -> bool:
        reply = self._send("exists", "GET", path, expected=_OK_OR_ABSENT, decode=decode_nothing)
        return reply.status == 200

    def _provisioning(self, call: str, name: str) -> dict[str, Any] | None:
        data: dict[str, Any] | None = self._send(call, "GET", _provisioning_path(name), expected=_OK_OR_ABSENT).data
        return data

    def _send(self, name: str, method: str, path: str, **more: Any) -> Reply:
        return self._transport.send(ApiRequest(name, method, path, **more))


def _creation(name: str, labels: Mapping[str, str], path: CreationPath) -> tuple[str, dict[str, Any]]:
    if path == "v3":
        return NORMAN, {"type": "cluster", "name": name, "labels": dict(labels)}
    metadata = {"namespace": NAMESPACE, "name": name, "labels": dict(labels)}
    return PROVISIONING, {"type": "provisioning.cattle.io.cluster", "metadata": metadata, "spec": {}}


def _provisioning_path(name: str) -> str:
    return f"{PROVISIONING}/{NAMESPACE}/{_one(name)}"


def _one(name: str) -> str:
    """One path segment. An empty one would name the whole collection."""
    if not name:
        raise RancherError("invalid", "the cluster has no id yet", cure="resolve it first")
    return quote(name, safe="")


def _from_provisioning(data: Any, name: str) -> ClusterRef:
    return ClusterRef(name, "v1", id=text(data, "status", "clusterName"), labels=strings(data, "metadata", "labels"))


def _owned(item: Any) -> ClusterRef:
    ref = _from_provisioning(item, text(item, "metadata", "name"))
    if ref.name != ref.id:
        return ref
    # Rancher mirrors a cluster of /v3/clusters under its id, with its name as an annotation (seen at 2.15.0).
    shown = text(item, "metadata", "annotations", _DISPLAY_NAME)
    return ClusterRef(shown or ref.name, "v3", id=ref.id, labels=ref.labels)


def _decode_manifest(body: bytes) -> str:
    manifest = body.decode("utf-8", "strict")
    missing = [part for part in _MANIFEST_PARTS if part not in manifest]
    if missing:
        raise ValueError(f"not an import manifest, it lacks {missing[0]!r}")
    return manifest
