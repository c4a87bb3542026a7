"""Every version in the package: found by base, patch level and suffix; complete; served."""

from __future__ import annotations

import json

import pytest

from scale_agent.kube import data_files
from scale_agent.kube.discovery import openapi, swagger
from scale_agent.kube.schema.schema import DEFAULT_VERSION, Schema
from scale_agent.kube.storage.snapshot import Snapshot
from tests.kube.testbed import START_S, Bed

NEWEST, *OLDER = data_files.versions()


def test_the_default_is_the_newest() -> None:
    """And there is more than one."""
    assert NEWEST == DEFAULT_VERSION
    assert OLDER


@pytest.mark.parametrize(
    ("version", "base"),
    [("v1.36.2", "v1.36.2"), ("v1.36.2+k3s1", "v1.36.2"), ("v1.36.9", "v1.36.2"), ("v1.36.0-rc.1+rke2r1", "v1.36.2")],
)
def test_base(version: str, base: str) -> None:
    """The exact one, else that of the same minor version."""
    assert data_files.base(version) == base
    assert Schema.load(version) is Schema.load(base)


@pytest.mark.parametrize("version", ["v1.9.0", "v1.99.0", "1.36.2", "", "v1.36", "../v1.36.2"])
def test_versions_without_data(version: str) -> None:
    """The declared error, which says what there is."""
    with pytest.raises(FileNotFoundError, match=r"v1\.36\.2"):
        data_files.base(version)


@pytest.mark.parametrize("version", data_files.versions())
def test_a_version_is_served_whole(version: str) -> None:
    """Every listable resource lists, discovery and OpenAPI are there, and the version is shown."""
    bed = Bed(Snapshot.build([], version=f"{version}+k3s1", now=START_S))
    assert bed.get("/version")["gitVersion"] == f"{version}+k3s1"
    schema = bed.api.core.catalog.schema
    assert schema.version == version
    for one in schema.resources:
        root = f"/apis/{one.group}/{one.version}" if one.group else f"/api/{one.version}"
        if "list" in one.verbs:
            assert bed.get(f"{root}/{one.plural}")["kind"] == f"{one.kind}List"
    index = json.loads(bed.ask("GET", "/openapi/v3").body)["paths"]
    assert index.keys() == openapi.load(version).names
    assert json.loads(swagger.built_in(version).body)["info"]["version"] == ".".join(version[1:].split(".")[:2])
    assert bed.ask("GET", "/readyz", verbose="").body.endswith(b"readyz check passed\n")


@pytest.mark.parametrize("version", data_files.versions())
def test_a_version_takes_objects(version: str) -> None:
    """Defaults, protobuf and tables come from its own data."""
    bed = Bed(Snapshot.build([], version=version, now=START_S))
    container = {"name": "a", "image": "b"}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    made = bed.post("/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "x"}, "spec": spec})
    assert made["spec"]["strategy"]["type"] == "RollingUpdate"
    path = "/apis/apps/v1/namespaces/default/deployments/x"
    assert bed.ask("GET", path, accept="application/vnd.kubernetes.protobuf").body.startswith(b"k8s\0")
    table = bed.get(path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    assert [one["name"] for one in table["columnDefinitions"]][:2] == ["Name", "Ready"]
