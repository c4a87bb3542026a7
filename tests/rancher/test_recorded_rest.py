"""The recorded REST bodies of a real 2.15.0, replayed by a loopback server: every call the client makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from scale_agent.errors import RancherError
from scale_agent.rancher import ClusterRef, Credentials
from scale_agent.rancher.state import from_norman, from_steve
from tests.rancher.conftest import Rest, recording
from tests.rancher.loopback import Answer, HttpLoopback, Site

CLUSTER = "c-m-54pbssd4"
NAME = "rest-1"


@pytest.fixture
def site_215(site: Site) -> Site:
    """The site answers each recorded path with its recorded answers in their order."""
    for entry in recording("2.15.0", "rest-steve"):
        if "upgrade" in entry["method"]:
            continue
        answers = site.routes.setdefault((entry["method"], entry["path"]), [])
        assert isinstance(answers, list)
        answers.append(Answer(entry["status"], entry["response"]))
    return site


def test_a_cluster_of_the_v1_path(site_215: Site, rest: Rest) -> None:
    client = rest.client
    ref = client.create_cluster(NAME, {"scale-agent/run": "r"}, "v1")
    assert ref == ClusterRef(NAME, "v1", "", {"scale-agent/run": "r"})
    assert site_215.asked("POST", "/v1/provisioning.cattle.io.clusters")[0].body == {
        "type": "provisioning.cattle.io.cluster",
        "metadata": {"namespace": "fleet-default", "name": NAME, "labels": {"scale-agent/run": "r"}},
        "spec": {},
    }
    assert client.resolve(ref) is None
    resolved = client.resolve(ref)
    assert resolved is not None
    assert resolved.id == CLUSTER
    assert client.resolve(resolved) is resolved

    registration = client.registration(resolved)
    assert registration is not None
    assert len(registration.token) == 54
    manifest = client.manifest(registration)
    assert manifest == recording("2.15.0", "rest-steve")[13]["response"]
    assert "authorization" not in site_215.asked("GET", registration.manifest_path)[0].headers
    client.delete(resolved)


def test_a_name_that_exists_is_a_conflict_on_both_paths(site_215: Site, rest: Rest) -> None:
    site_215.routes["POST", "/v1/provisioning.cattle.io.clusters"] = Answer(409, _entry(7)["response"])
    with pytest.raises(RancherError) as v1:
        rest.client.create_cluster(NAME, {}, "v1")
    assert (v1.value.reason, v1.value.status, v1.value.code) == ("conflict", 409, "AlreadyExists")
    with pytest.raises(RancherError) as v3:
        rest.client.create_cluster(NAME, {}, "v3")
    assert (v3.value.reason, v3.value.status, v3.value.code) == ("conflict", 422, "NotUnique")
    assert "Cluster name" in str(v3.value)
    assert NAME not in str(v1.value)
    assert rest.names() == [("create", 409, "conflict"), ("create", 422, "conflict")]


def test_a_bad_name_is_invalid(site: Site, rest: Rest) -> None:
    site.routes["POST", "/v3/clusters"] = Answer(422, _entry(19)["response"])
    with pytest.raises(RancherError) as caught:
        rest.client.create_cluster("Bad_Name!", {}, "v3")
    assert (caught.value.reason, caught.value.code) == ("invalid", "InvalidFormat")
    assert "RFC 1123" in str(caught.value)


def test_a_new_cluster_reads_active_and_is_not(site_215: Site, rest: Rest) -> None:
    state = rest.client.state(CLUSTER)
    assert state is not None
    assert (state.id, state.name, state.state) == (CLUSTER, NAME, "active")
    assert not state.truly_active
    assert not state.agent_deployed
    norman = from_norman(_entry(15)["response"])
    assert (norman.id, norman.name, norman.state, norman.truly_active) == (CLUSTER, NAME, "active", False)


def test_the_deleted_cluster_is_removing_then_gone(site: Site, rest: Rest) -> None:
    assert from_norman(_entry(21)["response"]).removing
    deleted = from_steve({**_entry(16)["response"], "metadata": _entry(20)["response"]["metadata"]})
    assert deleted.removing
    ref = ClusterRef(NAME, "v1", CLUSTER)
    there = Answer(200, _entry(16)["response"])
    site.routes["GET", f"/v1/management.cattle.io.clusters/{CLUSTER}"] = [there, Answer(404, _entry(22)["response"])]
    assert rest.client.exists(ref)
    assert not rest.client.exists(ref)
    assert rest.client.state(CLUSTER) is None
    rest.client.delete(ref)
    assert {error for _, _, error in rest.names()} == {""}


def test_tokens_manifests_and_users_that_are_refused(site_215: Site, rest: Rest) -> None:
    registration = rest.client.registration(ClusterRef(NAME, "v1", CLUSTER))
    assert registration is not None
    site_215.routes["GET", registration.manifest_path] = Answer(400, _entry(14)["response"])
    with pytest.raises(RancherError) as manifest:
        rest.client.manifest(registration)
    assert (manifest.value.reason, manifest.value.status) == ("invalid", 400)
    assert "cluster not found or invalid token" in str(manifest.value)
    assert registration.token not in str(manifest.value)

    site_215.routes["GET", "/v3/clusters"] = Answer(401, _entry(5)["response"])
    with pytest.raises(RancherError) as user:
        rest.client.find_cluster(NAME, "v3")
    assert user.value.reason == "unauthorized"
    assert "check RANCHER_TOKEN" in str(user.value)


def test_a_password_that_is_wrong_and_one_that_is_right(
    site_215: Site, server: HttpLoopback, connect: Callable[..., Rest]
) -> None:
    site_215.routes["POST", "/v3/tokens?action=logout"] = Answer(200, "{}\n")
    rest = connect(server.url, Credentials(user="admin", password="canary"))
    with pytest.raises(RancherError) as caught:
        rest.client.login()
    assert caught.value.reason == "unauthorized"
    assert "authentication failed" in str(caught.value)
    rest.client.login()
    rest.client.state(CLUSTER)
    assert site_215.seen[-1].headers["authorization"] == f"Bearer {_entry(4)['response']['token']}"
    rest.client.logout()
    rest.client.logout()
    assert [seen.path for seen in site_215.seen].count("/v3/tokens?action=logout") == 1
    assert rest.names()[-1] == ("logout", 200, "")


def test_the_login_of_2_12_answers_503_on_the_newer_door(
    site: Site, server: HttpLoopback, connect: Callable[..., Rest]
) -> None:
    site.routes["POST", "/v1-public/login"] = Answer(503, "Service Unavailable")
    site.routes["POST", "/v3-public/localProviders/local"] = Answer(201, _entry(4)["response"])
    rest = connect(server.url, Credentials(user="admin", password="canary"))
    rest.client.login()
    assert [seen.path for seen in site.seen] == ["/v1-public/login", "/v3-public/localProviders/local?action=login"]
    assert rest.names() == [("login", 503, "server"), ("login", 201, "")]


def test_no_door_at_all(site: Site, server: HttpLoopback, connect: Callable[..., Rest]) -> None:
    rest = connect(server.url, Credentials(user="admin", password="canary"))
    with pytest.raises(RancherError) as caught:
        rest.client.login()
    assert (caught.value.reason, caught.value.status) == ("not-found", 404)


def test_a_token_that_was_given_is_never_deleted(site: Site, rest: Rest) -> None:
    rest.client.login()
    rest.client.logout()
    assert site.seen == []


@pytest.mark.parametrize("version", ["2.10.3", "2.12.3", "2.15.0"])
def test_every_version_creates_by_v3(version: str, site: Site, rest: Rest) -> None:
    calls = recording(version, "rest-norman-and-conditions")["rest"]
    site.routes["POST", "/v3/clusters"] = Answer(calls[0]["status"], calls[0]["response"])
    ref = rest.client.create_cluster(calls[0]["request"]["name"], {"scale-agent/run": "r"}, "v3")
    assert ref.id == calls[0]["response"]["id"]
    assert rest.client.resolve(ref) is ref
    assert not from_norman(calls[0]["response"]).truly_active
    manifest = next(call for call in calls if "/v3/import/" in call["path"])
    site.routes["GET", manifest["path"]] = Answer(200, manifest["response"])
    found = next(call for call in calls if (call["response"] or {}) and _tokens(call["response"]))
    token = _tokens(found["response"])[0]
    status = {"token": token["token"], "manifestUrl": token["manifestUrl"]}
    site.routes["GET", f"/v1/management.cattle.io.clusterregistrationtokens/{ref.id}/default-token"] = [
        Answer(404, _entry(17)["response"]),
        Answer(200, {"status": {**status, "manifestUrl": ""}}),
        Answer(200, {"status": status}),
    ]
    assert rest.client.registration(ref) is None
    assert rest.client.registration(ref) is None
    registration = rest.client.registration(ref)
    assert registration is not None
    assert rest.client.manifest(registration) == manifest["response"]


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("2.10.3", "rest-norman-and-conditions"),
        ("2.10.3", "rest-steve-and-conditions"),
        ("2.12.3", "rest-norman-and-conditions"),
        ("2.12.3", "rest-steve-and-conditions"),
        ("2.15.0", "rest-norman-and-conditions"),
        ("2.15.0", "conditions-steve"),
    ],
)
def test_truly_active_comes_once_and_last(version: str, name: str) -> None:
    found = recording(version, name)
    timeline = found if isinstance(found, list) else found["timeline"]
    states = [_at(moment) for moment in timeline]
    assert [state.truly_active for state in states] == [False] * (len(states) - 1) + [True]
    assert states[-1].agent_deployed
    assert not states[0].agent_deployed


def _at(moment: dict[str, Any]) -> Any:
    conditions = [{"type": kind, "status": values[0]} for kind, values in moment["conditions"].items()]
    return from_norman({"id": "c-abcde", "state": moment["state"], "conditions": conditions})


def _tokens(response: Any) -> list[dict[str, Any]]:
    data = response.get("data") if isinstance(response, dict) else None
    return [item for item in data or [] if item.get("type") == "clusterRegistrationToken"]


def _entry(index: int) -> Any:
    return recording("2.15.0", "rest-steve")[index]
