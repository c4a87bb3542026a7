"""Discovery: byte for byte a real server's, and custom groups in a real server's form."""

from __future__ import annotations

import base64
import json
from types import MappingProxyType
from typing import Any

import pytest

from scale_agent.kube.codec import protobuf
from scale_agent.kube.discovery import documents
from scale_agent.kube.schema.schema import Resource, Schema, Subresource
from tests.kube import oracle

SCHEMA = Schema.load()
REAL = oracle.load("oracle-discovery")
CUSTOM = oracle.load("oracle-kinds")["custom"]
#: Where the recorded server was.
SERVER: str = REAL["server"]
BUILT_IN = documents.discovery(SCHEMA, (), SERVER)


@pytest.mark.parametrize("path", [path for path in REAL["json"] if " " not in path])
def test_plain_documents(path: str) -> None:
    """All groups and group versions."""
    assert BUILT_IN.plain(path) == REAL["json"][path].encode()


@pytest.mark.parametrize(("path", "size"), [("/api", 7052), ("/apis", 18189)])
def test_aggregated_documents(path: str, size: int) -> None:
    """Bytes, recorded sizes and ETags."""
    body, etag = BUILT_IN.aggregated(path)
    assert body == REAL["json"][f"{path} aggregated"].encode()
    assert (len(body), etag) == (size, REAL["headers"][path])


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_protobuf_forms(path: str) -> None:
    """The same documents for clients that ask for protobuf."""
    document = BUILT_IN.document(path)
    assert document is not None
    assert protobuf.encode(document, SCHEMA) == base64.b64decode(REAL["protobuf"][path])
    aggregated = json.loads(BUILT_IN.aggregated(path)[0])
    assert protobuf.encode(aggregated, SCHEMA) == base64.b64decode(REAL["protobuf"][f"{path} aggregated"])


def test_unserved_paths() -> None:
    """Alpha groups and nonsense have no document; internal keys are no paths."""
    for path in ("/apis/internal.apiserver.k8s.io", "/apis/apps/v1beta1", "/apis aggregated", "/version", "/x"):
        assert BUILT_IN.plain(path) is None
    with pytest.raises(KeyError):
        BUILT_IN.aggregated("/version")


def subresources(version: str) -> dict[str, Subresource]:
    verbs = frozenset({"get", "patch", "update"})
    status = Subresource("status", "Widget", "codecc.example.com", version, verbs)
    scale = Subresource("scale", "Scale", "autoscaling", "v1", verbs)
    return {"status": status, "scale": scale} if version == "v1" else {}


def widgets(version: str) -> Resource:
    return Resource(
        group="codecc.example.com",
        version=version,
        plural="widgets",
        kind="Widget",
        namespaced=True,
        verbs=frozenset(documents.CUSTOM_VERBS),
        singular="widget",
        short_names=("wg",),
        categories=("all",),
        subresources=MappingProxyType(subresources(version)),
        storage_version="v1",
    )


def test_clusters_with_equal_custom_resources_share_documents() -> None:
    """Resources compare by value."""
    assert documents.discovery(SCHEMA, (widgets("v1"),)) is documents.discovery(SCHEMA, (widgets("v1"),))
    assert documents.discovery(SCHEMA, (widgets("v2"),)) is not documents.discovery(SCHEMA, (widgets("v1"),))


WITH_CUSTOM = documents.discovery(SCHEMA, (widgets("v1beta1"), widgets("v1")), SERVER)


@pytest.mark.parametrize("path", [path for path in CUSTOM if path.startswith("/apis/codecc")])
def test_documents_of_a_custom_group(path: str) -> None:
    """The recorded answers of a real server for the same CustomResourceDefinition."""
    body = WITH_CUSTOM.plain(path)
    assert body is not None
    assert json.loads(body) == json.loads(CUSTOM[path])
    assert len(body) == len(CUSTOM[path].encode())


def group_of(groups: list[Any], name: str) -> Any:
    return next(group for group in groups if name in (group.get("name"), group.get("metadata", {}).get("name")))


def test_a_custom_group_in_the_group_documents() -> None:
    """Its entry equals the real server's, and stands behind all built-in groups."""
    aggregated = json.loads(WITH_CUSTOM.aggregated("/apis")[0])["items"]
    real = group_of(json.loads(CUSTOM["/apis"])["items"], "codecc.example.com")
    assert group_of(aggregated, "codecc.example.com") == real
    assert aggregated[-1] == real
    plain = WITH_CUSTOM.document("/apis")
    assert plain is not None
    assert plain["groups"][-1] == group_of(json.loads(CUSTOM["/apis plain"])["groups"], "codecc.example.com")
    assert WITH_CUSTOM.aggregated("/apis")[1] != BUILT_IN.aggregated("/apis")[1]
    assert WITH_CUSTOM.aggregated("/api") == BUILT_IN.aggregated("/api")


def test_versions_are_ordered_as_kubernetes_orders_them() -> None:
    """v2 before v1 before betas before alphas before the rest."""
    group = documents.Discovery(SCHEMA, [widgets(name) for name in ("foo", "v1alpha1", "v1", "v10", "v1beta2", "v2")])
    document = group.document("/apis/codecc.example.com")
    assert document is not None
    assert [row["version"] for row in document["versions"]] == ["v10", "v2", "v1", "v1beta2", "v1alpha1", "foo"]
