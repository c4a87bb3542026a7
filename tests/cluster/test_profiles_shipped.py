"""Each shipped profile is loaded and compiled, and an API server over it lists what is promised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from scale_agent.cluster.identity import ClusterIdentity
from scale_agent.cluster.profile import Profile, load, loads
from scale_agent.cluster.profiles import census
from scale_agent.cluster.runtime import ManualRuntime
from scale_agent.kube.http import Request, Response
from scale_agent.kube.server import ApiServer

PROFILES = Path(__file__).parents[2] / "profiles"
HEAD = "name: x\nversion: v1.36.2\n"
PROMISED = {
    "minimal": {"v1/nodes": 1, "v1/namespaces": 4, "v1/pods": 0, "v1/secrets": 0},
    "small": {"v1/nodes": 1, "v1/namespaces": 4, "v1/pods": 0},
    "edge": {"v1/nodes": 1, "v1/namespaces": 5, "v1/pods": 6, "v1/secrets": 1, "v1/configmaps": 6 + 4},
    "medium": {"v1/nodes": 3, "v1/namespaces": 9, "v1/pods": 36, "apps/v1/deployments": 10},
    "enterprise": {
        "v1/nodes": 12,
        "v1/namespaces": 60,
        "v1/pods": 300,
        "v1/secrets": 162,
        "apiextensions.k8s.io/v1/customresourcedefinitions": 80,
        "monitoring.example.com/v1/monitor1s": 20,
        "delivery.example.com/v1/release20s": 20,
        "platform.example.com/v1/platform50s": 0,
    },
    "node-heavy": {"v1/nodes": 250, "v1/pods": 250, "coordination.k8s.io/v1/leases": 250},
}


class Served:
    """An API server over a profile."""

    def __init__(self, profile: Profile, runtime: ManualRuntime | None = None, seed: str = "a") -> None:
        runtime = runtime or ManualRuntime()
        identity = ClusterIdentity(seed, runtime.authority("a", profile.host).ca_pem)
        self.api = ApiServer(runtime.snapshot(profile), identity)
        self.now_s = runtime.clock() + 1

    def ask(self, path: str, method: str = "GET", body: bytes = b"") -> Any:
        headers = {"accept": "application/json", "content-type": "application/json"}
        answer = self.api.handle(Request(method, path, "", headers, body), self.now_s)
        assert isinstance(answer, Response)
        assert answer.status < 300, answer.body
        return orjson.loads(answer.body)

    def listed(self, where: str) -> list[Any]:
        items: list[Any] = self.ask(f"/api/{where}" if where.count("/") == 1 else f"/apis/{where}")["items"]
        return items


def test_every_shipped_profile_is_promised_something() -> None:
    assert {path.stem for path in PROFILES.glob("*.yaml")} == set(PROMISED)


@pytest.mark.parametrize("name", PROMISED)
def test_lists_have_the_promised_counts(name: str) -> None:
    profile = load(PROFILES / f"{name}.yaml")
    assert profile.name == name
    served = Served(profile)
    counts = {where: len(served.listed(where)) for where in PROMISED[name]}
    assert counts == PROMISED[name]


@pytest.mark.parametrize("name", PROMISED)
def test_controllers_find_nothing_to_do(name: str) -> None:
    served = Served(load(PROFILES / f"{name}.yaml"))
    served.ask("/api/v1/namespaces/default/configmaps", "POST", b'{"metadata": {"name": "first"}}')
    served.api.advance(served.now_s + 5)
    store = served.api.core.store
    changed = {key for key in sorted(store.keys()) if store.changed(key)}
    assert changed == {("", "configmaps")}


def test_edge_is_no_k3s_to_rancher() -> None:
    served = Served(load(PROFILES / "edge.yaml"))
    told = [served.ask("/version")["gitVersion"]]
    told += [node["status"]["nodeInfo"]["kubeletVersion"] for node in served.listed("v1/nodes")]
    assert not [one for one in told if "k3s" in one or "rke2" in one]


def test_secrets_and_config_maps_have_their_sizes() -> None:
    text = (
        "secrets:\n  - {namespace: 'a-{n}', name: s, count: 2, keys: 3, size: 1000, labels: {a: b}}\n"
        "  - {namespace: default, name: t, type: kubernetes.io/tls, size: 2Ki}\n"
        "config_maps: [{namespace: default, name: m, keys: 2, size: 1.5Ki}, {namespace: default, name: e, keys: 0}]\n"
    )
    served = Served(loads(HEAD + text))
    secrets = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in served.listed("v1/secrets")}
    assert set(secrets) == {("a-1", "s"), ("a-2", "s"), ("default", "t")}
    first = secrets["a-1", "s"]
    assert (first["type"], first["metadata"]["labels"], len(first["data"])) == ("Opaque", {"a": "b"}, 3)
    assert sum(size(value) for value in first["data"].values()) == 1000
    assert first["data"] != secrets["a-2", "s"]["data"]
    assert set(secrets["default", "t"]["data"]) == {"tls.crt", "tls.key"}
    path = "/api/v1/namespaces/default/configmaps/"
    assert sum(map(len, served.ask(path + "m")["data"].values())) == 1536
    assert "data" not in served.ask(path + "e")


def size(encoded: str) -> int:
    return len(encoded) * 3 // 4 - encoded.count("=")


CUSTOM = "custom_resources: [{group: e.com, kind: 'T{n}', count: 2, objects: 3, size: 700, namespace: 'a-{n}'}]\n"


def test_custom_resources_are_served_and_can_be_changed() -> None:
    served = Served(loads(HEAD + CUSTOM))
    items = served.listed("e.com/v1/t2s")
    assert [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in items] == [
        (f"a-{number}", f"t2-{number}") for number in (1, 2, 3)
    ]
    assert len(items[0]["spec"]["data"]) == 700
    assert {one["name"] for one in served.ask("/apis/e.com/v1")["resources"]} == {"t1s", "t2s"}
    body = b'{"apiVersion": "e.com/v1", "kind": "T1", "metadata": {"name": "n"}, "spec": {"data": "x"}}'
    made = served.ask("/apis/e.com/v1/namespaces/a-1/t1s", "POST", body)
    assert made["kind"] == "T1"
    served.ask("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/t1s.e.com", "DELETE")
    assert len(served.listed("e.com/v1/t2s")) == 3


def test_a_definition_is_as_the_server_makes_it_of_the_same_request() -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    ready = Served(loads(HEAD + CUSTOM)).ask(f"{path}/t1s.e.com")
    served = Served(loads(HEAD))
    spec = {key: value for key, value in ready["spec"].items() if key in ("group", "names", "scope", "versions")}
    body = {"apiVersion": ready["apiVersion"], "kind": ready["kind"], "metadata": {"name": "t1s.e.com"}, "spec": spec}
    served.ask(path, "POST", orjson.dumps(body))
    served.api.advance(served.now_s + 10)
    made = served.ask(f"{path}/t1s.e.com")
    for condition in (*ready["status"]["conditions"], *made["status"]["conditions"]):
        del condition["lastTransitionTime"]
    assert made["status"] == ready["status"]
    assert made["spec"] == ready["spec"]
    assert made["metadata"]["generation"] == ready["metadata"]["generation"]


def test_schemas_have_about_their_size() -> None:
    served = Served(loads(HEAD + CUSTOM.replace("size: 700", "schema_size: 64Ki")))
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/t1s.e.com"
    schema = served.ask(path)["spec"]["versions"][0]["schema"]
    assert 0.9 < len(orjson.dumps(schema)) / 65536 < 1.1


def test_clusters_share_their_custom_types() -> None:
    profile, runtime = loads(HEAD + CUSTOM), ManualRuntime()
    one, two = Served(profile, runtime, "a"), Served(profile, runtime, "b")
    first, second = (served.api.core.custom.find("e.com", "v1", "t1s") for served in (one, two))
    assert first is second
    one.ask("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/t1s.e.com", "DELETE")
    one.api.advance(one.now_s + 10)
    assert one.api.core.custom.find("e.com", "v1", "t1s") is None
    assert two.api.core.custom.find("e.com", "v1", "t1s") is first


def test_the_census_counts_what_the_server_lists() -> None:
    profile = load(PROFILES / "enterprise.yaml")
    found = {line.resource: line for line in census.census(profile).lines}
    assert (found["pods"].count, found["pods"].own) == (300, 300)
    assert (found["namespaces"].count, found["namespaces"].own) == (60, 56)
    assert found["customresourcedefinitions.apiextensions.k8s.io"].size > 10 * 32768
    assert found["clusterroles.rbac.authorization.k8s.io"].own == 0


def test_the_costs_are_those_that_are_measured() -> None:
    baseline = orjson.loads((PROFILES.parent / "benchmarks" / "baseline.json").read_bytes())
    assert baseline["memory_per_cluster_bytes"] == census.CONNECTED_BYTES
    small, heavy = (load(PROFILES / f"{name}.yaml") for name in ("small", "node-heavy"))
    first, second = (census.costs(one, census.census(one)) for one in (small, heavy))
    assert first.cluster_bytes == census.CONNECTED_BYTES
    assert second.cluster_bytes == census.CONNECTED_BYTES + 249 * census.NODE_BYTES
    assert second.written_per_s == pytest.approx(250 / 10 + 250 / 300)
    assert second.requests_per_s == first.requests_per_s
