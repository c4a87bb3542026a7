"""Who may open a tunnel, and the recorded refusals."""

from __future__ import annotations

import base64
import json

import pytest

from scale_agent.standin.admission import Admitted, Refusal, admit
from scale_agent.standin.clusters import Cluster, Registry
from scale_agent.standin.names import Names
from tests.standin.recordings import rest as recorded

UPGRADES = [row for row in recorded("2.15.0", "rest-steve.json") if "websocket" in row["method"]]


@pytest.fixture
def registry() -> Registry:
    return Registry(Names("tests"))


@pytest.fixture
def cluster(registry: Registry) -> Cluster:
    return registry.create("one", "steve", {}, {}, 0.0)


def packed(**inner: str) -> str:
    return base64.b64encode(json.dumps({"cluster": inner}).encode()).decode()


GOOD = {"address": "10.43.0.1:443", "token": "jwt", "caCert": base64.b64encode(b"PEM").decode()}


@pytest.mark.parametrize("row", UPGRADES, ids=range(len(UPGRADES)))
def test_recorded_refusals(registry: Registry, cluster: Cluster, row: dict[str, object]) -> None:
    headers = row["request_headers"]
    assert isinstance(headers, dict)
    given = admit(
        registry,
        headers.get("Authorization", ""),
        headers.get("X-API-Tunnel-Token"),
        headers.get("X-API-Tunnel-Params", ""),
    )
    assert given == Refusal(int(str(row["status"])), str(row["response"]))


def test_the_main_tunnel(registry: Registry, cluster: Cluster) -> None:
    for token in (cluster.token, cluster.system_token):
        given = admit(registry, "", token, packed(**GOOD))
        assert given == Admitted(cluster, "main", {"address": "10.43.0.1:443", "token": "jwt", "caCert": "PEM"})
    assert "jwt" not in repr(given)


@pytest.mark.parametrize("missing", ["address", "token", "caCert"])
def test_parts_that_are_missing(registry: Registry, cluster: Cluster, missing: str) -> None:
    given = admit(registry, "", cluster.token, packed(**{key: value for key, value in GOOD.items() if key != missing}))
    assert given == Refusal(400, f"invalid input, {missing} empty")


def test_garbage_in_the_parameters(registry: Registry, cluster: Cluster) -> None:
    given = admit(registry, "", cluster.token, "!!notbase64")
    assert isinstance(given, Refusal)
    assert given.status == 400


def test_the_second_tunnel(registry: Registry, cluster: Cluster) -> None:
    assert admit(registry, f"Bearer stv-cluster-{cluster.token}", None, "") == Admitted(cluster, "stv")


def test_a_cluster_that_is_gone(registry: Registry, cluster: Cluster) -> None:
    registry.remove(cluster)
    assert admit(registry, "", cluster.token, packed(**GOOD)) == Refusal(400, "cluster not found")
    assert admit(registry, f"Bearer stv-cluster-{cluster.token}", None, "") == Refusal(401, "failed authentication")
