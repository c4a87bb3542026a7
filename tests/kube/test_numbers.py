"""Numbers, sizes and depths in what clients say: whatever they are, the answer is the one that a real server gives."""

from __future__ import annotations

from typing import Any

import pytest

from scale_agent.kube.codec import gonumbers, quantities
from scale_agent.kube.codec.wire import DecodeError
from tests.kube.testbed import Bed

MANY = "9" * 5000
OTHER_SCRIPT = "²"
QUOTAS = "/api/v1/namespaces/default/resourcequotas"
CRON_JOBS = "/apis/batch/v1/namespaces/default/cronjobs"
ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
TEMPLATE = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}}}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("9" * 30, "9" * 30),
        ("9" * 30 + "m", "9" * 30 + "m"),
        ("100Ei", "9223372036854775807"),
        ("1e999", "1e999"),
        (".5", "500m"),
        ("5.", "5"),
    ],
)
def test_quantities_are_exact(text: str, written: str) -> None:
    assert quantities.canonical(text) == written


@pytest.mark.parametrize("text", ["1e99999999999", "1e-99999999999", MANY, f"0.{MANY}", "٣", "1e²", OTHER_SCRIPT, "1e"])
def test_endless_quantities_are_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        quantities.canonical(text)
    assert Bed().ask("POST", QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"cpu": text}}}).status == 400


def test_counts_of_things_may_be_of_any_size() -> None:
    bed = Bed()
    assert bed.ask("POST", QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1e30"}}}).status == 201
    assert bed.ask("POST", QUOTAS, {"metadata": {"name": "r"}, "spec": {"hard": {"pods": "1.5"}}}).status == 422


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("² * * * *", 'failed to parse int from ²: strconv.Atoi: parsing "²": invalid syntax'),
        ("*/² * * * *", 'failed to parse int from ²: strconv.Atoi: parsing "²": invalid syntax'),
        (f"*/{MANY} * * * *", "value out of range"),
        (f"{MANY} * * * *", "value out of range"),
        (f"@every {MANY}h", "failed to parse duration"),
        ("@every 9999999h", 'time: invalid duration "9999999h"'),
    ],
)
def test_schedules(schedule: str, words: str) -> None:
    body = {"metadata": {"name": "c"}, "spec": {"schedule": schedule, "jobTemplate": TEMPLATE}}
    assert words in Bed().call("POST", CRON_JOBS, body, expect=422)["message"]


@pytest.mark.parametrize("schedule", ["+1 * * * *", "@every -1h", "@every 1h1m"])
def test_odd_schedules_that_are_taken(schedule: str) -> None:
    body = {"metadata": {"name": "c"}, "spec": {"schedule": schedule, "jobTemplate": TEMPLATE}}
    Bed().post(CRON_JOBS, body, dryRun="All")


@pytest.mark.parametrize(
    ("text", "problem"), [("--5", "invalid syntax"), (OTHER_SCRIPT, "invalid syntax"), (MANY, "value out of range")]
)
def test_numbers_of_queries(text: str, problem: str) -> None:
    bed = Bed()
    asked: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("DELETE", ACCOUNT, {"gracePeriodSeconds": text, "dryRun": "All"}),
        ("GET", "/api/v1/pods", {"limit": text}),
        ("GET", "/api/v1/namespaces/default/pods/x/log", {"tailLines": text}),
    )
    for method, path, query in asked:
        found = bed.call(method, path, expect=400, **query)
        assert found["message"] == f'strconv.ParseInt: parsing "{text}": {problem}'


@pytest.mark.parametrize("text", [OTHER_SCRIPT, MANY, "18446744073709551616"])
def test_versions_that_are_none(text: str) -> None:
    bed = Bed()
    made = bed.configmap("c")
    made["metadata"]["resourceVersion"] = text
    found = bed.call("PUT", "/api/v1/namespaces/default/configmaps/c", made, expect=500)
    assert found["message"].startswith(f'strconv.ParseUint: parsing "{text}": ')


def test_null_values_of_maps_are_empty_texts() -> None:
    bed = Bed()
    body = {"metadata": {"name": "n"}, "data": {"a": None}, "binaryData": {"b": None}}
    made = bed.post("/api/v1/namespaces/default/configmaps", body)
    assert (made["data"], made["binaryData"]) == ({"a": ""}, {"b": ""})
    secret = bed.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "n"}, "data": {"a": None}})
    assert secret["data"] == {"a": ""}


@pytest.mark.parametrize("path", ["services/kubernetes:²/proxy", f"services/kubernetes:{MANY}/proxy"])
def test_ports_of_proxies(path: str) -> None:
    assert Bed().ask("GET", f"/api/v1/namespaces/default/{path}").status in (400, 404, 503)


@pytest.mark.timeout(10)
def test_long_and_deep_texts_take_no_time() -> None:
    bed = Bed()
    for deep in (b"{" * 20_000, b"[" * 200_000):
        answer = bed.ask("POST", "/api/v1/namespaces/default/configmaps", deep, media="application/yaml")
        assert answer.status == 400
    assert bed.ask("GET", "/api/v1/pods", timeout=MANY).status == 400


def test_paths_that_clients_make_up_are_not_counted() -> None:
    bed = Bed()
    before = bed.ask("GET", "/metrics").body.count(b"apiserver_request_total{")
    for number in range(3):
        bed.ask("GET", f"/api/v1/made-up-{number}")
        bed.ask(f"VERB{number}", f"/api/v1/namespaces/default/pods/x/part-{number}")
    assert bed.ask("GET", "/metrics").body.count(b"apiserver_request_total{") <= before + 1


def test_go_numbers() -> None:
    assert (gonumbers.whole("007"), gonumbers.whole("-1"), gonumbers.whole(""), gonumbers.whole("1_0")) == (
        7,
        None,
        None,
        None,
    )
    assert (gonumbers.integer("-1"), gonumbers.integer("+5"), gonumbers.integer(str(1 << 63))) == (-1, 5, None)
    assert gonumbers.parse_int(str(-(1 << 63))) == -(1 << 63)
