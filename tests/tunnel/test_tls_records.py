"""Records of TLS 1.3 after the server's Finished: everything a client can say, right and wrong, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel import tls_records
from scale_agent.tunnel.tls_keys import AES_128, AES_256, CHACHA20, Direction, Secret, Suite
from tests.tunnel.tls_peers import ALERT, DATA, HANDSHAKE, HandMade

SUITES = pytest.mark.parametrize("suite", [AES_128, AES_256, CHACHA20], ids=["aes128", "aes256", "chacha20"])
KEY_UPDATE, ASKING = b"\x18\0\0\x01\0", b"\x18\0\0\x01\x01"


def refused(client: HandMade, wire: bytes, words: str, description: int) -> None:
    """The server gives up with these words and this alert, and says nothing after it."""
    with pytest.raises(RemoteProtocolError) as caught:
        client.server.receive(wire)
    assert caught.value.what == f"TLS failed: {words}"
    assert client.opened(caught.value.reply)[-1] == bytes((2, description)) + ALERT
    with pytest.raises(LocalProtocolError, match="after close"):
        client.server.send(b"x")
    client.server.close()
    assert client.server.data_to_send() == b""


@SUITES
@settings(max_examples=30, deadline=None)
@given(pieces=st.lists(st.binary(max_size=3000), max_size=5), cut=st.integers(1, 4000), padding=st.integers(0, 300))
def test_round_trips(suite: Suite, pieces: list[bytes], cut: int, padding: int) -> None:
    client = HandMade(suite).finish()
    wire = b"".join(client.out.seal(piece + DATA + bytes(padding)) for piece in pieces)
    got = b"".join(client.server.receive(wire[at : at + cut]) for at in range(0, len(wire), cut))
    assert got == b"".join(pieces)
    for piece in pieces:
        client.server.send(piece)
    back = client.opened(client.server.data_to_send())
    assert b"".join(inner[:-1] for inner in back) == got
    assert all(inner[-1:] == DATA for inner in back)


def test_nothing_is_kept_between_records() -> None:
    client = HandMade().finish()
    client.server.receive(client.out.seal(b"hello" + DATA))
    client.server.send(b"hello")
    client.server.data_to_send()
    assert client.server._rest == client.server._messages == client.server._out == b""


def test_the_finished_has_to_be_right() -> None:
    client = HandMade()
    assert not client.server.handshake_done
    client.server.receive(b"\x14\x03\x03\0\x01\x01")
    refused(
        client, Direction(Secret(AES_128, bytes(32))).seal(b"\x14\0\0\x04donE" + HANDSHAKE), "digest check failed", 51
    )
    assert not client.server.handshake_done


def test_a_finished_in_pieces_with_data_behind_it() -> None:
    client, keys = HandMade(), Direction(Secret(AES_128, bytes(32)))
    wire = keys.seal(b"\x14\0\0\x04" + HANDSHAKE) + keys.seal(b"done" + HANDSHAKE)
    assert client.server.receive(wire + client.out.seal(b"first" + DATA)) == b"first"
    assert client.server.handshake_done


def test_data_before_the_finished() -> None:
    refused(HandMade(), Direction(Secret(AES_128, bytes(32))).seal(b"early" + DATA), "unexpected message", 10)


@pytest.mark.parametrize("wire", [b"\x15\x03\x03\0\x02\x02\x30", None], ids=["plain", "sealed"])
def test_an_alert_instead_of_a_finished(wire: bytes | None) -> None:
    client = HandMade()
    with pytest.raises(RemoteProtocolError, match="TLS failed: tlsv1 alert unknown ca") as caught:
        client.server.receive(wire or Direction(Secret(AES_128, bytes(32))).seal(b"\x02\x30" + ALERT))
    assert caught.value.reply == b""


@pytest.mark.parametrize(
    ("wire", "words", "description"),
    [
        (b"\x14\x03\x03\0\x01\x01", "bad record type", 10),
        (b"\x15\x03\x03\0\x02\x02\x30", "bad record type", 10),
        (b"GET / HTTP/1.1\r\n", "bad record type", 10),
        (b"\x17\x03\x01\0\x20" + bytes(32), "wrong version number", 70),
        (b"\x17\x03\x03\x41\x01", "encrypted length too long", 22),
        (b"\x17\x03\x03\0\x20" + bytes(32), "decryption failed or bad record mac", 20),
        (b"\x17\x03\x03\0\x00", "decryption failed or bad record mac", 20),
        (b"\x17\x03\x03\0\x08" + bytes(8), "decryption failed or bad record mac", 20),
    ],
)
def test_records_that_cannot_be(wire: bytes, words: str, description: int) -> None:
    refused(HandMade().finish(), wire, words, description)


@pytest.mark.parametrize(
    ("inner", "words", "description"),
    [
        (b"", "bad record type", 10),
        (bytes(40), "bad record type", 10),
        (b"x\x14", "unexpected message", 10),
        (HANDSHAKE, "bad record type", 10),
        (b"\x01\0\0\0" + HANDSHAKE, "unexpected message", 10),
        (b"\x14\0\0\x04done" + HANDSHAKE, "unexpected message", 10),
        (b"\x04\xff\xff\xff" + HANDSHAKE, "excessive message size", 10),
        (b"\x18\0\0\x01\x02" + HANDSHAKE, "bad key update", 50),
        (b"\x18\0\0\0" + HANDSHAKE, "bad key update", 50),
        (KEY_UPDATE * 2 + HANDSHAKE, "not on record boundary", 10),
        (b"\x02" + ALERT, "invalid alert", 50),
        (bytes((1 << 14) + 1) + DATA, "data length too long", 22),
    ],
)
def test_contents_that_cannot_be(inner: bytes, words: str, description: int) -> None:
    client = HandMade().finish()
    refused(client, client.out.seal(inner), words, description)


def test_data_inside_a_handshake_message() -> None:
    client = HandMade().finish()
    assert client.server.receive(client.out.seal(KEY_UPDATE[:3] + HANDSHAKE)) == b""
    refused(client, client.out.seal(b"x" + DATA), "unexpected message", 10)


@pytest.mark.parametrize("at", [0, 1, 4, 5, -1])
def test_a_changed_byte(at: int) -> None:
    client = HandMade().finish()
    wire = bytearray(client.out.seal(b"hello" + DATA) + client.out.seal(b"more" + DATA))
    wire[at] ^= 1
    with pytest.raises(RemoteProtocolError, match="TLS failed"):
        client.server.receive(bytes(wire))


def test_records_in_another_order() -> None:
    client = HandMade().finish()
    first, second = client.out.seal(b"1" + DATA), client.out.seal(b"2" + DATA)
    refused(client, second + first, "decryption failed or bad record mac", 20)


def test_the_largest_record() -> None:
    client, data = HandMade().finish(), bytes(1 << 14)
    assert client.server.receive(client.out.seal(data + DATA)) == data
    assert client.server.receive(client.out.seal(b"x" + DATA + bytes((1 << 14) - 1))) == b"x"


@SUITES
def test_a_key_update_that_asks_for_one(suite: Suite) -> None:
    client = HandMade(suite).finish()
    before = client.server._write._key
    wire = client.out.seal(ASKING + HANDSHAKE)
    client.out.update()
    assert client.server.receive(wire + client.out.seal(b"new keys" + DATA)) == b"new keys"
    assert client.opened(client.server.data_to_send()) == [KEY_UPDATE + HANDSHAKE]
    client.incoming.update()
    client.server.send(b"ours too")
    assert client.opened(client.server.data_to_send()) == [b"ours too" + DATA]
    assert client.server._write._key != before


def test_a_key_update_that_asks_for_nothing() -> None:
    client = HandMade().finish()
    for _ in range(3):
        assert client.server.receive(client.out.seal(KEY_UPDATE + HANDSHAKE)) == b""
        client.out.update()
    assert client.server.data_to_send() == b""
    assert client.server.receive(client.out.seal(b"x" + DATA)) == b"x"


def test_a_key_is_changed_before_it_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_records, "MAX_SEALED", 2)
    client = HandMade().finish()
    for _ in range(3):
        client.server.send(b"x")
    first, second, update = client.opened(client.server.data_to_send()[: 2 * 23 + 27])
    assert (first, second, update) == (b"x" + DATA, b"x" + DATA, KEY_UPDATE + HANDSHAKE)


def test_canceled_means_nothing_until_the_end() -> None:
    client = HandMade().finish()
    assert client.server.receive(client.out.seal(b"\x01\x5a" + ALERT)) == b""
    assert not client.server.peer_closed
    assert client.server.receive(client.out.seal(b"\x01\0" + ALERT) + b"what follows") == b""
    assert client.server.peer_closed
    client.server.send(b"still heard")
    client.server.close()
    assert client.opened(client.server.data_to_send()) == [b"still heard" + DATA, b"\x01\0" + ALERT]


def test_an_unknown_alert_has_a_number() -> None:
    client = HandMade().finish()
    with pytest.raises(RemoteProtocolError, match="TLS failed: alert 200"):
        client.server.receive(client.out.seal(b"\x02\xc8" + ALERT))


@SUITES
def test_no_secret_is_shown(suite: Suite) -> None:
    client = HandMade(suite).finish()
    direction = client.server._read
    with pytest.raises(RemoteProtocolError) as caught:
        client.server.receive(b"\x17\x03\x03\0\x20" + bytes(32))
    shown = f"{client.server!r} {direction!r} {direction} {caught.value!r} {caught.value}"
    for secret in (direction._secret, direction._key, direction._iv.to_bytes(12, "big")):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown
    assert str(direction._iv) not in shown
