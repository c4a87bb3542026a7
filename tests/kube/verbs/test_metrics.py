"""metrics.k8s.io: who asks, what comes out, and when it is there at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

from scale_agent.cluster import metrics_server
from scale_agent.kube.codec.quantities import number
from tests.kube.testbed import TABLE, Bed, snapshot

METRICS = "/apis/metrics.k8s.io/v1beta1"
DEFAULT = "/api/v1/namespaces/default"
SERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
MADE_AT = "2027-01-01T00:00:00Z"
MERGE = "application/merge-patch+json"


def pod(name: str, cpu: str = "", phase: str = "Running") -> dict[str, Any]:
    container: dict[str, Any] = {"name": "c", "image": "i"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu, "memory": "100Mi"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {"app": name}},
        "spec": {"nodeName": "node-1", "containers": [container]},
        "status": {"phase": phase, "startTime": MADE_AT},
    }


_BASE = snapshot(*metrics_server.objects(MADE_AT), pod("one", "200m"), pod("two"), pod("waits", phase="Pending"))


def bed() -> Bed:
    return Bed(_BASE)


def test_without_a_metrics_server_there_is_no_group() -> None:
    plain = Bed()
    assert plain.ask("GET", f"{METRICS}/nodes").status == 404
    assert "metrics.k8s.io" not in [group["name"] for group in plain.get("/apis")["groups"]]


def test_the_group_is_discovered() -> None:
    one = bed()
    assert [group["name"] for group in one.get("/apis")["groups"]].count("metrics.k8s.io") == 1
    found = {each["name"]: each for each in one.get(METRICS)["resources"]}
    assert found["nodes"]["kind"] == "NodeMetrics"
    assert found["nodes"]["verbs"] == ["get", "list"]
    assert found["pods"]["namespaced"]


def test_running_pods_use_a_share_of_what_they_ask_for() -> None:
    items = bed().get(f"{METRICS}/namespaces/default/pods")["items"]
    assert [one["metadata"]["name"] for one in items] == ["one", "two"]
    first = items[0]
    assert first["metadata"]["labels"] == {"app": "one"}
    assert set(first) == {"metadata", "timestamp", "window", "containers"}
    (container,) = first["containers"]
    assert container["name"] == "c"
    assert Decimal(0) < number(container["usage"]["cpu"]) < number("200m")
    assert number("30Mi") < number(container["usage"]["memory"]) < number("100Mi")


def test_values_change_with_time_and_with_nothing_else() -> None:
    one, other = bed(), bed()
    path = f"{METRICS}/nodes/node-1"
    first = one.get(path)
    assert other.get(path)["usage"] == first["usage"]
    one.now_s += 60
    later = one.get(path)
    assert later["usage"] != first["usage"]
    assert later["timestamp"] > first["timestamp"]


def test_a_node_uses_more_than_its_pods() -> None:
    one = bed()
    node = one.get(f"{METRICS}/nodes")["items"][0]
    pods = one.get(f"{METRICS}/pods")["items"]
    for what in ("cpu", "memory"):
        of_pods = sum(number(container["usage"][what]) for each in pods for container in each["containers"])
        assert number(node["usage"][what]) > of_pods > 0


def test_selections_and_what_is_not_there() -> None:
    one = bed()
    assert len(one.get(f"{METRICS}/pods", labelSelector="app=two")["items"]) == 1
    assert len(one.get(f"{METRICS}/pods", fieldSelector="metadata.name=two")["items"]) == 1
    one.call("GET", f"{METRICS}/pods", expect=400, fieldSelector="spec.nodeName=x")
    missing = one.call("GET", f"{METRICS}/namespaces/default/pods/waits", expect=404)
    assert missing["message"] == 'podmetrics.metrics.k8s.io "default/waits" not found'
    one.call("GET", f"{METRICS}/nodes", expect=405, watch="true")
    one.call("DELETE", f"{METRICS}/nodes/node-1", expect=405)
    assert one.ask("GET", f"{METRICS}/nonsense").status == 404


def test_tables_have_a_column_for_each_resource() -> None:
    table = bed().get(f"{METRICS}/nodes", accept=TABLE)
    assert [one["name"] for one in table["columnDefinitions"]] == ["Name", "cpu", "memory", "Window"]
    assert table["rows"][0]["cells"][0] == "node-1"


def test_protobuf_is_not_spoken() -> None:
    one = bed()
    both = "application/vnd.kubernetes.protobuf,application/json"
    answer = one.ask("GET", f"{METRICS}/nodes", accept=both)
    assert orjson.loads(answer.body)["kind"] == "NodeMetricsList"
    assert one.ask("GET", f"{METRICS}/nodes", accept="application/vnd.kubernetes.protobuf").status == 406


def test_the_group_goes_with_its_service() -> None:
    one = bed()
    one.call("DELETE", "/api/v1/namespaces/kube-system/services/metrics-server")
    one.advance(1)
    (condition,) = one.get(SERVICE)["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "ServiceNotFound")
    assert one.ask("GET", f"{METRICS}/nodes").status == 503
    one.call("DELETE", SERVICE)
    one.advance(1)
    assert one.ask("GET", f"{METRICS}/nodes").status == 404
