"""A Rancher in memory, and the doors to it: as fast as the loop, and as wrong as a test wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import gevent

from scale_agent.cluster.counts import Counts
from scale_agent.cluster.ports import Observer
from scale_agent.errors import InputError, ProfileError, RancherError
from scale_agent.load.doors import Client, Feed, Site
from scale_agent.load.meter import RestCall
from scale_agent.load.options import RunOptions
from scale_agent.rancher.calls import Call
from scale_agent.rancher.refs import ClusterRef, CreationPath, Registration
from scale_agent.rancher.server import ServerInfo
from scale_agent.rancher.state import ClusterState, Condition
from scale_agent.rancher.upgrade import StepTimes

UP = ("AgentDeployed", "Connected", "Ready")


@dataclass
class FakeRancher:
    """Clusters by name. ``refusals`` are raised by the calls of that name, one after the other."""

    clusters: dict[str, ClusterState] = field(default_factory=dict)
    refusals: dict[str, list[RancherError]] = field(default_factory=dict)
    never_active: set[str] = field(default_factory=set)
    undeletable: bool = False
    ask_twice_for_token: bool = True
    calls: list[str] = field(default_factory=list)
    listeners: dict[str, list[Callable[[ClusterState], None]]] = field(default_factory=dict)
    agents: dict[str, bool] = field(default_factory=dict)
    deleted_while_connected: list[bool] = field(default_factory=list)
    most_creating: int = 0
    creating: int = 0
    next_id: int = 0
    prepared: list[tuple[str, int]] = field(default_factory=list)

    def add(self, name: str, labels: Mapping[str, str]) -> ClusterState:
        self.next_id += 1
        state = ClusterState(id=f"c-m-{self.next_id:08d}", name=name, state="pending", labels=dict(labels))
        self.clusters[name] = state
        return state

    def change(self, name: str, **changes: object) -> None:
        if name in self.clusters:
            state = self.clusters[name] = replace(self.clusters[name], **changes)  # type: ignore[arg-type]
            for listener in list(self.listeners.get(state.id, [])):
                listener(state)

    def by_id(self, cluster_id: str) -> ClusterState | None:
        return next((state for state in self.clusters.values() if state.id == cluster_id), None)

    def activate(self, name: str) -> None:
        conditions: dict[str, Condition] = {}
        for kind in UP:
            conditions = conditions | {kind: Condition(kind, "True")}
            self.change(name, conditions=conditions)
        self.change(name, state="active")

    def forget(self, name: str) -> None:
        state = self.clusters.pop(name)
        for listener in list(self.listeners.pop(state.id, [])):
            listener(replace(state, removed=True))


class FakeClient:
    """One process's client."""

    def __init__(self, rancher: FakeRancher, on_call: Callable[[RestCall], None] | None) -> None:
        self._rancher = rancher
        self._on_call = on_call or (lambda call: None)

    def _call(self, name: str, method: str = "GET") -> None:
        self._rancher.calls.append(name)
        waiting = self._rancher.refusals.get(name)
        error = waiting.pop(0) if waiting else None
        status = error.status if error else 200
        self._on_call(Call(name, method, status, 2.0, 100, error.reason if error else ""))
        if error:
            raise error

    def login(self) -> None:
        self._call("login", "POST")

    def logout(self) -> None:
        pass

    def close(self) -> None:
        pass

    def server(self) -> ServerInfo:
        self._call("version")
        return ServerInfo("v2.15.0", "https://rancher.example")

    def create_cluster(self, name: str, labels: Mapping[str, str], path: CreationPath) -> ClusterRef:
        rancher = self._rancher
        rancher.creating += 1
        rancher.most_creating = max(rancher.most_creating, rancher.creating)
        gevent.sleep(0.001)
        rancher.creating -= 1
        self._call("create", "POST")
        if name in rancher.clusters:
            raise RancherError("conflict", "exists", status=409)
        rancher.add(name, labels)
        return ClusterRef(name, path, labels=labels)

    def find_cluster(self, name: str, path: CreationPath) -> ClusterRef | None:
        self._call("find")
        state = self._rancher.clusters.get(name)
        return ClusterRef(name, path, id=state.id, labels=state.labels) if state else None

    def resolve(self, ref: ClusterRef) -> ClusterRef | None:
        self._call("resolve")
        state = self._rancher.clusters.get(ref.name)
        if state is None:
            raise RancherError("not-found", "gone", status=404)
        return replace(ref, id=state.id)

    def registration(self, ref: ClusterRef) -> Registration | None:
        self._call("token")
        if self._rancher.ask_twice_for_token and self._rancher.agents.setdefault(ref.name, False) is False:
            self._rancher.agents[ref.name] = True
            return None
        return Registration(ref.id, "secret-registration-token", "/v3/import/x.yaml")

    def manifest(self, registration: Registration) -> str:
        self._call("manifest")
        return "kind: Deployment"

    def state(self, cluster_id: str) -> ClusterState | None:
        self._call("state")
        return self._rancher.by_id(cluster_id)

    def clusters(self, labels: Mapping[str, str]) -> list[ClusterState]:
        self._call("list")
        return [s for s in self._rancher.clusters.values() if labels.items() <= s.labels.items()]

    def provisioned(self, labels: Mapping[str, str]) -> list[ClusterRef]:
        states = [s for s in self._rancher.clusters.values() if labels.items() <= s.labels.items()]
        return [ClusterRef(s.name, "v1", id=s.id, labels=s.labels) for s in states]

    def delete(self, ref: ClusterRef) -> None:
        self._call("delete", "DELETE")
        if ref.name not in self._rancher.clusters or self._rancher.undeletable:
            return
        self._rancher.deleted_while_connected.append(FakeSimulated.running.get(ref.name, False))
        self._rancher.change(ref.name, removing=True)
        gevent.spawn_later(0.05, self._rancher.forget, ref.name)


