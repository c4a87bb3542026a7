"""A cluster's life through both tunnels with TLS and HTTP, without sockets and on a clock that the test moves."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from scale_agent.kube.http import Watch
from scale_agent.standin.clusters import Cluster, Registry
from scale_agent.standin.downstream import Downstream, Pace, Surroundings
from scale_agent.standin.names import Names
from scale_agent.standin.report import whole
from scale_agent.standin.run import Outgoing
from scale_agent.standin.tunnels import Contexts
from scale_agent.standin.values import Values
from scale_agent.tunnel.http_requests import HttpRequest
from tests.standin.agents import CERTIFICATE, Agent, Answer, ManualWheel
from tests.standin.fake_cluster import JSON, FakeCluster, namespace

PARAMS = {"address": "10.43.0.1:443", "token": "jwt", "caCert": CERTIFICATE.ca_pem.decode()}


class Lines:
    """A watch of the fake cluster."""

    drained = False

    def __init__(self, first: bytes) -> None:
        self.status, self.headers = 200, (("content-type", JSON),)
        self.on_readable = None
        self.ended = False
        self.waiting = first

    def read(self, max_bytes: int) -> bytes:
        del max_bytes
        out, self.waiting = self.waiting, b""
        return out

    def close(self) -> None:
        self.ended = True


@dataclass
class World:
    """A stand-in's inside with one cluster, and the fake cluster at the other end."""

    wheel: ManualWheel = field(default_factory=ManualWheel)
    api: FakeCluster = field(default_factory=FakeCluster)
    agents: list[Agent] = field(default_factory=list)
    watches: dict[int, Lines] = field(default_factory=dict)
    spoilt: str = ""
    silent: str = ""
    seen: list[HttpRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry(Names("tests"))
        values = Values("2.15.0", "https://127.0.0.1:8443", "CA\n", self.wheel.clock)
        self.shared = Surroundings(self.registry, self.wheel, Contexts(), values, "2.15.0", Pace())
        self.cluster: Cluster = self.registry.create("one", "steve", {}, {}, self.wheel.now)
        self.life = Downstream(self.cluster, self.shared)

    def agent(self, tunnel: str = "main", params: dict[str, str] = PARAMS) -> Agent:
        agent = Agent(self.serve if tunnel == "main" else self.pong, tls=tunnel == "main")
        self.agents.append(agent)
        self.life.attached("main" if tunnel == "main" else "stv", agent.outer, dict(params))
        self.pump()
        return agent

    def serve(self, request: HttpRequest) -> Answer:
        self.seen.append(request)
        if self.silent and self.silent in request.target:
            return None
        if request.target.startswith("/readyz"):
            return 200, "text/plain", b"ok"
        if "watch=true" in request.target:
            out = Outgoing(len(self.watches), 0, "GET", request.target, (), b"", True)
            lines = Lines(self.api.open_watch(out))
            self.watches[out.step] = lines
            watch: Watch = lines  # type: ignore[assignment]
            return watch
        status, kind, body = self.api.answer(Outgoing(0, 0, request.method, request.target, (), request.body, False))
        if self.spoilt and self.spoilt in request.target:
            return 500, kind, json.dumps({"kind": "Status", "code": 500, "message": "broken"}).encode()
        return status, kind, body

    def pong(self, request: HttpRequest) -> Answer:
        self.seen.append(request)
        return None if self.silent and self.silent in request.target else (200, "text/plain", b"pong")

    def pump(self) -> None:
        """Until nobody has anything to say."""
        for _ in range(50):
            for agent in self.agents:
                agent.pump()
            if not self.api.events:
                return
            for step, data in self.api.events:
                self.watches[step].waiting += data
            self.api.events.clear()

    def wait(self, seconds: float) -> None:
        self.wheel.pass_time(seconds, self.pump)
        self.pump()

    def status(self, condition: str) -> str:
        found = self.cluster.conditions.get(condition)
        return found.status if found is not None else "absent"


@pytest.fixture
def world() -> World:
    return World()


def test_conditions_of_a_new_cluster(world: World) -> None:
    assert world.cluster.state.name == "active"  # falsely, as in Rancher
    world.wait(0.2)
    assert world.status("CreatorMadeOwner") == "True"
    world.wait(0.6)
    assert (world.cluster.state.name, world.status("Waiting")) == ("pending", "Unknown")


def test_a_whole_import(world: World) -> None:
    world.wait(1.0)
    world.agent()
    world.wait(1.0)
    assert (world.status("Provisioned"), world.cluster.state.name) == ("True", "waiting")
    world.api.put("/api/v1/namespaces/local", namespace("local"), "ADDED")
    world.wait(2.0)
    assert world.status("AgentDeployed") == "True"
    world.agent("stv")
    world.life.ping()
    world.pump()
    assert world.status("Connected") == "True"
    assert world.status("Ready") == "absent"
    world.wait(20.0)
    assert (world.status("Ready"), world.status("Waiting"), world.cluster.state.name) == ("True", "True", "active")
    world.wait(40.0)
    assert world.life.run is not None
    assert world.life.run.finished
    assert world.cluster.problems == []
    main = world.agents[0]
    assert len(main.opened) == 63  # as recorded: 62, and the probes' own
    assert set(main.opened) == {"10.43.0.1:443"}
    assert world.agents[1].opened == ["not-used:80"]
    world.wait(120.0)
    assert main.outer.open_connections == 13  # 12 watches and the probes' own


def test_probes_go_on_every_15_seconds(world: World) -> None:
    world.agent()
    world.wait(100.0)
    before = sum(one.target.startswith("/readyz") for one in world.seen)
    world.wait(150.0)
    assert sum(one.target.startswith("/readyz") for one in world.seen) - before == 10


def test_without_the_second_tunnel_it_is_disconnected(world: World) -> None:
    world.agent()
    world.wait(5.0)
    world.life.ping()
    assert (world.status("Connected"), world.status("Ready")) == ("False", "False")
    assert world.cluster.conditions["Ready"].reason == "Disconnected"
    world.wait(30.0)
    assert world.status("Ready") == "False"  # not probed while it is not connected


def test_a_silent_ping_is_a_problem(world: World) -> None:
    world.agent()
    world.agent("stv")
    world.silent = "/ping"
    world.wait(1.0)
    world.life.ping()
    world.wait(11.0)
    assert world.status("Connected") == "False"
    assert world.cluster.problems == ["the ping down the second tunnel was not answered"]


def test_a_wrong_answer_shows_everywhere_and_stays(world: World) -> None:
    world.spoilt = "/openapi/v3?"
    world.agent()
    world.agent("stv")
    world.wait(5.0)
    world.life.ping()
    world.wait(40.0)
    assert world.cluster.state.name == "error"
    assert "answered 500 where 200 was recorded: broken" in world.cluster.state.message
    assert world.cluster.conditions["AgentDeployed"].reason == "Error"
    report: dict[str, Any] = whole("2.15.0", world.registry, [world.life], {})
    assert report["with_problems"] == 1
    assert report["clusters"][0]["wrong_answers"][0]["request"] == "GET /openapi/v3"
    assert "jwt" not in json.dumps(report)


def test_a_certificate_of_another_authority(world: World) -> None:
    other = PARAMS | {"caCert": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}
    world.agent(params=other)
    assert world.cluster.state.name == "error"
    assert "caCert cannot be used" in world.cluster.problems[0]


def test_the_oldest_session_is_used_until_it_ends(world: World) -> None:
    first = world.agent()
    world.wait(30.0)
    second = world.agent()
    world.wait(20.0)
    assert second.opened == []
    assert world.life.sessions("main") == 2
    before = len(world.seen)
    first.end()
    world.wait(20.0)
    assert world.life.session("main") is second.outer
    again = [one.target for one in world.seen[before:] if "watch=true" in one.target]
    assert len(again) == 12
    assert all("resourceVersion=" in one for one in again)
    assert world.cluster.problems == []


def test_a_changed_token_starts_the_informers_again(world: World) -> None:
    first = world.agent()
    world.wait(30.0)
    before = len(world.seen)
    world.agent(params=PARAMS | {"token": "other"})
    first.end()
    world.wait(10.0)
    again = world.seen[before:]
    assert sum("watch=true" in one.target for one in again) == 12
    assert {one.method for one in again} == {"GET"}
    assert dict(again[-1].headers)["authorization"] == "Bearer other"
    assert world.cluster.problems == []


def test_deletion_cleans_up_down_the_tunnel(world: World) -> None:
    world.agent()
    world.wait(30.0)
    before = len(world.seen)
    world.life.delete()
    assert world.cluster.state.name == "removing"
    world.wait(2.0)
    made = [(one.method, one.target.partition("?")[0]) for one in world.seen[before:]]
    assert made[0] == ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles")
    assert any(path.endswith("/jobs") for _, path in made)
    assert world.registry.get(world.cluster.id) is None
    assert not world.agents[0].socket.closed  # Rancher leaves the websocket alone
    assert world.agents[0].outer.open_connections == 0


def test_deletion_without_a_tunnel(world: World) -> None:
    world.life.delete()
    world.life.delete()
    world.wait(0.3)
    assert len(world.registry) == 0
