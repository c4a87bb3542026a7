"""The codec against recorded and oracle bytes, against the published .proto files, and against garbage."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.kube import data_files
from scale_agent.kube.codec import protobuf, times
from scale_agent.kube.schema.schema import DEFAULT_VERSION, Schema
from scale_agent.kube.schema.types import Shape, Type
from tests.kube import oracle, recorded

SCHEMA = Schema.load()
RECORDED = recorded.bodies()
KINDS = oracle.load("oracle-kinds")["objects"]
LISTS = oracle.load("oracle-bootstrap")
#: Protobuf has no kind and apiVersion for objects inside objects, the server's JSON does.
TYPELESS_INSIDE = ("statefulsets", "/api/v1/namespaces")
#: Asked for twice, answered in another order each time.
UNORDERED = "selfsubjectrulesreviews"


def envelopes(body: bytes) -> list[bytes]:
    """The objects of a body: itself, or those of a watch's frames."""
    if body.startswith(protobuf.MAGIC):
        return [body]
    found = []
    while body:
        size = int.from_bytes(body[:4], "big")
        parts = protobuf.fields_of(body[4 : 4 + size])
        enclosed = protobuf.fields_of(parts[2])[1]
        assert protobuf.watch_frame(parts[1].decode(), enclosed) == body[: 4 + size]
        found.append(enclosed)
        body = body[4 + size :]
    return found


def test_all_protobuf_of_the_recordings_is_there() -> None:
    """Requests and answers that differ; none of the tests below runs on nothing."""
    assert len(RECORDED) == 430
    assert {body.where.rpartition("-")[2] for body in RECORDED} == {"body", "response"}


@pytest.mark.parametrize("recording", RECORDED, ids=lambda one: one.where)
def test_recorded_bodies_decode_and_encode_to_the_same_bytes(recording: recorded.Body) -> None:
    """Every protobuf request and answer of the recordings, watches included, without exception."""
    for body in envelopes(recording.content):
        obj = protobuf.decode(body, SCHEMA)
        assert obj["kind"]
        assert protobuf.encode(obj, SCHEMA) == body
        assert protobuf.normalize(obj, SCHEMA) == obj


@pytest.mark.parametrize("row", KINDS, ids=lambda row: row["path"])
def test_kinds_of_a_real_server(row: dict[str, Any]) -> None:
    """JSON and protobuf of the same object turn into each other as on a real server."""
    body = base64.b64decode(row["protobuf"])
    decoded = protobuf.decode(body, SCHEMA)
    assert protobuf.encode(decoded, SCHEMA) == body
    if UNORDERED in row["path"]:
        return
    assert protobuf.encode(row["json"], SCHEMA) == body
    normal = protobuf.normalize(row["json"], SCHEMA)
    assert list(normal) == list(row["json"])
    if not any(place in row["path"] for place in TYPELESS_INSIDE):
        assert decoded == row["json"]
        assert normal == row["json"]


@pytest.mark.parametrize("path", LISTS)
def test_lists_of_a_real_server_from_encoded_items(path: str) -> None:
    """A list made of its items' messages is the real list."""
    answer, body = LISTS[path]["json"], base64.b64decode(LISTS[path]["protobuf"])
    kind = answer["kind"].removesuffix("List")
    typed = [{"apiVersion": answer["apiVersion"], "kind": kind, **item} for item in answer["items"]]
    items = [protobuf.encode_raw(item, SCHEMA) for item in typed]
    metadata = protobuf.decode(body, SCHEMA)["metadata"]
    assert protobuf.encode_list(answer["apiVersion"], answer["kind"], metadata, items) == body


def test_list_metadata_of_a_page() -> None:
    """A continued list has all four fields."""
    metadata = {"resourceVersion": "5", "continue": "abc", "remainingItemCount": 300}
    body = protobuf.encode_list("v1", "PodList", metadata, [])
    assert protobuf.decode(body, SCHEMA)["metadata"] == metadata


def test_every_list_kind_has_metadata_1_and_items_2() -> None:
    """What :func:`encode_list` takes for granted."""
    for resource in SCHEMA.resources:
        kind = SCHEMA.kind(resource.group, resource.version, f"{resource.kind}List")
        if "list" in resource.verbs:
            assert kind is not None
            assert kind.fields["metadata"].number == 1
            assert kind.fields["items"].number == 2


def descriptors() -> dict[str, Any]:
    found = {}
    files = descriptor_pb2.FileDescriptorSet.FromString(data_files.read(DEFAULT_VERSION, "descriptors.pb"))
    for file in files.file:
        for message in file.message_type:
            found[f"{file.package}.{message.name}"] = message
    return found


def proto_name(kind: Type) -> str:
    return kind.name.replace("/", ".").replace("-", "_")


#: Marked ``protobuf=false`` in Go although their fields have numbers.
NO_PROTO = ("ConversionRequest", "ConversionResponse", "ConversionReview", "InternalEvent")


