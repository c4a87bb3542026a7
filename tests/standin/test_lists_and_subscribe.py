"""Paging, selectors and the subscription's events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scale_agent.standin.clusters import matches
from scale_agent.standin.conditions import Condition
from scale_agent.standin.subscribe import Subscriber
from tests.standin.conftest import MakeRest, Rest


def fill(rest: Rest, count: int) -> None:
    for number in range(count):
        rest.service.registry.create(f"sim-{number}", "steve", {"run": "a" if number % 2 else "b"}, {}, rest.now)
    rest.wait(1.0)


def test_norman_gives_a_thousand_and_a_marker(rest: Rest) -> None:
    fill(rest, 1003)
    first = rest.call("GET", "/v3/clusters").body
    assert len(first["data"]) == 1000
    assert first["pagination"]["total"] == 1003
    after = first["pagination"]["next"].removeprefix("https://127.0.0.1:8443")
    second = rest.call("GET", after).body
    assert len(second["data"]) == 3
    assert "next" not in second["pagination"]
    assert len({one["id"] for one in first["data"] + second["data"]}) == 1003


def test_2_10_pages_by_limit_and_continue(make_rest: MakeRest) -> None:
    rest = make_rest("2.10.3")
    fill(rest, 25)
    target, ids = "/v1/management.cattle.io.clusters?limit=10", []
    for _ in range(3):
        page = rest.call("GET", target).body
        ids += [one["id"] for one in page["data"]]
        target = f"/v1/management.cattle.io.clusters?limit=10&continue={page.get('continue')}"
    assert len(set(ids)) == 25
    assert "continue" not in page
    assert rest.call("GET", "/v1/management.cattle.io.clusters?limit=1&continue=x").status == 410
    chosen = rest.call("GET", "/v1/management.cattle.io.clusters?labelSelector=run%3Da").body
    assert chosen["count"] == 12


def test_since_2_12_filters_and_numbered_pages(rest: Rest) -> None:
    """Seen with 2.15.0: labelSelector and limit are ignored, filter and pagesize are not."""
    fill(rest, 21)
    path = "/v1/management.cattle.io.clusters"
    assert rest.call("GET", f"{path}?labelSelector=run%3Da&limit=1").body["count"] == 21
    first = rest.call("GET", f"{path}?filter=metadata.labels.run%3Da&pagesize=4").body
    assert (first["count"], first["continue"], len(first["data"])) == (10, "4", 4)
    assert first["pagination"]["next"].endswith("?continue=4&page=1&pagesize=4")
    last = rest.call("GET", f"{path}?filter=metadata.labels.run%3Da&pagesize=4&page=3").body
    assert (len(last["data"]), "continue" in last) == (2, False)
    assert {one["metadata"]["labels"]["run"] for one in first["data"]} == {"a"}


def test_without_server_url_there_is_no_manifest(make_rest: MakeRest) -> None:
    rest = make_rest(server_url="")
    fill(rest, 1)
    item = rest.call("GET", "/v3/clusterregistrationtokens").body["data"][0]
    assert "manifestUrl" not in item
    assert item["token"]
    assert rest.call("PUT", "/v3/settings/server-url", {"value": "https://r:8443/"}).body["value"] == "https://r:8443"
    assert "manifestUrl" in rest.call("GET", "/v3/clusterregistrationtokens").body["data"][0]


@pytest.mark.parametrize(("version", "status"), [("2.15.0", 201), ("2.12.3", 503), ("2.10.3", 404)])
def test_where_one_logs_in(make_rest: MakeRest, version: str, status: int) -> None:
    rest = make_rest(version)
    body = {"type": "localProvider", "username": "admin", "password": "adminadminadmin", "responseType": "json"}
    assert rest.call("POST", "/v1-public/login", body, token="").status == status
    assert rest.call("POST", "/v3-public/localProviders/local?action=login", body, token="").status == 201


def test_tokens_are_made_listed_and_dropped(rest: Rest) -> None:
    made = rest.call("POST", "/v3/tokens", {"ttl": 1000}).body
    assert rest.call("GET", "/v3/clusters", token=made["token"]).status == 200
    listed = rest.call("GET", "/v3/tokens").body["data"]
    assert made["id"] in {one["id"] for one in listed}
    assert not any("token" in one for one in listed)
    assert rest.call("DELETE", f"/v3/tokens/{made['id']}").status == 204
    assert rest.call("GET", "/v3/clusters", token=made["token"]).status == 401


def subscribed(rest: Rest, **message: Any) -> tuple[Subscriber, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    subscriber = Subscriber(rest.service, lambda data: events.append(json.loads(data)))
    subscriber.receive(json.dumps({"resourceType": "management.cattle.io.cluster"} | message))
    return subscriber, events


def test_events_of_a_life(rest: Rest) -> None:
    subscriber, events = subscribed(rest, selector="run=a")
    registry = rest.service.registry
    other = registry.create("other", "steve", {"run": "b"}, {}, rest.now)
    mine = registry.create("mine", "steve", {"run": "a"}, {}, rest.now)
    registry.set_conditions(mine, [Condition("Waiting", "Unknown", message="wait")])
    registry.set_conditions(mine, [Condition("Waiting", "Unknown", message="wait")])
    registry.set_conditions(other, [Condition("Waiting", "Unknown")])
    registry.remove(mine)
    assert [one["name"] for one in events] == [
        "resource.start",
        "resource.create",
        "resource.change",
        "resource.remove",
    ]
    change = events[2]
    assert change["data"]["metadata"]["state"]["name"] == "waiting"
    assert (change["resourceType"], change["selector"]) == ("management.cattle.io.cluster", "run=a")
    assert change["data"]["id"] == mine.id
    subscriber.close()
    registry.create("later", "steve", {"run": "a"}, {}, rest.now)
    assert len(events) == 4


def test_stop_and_errors(rest: Rest) -> None:
    subscriber, events = subscribed(rest)
    subscriber.receive(json.dumps({"resourceType": "management.cattle.io.cluster", "stop": True}))
    subscriber.receive(json.dumps({"resourceType": "pod"}))
    subscriber.receive("{")
    names = [one["name"] for one in events]
    assert names == ["resource.start", "resource.stop", "resource.error", "resource.stop", "resource.error"]
    assert events[2]["data"]["error"] == "failed to find schema pod"


@pytest.mark.parametrize(
    ("selector", "good"),
    [
        ("", True),
        ("a=1", True),
        ("a==1", True),
        ("a=2", False),
        ("a!=2", True),
        ("b", False),
        ("!b", True),
        ("a,!a", False),
    ],
)
def test_selectors(selector: str, good: bool) -> None:
    assert matches({"a": "1"}, selector) is good
