"""What a new cluster holds, against the lists of a real new control plane."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scale_agent.kube.codec import normalizer
from scale_agent.kube.schema import bootstrap
from scale_agent.kube.schema.schema import Schema
from tests.kube import oracle

SCHEMA = Schema.load()
LISTS = oracle.load("oracle-bootstrap")
#: A time of the same length as all times, and one for conditions with nothing but seconds.
TIME = "2026-01-02T03:04:05Z"
#: Where the recorded API server listened, and where the data says it does.
RECORDED_PORT, STANDARD_PORT = int(oracle.load("oracle-discovery")["server"].rpartition(":")[2]), 6443
IDENTITY = ("uid", "resourceVersion", "creationTimestamp")
PLACES = [path for path in LISTS if not path.endswith("/events")]


def key(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


#: The laboratory's port, and the names of its programs, are not a real cluster's.
SAME = {RECORDED_PORT: STANDARD_PORT, "kcm": "kube-controller-manager", "apiserver": "kube-apiserver"}


def without_identity(value: Any) -> Any:
    """Uids, versions and times left out, and which authority the cluster has."""
    if isinstance(value, dict):
        dropped = (*IDENTITY, "kind", "apiVersion", "time", "lastTransitionTime", "ca.crt")
        return {name: without_identity(inner) for name, inner in value.items() if name not in dropped}
    if isinstance(value, list):
        return [without_identity(inner) for inner in value]
    return SAME.get(value, value) if isinstance(value, int | str) else value


@pytest.mark.parametrize("path", PLACES)
def test_objects_are_those_of_a_real_new_cluster(path: str) -> None:
    """The same names, contents and managed fields."""
    real = LISTS[path]["json"]
    kind = real["kind"].removesuffix("List")
    ours = {
        key(obj): without_identity(normalizer.normalize(obj, SCHEMA))
        for obj in bootstrap.objects(time=TIME)
        if (obj["kind"], obj["apiVersion"]) == (kind, real["apiVersion"])
    }
    assert ours == {key(item): without_identity(item) for item in real["items"]}


def test_every_bootstrap_kind_is_compared() -> None:
    """No object of the data without a real counterpart."""
    compared = {(LISTS[path]["json"]["apiVersion"], LISTS[path]["json"]["kind"]) for path in PLACES}
    assert {(obj["apiVersion"], f"{obj['kind']}List") for obj in bootstrap.objects()} == compared


def test_time_and_authority_are_the_cluster_s_own() -> None:
    """No placeholder stays; objects have no identity yet; each call gives fresh copies."""
    pem = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
    objects = bootstrap.objects(time=TIME, ca_pem=pem)
    text = json.dumps(objects)
    assert '"@' not in text
    assert TIME in text
    roots = [obj for obj in objects if obj["metadata"]["name"] == "kube-root-ca.crt"]
    assert [obj["data"]["ca.crt"] for obj in roots] == [pem] * 4
    assert not any(name in obj["metadata"] for obj in objects for name in IDENTITY)
    objects[0]["metadata"]["name"] = "changed"
    assert bootstrap.objects()[0]["metadata"]["name"] != "changed"


def test_an_unknown_version_has_no_data() -> None:
    """The declared error."""
    with pytest.raises(FileNotFoundError):
        bootstrap.objects("v1.0.0")
