"""docs/remotedialer.md, section 3: bytes of messages, against the recordings and against hostile input."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.message import (
    DEADLINE_MS,
    Message,
    MessageType,
    UnknownTypeError,
    decode,
    decode_connect,
    decode_connection_ids,
    decode_varint,
    encode,
    encode_connection_ids,
    encode_varint,
)

RECORDINGS = Path(__file__).parents[1] / "recordings" / "rancher-2.15.0"
FILES = ("frames-import.jsonl.gz", "frames-explorer.jsonl.gz", "frames-delete.jsonl.gz")
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


def recorded(name: str) -> list[dict[str, Any]]:
    with gzip.open(RECORDINGS / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def recorded_messages(name: str) -> Iterator[tuple[dict[str, Any], int]]:
    """Every line with a remotedialer header, and the size of the whole websocket message (its frames' together)."""
    size: dict[tuple[int, str], int] = {}
    for row in recorded(name):
        if row["kind"] != "frame" or row["opcode"] not in (0, 2):
            continue
        key = (row["connection"], row["sender"])
        size[key] = size.get(key, 0) + row["length"]
        if row["fin"]:
            yield row, size.pop(key)


def recorded_body(row: dict[str, Any]) -> bytes:
    """The body as far as it was recorded; long Data bodies were not, their length was."""
    if "conn_ids" in row:
        return encode_connection_ids(tuple(row["conn_ids"]))
    if "body_base64" in row:
        return base64.b64decode(row["body_base64"])
    return str(row["body"]).encode() if "body" in row else bytes(row["body_length"])


def type_of(row: dict[str, Any]) -> MessageType:
    return {"SyncConnections": MessageType.SYNC_CONNECTIONS}.get(row["type"]) or MessageType[row["type"].upper()]


@pytest.mark.parametrize(("name", "count"), list(zip(FILES, (1492, 160, 247), strict=True)))
def test_every_recorded_message(name: str, count: int) -> None:
    seen = 0
    for row, size in recorded_messages(name):
        body = recorded_body(row)
        message = Message(row["message_id"], row["conn_id"], type_of(row), body)
        header = bytes.fromhex(row["header_hex"])
        assert len(body) == row["body_length"]
        assert encode(message) == header + body
        assert decode(header + body) == message
        assert size == len(header) + len(body)
        assert row.get("deadline", DEADLINE_MS) == DEADLINE_MS
        seen += 1
    assert seen == count


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (
            Message(1000, 2, MessageType.CONNECT, b"tcp/10.43.0.1:443"),
            "d00f0404b0ea017463702f31302e34332e302e313a343433",
        ),
        (Message(1001, 2, MessageType.DATA, b"\x16\x03\x01"), "d20f0402b0ea01160301"),
        (Message(1002, 2, MessageType.ERROR, b"EOF"), "d40f0406454f46"),
        (
            Message(1003, 0, MessageType.SYNC_CONNECTIONS, encode_connection_ids((2, 5))),
            "d60f001002" + "0" * 14 + "05" + "0" * 14,
        ),
        (Message(1004, 2, MessageType.PAUSE), "d80f040c"),
        (Message(1005, 2, MessageType.RESUME), "da0f040e"),
        (Message(1006, 0, MessageType.ADD_CLIENT, b"c-m-x/7"), "dc0f0008632d6d2d782f37"),
        (Message(1007, 0, MessageType.REMOVE_CLIENT, b"c-m-x/7"), "de0f000a632d6d2d782f37"),
    ],
)
def test_each_type_byte_for_byte(message: Message, wire: str) -> None:
    assert encode(message).hex() == wire
    assert decode(bytes.fromhex(wire)) == message


@given(INT64, INT64, st.sampled_from(MessageType), st.binary(max_size=300))
def test_round_trip(message_id: int, conn_id: int, kind: MessageType, body: bytes) -> None:
    message = Message(message_id, conn_id, kind, body)
    assert decode(encode(message)) == message


@given(INT64, INT64, st.sampled_from(MessageType))
def test_every_cut_header_is_the_peers_fault(message_id: int, conn_id: int, kind: MessageType) -> None:
    header = encode(Message(message_id, conn_id, kind))
    for size in range(len(header)):
        with pytest.raises(RemoteProtocolError, match="ends inside its header"):
            decode(header[:size])


@given(st.binary(max_size=80))
@example(b"")
@example(b"\x80" * 11)
@example(b"\xff" * 9 + b"\x02")
def test_garbage_raises_nothing_else(payload: bytes) -> None:
    try:
        message = decode(payload)
    except RemoteProtocolError as error:
        said = str(error)
    else:
        said = "from the peer"
        # Padded numbers are accepted, so the bytes may come back shorter, never different in meaning.
        assert decode(encode(message)) == message
        assert len(encode(message)) <= len(payload) + 2  # a deadline shorter than ours is possible
    assert "from the peer" in said


@given(INT64)
@example(0)
@example(-1)
@example((1 << 63) - 1)
@example(-(1 << 63))
def test_varint_round_trip(value: int) -> None:
    wire = encode_varint(value)
    assert decode_varint(b"\xff" + wire + b"\x01", 1) == (value, 1 + len(wire))
    assert len(wire) <= 10


@pytest.mark.parametrize(("wire", "value"), [("8000", 0), ("82808000", 1), ("ffffffffffffffffff01", -(1 << 63))])
def test_padding_and_the_widest_number_are_accepted(wire: str, value: int) -> None:
    assert decode_varint(bytes.fromhex(wire), 0) == (value, len(wire) // 2)


@pytest.mark.parametrize("wire", ["ff" * 9 + "02", "80" * 10 + "00", "ff" * 10, "80" * 9 + "7f"])
def test_more_than_64_bits(wire: str) -> None:
    with pytest.raises(RemoteProtocolError, match="longer than 64 bits"):
        decode_varint(bytes.fromhex(wire), 0)


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_own_ids_must_fit(value: int) -> None:
    with pytest.raises(LocalProtocolError, match="int64"):
        encode_varint(value)


@pytest.mark.parametrize("number", [0, 9, -1, 1 << 40])
def test_unknown_type_is_told_apart(number: int) -> None:
    with pytest.raises(UnknownTypeError, match=f"unknown type {number}") as caught:
        decode(encode_varint(5) + encode_varint(2) + encode_varint(number) + b"body")
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("body", "network", "address"),
    [
        (b"tcp/10.43.0.1:443", "tcp", "10.43.0.1:443"),
        (b"tcp/[fd00::1]:443", "tcp", "[fd00::1]:443"),
        (b"unix//var/run/docker.sock", "unix", "/var/run/docker.sock"),
        (b"/", "", ""),
        (b"tcp/" + b"a" * 300, "tcp", "a" * 262),
        (b"tcp/\xff", "tcp", "\\xff"),
    ],
)
def test_connect_body(body: bytes, network: str, address: str) -> None:
    assert decode_connect(body) == (network, address)


@pytest.mark.parametrize("body", [b"", b"tcp", b"x" * 266 + b"/too-late"])
def test_connect_without_a_slash(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="failed to parse connect address"):
        decode_connect(body)


@given(st.lists(INT64, max_size=20))
def test_connection_ids_round_trip(ids: list[int]) -> None:
    wire = encode_connection_ids(tuple(ids))
    assert len(wire) == 8 * len(ids)
    assert decode_connection_ids(wire) == tuple(ids)


@given(st.binary(max_size=40).filter(lambda body: len(body) % 8 != 0))
def test_connection_ids_of_odd_size(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="incorrect data format"):
        decode_connection_ids(body)
