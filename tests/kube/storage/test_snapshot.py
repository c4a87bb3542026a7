from __future__ import annotations

import gc
import tracemalloc
from typing import Any

from scale_agent.kube.local import LocalClient
from scale_agent.kube.representation.representations import ProtobufEncoder
from scale_agent.kube.server import ApiServer
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.version import Version
from tests.kube.testbed import PROTOBUF, START_S, VERSION, Bed, FixedIdentity, decoded, snapshot

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "p",
        "namespace": "default",
        "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "controller": True}],
    },
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "rs", "namespace": "default"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]},
    },
}
EVENT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "e", "namespace": "default"},
    "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p", "apiVersion": "v1"},
    "reason": "Started",
}
BASE = snapshot(POD, SET, EVENT)


def test_uids_are_the_identitys_and_references_agree() -> None:
    one, two = (Bed(BASE, FixedIdentity(seed)) for seed in "ab")
    for bed, seed in ((one, "a"), (two, "b")):
        pod = bed.get("/api/v1/namespaces/default/pods/p")
        assert pod["metadata"]["uid"] == FixedIdentity(seed).uid("pods/default/p")
        owner = bed.get("/apis/apps/v1/namespaces/default/replicasets/rs")["metadata"]["uid"]
        assert owner == FixedIdentity(seed).uid("replicasets.apps/default/rs")
        assert pod["metadata"]["ownerReferences"][0]["uid"] == owner
        assert bed.get("/api/v1/namespaces/default/events/e")["involvedObject"]["uid"] == pod["metadata"]["uid"]
        raw = bed.ask("GET", "/api/v1/namespaces/default/pods/p", accept=PROTOBUF).body
        assert decoded(raw, bed) == pod
    assert (
        one.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        != two.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    )


def test_authorities_may_differ_in_length() -> None:
    path = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt"
    for number in range(7):
        pem = b"-----BEGIN CERTIFICATE-----\n" + b"A" * number * 10 + b"\n-----END CERTIFICATE-----\n"
        bed = Bed(BASE, FixedIdentity(ca_pem=pem))
        assert bed.get(path)["data"]["ca.crt"] == pem.decode()
        assert decoded(bed.ask("GET", path, accept=PROTOBUF).body, bed)["data"]["ca.crt"] == pem.decode()


def test_clusters_do_not_see_each_others_writes() -> None:
    one, two = Bed(BASE), Bed(BASE)
    one.call("DELETE", "/api/v1/namespaces/default/events/e")
    one.call(
        "PATCH", "/api/v1/nodes/node-1", {"metadata": {"labels": {"x": "y"}}}, media="application/merge-patch+json"
    )
    two.get("/api/v1/namespaces/default/events/e")
    assert "labels" not in two.get("/api/v1/nodes/node-1")["metadata"]
    assert len(one.get("/api/v1/events")["items"]) == 0


def test_events_are_served_by_both_groups() -> None:
    bed = Bed(BASE)
    old = bed.get("/api/v1/namespaces/default/events/e")
    new = bed.get("/apis/events.k8s.io/v1/namespaces/default/events/e")
    assert new["regarding"] == old["involvedObject"]
    assert new["metadata"]["uid"] == old["metadata"]["uid"]


def test_an_untouched_cluster_is_small() -> None:
    identity = FixedIdentity()
    ApiServer(BASE, identity)
    gc.collect()
    tracemalloc.start()
    try:
        kept = [ApiServer(BASE, identity) for _ in range(200)]
        used = tracemalloc.get_traced_memory()[0] / len(kept)
    finally:
        tracemalloc.stop()
    assert used < 3000


def _client(bed: Bed) -> LocalClient:
    return LocalClient(bed.api, lambda: bed.now_s)


def test_the_local_client_applies_and_observes() -> None:
    bed = Bed(BASE)
    client = _client(bed)
    seen: list[tuple[str, str]] = []
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    cancel = client.observe(path, lambda kind, version: seen.append((kind, version.name)))
    template = {
        "metadata": {"labels": {"a": "c"}},
        "spec": {"containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "i"}]},
    }
    obj: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"a": "c"}}, "template": template},
    }
    made = client.apply(obj)
    assert made["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].startswith(
        '{"apiVersion":"apps/v1"'
    )
    template["spec"]["containers"] = [{"name": "c", "image": "i:2"}, {"name": "d", "image": "i"}]  # type: ignore[index]
    changed = client.apply(obj)
    assert [one["image"] for one in changed["spec"]["template"]["spec"]["containers"]] == ["i:2", "i"]
    assert seen[0] == ("ADDED", "web")
    assert ("MODIFIED", "web") in seen
    cancel()
    before = len(seen)
    client.delete(path)
    assert len(seen) == before
    assert client.get(path) is None


def test_the_local_client_lists_with_kinds() -> None:
    client = _client(Bed(BASE))
    (node,) = client.list("/api/v1/nodes")
    assert (node["kind"], node["apiVersion"], node["metadata"]["name"]) == ("Node", "v1", "node-1")
    merged = client.merge("/api/v1/nodes/node-1", {"metadata": {"labels": {"a": "b"}}})
    assert merged["metadata"]["labels"] == {"a": "b"}
    assert VERSION == "v1.36.2"
    assert START_S < 2e9


def test_events_of_what_all_clusters_have_are_each_clusters() -> None:
    for seed in ("a", "b", "a"):
        store = Bed(BASE, FixedIdentity(seed)).api.core.store
        for key in sorted(store.keys()):
            resource = BASE.catalog.any_version(*key)
            assert resource is not None
            encoder = ProtobufEncoder(BASE.catalog, resource)
            for each in store.list(key):
                own = Version(each.namespace, each.name, each.rv, each.json)
                expected = BASE.catalog.watch_frame("ADDED", encoder.one(own))
                assert encoder.event(EventType.ADDED, each) == expected