class FakeFeed:
    mode = "subscription"
    requests = 1
    bytes = 1000

    def __init__(self, rancher: FakeRancher) -> None:
        self._rancher = rancher

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def state(self, cluster_id: str) -> ClusterState | None:
        return self._rancher.by_id(cluster_id)

    def listen(self, cluster_id: str, callback: Callable[[ClusterState], None]) -> Callable[[], None]:
        listeners = self._rancher.listeners.setdefault(cluster_id, [])
        listeners.append(callback)
        return lambda: listeners.remove(callback) if callback in listeners else None


class FakeSimulated:
    """Tells its observer what a real one would, then lets the fake Rancher activate it."""

    running: ClassVar[dict[str, bool]] = {}
    seeds: ClassVar[dict[str, str]] = {}

    def __init__(self, rancher: FakeRancher, name: str, seed: str, observer: Observer, counts: Counts) -> None:
        self._rancher = rancher
        self._counts = counts
        self._name = name
        self._observer = observer
        self.seeds[name] = seed

    def apply_manifest(self, text: str) -> None:
        if "Deployment" not in text:
            raise InputError("the manifest has no Deployment")
        self.running[self._name] = True
        self._counts.connections_opened += 2
        gevent.spawn_later(0.01, self._live)

    def _live(self) -> None:
        told = self._observer
        told.agent_request("ping", 1.5, 4, None)
        told.handshake("main", StepTimes(1.0, 2.0, 3.0), 6.0, None)
        told.phase("tunnel")
        self._counts.events += 5
        told.served("get", "namespaces", 200, 0.4, 100, 900)
        told.phase("first_request")
        told.handshake("stv", None, 2.0, "status 401 failed authentication")
        told.phase("second_tunnel")
        if self._name not in self._rancher.never_active:
            self._rancher.activate(self._name)

    def stop(self) -> None:
        self._counts.connections_closed += 2 * self.running.get(self._name, False)
        self.running[self._name] = False

    def wait_ended(self, timeout_s: float | None) -> bool:
        return True


class FakeSite:
    client: Client
    feed: Feed

    def __init__(self, rancher: FakeRancher, on_call: Callable[[RestCall], None]) -> None:
        self._rancher = rancher
        self.client = FakeClient(rancher, on_call)
        self.feed = FakeFeed(rancher)
        self.counts = Counts()
        self.profiles: list[str] = []

    def prepare(self, profile: str) -> None:
        self._rancher.prepared.append((profile, len(self._rancher.clusters)))

    def simulate(self, name: str, seed: str, profile: str, observer: Observer) -> FakeSimulated:
        self.profiles.append(profile)
        return FakeSimulated(self._rancher, name, seed, observer, self.counts)

    def start(self) -> None:
        self.client.login()

    def stop(self) -> None:
        pass


class FakeDoors:
    def __init__(self, rancher: FakeRancher) -> None:
        self.rancher = rancher

    def describe_tls(self, options: RunOptions) -> str:
        return "TLS verified by a fake"

    def check_profile(self, path: str) -> None:
        if "missing" in path:
            raise ProfileError("the profile cannot be read", where=path, cure="give a file")

    def client(self, options: RunOptions, on_call: Callable[[RestCall], None] | None) -> FakeClient:
        return FakeClient(self.rancher, on_call)

    def site(self, options: RunOptions, labels: Mapping[str, str], on_call: Callable[[RestCall], None]) -> Site:
        return FakeSite(self.rancher, on_call)
