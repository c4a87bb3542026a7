"""What comes from a cluster, in pieces and broken; names that are hashes; masks."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.errors import RemoteProtocolError
from scale_agent.standin import codec, wire
from scale_agent.standin.names import checksum, credentials_name
from scale_agent.standin.sockets import _masked
from scale_agent.standin.watches import WatchReader

RECORDED = Path(__file__).parent.parent / "recordings" / "rancher-2.15.0" / "import-steve.jsonl.gz"
ROWS: list[dict[str, Any]] = [json.loads(line) for line in gzip.decompress(RECORDED.read_bytes()).splitlines()]
WATCHES = [row for row in ROWS if "watch" in (row.get("query") or {}) and row.get("response_base64")]
OBJECTS = [row for row in ROWS if row.get("response_base64") and "watch" not in (row.get("query") or {})]
PROTOBUF = "application/vnd.kubernetes.protobuf;stream=watch"


@pytest.mark.parametrize("row", WATCHES, ids=[row["path"] for row in WATCHES])
def test_a_recorded_watch_byte_by_byte(row: dict[str, Any]) -> None:
    body = base64.b64decode(row["response_base64"])
    whole = WatchReader(PROTOBUF, None, lambda obj: True).receive(body)
    reader = WatchReader(PROTOBUF, None, lambda obj: True)
    pieces = list(itertools.chain.from_iterable(reader.receive(body[at : at + 1]) for at in range(len(body))))
    assert pieces == whole
    assert reader.broken == ""
    assert whole[0][0] in ("ADDED", "BOOKMARK")


@pytest.mark.parametrize("row", OBJECTS[:60])
def test_a_glance_sees_what_decoding_sees(row: dict[str, Any]) -> None:
    body = base64.b64decode(row["response_base64"])
    whole, glance = codec.decode_protobuf(body), wire.glance(body)
    assert (glance["apiVersion"], glance["kind"]) == (whole["apiVersion"], whole["kind"])
    if whole["kind"] == "Status" or whole["kind"].endswith("List"):
        return
    for key in ("name", "namespace", "uid", "resourceVersion", "annotations"):
        assert (glance["metadata"].get(key) or None) == whole["metadata"].get(key), key


def test_of_objects_without_interest_only_the_metadata_is_read() -> None:
    body = base64.b64decode(WATCHES[0]["response_base64"])
    (kind, obj), *_ = WatchReader(PROTOBUF, None, lambda obj: False).receive(body)
    assert kind == "ADDED"
    assert obj.keys() == {"apiVersion", "kind", "metadata"}


@given(st.binary(max_size=300))
def test_garbage_is_refused_or_read_and_never_hurts(data: bytes) -> None:
    for content_type in (PROTOBUF, "application/json"):
        reader = WatchReader(content_type, ("v1", "Secret"), lambda obj: True)
        reader.receive(data)
    try:
        wire.glance(wire.MAGIC + data)
    except RemoteProtocolError:
        return


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"type": "ADDED", "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {}}}, "ADDED of Pod v1"),
        ({"type": "BOOKMARK", "object": {"apiVersion": "v1", "kind": "", "metadata": {}}}, "BOOKMARK of no kind"),
        (
            {"type": "ADDED", "object": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}},
            "without name",
        ),
        ({"kind": "Status"}, "cannot be read"),
        ([], "cannot be read"),
    ],
)
def test_events_that_a_watch_may_not_say(line: Any, what: str) -> None:
    reader = WatchReader("application/json", ("v1", "Secret"), lambda obj: True)
    reader.receive(json.dumps(line).encode() + b"\n")
    assert what in reader.broken


def test_a_watch_in_another_content_type() -> None:
    assert "text/plain" in WatchReader("text/plain", None, lambda obj: True).broken


def test_hashes_as_recorded() -> None:
    url = "https://127.0.0.1:8443"
    assert credentials_name("2.15.0", url, "txv7j7r6trqm7t2cktjjwhz7c98nlmjsxv2dddmxlz6wkc957lz45p", "").endswith(
        "-e8619fb842"
    )
    assert credentials_name("2.10.3", url, "ptzj698v4rkmvrblzrg2thfzkff2csd8ps4xn9pl9nwjcf6g4zprkq", "").endswith(
        "-9b1f3b9"
    )
    assert checksum("") == ""
    assert checksum("x") == checksum("x\n\n")


@given(st.binary(max_size=100), st.binary(min_size=4, max_size=4))
def test_masking_is_xor(payload: bytes, mask: bytes) -> None:
    class Header:
        length = len(payload)

    Header.mask = mask  # type: ignore[attr-defined]
    assert _masked(Header, payload) == bytes(a ^ b for a, b in zip(payload, itertools.cycle(mask)))


def test_a_list_that_a_server_packed_is_unpacked_and_a_broken_one_is_told() -> None:
    packed = gzip.compress(b'{"kind": "NodeList", "items": []}')
    assert codec.decode("application/json", packed) == {"kind": "NodeList", "items": []}
    assert codec.decode("application/json", packed[:-9]).startswith("(broken: ")
    assert codec.decode("application/json", packed[:12] + b"x" * 9).startswith("(broken: ")
    endless = gzip.compress(bytes(codec._MOST + 1))
    assert codec.decode("application/json", endless).startswith("(broken: ")
