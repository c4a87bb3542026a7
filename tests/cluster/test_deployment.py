"""The agent's Deployment, as the recorded imports wrote it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from scale_agent.cluster import deployment, manifest
from tests.cluster.recordings import VERSIONS, deployment_written, recorded


def _imported(version: str) -> dict[str, Any]:
    objects = manifest.parse(recorded(version)["manifest"])
    return next(obj for obj in objects if obj["kind"] == "Deployment")


@pytest.mark.parametrize("version", VERSIONS)
def test_imported_agent_opens_one_tunnel_and_the_reapplied_one_two(version: str) -> None:
    first, second = (deployment.read(obj) for obj in (_imported(version), deployment_written(version, "apply")))
    assert first is not None
    assert second is not None
    assert not first[0].second_tunnel
    assert second[0].second_tunnel
    assert first[0].revision != second[0].revision
    assert first[0].credentials != second[0].credentials
    assert second[0].credentials.startswith("cattle-credentials-")
    assert len(first[0].checksum) == 64
    assert first[0].strict
    assert first[1] == second[1] == 1


@pytest.mark.parametrize("version", ["2.12.3", "2.15.0"])
def test_upgrade_annotation_is_a_third_revision(version: str) -> None:
    applied, annotated = (deployment.read(deployment_written(version, kind)) for kind in ("apply", "put"))
    assert applied is not None
    assert annotated is not None
    assert applied[0].revision != annotated[0].revision


def test_empty_values_are_no_new_revision() -> None:
    stored = deployment_written("2.15.0", "apply")
    for variable in stored["spec"]["template"]["spec"]["containers"][0]["env"]:
        variable.pop("value") if not variable["value"] else None
    patched = copy.deepcopy(stored)
    for variable in patched["spec"]["template"]["spec"]["containers"][0]["env"]:
        variable.setdefault("value", "")
    first, second = deployment.read(stored), deployment.read(patched)
    assert first is not None
    assert first == second


def test_a_deployment_without_the_container_is_none_of_ours() -> None:
    assert deployment.read({"spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}}) is None
    assert deployment.read({}) is None
