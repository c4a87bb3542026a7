"""Leases and node heartbeats look like real writes to whoever looks, and cost nothing while nobody does."""

from __future__ import annotations

import itertools
from typing import Any

from scale_agent.kube.codec import moments
from scale_agent.kube.controllers import heartbeats
from scale_agent.kube.storage.snapshot import Snapshot
from tests.kube.testbed import NODE, PROTOBUF, START_S, VERSION, Bed, decoded, events

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
READY = {"type": "Ready", "status": "True", "lastHeartbeatTime": moments.stamp(START_S)}


def _bed(count: int = 1, **how: Any) -> Bed:
    objects = []
    for number in range(1, count + 1):
        name = f"n-{number}"
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", **heartbeats.lease_of(name, "", START_S)}
        node = {**NODE, "metadata": {"name": name}, "status": {"conditions": [READY]}}
        objects += [node, lease]
    return Bed(Snapshot.build(objects, version=VERSION, now=START_S, **how))


def _renewed(lease: dict[str, Any]) -> float:
    found = moments.parse(lease["spec"]["renewTime"])
    assert found is not None
    return found


def test_a_lease_is_never_older_than_ten_seconds() -> None:
    bed = _bed(3)
    last: dict[str, tuple[float, int]] = {}
    for _ in range(5):
        bed.advance(27)
        for lease in bed.get(LEASES)["items"]:
            name, version = lease["metadata"]["name"], int(lease["metadata"]["resourceVersion"])
            assert bed.now_s - 10 <= _renewed(lease) <= bed.now_s
            assert (_renewed(lease), version) > last.get(name, (0.0, 0))
            last[name] = (_renewed(lease), version)
    assert len({time for time, _ in last.values()}) == 3  # each node at its own time


def test_versions_go_on_although_nobody_looks() -> None:
    bed = _bed(3)
    first = int(bed.get("/api/v1/pods")["metadata"]["resourceVersion"])
    bed.advance(100)
    later = int(bed.get("/api/v1/pods")["metadata"]["resourceVersion"])
    assert 3 * 9 <= later - first <= 3 * 12
    assert bed.api.core.store.log(heartbeats.LEASES).size == 0


def test_a_watch_of_leases_sees_each_renewal() -> None:
    bed = _bed()
    bed.advance(5)
    version = bed.get(LEASES)["metadata"]["resourceVersion"]
    watch = bed.watch(LEASES, watch="true", resourceVersion=version, timeoutSeconds=300)
    bed.advance(60)
    seen = events(watch)
    assert [one["type"] for one in seen] == ["MODIFIED"] * 6
    times = [_renewed(one["object"]) for one in seen]
    assert all(later - earlier == 10 for earlier, later in itertools.pairwise(times))
    assert [one["object"]["metadata"]["resourceVersion"] for one in seen] == sorted(
        (one["object"]["metadata"]["resourceVersion"] for one in seen), key=int
    )


def test_a_watch_of_nodes_sees_a_heartbeat_every_five_minutes() -> None:
    bed = _bed()
    watch = bed.watch("/api/v1/nodes", watch="true", timeoutSeconds=3600)
    events(watch)
    seen = []
    for _ in range(30):
        bed.advance(60)
        seen += events(watch)
    assert len([one for one in seen if one["type"] == "MODIFIED"]) in (5, 6, 7)
    condition = seen[-1]["object"]["status"]["conditions"][0]
    assert condition["status"] == "True"
    assert (moments.parse(condition["lastHeartbeatTime"]) or 0) > bed.now_s - 301
    node = decoded(bed.ask("GET", "/api/v1/nodes/n-1", accept=PROTOBUF).body, bed)
    assert node["status"]["conditions"][0]["lastHeartbeatTime"] == condition["lastHeartbeatTime"]


def test_when_the_watches_end_nothing_is_due() -> None:
    bed = _bed()
    watch = bed.watch(LEASES, watch="true", timeoutSeconds=20)
    bed.advance(15)
    watch.close()
    bed.advance(400)
    assert bed.api.advance(bed.now_s) is None


def test_a_write_of_the_object_is_not_lost() -> None:
    bed = _bed()
    bed.advance(20)
    bed.get("/api/v1/nodes/n-1")
    media = "application/merge-patch+json"
    bed.call("PATCH", "/api/v1/nodes/n-1", {"metadata": {"labels": {"mine": "yes"}}}, media=media)
    bed.advance(700)
    assert bed.get("/api/v1/nodes/n-1")["metadata"]["labels"]["mine"] == "yes"


def test_a_new_node_gets_a_lease_and_loses_it_with_itself() -> None:
    bed = _bed()
    bed.post("/api/v1/nodes", {"metadata": {"name": "new"}})
    assert bed.get(f"{LEASES}/new")["spec"]["holderIdentity"] == "new"
    bed.call("DELETE", "/api/v1/nodes/new")
    bed.get(f"{LEASES}/new", expect=404)


def test_it_can_be_switched_off() -> None:
    bed = _bed(without=("node-heartbeat",))
    before = bed.get(LEASES)
    bed.advance(100)
    assert bed.get(LEASES) == before
