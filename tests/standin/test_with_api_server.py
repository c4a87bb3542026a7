"""The recorded questions, put to this package's own Kubernetes API: it must answer as Rancher needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from scale_agent.cluster import profile as profiles
from scale_agent.cluster.identity import ClusterIdentity
from scale_agent.cluster.runtime import Runtime
from scale_agent.kube.http import Request, Response, Watch
from scale_agent.kube.local import LocalClient
from scale_agent.kube.server import ApiServer
from scale_agent.kube.users import ANONYMOUS, User
from scale_agent.standin.run import Outgoing
from scale_agent.standin.steps import VERSIONS, deletion_script, import_script
from tests.standin.conftest import MakeRest
from tests.standin.fake_cluster import Drive, Reply, namespace
from tests.standin.test_run import PATHS, make_run

SMALL = Path(__file__).parents[2] / "profiles" / "small.yaml"


@dataclass
class RealCluster:
    """The package's API server behind the same face as the fake one."""

    api: ApiServer
    now: float = 1000.0
    watch_type: str = ""
    seen: list[Outgoing] = field(default_factory=list)
    waiting: list[tuple[int, Watch]] = field(default_factory=list)

    @property
    def events(self) -> list[tuple[int, bytes]]:
        """What the watches have to say now; looking takes it."""
        self.api.advance(self.now)
        return [(step, data) for step, watch in self.waiting if (data := watch.read(1 << 20))]

    @staticmethod
    def _request(out: Outgoing) -> Request:
        path, _, query = out.target.partition("?")
        headers = {name.lower(): value for name, value in out.headers}
        return Request(out.method, path, query, headers, out.body, ANONYMOUS)

    def answer(self, out: Outgoing) -> Reply:
        self.seen.append(out)
        given = self.api.handle(self._request(out), self.now)
        assert isinstance(given, Response), out.target
        return given.status, dict(given.headers).get("Content-Type", ""), given.body

    def open_watch(self, out: Outgoing) -> bytes:
        self.seen.append(out)
        watch = self.api.handle(self._request(out), self.now)
        assert not isinstance(watch, Response), out.target
        self.watch_type = dict(watch.headers)["Content-Type"]
        self.waiting.append((out.step, watch))
        return watch.read(1 << 22)


@dataclass
class RealDrive(Drive):
    """Lets a run and an API server talk."""

    def tell_events(self) -> None:
        assert isinstance(self.cluster, RealCluster)
        self.cluster.now = self.now
        while found := self.cluster.events:
            for step, data in found:
                self.run.watch_data(step, data, self.now)


def imported(make_rest: MakeRest, version: str) -> tuple[RealCluster, LocalClient]:
    """A cluster of the small profile to which the import manifest of ``version`` was applied."""
    rest = make_rest(version)
    rest.call("POST", "/v3/clusters", {"type": "cluster", "name": "one"})
    cluster = rest.cluster("one")
    text = rest.call("GET", f"/v3/import/{cluster.token}_{cluster.id}.yaml", token="").body
    runtime = Runtime()
    profile = profiles.load(SMALL)
    identity = ClusterIdentity("seed", runtime.authority("seed", profile.host).ca_pem)
    real = RealCluster(ApiServer(runtime.snapshot(profile), identity))
    real.api.gate.tokens.register("account", User.account("cattle-system", "cattle"))  # what make_run's agent has sent
    client = LocalClient(real.api, lambda: real.now)
    for document in yaml.safe_load_all(text):
        if document:
            client.apply(document)
    return real, client


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", PATHS)
def test_import(make_rest: MakeRest, version: str, path: str) -> None:
    real, client = imported(make_rest, version)
    run, marks = make_run(import_script(version, path), version, path)
    talk = RealDrive(run, real)
    talk.to_end(20.0)
    client.create("/api/v1/namespaces", namespace("local"))
    run.signal("ready", talk.now)
    talk.to_end(60.0)
    assert run.problems == []
    assert run.finished
    assert {"synced", "admins", "deployed"} <= set(marks)
    agent = client.get("/apis/apps/v1/namespaces/cattle-system/deployments/cattle-cluster-agent")
    assert agent is not None
    names = [one["name"] for one in agent["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert names[0] == "CATTLE_FEATURES"
    assert names.count("CATTLE_SERVER") == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_import_and_deletion(make_rest: MakeRest, version: str) -> None:
    real, client = imported(make_rest, version)
    first, _ = make_run(import_script(version, "steve"), version)
    RealDrive(first, real).to_end(20.0)
    run, _ = make_run(deletion_script(version), version)
    run.signal("synced", real.now)
    RealDrive(run, real, now=real.now).to_end(20.0)
    assert run.problems == []
    assert run.finished
    assert len(client.list("/apis/batch/v1/namespaces/default/jobs")) == 1
