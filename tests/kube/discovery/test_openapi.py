"""OpenAPI v3: sizes, hashes and headers of a real server; the small form; documents that come at run time."""

from __future__ import annotations

import json

import pytest

from scale_agent.kube.discovery import openapi
from tests.kube import oracle

VERSION = "v1.36.2"
REAL = oracle.load("oracle-openapi")
DOCUMENTS = openapi.load(VERSION)


def test_the_index_is_the_recorded_one() -> None:
    """10203 bytes, hashes included."""
    assert openapi.index(VERSION) == REAL["index"].encode()
    assert len(openapi.index(VERSION)) == 10203


@pytest.mark.parametrize("name", sorted(REAL["documents"]))
def test_documents_have_their_real_size_and_hash(name: str) -> None:
    """And are JSON with the structure of an OpenAPI document."""
    document = openapi.document(VERSION, name)
    assert document is not None
    assert len(document.body) == REAL["documents"][name]["length"]
    assert dict(document.headers)["Etag"] == REAL["documents"][name]["etag"]
    parsed = json.loads(document.body)
    assert parsed["openapi"] == "3.0.0"
    assert parsed["paths"]


def test_recorded_sizes() -> None:
    """The three documents that a kubectl apply of Rancher reads."""
    sizes = {"api/v1": 1591581, "apis/apps/v1": 711332, "apis/rbac.authorization.k8s.io/v1": 304280}
    assert {name: len(DOCUMENTS.document(name).body) for name in sizes} == sizes
    assert DOCUMENTS.document("api/v1") is DOCUMENTS.document("api/v1")


def test_prose_is_filler_and_structure_is_not() -> None:
    """Descriptions say nothing; types, references and merge keys are there."""
    schemas = json.loads(DOCUMENTS.document("api/v1").body)["components"]["schemas"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]
    assert spec["description"].startswith("the text of the published")
    containers = spec["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert spec["required"] == ["containers"]


def test_small_documents_keep_what_kubectl_needs() -> None:
    """PATCH operations with their kinds and parameters, and the schemas; a hash of their own."""
    full, small = DOCUMENTS.document("apis/apps/v1"), DOCUMENTS.document("apis/apps/v1", small=True)
    assert len(small.body) < len(full.body) / 5
    assert small.hash != full.hash
    parsed = json.loads(small.body)
    patch = parsed["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "Deployment"
    assert "fieldValidation" in [row["name"] for row in patch["parameters"]]
    original = json.loads(full.body)["components"]["schemas"]
    assert parsed["components"]["schemas"].keys() == original.keys()
    index = json.loads(openapi.index(VERSION, small=True))["paths"]
    assert index["apis/apps/v1"]["serverRelativeURL"].endswith(small.hash)
    assert index.keys() == json.loads(openapi.index(VERSION))["paths"].keys()


def test_a_group_that_came_at_run_time_is_in_the_index() -> None:
    """In its place, with its hash."""
    custom = openapi.custom(b'{"openapi":"3.0.0"}')
    index = json.loads(openapi.index(VERSION, {"apis/codecc.example.com/v1": custom}))["paths"]
    assert index["apis/codecc.example.com/v1"] == {
        "serverRelativeURL": f"/openapi/v3/apis/codecc.example.com/v1?hash={custom.hash}"
    }
    assert list(index) == sorted(index)
    assert len(index) == len(json.loads(openapi.index(VERSION))["paths"]) + 1


def test_unknown_documents() -> None:
    """None for names that the index does not have, and for the index itself."""
    assert openapi.document(VERSION, "apis/nothing/v1") is None
    assert openapi.document(VERSION, "index") is None
