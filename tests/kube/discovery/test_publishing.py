"""OpenAPI as endpoints: headers, forms, hashes, conditions, compression, and what definitions change at run time."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from scale_agent.kube.discovery import prose
from scale_agent.kube.http import Request, Response
from tests.kube import oracle
from tests.kube.testbed import Bed

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V3_PROTOBUF = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"
PUBLISHED = oracle.load("oracle-published")
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def ask(bed: Bed, path: str, query: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = bed.api.handle(Request("GET", path, query, named), bed.now_s)
    assert isinstance(answer, Response)
    return answer


@pytest.fixture
def defined() -> Bed:
    """A cluster with the two recorded definitions."""
    bed = Bed()
    for one in PUBLISHED["definitions"]:
        bed.post(DEFINITIONS, {"metadata": one["metadata"], "spec": one["spec"]})
    bed.advance(10)
    return bed


def url(bed: Bed, name: str) -> tuple[str, str]:
    """Path and query of a document, from the index."""
    index: dict[str, Any] = json.loads(ask(bed, "/openapi/v3").body)
    path, _, query = index["paths"][name]["serverRelativeURL"].partition("?")
    return path, query


def test_headers_of_a_document() -> None:
    """As observed: with its hash it may be kept for a year."""
    bed = Bed()
    path, query = url(bed, "apis/apps/v1")
    with_hash, without = dict(ask(bed, path, query).headers), dict(ask(bed, path).headers)
    assert with_hash["Cache-Control"] == "public, immutable"
    assert with_hash["Expires"] == "Sat, 15 Jan 2028 08:00:01 UTC"
    assert with_hash["Etag"] == f'"{query.removeprefix("hash=")}"' == without["Etag"]
    assert without["Cache-Control"] == "no-cache, private"
    assert without["Last-Modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert (without["Accept-Ranges"], without["Vary"]) == ("bytes", "Accept")


def test_conditions() -> None:
    """304 without what describes a body; a part; a redirect to the right hash; never compressed."""
    bed = Bed()
    path, query = url(bed, "apis/apps/v1")
    etag = dict(ask(bed, path).headers)["Etag"]
    unchanged = ask(bed, path, query, if_none_match=etag)
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert "Content-Type" not in dict(unchanged.headers)
    assert ask(bed, path, if_modified_since="Fri, 15 Jan 2027 08:00:00 GMT").status == 304
    assert ask(bed, path, if_modified_since="garbage").status == 200
    part = ask(bed, path, range="bytes=0-99")
    assert (part.status, len(part.body)) == (206, 100)
    assert dict(part.headers)["Content-Range"] == "bytes 0-99/711332"
    moved = ask(bed, path, "hash=ABC")
    assert (moved.status, dict(moved.headers)["Location"]) == (301, f"{path}?{query}")
    assert len(ask(bed, path, accept_encoding="gzip").body) == 711332


def test_forms_of_a_v3_document() -> None:
    """JSON, protobuf, 406 without a body, 404 without one."""
    bed = Bed()
    found = ask(bed, "/openapi/v3/apis/apps/v1", accept=V3_PROTOBUF)
    assert dict(found.headers)["Content-Type"] == "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
    assert len(found.body) == 638433
    for accept, path, code in (("application/yaml", "apps/v1", 406), ("*/*", "nothing/v1", 404)):
        refused = ask(bed, f"/openapi/v3/apis/{path}", accept=accept)
        assert (refused.status, refused.body) == (code, b"")


@pytest.mark.parametrize(
    "accept", [V2_PROTOBUF, f"{V2_PROTOBUF}; v1", V2_PROTOBUF.replace("@", "."), f"{V2_PROTOBUF};charset=utf-8"]
)
def test_v2_in_protobuf_by_any_of_its_names(accept: str) -> None:
    """The answer has the newer one; the ETag is that of the JSON."""
    bed = Bed()
    found, json_form = ask(bed, "/openapi/v2", accept=accept), ask(bed, "/openapi/v2", accept="application/json")
    assert dict(found.headers)["Content-Type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert dict(found.headers)["Etag"] == dict(json_form.headers)["Etag"]
    assert found.body.startswith(b"\n\x032.0\x12")


@pytest.mark.parametrize("accept", ["*/*", V2_PROTOBUF])
def test_v2_compressed(accept: str) -> None:
    """Made once per process; both Vary headers as from a real server."""
    bed = Bed()
    plain = ask(bed, "/openapi/v2", accept=accept)
    packed = ask(bed, "/openapi/v2", accept=accept, accept_encoding="deflate, gzip;q=1.0")
    assert gzip.decompress(packed.body) == plain.body
    assert [value for name, value in packed.headers if name == "Vary"] == ["Accept-Encoding", "Accept"]
    assert dict(packed.headers)["Content-Encoding"] == "gzip"
    assert ask(Bed(), "/openapi/v2", accept=accept, accept_encoding="gzip").body is packed.body
    assert ask(bed, "/openapi/v2", accept=accept, accept_encoding="gzip;q=0").body == plain.body
    etag = dict(packed.headers)["Etag"]
    assert ask(bed, "/openapi/v2", accept=accept, accept_encoding="gzip", if_none_match=etag).status == 304


def test_a_form_that_v2_does_not_have() -> None:
    """406 without a body."""
    refused = ask(Bed(), "/openapi/v2", accept="application/yaml")
    assert (refused.status, refused.body) == (406, b"")


@pytest.mark.parametrize("name", sorted(PUBLISHED["v3"]))
def test_documents_of_definitions(defined: Bed, name: str) -> None:
    """A real server's for the same definitions, under the hash that the index says."""
    path, query = url(defined, name)
    answer = ask(defined, path, query)
    assert answer.body == prose.varied(PUBLISHED["v3"][name].encode())
    assert query == f"hash={dict(answer.headers)['Etag'].strip(chr(34))}"


