"""The web UI: the start form, mistakes in it, a test that is started and stopped there, and no secret on any page."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from scale_agent.errors import InputError, RancherError
from scale_agent.load.preflight import with_form
from tests.load.fakes import FakeRancher
from tests.load.harness import Harness, parse, wait_for


@pytest.fixture
def client(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Flask's test client of an environment with a web UI."""
    monkeypatch.setattr("sys.argv", ["locust"])  # every page parses the command line again
    harness.configure(web=True)
    web_ui = harness.environment.web_ui
    assert web_ui is not None
    assert web_ui.app is not None
    return web_ui.app.test_client()


def swarm(client: Any, **form: object) -> Any:
    return client.post(
        "/swarm", data={"user_count": 2, "spawn_rate": 100, "host": "https://rancher.example", **form}
    ).json


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"host": "nonsense"}, "does not start with https"),
        ({"cluster_profile": "missing.yaml"}, "missing.yaml"),
        ({"run_id": "NO"}, "--run-id"),
        ({"active_timeout": "soon"}, "'soon' is no number"),
        ({"create_path": "v2"}, "--create-path"),
        ({"profile": "profiles/medium.yaml"}, "Cluster Profile"),
    ],
)
def test_a_mistake_in_the_form_is_shown_there(client: Any, harness: Harness, form: dict[str, str], text: str) -> None:
    answer = swarm(client, **form)
    assert answer["success"] is False
    assert text in answer["message"]
    assert harness.environment.runner is not None
    assert harness.environment.runner.state == "ready"


def test_a_refusal_of_rancher_is_shown_there(client: Any, rancher: FakeRancher) -> None:
    rancher.refusals["login"] = [RancherError("unauthorized", "wrong token", status=401)]
    assert "wrong token" in swarm(client)["message"]


def test_a_test_from_the_ui_cleans_up_and_the_next_one_waits_for_that(
    client: Any, harness: Harness, rancher: FakeRancher
) -> None:
    assert swarm(client, run_id="first")["success"] is True
    harness.wait_active(2)
    assert {state.labels["scale-agent/run"] for state in rancher.clusters.values()} == {"first"}
    client.post("/stop")
    assert "still being deleted" in swarm(client)["message"]
    wait_for(lambda: harness.director.verdict is not None)
    assert (rancher.clusters, harness.environment.process_exit_code) == ({}, 0)

    assert swarm(client, run_id="second")["success"] is True
    wait_for(lambda: harness.director.options is not None and harness.director.options.run_id == "second")
    harness.wait_active(2)
    assert {state.labels["scale-agent/run"] for state in rancher.clusters.values()} == {"second"}
    client.post("/stop")
    wait_for(lambda: harness.director.verdict is not None)
    assert [r.detail["run_id"] for r in harness.records() if r.name == "start"] == ["first", "second"]


def test_changing_the_number_of_users_is_not_a_new_run(client: Any, harness: Harness, rancher: FakeRancher) -> None:
    swarm(client)
    harness.wait_active(2)
    assert swarm(client, user_count=4)["success"] is True
    harness.wait_active(4)
    assert len(rancher.clusters) == 4


def test_pages_show_our_options_and_no_secret(client: Any, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary" * 9
    monkeypatch.setenv("RANCHER_TOKEN", f"token-abcde:{canary}")
    monkeypatch.setenv("RANCHER_PASSWORD", canary)
    page = client.get("/").get_data(as_text=True)
    assert canary not in page
    assert canary not in client.get("/stats/requests").get_data(as_text=True)
    assert canary not in str(vars(harness.environment.parsed_options))


def test_a_form_keeps_the_types_of_the_options() -> None:
    parsed = parse("--host", "https://x")
    merged = with_form(parsed, {"hold": "3", "keep_clusters": "true", "create_concurrency": "4", "run_id": "abc"})
    assert (merged.hold, merged.keep_clusters, merged.create_concurrency, merged.run_id) == (3.0, True, 4, "abc")
    assert parsed.run_id == "auto"
    with pytest.raises(InputError):
        with_form(argparse.Namespace(**vars(parsed)), {"create_concurrency": "4.5"})
