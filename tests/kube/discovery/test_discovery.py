"""Discovery: byte for byte a real server's, and custom groups in a real server's form."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from scale_agent.kube.discovery import documents, rows
from scale_agent.kube.schema.schema import Resource, Schema, Subresource
from tests.kube import oracle

SCHEMA = Schema.load()
PROTOBUF = "application/vnd.kubernetes.protobuf"
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
    body = BUILT_IN.aggregated(path)
    assert body == REAL["json"][f"{path} aggregated"].encode()
    assert (len(body), BUILT_IN.etag(path)) == (size, REAL["headers"][path])


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_protobuf_forms(path: str) -> None:
    """The same documents for clients that ask for protobuf."""
    assert BUILT_IN.plain(path, PROTOBUF) == base64.b64decode(REAL["protobuf"][path])
    assert BUILT_IN.aggregated(path, PROTOBUF) == base64.b64decode(REAL["protobuf"][f"{path} aggregated"])


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
        verbs=frozenset(rows.CUSTOM_VERBS),
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
    aggregated = json.loads(WITH_CUSTOM.aggregated("/apis"))["items"]
    real = group_of(json.loads(CUSTOM["/apis"])["items"], "codecc.example.com")
    assert group_of(aggregated, "codecc.example.com") == real
    assert aggregated[-1] == real
    plain = WITH_CUSTOM.document("/apis")
    assert plain is not None
    assert plain["groups"][-1] == group_of(json.loads(CUSTOM["/apis plain"])["groups"], "codecc.example.com")
    assert WITH_CUSTOM.etag("/apis") != BUILT_IN.etag("/apis")
    assert WITH_CUSTOM.aggregated("/api") == BUILT_IN.aggregated("/api")


def test_versions_are_ordered_as_kubernetes_orders_them() -> None:
    """v2 before v1 before betas before alphas before the rest."""
    group = documents.Discovery(SCHEMA, [widgets(name) for name in ("foo", "v1alpha1", "v1", "v10", "v1beta2", "v2")])
    document = group.document("/apis/codecc.example.com")
    assert document is not None
    assert [row["version"] for row in document["versions"]] == ["v10", "v2", "v1", "v1beta2", "v1alpha1", "foo"]


def service(group: str, priority: int, *, version: str = "v1", remote: bool = True) -> documents.Service:
    return documents.Service(group, version, priority, 10, remote)


#: As a real server listed them: groups of definitions by the names of their APIServices, others by their priority.
ANNOUNCED = (
    service("remote.example.com", 100),
    service("two.example.com", 20000),
    service("local.example.com", 200, remote=False),
)


def groups_of(discovery: documents.Discovery) -> tuple[list[str], list[str]]:
    plain = discovery.document("/apis")
    assert plain is not None
    aggregated = json.loads(discovery.aggregated("/apis"))
    return [one["name"] for one in plain["groups"]], [one["metadata"]["name"] for one in aggregated["items"]]


def test_api_services_that_somebody_wrote() -> None:
    """Where their priority puts them; only what is served elsewhere is in the aggregated document, and stale."""
    built_in = groups_of(BUILT_IN)[0]
    plain, aggregated = groups_of(documents.Discovery(SCHEMA, (widgets("v1"),), ANNOUNCED))
    first, *others = built_in
    middle = [first, "two.example.com", *others, "codecc.example.com"]
    assert plain == [*middle, "local.example.com", "remote.example.com"]
    assert aggregated == [*middle, "remote.example.com"]


def test_what_is_served_elsewhere_is_stale() -> None:
    """Version and freshness, nothing else (recorded)."""
    found = documents.Discovery(SCHEMA, (), ANNOUNCED)
    items = json.loads(found.aggregated("/apis"))["items"]
    assert group_of(items, "two.example.com")["versions"] == [{"version": "v1", "freshness": "Stale"}]
    assert found.plain("/apis/two.example.com") is not None
    assert found.plain("/apis/two.example.com/v1") is None


def test_groups_of_definitions_are_listed_by_the_names_of_their_api_services() -> None:
    """v1.z before v1alpha1.a: so in the plain list, by group in the aggregated one (recorded)."""
    early = widgets("v1alpha1")
    late = replace(widgets("v1"), group="z.example.com")
    plain, aggregated = groups_of(documents.Discovery(SCHEMA, (early, late)))
    assert plain[-2:] == ["z.example.com", "codecc.example.com"]
    assert aggregated[-2:] == ["codecc.example.com", "z.example.com"]


def test_yaml_forms() -> None:
    """The same documents, members by name."""
    body = BUILT_IN.plain("/apis/apps", "application/yaml")
    assert body is not None
    assert body.startswith(b"apiVersion: v1\nkind: APIGroup\nname: apps\npreferredVersion:\n  groupVersion: apps/v1\n")


def test_the_version_that_is_shown() -> None:
    """That of the cluster, with its suffix."""
    version = json.loads(BUILT_IN.version("v1.36.2+rke2r1"))
    assert (version["gitVersion"], version["minor"]) == ("v1.36.2+rke2r1", "36")