def test_what_definitions_change_goes_away_with_them(defined: Bed) -> None:
    """Index, v2 and its ETag; equal clusters share the documents."""
    mine, fresh = ask(defined, "/openapi/v2"), ask(Bed(), "/openapi/v2")
    assert "com.example.disc-crd.v1.Gadget" in json.loads(mine.body)["definitions"]
    assert dict(mine.headers)["Etag"] != dict(fresh.headers)["Etag"]
    assert ask(defined, "/openapi/v2").body is mine.body
    for one in PUBLISHED["definitions"]:
        defined.call("DELETE", f"{DEFINITIONS}/{one['metadata']['name']}")
    defined.advance(10)
    assert ask(defined, "/openapi/v2").body == fresh.body
    assert ask(defined, "/openapi/v3").body == ask(Bed(), "/openapi/v3").body


def test_a_changed_definition_changes_its_documents(defined: Bed) -> None:
    """The hash in the index, and the time of the change."""
    name = "apis/disc-crd.example.com/v1"
    before, path = url(defined, name), f"{DEFINITIONS}/things.disc-crd.example.com"
    modified = dict(ask(defined, before[0]).headers)["Last-Modified"]
    definition = defined.get(path)
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "Changed."
    defined.advance(60)
    defined.call("PUT", path, definition)
    after = url(defined, name)
    assert after != before
    answer = ask(defined, *after)
    assert (
        json.loads(answer.body)["components"]["schemas"]["com.example.disc-crd.v1.Thing"]["description"] == "Changed."
    )
    assert dict(answer.headers)["Last-Modified"] != modified


def test_a_definition_that_is_being_deleted_takes_nothing_new(defined: Bed) -> None:
    """Its verbs in discovery, as long as its last object stays."""
    group = "disc-crd.example.com"
    body = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one", "finalizers": ["example.com/f"]}}
    defined.post(f"/apis/{group}/v1/things", body)
    defined.call("DELETE", f"{DEFINITIONS}/things.{group}")
    defined.advance(1)
    things = next(one for one in defined.get(f"/apis/{group}/v1")["resources"] if one["name"] == "things")
    assert things["verbs"] == ["delete", "deletecollection", "get", "list", "watch"]