def test_the_table_agrees_with_the_published_proto_files() -> None:
    """Numbers, names, repetition and scalar kinds of all fields of all messages."""
    published = descriptors()
    kinds = {"string": 9, "bool": 8, "int32": 5, "int64": 3, "bytes": 12, "float64": 1}
    compared = 0
    for kind in SCHEMA.types.values():
        message = published.get(proto_name(kind))
        if message is None:
            assert not any(row.number for row in kind.members) or kind.short_name in NO_PROTO, kind.name
            continue
        theirs = {row.number: row for row in message.field}
        ours = {row.number: row for row in kind.members if row.number}
        assert ours.keys() == theirs.keys(), kind.name
        for number, row in ours.items():
            assert (row.shape is not Shape.ONE) == (theirs[number].label == 3), f"{kind.name}.{row.json_name}"
            if row.shape is not Shape.MAP and not row.wrapped:
                assert theirs[number].type == kinds.get(row.kind, 11), f"{kind.name}.{row.json_name}"
            compared += 1
    assert compared > 3000


GARBAGE = {
    "nothing": b"",
    "no magic": b'{"kind":"Pod"}',
    "magic only": b"k8s\0",
    "cut envelope": b"k8s\0\n\x0f\n\x02v1",
    "huge length": b"k8s\0\n\x0f\n\x02v1\x12\x09Namespace\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "unknown kind": protobuf.envelope("v1", "Nonsense", b""),
    "wrong wire type": protobuf.envelope("v1", "Namespace", b"\x08\x01"),
    "group": protobuf.envelope("v1", "Namespace", b"\x0b\x0c"),
    "field 0": protobuf.envelope("v1", "Namespace", b"\x02\x00"),
    "cut message": protobuf.envelope("v1", "Namespace", b"\x0a\x05\x0a"),
    "endless varint": protobuf.envelope("v1", "Namespace", b"\xff" * 20),
    "quantity": protobuf.envelope("v1", "ResourceQuota", b"\x12\x0c\x0a\x0a\x0a\x01a\x12\x05\x0a\x03xyz"),
    "raw JSON": protobuf.envelope("apps/v1", "ControllerRevision", b"\x12\x03\x0a\x01{"),
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused_in_one_line(body: bytes) -> None:
    """The declared exception, and a message without line breaks."""
    with pytest.raises(protobuf.DecodeError) as caught:
        protobuf.decode(body, SCHEMA)
    assert str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=200), st.sampled_from(("Pod", "Node", "Secret", "Status", "DeleteOptions", "WatchEvent")))
def test_random_messages_decode_or_are_refused(raw: bytes, kind: str) -> None:
    """No other exception than the declared one."""
    try:
        protobuf.decode(protobuf.envelope("v1", kind, raw), SCHEMA)
    except protobuf.DecodeError:
        return


@settings(max_examples=300)
@given(st.data())
def test_damaged_recordings_decode_or_are_refused(data: st.DataObject) -> None:
    """Real bodies with a byte changed, or cut off."""
    body = bytearray(data.draw(st.sampled_from(BODIES)))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] = data.draw(st.integers(0, 255))
    try:
        protobuf.decode(bytes(body[: data.draw(st.integers(at, len(body)))]), SCHEMA)
    except protobuf.DecodeError:
        return


BODIES = [body for one in RECORDED for body in envelopes(one.content)]


def test_values_of_wrong_types_and_unknown_kinds_are_no_messages() -> None:
    """Encoding refuses what was not normalised."""
    wrong: tuple[dict[str, Any], ...] = (
        {"apiVersion": "v1", "kind": "Pod", "spec": 5},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": ["a"]},
        {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": "3"}},
        {"apiVersion": "x/v1", "kind": "Pod"},
    )
    for obj in wrong:
        with pytest.raises(protobuf.EncodeError):
            protobuf.encode(obj, SCHEMA)


def test_a_secret_is_cheap() -> None:
    """Decoding and encoding stay within tens of microseconds (bounds ten times above the measured 15 µs)."""
    body = next(body for body in BODIES if protobuf.open_envelope(body)[1] == "Secret")
    obj = protobuf.decode(body, SCHEMA)
    assert best_us(lambda: protobuf.decode(body, SCHEMA)) < 300
    assert best_us(lambda: protobuf.encode(obj, SCHEMA)) < 300


def best_us(call: Any) -> float:
    spent = []
    for _ in range(200):
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return min(spent) * 1e6


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0s", 0),
        ("1h0m0s", 3600 * 10**9),
        ("1.5s", 15 * 10**8),
        ("2m3s", 123 * 10**9),
        ("-20ms", -2 * 10**7),
        ("7µs", 7000),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    """Go's text of a duration, both ways."""
    assert times.parse_duration_ns(text) == nanoseconds
    assert times.duration_text(nanoseconds) == text
