"""Lists beyond a page, of both APIs, and label restriction on servers that understand it differently."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from scale_agent.errors import RancherError
from scale_agent.rancher import ClusterRef, find_leftovers
from scale_agent.rancher.paging import PAGE
from tests.rancher.conftest import Rest
from tests.rancher.loopback import Answer, Seen, Site

MANAGEMENT = "/v1/management.cattle.io.clusters"
PROVISIONING = "/v1/provisioning.cattle.io.clusters"
OURS = {"scale-agent/run": "r1"}


def cluster(number: int, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "id": f"c-m-{number:08d}",
        "metadata": {"name": f"c-m-{number:08d}", "labels": labels, "state": {"name": "pending"}},
        "spec": {"displayName": f"sim-{number}"},
    }


def query(seen: Seen) -> dict[str, list[str]]:
    return parse_qs(urlsplit(seen.path).query)


def steve(items: list[dict[str, Any]], *, understands: str) -> Any:
    """A steve collection that restricts by ``understands`` (``labelSelector`` or ``filter``) and ignores the other."""

    def answer(seen: Seen) -> Answer:
        asked = query(seen)
        wanted = {"labelSelector": "scale-agent/run=r1", "filter": "metadata.labels[scale-agent/run]=r1"}
        found = items
        if asked.get(understands) == [wanted[understands]]:
            found = [item for item in items if item["metadata"]["labels"].items() >= OURS.items()]
        start, limit = int(asked.get("continue", ["0"])[0]), int(asked["limit"][0])
        page: dict[str, Any] = {"type": "collection", "data": found[start : start + limit]}
        if start + limit < len(found):
            page["continue"] = str(start + limit)
        return Answer(200, page)

    return answer


@pytest.mark.parametrize("understands", ["labelSelector", "filter"])
def test_two_thousand_clusters_of_ours_among_others(understands: str, site: Site, rest: Rest) -> None:
    items = [cluster(number, OURS if number % 2 else {}) for number in range(4690)]
    site.routes["GET", MANAGEMENT] = steve(items, understands=understands)
    first = rest.client.clusters(OURS)
    assert [state.name for state in first] == [f"sim-{number}" for number in range(1, 4690, 2)]
    site.seen.clear()
    again = rest.client.list_clusters(OURS)
    assert again.states == first
    assert again.cost.requests == len(site.seen) == -(-2345 // PAGE)
    assert again.cost.bytes > 100_000
    assert {call.name for call in rest.calls} == {"list"}


def test_a_server_that_sends_everything_at_once(site: Site, rest: Rest) -> None:
    """2.15.0 with its SQL cache ignores ``limit`` (seen)."""
    site.routes["GET", MANAGEMENT] = Answer(200, {"count": 3000, "data": [cluster(n, OURS) for n in range(3000)]})
    found = rest.client.list_clusters(OURS)
    assert (len(found.states), found.cost.requests) == (3000, 1)


def test_only_what_is_needed_is_asked_for(site: Site, rest: Rest) -> None:
    site.routes["GET", MANAGEMENT] = Answer(200, {"data": []})
    assert rest.client.clusters(OURS) == []
    asked = query(site.seen[0])
    assert asked["labelSelector"] == ["scale-agent/run=r1"]
    assert set(asked["include"]) >= {"metadata.labels", "metadata.state", "status.conditions", "spec.displayName"}
    assert asked["limit"] == [str(PAGE)]
    assert "filter" not in asked


def test_what_a_run_created_on_both_paths(site: Site, rest: Rest) -> None:
    display = {"provisioning.cattle.io/management-cluster-display-name": "sim-b"}
    items = [
        {"metadata": {"name": "sim-a", "labels": OURS}, "status": {"clusterName": "c-m-00000001"}},
        {"metadata": {"name": "sim-new", "labels": OURS}},
        {"metadata": {"name": "c-abcde", "labels": OURS, "annotations": display}, "status": {"clusterName": "c-abcde"}},
        {"metadata": {"name": "local"}, "status": {"clusterName": "local"}},
    ]
    site.routes["GET", PROVISIONING] = Answer(200, {"data": items})
    assert rest.client.provisioned(OURS) == [
        ClusterRef("sim-a", "v1", "c-m-00000001", OURS),
        ClusterRef("sim-new", "v1", "", OURS),
        ClusterRef("sim-b", "v3", "c-abcde", OURS),
    ]


def norman(items: list[dict[str, Any]], base: str = "https://elsewhere.example") -> Any:
    """A norman collection: 1,000 to a page, ``pagination.next`` a URL with a marker."""

    def answer(seen: Seen) -> Answer:
        marker = query(seen).get("marker", [items[0]["id"]])[0]
        start = next(index for index, item in enumerate(items) if item["id"] == marker)
        pagination: dict[str, Any] = {"limit": 1000}
        if start + 1000 < len(items):
            path = urlsplit(seen.path).path
            pagination["next"] = f"{base}{path}?limit=1000&marker={items[start + 1000]['id']}"
        return Answer(200, {"pagination": pagination, "data": items[start : start + 1000]})

    return answer


def test_norman_pages_by_marker_at_the_same_host(site: Site, rest: Rest) -> None:
    items = [{"id": f"c-{number:05d}", "name": f"sim-{number}", "labels": OURS} for number in range(2345)]
    site.routes["GET", "/v3/clusters"] = norman(items)
    found = rest.client.find_cluster("sim-2344", "v3")
    assert found == ClusterRef("sim-2344", "v3", "c-02344", OURS)
    assert [query(seen).get("marker") for seen in site.seen] == [None, ["c-01000"], ["c-02000"]]
    assert all(query(seen)["name"] == ["sim-2344"] for seen in site.seen)
    assert rest.client.find_cluster("sim-9999", "v3") is None


def test_pages_that_do_not_go_on(site: Site, rest: Rest) -> None:
    site.routes["GET", MANAGEMENT] = Answer(200, {"data": [], "continue": "again"})
    with pytest.raises(RancherError, match="do not go on"):
        rest.client.clusters({})
    assert len(site.seen) == 2


@pytest.mark.parametrize("page", [{}, {"data": None}, {"data": "x"}, {"data": [1]}, {"data": [{"id": ""}]}])
def test_pages_that_are_none(page: dict[str, Any], site: Site, rest: Rest) -> None:
    site.routes["GET", MANAGEMENT] = Answer(200, page)
    with pytest.raises(RancherError) as caught:
        rest.client.clusters({})
    assert caught.value.reason == "body"


def test_leftovers_are_attributed(site: Site, rest: Rest) -> None:
    def space(name: str, project: str = "", deleted: bool = False) -> dict[str, Any]:
        metadata: dict[str, Any] = {"name": name, "annotations": {"field.cattle.io/projectId": project}}
        return {"metadata": metadata | ({"deletionTimestamp": "2026-11-21T12:00:00Z"} if deleted else {})}

    spaces = [
        space("c-m-00000001"),
        space("c-m-00000001-p-abcde"),
        space("p-fghij", "c-m-00000001:p-fghij"),
        space("cluster-fleet-default-sim-a-0123456789ab"),
        space("c-abcde", deleted=True),
        space("default", "local:p-xxxxx"),
        space("cluster-fleet-default-other-0123456789ab"),
    ]
    users = [
        {"metadata": {"name": "u-one"}, "principalIds": ["system://c-m-00000001", "local://u-one"]},
        {"metadata": {"name": "u-two"}, "principalIds": ["system://provisioning/fleet-default/sim-a"]},
        {"metadata": {"name": "user-admin"}, "principalIds": ["local://user-admin"]},
    ]
    tokens = [{"id": "agent-1", "clusterId": "c-abcde"}, {"id": "token-mine", "clusterId": None}]
    site.routes["GET", "/v1/namespaces"] = Answer(200, {"data": spaces})
    site.routes["GET", "/v1/management.cattle.io.users"] = Answer(200, {"data": users})
    site.routes["GET", "/v3/tokens"] = Answer(200, {"data": tokens})
    refs = [ClusterRef("sim-a", "v1", "c-m-00000001"), ClusterRef("sim-b", "v3", "c-abcde")]
    left = find_leftovers(rest.client, refs)
    assert left.namespaces == (
        "c-m-00000001",
        "c-m-00000001-p-abcde",
        "cluster-fleet-default-sim-a-0123456789ab",
        "p-fghij",
    )
    assert left.terminating == ("c-abcde",)
    assert left.users == ("u-one", "u-two")
    assert left.tokens == ("agent-1",)
    assert not left.clean
    assert find_leftovers(rest.client, [ClusterRef("gone", "v1", "c-m-99999999")]).clean
    assert {call.name for call in rest.calls} == {"leftovers"}
