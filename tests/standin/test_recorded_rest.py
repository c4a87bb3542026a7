"""The recorded calls of a client, made again: the same statuses and bodies, ids and times aside."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standin.conftest import MakeRest, Rest
from tests.standin.recordings import mapped
from tests.standin.recordings import rest as recorded


def _same(rest: Rest, row: dict[str, Any], cluster_id: str = "", token: str = "") -> None:
    path = row["path"].replace("c-m-54pbssd4", cluster_id) if cluster_id else row["path"]
    if token and "/v3/import/" in path and "wrongtoken" not in path:
        path = f"/v3/import/{token}_{cluster_id}.yaml"
    bearer = rest.bearer if row["authenticated"] else ""
    given = rest.call(row["method"], path, row["request"], token=bearer)
    assert given.status == row["status"], path
    assert given.content_type == row["response_headers"]["Content-Type"]
    assert mapped(given.body) == mapped(row["response"])
    assert ("X-Api-Schemas" in dict(given.headers)) == (
        "X-Api-Schemas" in row["response_headers"]
    ) or given.status == 401


ROWS = recorded("2.15.0", "rest-steve.json")


@pytest.mark.parametrize("number", [0, 1, 3, 5])
def test_before_logging_in(rest: Rest, number: int) -> None:
    """/ping, cacerts, a wrong password, a list without a token."""
    _same(rest, ROWS[number])


def test_version(rest: Rest) -> None:
    given = rest.call("GET", "/rancherversion", token="")
    assert given.body == ROWS[2]["response"]


def test_login_gives_a_token_that_works(rest: Rest) -> None:
    given = rest.call("POST", ROWS[4]["path"], ROWS[4]["request"], token="")
    assert given.status == 201
    assert given.body.keys() == ROWS[4]["response"].keys()
    assert rest.call("GET", "/v3/clusters", token=given.body["token"]).status == 200


def test_creation_through_v1(rest: Rest) -> None:
    """Created, refused the second time, an id after a moment, then a token and the manifest."""
    _same(rest, ROWS[6])
    _same(rest, ROWS[7])
    _same(rest, ROWS[8])
    rest.wait(0.1)
    cluster = rest.cluster("rest-1")
    _same(rest, ROWS[9], cluster.id)
    empty = rest.call("GET", f"/v3/clusterregistrationtokens?clusterId={cluster.id}")
    assert empty.body["data"] == []
    rest.wait(0.2)
    full = rest.call("GET", f"/v3/clusterregistrationtokens?clusterId={cluster.id}")
    assert mapped(full.body["data"]) == mapped(ROWS[11]["response"]["data"])
    assert full.body["pagination"] == {"limit": 1000, "total": 1}
    for number in (12, 13, 14):
        _same(rest, ROWS[number], cluster.id, cluster.token)


def test_refusals(rest: Rest) -> None:
    """A cluster that is not there, a name that is taken, a bad name."""
    _same(rest, ROWS[6])
    for number in (17, 18, 19):
        _same(rest, ROWS[number])


def test_new_cluster_as_recorded_but_for_its_conditions(rest: Rest) -> None:
    rest.call("POST", ROWS[6]["path"], ROWS[6]["request"])
    rest.wait(0.1)
    cluster = rest.cluster("rest-1")
    norman = rest.call("GET", f"/v3/clusters/{cluster.id}").body
    want = {key: value for key, value in ROWS[15]["response"].items() if key != "conditions"}
    assert mapped({key: value for key, value in norman.items() if key != "conditions"}) == mapped(want)
    assert (norman["state"], norman["conditions"]) == ("active", [])  # falsely, as in Rancher
    steve = rest.call("GET", f"/v1/management.cattle.io.clusters/{cluster.id}").body
    assert steve["metadata"]["state"] == ROWS[16]["response"]["metadata"]["state"]
    assert steve.keys() == ROWS[16]["response"].keys()


def test_deletion(rest: Rest) -> None:
    rest.call("POST", ROWS[6]["path"], ROWS[6]["request"])
    rest.wait(0.1)
    cluster = rest.cluster("rest-1")
    given = rest.call("DELETE", ROWS[20]["path"])
    assert given.status == 200
    assert mapped(given.body) == mapped(ROWS[20]["response"])
    removing = rest.call("GET", f"/v3/clusters/{cluster.id}").body
    for key in ("state", "transitioning", "transitioningMessage"):
        assert removing[key] == ROWS[21]["response"][key]
    assert rest.deleted == ["rest-1"]
    rest.service.registry.remove(cluster)
    gone = rest.call("GET", f"/v3/clusters/{cluster.id}")
    assert (gone.status, mapped(gone.body)) == (404, mapped(ROWS[22]["response"]))


@pytest.mark.parametrize("version", ["2.15.0", "2.12.3", "2.10.3"])
def test_creation_through_v3(make_rest: MakeRest, version: str) -> None:
    rest = make_rest(version)
    rows = recorded(version, "rest-norman-and-conditions.json")["rest"]
    given = rest.call("POST", "/v3/clusters", rows[0]["request"])
    assert given.status == 201
    assert mapped(given.body) == mapped(rows[0]["response"])
    cluster = rest.cluster(rows[0]["request"]["name"])
    rest.wait(1.0)
    listed = rest.call("GET", f"/v3/clusterregistrationtokens?clusterId={cluster.id}").body
    want = next(row["response"] for row in reversed(rows) if "clusterregistrationtokens" in row["path"])
    assert mapped(listed["data"]) == mapped(want["data"])
    assert listed["sort"]["links"].keys() == want["sort"]["links"].keys()
    manifest = rest.call("GET", f"/v3/import/{cluster.token}_{cluster.id}.yaml", token="")
    assert mapped(manifest.body) == mapped(rows[-1]["response"])


@pytest.mark.parametrize("version", ["2.12.3", "2.10.3"])
def test_creation_through_v1_of_older_versions(make_rest: MakeRest, version: str) -> None:
    rest = make_rest(version)
    rows = recorded(version, "rest-steve-and-conditions.json")["rest"]
    given = rest.call("POST", rows[0]["path"], rows[0]["request"])
    assert (given.status, mapped(given.body)) == (201, mapped(rows[0]["response"]))
    rest.wait(0.1)
    named = [row for row in rows if row["path"].startswith("/v1/provisioning") and row["method"] == "GET"][-1]
    assert mapped(rest.call("GET", named["path"]).body) == mapped(named["response"])
