"""OpenAPI: sizes, hashes and bytes of a real server's documents, built-in or of definitions, and their protobuf."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from scale_agent.kube.custom.definition import Definition
from scale_agent.kube.discovery import custom, goyaml, openapi, prose, swagger
from tests.kube import oracle

VERSION = "v1.36.2"
REAL = oracle.load("oracle-openapi")
#: Documents of two definitions, their prose replaced as the data's is, and the sums of what gnostic makes of documents.
PUBLISHED = oracle.load("oracle-published")
DOCUMENTS = openapi.load(VERSION)
DEFINITIONS = [Definition(one["spec"], one["status"]["acceptedNames"]) for one in PUBLISHED["definitions"]]
VERSIONS = tuple(one for definition in DEFINITIONS for one in definition.versions)


def test_the_index_is_the_recorded_one() -> None:
    """10203 bytes, hashes included."""
    assert DOCUMENTS.index() == REAL["index"].encode()
    assert len(DOCUMENTS.index()) == 10203


@pytest.mark.parametrize("name", sorted(REAL["documents"]))
def test_documents_have_their_real_size_and_hash(name: str) -> None:
    """And are JSON with the structure of an OpenAPI document."""
    document = DOCUMENTS.document(name)
    assert len(document.body) == REAL["documents"][name]["length"]
    assert f'"{document.hash}"' == REAL["documents"][name]["etag"]
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
    assert re.fullmatch("[a-z ]+\\.", spec["description"])
    containers = spec["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert spec["required"] == ["containers"]


def test_unknown_documents() -> None:
    """Neither a name that the index does not have, nor the index itself."""
    assert not {"apis/nothing/v1", "index"} & DOCUMENTS.names
    with pytest.raises(KeyError):
        DOCUMENTS.document("apis/nothing/v1")


@pytest.mark.parametrize("name", sorted(PUBLISHED["v3"]))
def test_documents_of_definitions_are_a_real_server_s(name: str) -> None:
    """Byte for byte: paths, parameters, schemas in their order; a definition's own prose stays."""
    members = tuple(one for one in VERSIONS if f"apis/{one.api_version}" == name)
    document = custom.document(VERSION, members)
    assert document.body == prose.varied(PUBLISHED["v3"][name].encode())
    assert document.hash == hashlib.sha512(document.body).hexdigest().upper()
    assert custom.document(VERSION, members) is document


def test_definitions_in_the_index() -> None:
    """In their places, with their hashes."""
    document = custom.document(VERSION, VERSIONS[:1])
    index = json.loads(DOCUMENTS.index({"apis/disc-crd.example.com/v1": document}))["paths"]
    url = f"/openapi/v3/apis/disc-crd.example.com/v1?hash={document.hash}"
    assert index["apis/disc-crd.example.com/v1"] == {"serverRelativeURL": url}
    assert list(index) == sorted(index)
    assert len(index) == len(json.loads(DOCUMENTS.index())["paths"]) + 1


def test_the_v2_document_holds_what_a_real_server_adds_for_definitions() -> None:
    """Merged into the built-in one, which stays as it is; members in order."""
    merged, plain = json.loads(swagger.document(VERSION, VERSIONS).body), json.loads(swagger.built_in(VERSION).body)
    for name, real in PUBLISHED["v2"].items():
        added = {key: value for key, value in merged[name].items() if key not in plain[name]}
        assert json.dumps(added).encode() == prose.varied(json.dumps(real).encode())
        assert list(merged[name]) == sorted(merged[name])
        assert {key: merged[name][key] for key in plain[name]} == plain[name]


def test_a_new_cluster_s_v2_document_has_the_real_hash() -> None:
    """128 hex digits of the document with its prose; another one with definitions."""
    built_in = swagger.document(VERSION, ())
    assert built_in is swagger.built_in(VERSION)
    assert len(built_in.hash) == 128
    assert built_in.hash != hashlib.sha512(built_in.body).hexdigest().upper()
    with_custom = swagger.document(VERSION, VERSIONS)
    assert with_custom.hash == hashlib.sha512(with_custom.body).hexdigest().upper()


def check(found: bytes, real: list[Any]) -> None:
    assert [len(found), hashlib.sha256(found).hexdigest()] == real


@pytest.mark.parametrize("name", sorted(PUBLISHED["protobuf"]["3"]))
def test_v3_in_protobuf_is_what_gnostic_makes_of_it(name: str) -> None:
    """Every built-in document, and those of definitions."""
    members = tuple(one for one in VERSIONS if f"apis/{one.api_version}" == name)
    document = custom.document(VERSION, members) if members else DOCUMENTS.document(name)
    check(document.protobuf, PUBLISHED["protobuf"]["3"][name])


def test_v2_in_protobuf_is_what_gnostic_makes_of_it() -> None:
    """The whole built-in document."""
    check(swagger.built_in(VERSION).protobuf, PUBLISHED["protobuf"]["2"]["document"])


def test_filler_compresses_as_prose_does() -> None:
    """A recorded answer in protobuf and gzip had 285,044 bytes, with some ten definitions of an agent in it."""
    size = len(swagger.built_in(VERSION).protobuf_gzip)
    assert 0.9 * 285_044 < size < 1.1 * 285_044


def test_filler_changes_nothing_but_filler() -> None:
    """Same length, same escapes, same structure; twice is once."""
    filler = "the text of the published document is longer"
    body = json.dumps({"description": f'{filler}\n\n"".', "x": filler[:20], "type": "the type"}).encode()
    made = prose.varied(body)
    assert len(made) == len(body)
    assert prose.varied(made) == made
    found = json.loads(made)
    assert found["description"].endswith('\n\n"".')
    assert found["type"] == "the type"
    assert filler[:20] not in json.dumps(found)


#: Values and what yaml.v3 made of them (gnostic's ``compiler.Marshal``).
WRITTEN = [
    ([{"group": "", "kind": "Status"}], '- group: ""\n  kind: Status\n'),
    (True, "true\n"),
    ("true", '"true"\n'),
    ("self != 'x'", "self != 'x'\n"),
    ({"a": {"b": [1, 2], "c": {"d": "e"}}}, "a:\n    b:\n        - 1\n        - 2\n    c:\n        d: e\n"),
    ({"a": [{"b": 1, "c": [1]}]}, "a:\n    - b: 1\n      c:\n        - 1\n"),
    ([[1, 2], ["a"]], "- - 1\n  - 2\n- - a\n"),
    ("two\nlines", "|-\n    two\n    lines\n"),
    (["two\nlines\n", "x"], "- |\n  two\n  lines\n- x\n"),
    ({"k": {"m": "two\nlines"}}, "k:\n    m: |-\n        two\n        lines\n"),
    ({"a": {}, "b": []}, "a: {}\nb: []\n"),
    ("no", "no\n"),
    ("1.5", '"1.5"\n'),
    ("- a", "'- a'\n"),
    ("it's: so", "'it''s: so'\n"),
    ("2020-01-01", '"2020-01-01"\n'),
    ("\U0001f600", '"\\U0001F600"\n'),
    (None, "null\n"),
]


@pytest.mark.parametrize(("value", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_yaml_as_go_writes_it(value: Any, text: str) -> None:
    """What gnostic keeps of values that may be anything."""
    assert goyaml.dump(value) == text
