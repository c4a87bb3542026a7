"""Events are served in two groups and stored once."""

from __future__ import annotations

import pytest

from tests.kube.testbed import Bed

CORE, NEW = "/api/v1/namespaces/default/events", "/apis/events.k8s.io/v1/namespaces/default/events"
EVENT = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "a.1"},
    "eventTime": "2026-01-01T00:00:00.000000Z",
    "reportingController": "example.com/tester",
    "reportingInstance": "i",
    "action": "Testing",
    "reason": "Tested",
    "type": "Normal",
    "note": "it was tested",
    "regarding": {"kind": "ConfigMap", "namespace": "default", "name": "a", "uid": "u-1", "apiVersion": "v1"},
}


@pytest.mark.parametrize(
    ("path", "selector"),
    [
        (CORE, "involvedObject.kind=ConfigMap,involvedObject.uid=u-1,reportingComponent=example.com/tester"),
        (NEW, "regarding.kind=ConfigMap,regarding.uid=u-1,reportingController=example.com/tester"),
        (CORE, "reason=Tested,involvedObject.name!=b"),
    ],
)
def test_an_event_of_the_new_group_is_selected_in_both(path: str, selector: str) -> None:
    """As client-go's ``Events(ns).Search`` asks; seen on 1.36.2."""
    bed = Bed()
    bed.post(NEW, EVENT)
    assert [one["metadata"]["name"] for one in bed.get(path, fieldSelector=selector)["items"]] == ["a.1"]
