"""The stand-in on real sockets: refused upgrades, a tunnel, a subscription."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import websocket

from scale_agent.tunnel.events import ConnectionOpened, DataReceived
from scale_agent.tunnel.session import Session, Side
from tests.standin.agents import CERTIFICATE

DEADLINE_S = 30.0


@dataclass
class Served:
    """A stand-in in a process of its own."""

    url: str
    cacert: str
    token: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(
            self.url + path, data, {"Authorization": f"Bearer {self.token}"}, method=method
        )
        context = ssl.create_default_context(cafile=self.cacert)
        with urllib.request.urlopen(request, context=context, timeout=DEADLINE_S) as answer:
            text = answer.read()
        return json.loads(text) if text[:1] == b"{" else text.decode()

    def websocket(self, path: str, *headers: str) -> Any:
        url = self.url.replace("https://", "wss://") + path
        return websocket.create_connection(
            url, header=list(headers), sslopt={"ca_certs": self.cacert}, timeout=DEADLINE_S
        )

    def refusal(self, path: str, *headers: str) -> tuple[int, str]:
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            self.websocket(path, *headers)
        return refused.value.status_code, (refused.value.resp_body or b"").decode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("standin")
    file = folder / "ready.json"
    command = [sys.executable, "-m", "scale_agent", "standin", "--ready-file", str(file), "--directory", str(folder)]
    with subprocess.Popen([*command, "--seed", "tests", "--probe-period", "0.3"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        facts = json.loads(file.read_text())
        try:
            yield Served(facts["url"], facts["cacert"], facts["token"])
        finally:
            process.terminate()
            process.stdout.close()
            assert process.wait(DEADLINE_S) == 0


def registered(served: Served, name: str) -> str:
    """The registration token of a new cluster."""
    cluster = served.call("POST", "/v3/clusters", {"type": "cluster", "name": name})
    while True:
        found = served.call("GET", f"/v3/clusterregistrationtokens?clusterId={cluster['id']}")["data"]
        if found:
            return str(found[0]["token"])


def test_refused_upgrades(served: Served) -> None:
    assert served.refusal("/v3/connect/register", "X-API-Tunnel-Token: bogus") == (400, "cluster not found")
    assert served.refusal("/v3/connect", "Authorization: Bearer stv-cluster-bogus") == (401, "failed authentication")
    assert served.refusal("/v3/connect") == (401, "failed authentication")
    assert served.refusal("/v1/subscribe")[0] == 401


def test_both_tunnels_are_asked(served: Served) -> None:
    token = registered(served, "tunnels")
    inner = {"address": "10.43.0.1:443", "token": "jwt", "caCert": base64.b64encode(CERTIFICATE.ca_pem).decode()}
    params = base64.b64encode(json.dumps({"cluster": inner}).encode()).decode()
    main = served.websocket("/v3/connect/register", f"X-API-Tunnel-Token: {token}", f"X-API-Tunnel-Params: {params}")
    opened, hello = events(main)[:2]
    assert opened == ConnectionOpened(2, "tcp", "10.43.0.1:443")
    assert isinstance(hello, DataReceived)
    assert hello.data[:2] == b"\x16\x03"  # a TLS ClientHello
    stv = served.websocket("/v3/connect", f"Authorization: Bearer stv-cluster-{token}")
    opened, ping = events(stv)[:2]
    assert opened == ConnectionOpened(2, "tcp", "not-used:80")
    assert isinstance(ping, DataReceived)
    assert ping.data.startswith(b"GET /ping HTTP/1.1\r\nHost: not-used\r\nUser-Agent: Go-http-client/1.1\r\n")
    for one in (main, stv):
        one.close()


def events(connection: Any) -> list[Any]:
    """What the first two messages of a tunnel say."""
    session = Session(Side.CLIENT, first_message_id=1)
    return [event for _ in range(2) for event in session.receive(2, connection.recv())]


def test_a_text_frame_ends_the_tunnel_and_nothing_else(served: Served) -> None:
    token = registered(served, "hostile")
    stv = served.websocket("/v3/connect", f"Authorization: Bearer stv-cluster-{token}")
    stv.recv()  # the ping's Connect
    stv.send("hello")
    assert ended(stv)
    assert served.call("GET", "/ping") == "pong"


def ended(connection: Any) -> bool:
    """Read until the websocket is over; the deadline is the socket's."""
    try:
        while connection.recv():
            continue
    except websocket.WebSocketTimeoutException:
        return False
    except (websocket.WebSocketConnectionClosedException, OSError):
        return True
    return True


def test_a_subscription(served: Served) -> None:
    connection = served.websocket("/v1/subscribe", f"Authorization: Bearer {served.token}")
    connection.send(json.dumps({"resourceType": "management.cattle.io.cluster", "selector": "sub=1"}))
    assert json.loads(connection.recv())["name"] == "resource.start"
    made = served.call("POST", "/v3/clusters", {"type": "cluster", "name": "subscribed", "labels": {"sub": "1"}})
    created = json.loads(connection.recv())
    assert (created["name"], created["data"]["id"]) == ("resource.create", made["id"])
    served.call("DELETE", f"/v3/clusters/{made['id']}")
    names = []
    while "resource.remove" not in names:
        names.append(json.loads(connection.recv())["name"])
    assert set(names) == {"resource.change", "resource.remove"}
    connection.close()
