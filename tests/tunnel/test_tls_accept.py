"""Our handshake against OpenSSL's client, and hellos of every other shape, which are OpenSSL's own."""

from __future__ import annotations

import ssl
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scale_agent.errors import RemoteProtocolError
from scale_agent.tunnel.tls import TlsEnd, client_context, server_context
from scale_agent.tunnel.tls_accept import SHARE_USES
from scale_agent.tunnel.tls_hello import first_record, read_hello
from scale_agent.tunnel.tls_openssl import OpenSslEnd
from scale_agent.tunnel.tls_records import Records
from tests.tunnel.conftest import ADDRESS, Pki, make_pki
from tests.tunnel.tls_peers import OpenSslClient

FIXTURES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def hello_of(context: ssl.SSLContext) -> bytes:
    end = TlsEnd(context, server_side=False, server_hostname=ADDRESS)
    end.start()
    return end.data_to_send()


def accepted(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[TlsEnd, OpenSslClient]:
    end, peer = TlsEnd(server, server_side=True), OpenSslClient(client)
    peer.shake(end)
    assert end.handshake_done
    return end, peer


@FIXTURES
@given(pieces=st.lists(st.binary(min_size=1, max_size=20_000), min_size=1, max_size=4), cut=st.integers(1, 5000))
def test_round_trips(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, pieces: list[bytes], cut: int) -> None:
    end, peer = accepted(tls_server, tls_client)
    assert isinstance(end._engine, Records)
    wire = b"".join(peer.write(piece) for piece in pieces)
    got = b"".join(end.receive(wire[at : at + cut]) for at in range(0, len(wire), cut))
    assert got == b"".join(pieces)
    for piece in pieces:
        end.send(piece)
    assert peer.read(end.data_to_send()) == got
    assert end.receive(peer.close()) == b""
    assert end.peer_closed


def test_what_is_chosen(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    """Go prefers AES-128, whatever the order of a client that puts AES first."""
    end, peer = accepted(tls_server, tls_client)
    assert peer.tls.cipher() == ("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128)
    assert peer.tls.selected_alpn_protocol() == end.alpn == "http/1.1"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ((0x1302,), 0x1302),
        ((0x1303,), 0x1303),
        ((0x1303, 0x1301), 0x1303),
        ((0x1302, 0x1303, 0x1301), 0x1301),
        ((0xC02F, 0x1302, 0x1303), 0x1302),
    ],
)
def test_suites(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, offered: tuple[int, ...], chosen: int) -> None:
    """The hello is the client's own but for its suites, so only the server's answer can be looked at."""
    record = with_suites(hello_of(tls_client), offered)
    end = TlsEnd(tls_server, server_side=True)
    end.receive(record)
    assert isinstance(end._engine, Records)
    answer = end.data_to_send()
    session_id = answer[5 + 4 + 2 + 32 :]
    assert session_id[1 + session_id[0] :][:2] == chosen.to_bytes(2, "big")


def with_suites(record: bytes, offered: tuple[int, ...]) -> bytes:
    at = 5 + 38 + 1 + record[5 + 38]
    end = at + 2 + int.from_bytes(record[at : at + 2], "big")
    body = b"".join(number.to_bytes(2, "big") for number in offered)
    rest = record[9:at] + len(body).to_bytes(2, "big") + body + record[end:]
    message = b"\x01" + len(rest).to_bytes(3, "big") + rest
    return record[:3] + len(message).to_bytes(2, "big") + message


def test_a_share_of_ours_is_used_a_while_and_no_longer(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    hello, seen = hello_of(tls_client), []
    for _ in range(2 * SHARE_USES + 1):
        end = TlsEnd(tls_server, server_side=True)
        end.receive(hello)
        server_hello = end.data_to_send()[5:]
        seen.append(server_hello[4 + int.from_bytes(server_hello[1:4], "big") - 32 :][:32])
    counts = Counter(seen)
    assert len(counts) == 3
    assert max(counts.values()) == SHARE_USES


def test_without_alpn(tls_server: ssl.SSLContext, pki: Pki) -> None:
    context = ssl.create_default_context(cadata=pki.ca_pem.decode())
    end, peer = accepted(tls_server, context)
    assert isinstance(end._engine, Records)
    assert end.alpn is None
    assert peer.tls.selected_alpn_protocol() is None


def test_the_flight_is_laid_out_as_gos(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    """ServerHello, ChangeCipherSpec, and each of four messages in a record of its own."""
    end = TlsEnd(tls_server, server_side=True)
    end.receive(hello_of(tls_client))
    wire, kinds = end.data_to_send(), []
    while wire:
        kinds.append(wire[0])
        wire = wire[5 + int.from_bytes(wire[3:5], "big") :]
    assert kinds == [22, 20, 23, 23, 23, 23]


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_hello_in_pieces(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, size: int) -> None:
    hello, end = hello_of(tls_client), TlsEnd(tls_server, server_side=True)
    for at in range(0, len(hello), size):
        assert end.data_to_send() == b""
        end.receive(hello[at : at + size])
    assert isinstance(end._engine, Records)
    assert end.data_to_send()


def test_tls_1_2_is_left_to_openssl(tls_server: ssl.SSLContext, pki: Pki) -> None:
    context = client_context(pki.ca_pem)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    end, peer = accepted(tls_server, context)
    assert isinstance(end._engine, OpenSslEnd)
    assert end.receive(peer.write(b"hello")) == b"hello"
    end.send(b"hello yourself")
    assert peer.read(end.data_to_send()) == b"hello yourself"


def test_a_client_of_another_group_is_left_to_openssl(tls_server: ssl.SSLContext, pki: Pki) -> None:
    context = client_context(pki.ca_pem)
    context.set_ecdh_curve("prime256v1")
    end, peer = accepted(tls_server, context)
    assert isinstance(end._engine, OpenSslEnd)
    assert end.receive(peer.write(b"hello")) == b"hello"


def test_a_key_that_is_not_on_p256_is_left_to_openssl(pki: Pki) -> None:
    made = make_pki(rsa.generate_private_key(65537, 2048))
    assert server_context(pki.cert_pem, pki.key_pem).identity is not None
    context = server_context(made.cert_pem, made.key_pem)
    assert context.identity is None
    end, _ = accepted(context, client_context(made.ca_pem))
    assert isinstance(end._engine, OpenSslEnd)


def test_a_share_of_small_order_is_refused_by_openssl(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    record = hello_of(tls_client)
    hello = read_hello(record)
    assert hello is not None
    end = TlsEnd(tls_server, server_side=True)
    with pytest.raises(RemoteProtocolError, match="TLS failed") as caught:
        end.receive(record.replace(hello.share, bytes(32)))
    assert caught.value.reply[0] == 21


@FIXTURES
@given(at=st.integers(0, 2000), value=st.integers(0, 255), cut=st.integers(0, 2000))
def test_no_hello_is_too_strange(
    tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, at: int, value: int, cut: int
) -> None:
    """Whatever a hello was changed to: an answer, an error as OpenSSL has it, or a wait for more."""
    record = bytearray(hello_of(tls_client))
    record[at % len(record)] = value
    end = TlsEnd(tls_server, server_side=True)
    try:
        end.receive(bytes(record[: len(record) - cut % 3]))
    except RemoteProtocolError as error:
        assert "TLS" in str(error)  # noqa: PT017 - most changes are harmless: the client's random, its key


@pytest.mark.parametrize("data", [b"", b"\x16", b"\x16\x03", b"\x16\x03\x01\0", b"\x16\x03\x01\0\x05hell"])
def test_the_first_record_is_waited_for(data: bytes) -> None:
    assert first_record(data) == 0


@pytest.mark.parametrize("data", [b"G", b"\x15", b"\x16\x04", b"\x16\x03\x01\x40\x01", b"\x80\x2e\x01"])
def test_what_is_no_handshake_is_not_waited_for(data: bytes) -> None:
    assert first_record(data) == len(data)


def test_no_secret_is_shown(pki: Pki) -> None:
    context = server_context(pki.cert_pem, pki.key_pem)
    assert "key" not in repr(context.identity)
    assert "BEGIN" not in repr(context)
