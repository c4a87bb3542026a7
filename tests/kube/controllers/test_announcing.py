"""Controllers that say one thing of an object."""

from __future__ import annotations

from tests.kube.testbed import Bed

FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
RANGES = "/apis/networking.k8s.io/v1/servicecidrs"
CLASSES = "/apis/storage.k8s.io/v1/volumeattributesclasses"


def test_a_flow_schema_says_whether_its_level_is_there() -> None:
    bed = Bed()
    for name, level, dangling in (("a", "global-default", "False"), ("b", "none", "True")):
        bed.post(FLOWS, {"metadata": {"name": name}, "spec": {"priorityLevelConfiguration": {"name": level}}})
        (condition,) = bed.get(f"{FLOWS}/{name}")["status"]["conditions"]
        assert (condition["type"], condition["status"]) == ("Dangling", dangling)


def test_it_says_a_thing_once() -> None:
    bed = Bed()
    bed.post(FLOWS, {"metadata": {"name": "a"}, "spec": {"priorityLevelConfiguration": {"name": "exempt"}}})
    before = bed.get(f"{FLOWS}/a")
    bed.advance(60)
    assert bed.get(f"{FLOWS}/a") == before


def test_a_range_is_ready_and_may_go() -> None:
    bed = Bed()
    bed.post(RANGES, {"metadata": {"name": "r"}, "spec": {"cidrs": ["10.99.0.0/24"]}})
    found = bed.get(f"{RANGES}/r")
    assert found["metadata"]["finalizers"] == ["networking.k8s.io/service-cidr-finalizer"]
    assert found["status"]["conditions"][0]["status"] == "True"
    bed.call("DELETE", f"{RANGES}/r")
    bed.get(f"{RANGES}/r", expect=404)


def test_a_class_stays_while_a_claim_names_it() -> None:
    bed = Bed()
    claims = "/api/v1/namespaces/default/persistentvolumeclaims"
    bed.post(CLASSES, {"metadata": {"name": "gold"}, "driverName": "e.com", "parameters": {"a": "b"}})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    named = {"volumeAttributesClassName": "gold", "storageClassName": "none"}
    bed.post(claims, {"metadata": {"name": "c"}, "spec": {**spec, **named}})
    bed.call("DELETE", f"{CLASSES}/gold")
    assert bed.get(f"{CLASSES}/gold")["metadata"]["deletionTimestamp"]
