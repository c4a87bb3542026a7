"""TLS over memory buffers: both sides back to back, in pieces of any size, with everything that goes wrong."""

from __future__ import annotations

import ssl
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.tls import TlsEnd, client_context, server_context
from scale_agent.tunnel.tls_openssl import PIECE_BYTES
from tests.tunnel.conftest import ADDRESS, Pki

FIXTURES = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def ends(server: ssl.SSLContext, client: ssl.SSLContext, name: str = ADDRESS) -> tuple[TlsEnd, TlsEnd]:
    """A server and a client that has said hello."""
    outer = TlsEnd(client, server_side=False, server_hostname=name)
    outer.start()
    return TlsEnd(server, server_side=True), outer


def pump(inner: TlsEnd, outer: TlsEnd, size: int = 1 << 20) -> tuple[bytes, bytes]:
    """Carry ciphertext both ways in chunks of ``size`` until there is none; the plaintext (inner's, outer's)."""
    got = {id(inner): b"", id(outer): b""}
    moved = True
    while moved:
        moved = False
        for source, sink in ((outer, inner), (inner, outer)):
            data = source.data_to_send()
            for start in range(0, len(data), size):
                moved = True
                got[id(sink)] += sink.receive(data[start : start + size])
    return got[id(inner)], got[id(outer)]


def record_sizes(wire: bytes) -> list[int]:
    sizes = []
    while wire:
        sizes.append(5 + int.from_bytes(wire[3:5], "big"))
        wire = wire[sizes[-1] :]
    return sizes


def connected(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[TlsEnd, TlsEnd]:
    inner, outer = ends(server, client)
    assert pump(inner, outer) == (b"", b"")
    assert inner.handshake_done
    assert outer.handshake_done
    return inner, outer


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_handshake_and_data_in_chunks(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, size: int) -> None:
    inner, outer = ends(tls_server, tls_client)
    pump(inner, outer, size)
    request, answer = b"GET / " * 500, bytes(range(256)) * 200
    outer.send(request)
    inner.send(answer)
    assert pump(inner, outer, size) == (request, answer)


@FIXTURES
@given(chunks=st.lists(st.integers(1, 900), min_size=1, max_size=5), data=st.binary(max_size=5000))
def test_any_cut(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, chunks: list[int], data: bytes) -> None:
    inner, outer = connected(tls_server, tls_client)
    outer.send(data)
    wire, got, turn = outer.data_to_send(), b"", 0
    while wire:
        size = chunks[turn % len(chunks)]
        got += inner.receive(wire[:size])
        wire, turn = wire[size:], turn + 1
    assert got == data


@pytest.mark.parametrize("record", [100, 1 << 14, 1 << 16])
def test_records_of_any_size_come_in(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, record: int) -> None:
    """Rancher writes records of up to 16 KiB, whole; ours are small, so the client here is OpenSSL itself."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls_client.wrap_bio(incoming, outgoing, server_hostname=ADDRESS)
    inner = TlsEnd(tls_server, server_side=True)
    for _ in range(3):
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            inner.receive(outgoing.read())
            incoming.write(inner.data_to_send())
    data = bytes(record)
    client.write(data)
    assert inner.receive(outgoing.read()) == data


def test_what_is_negotiated(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    inner, outer = ends(tls_server, tls_client)
    pump(inner, outer)
    assert outer.alpn == inner.alpn == "http/1.1"
    assert tls_server.num_tickets == 0
    assert tls_server.options & ssl.OP_NO_TICKET
    assert tls_server.minimum_version is ssl.TLSVersion.TLSv1_2


def test_after_its_handshake_the_server_says_nothing(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    """A ticket would be a message, time and memory for every connection; Rancher never resumes."""
    inner, outer = ends(tls_server, tls_client)
    inner.receive(outer.data_to_send())
    outer.receive(inner.data_to_send())
    inner.receive(outer.data_to_send())
    assert inner.handshake_done
    assert inner.data_to_send() == b""


def test_tls_1_2_works_and_1_1_does_not(tls_server: ssl.SSLContext, pki: Pki) -> None:
    old = client_context(pki.ca_pem)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    inner, outer = connected(tls_server, old)
    outer.send(b"hello")
    assert pump(inner, outer) == (b"hello", b"")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
    inner, outer = ends(tls_server, old)
    with pytest.raises(RemoteProtocolError, match="TLS failed: unsupported protocol"):
        pump(inner, outer)


def test_records_grow_as_those_of_a_go_server(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    """The first fills a TCP segment of 1208 bytes, the next two, up to a full record; writes are never joined."""
    inner, outer = connected(tls_server, tls_client)
    data = bytes(200_000)
    inner.send(b"x")
    inner.send(data)
    wire = inner.data_to_send()
    lengths = [size - 5 - 17 for size in record_sizes(wire)]
    assert lengths[:4] == [1, 2 * 1186, 3 * 1186, 4 * 1186]
    assert lengths[13:15] == [1 << 14, 1 << 14]
    assert sum(lengths) == len(data) + 1
    assert outer.receive(wire) == b"x" + data


def test_writes_of_openssl_are_small_records(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    """Its buffers keep the most that ever stood in them."""
    _, outer = connected(tls_server, tls_client)
    outer.send(bytes(10 * PIECE_BYTES))
    sizes = record_sizes(outer.data_to_send())
    assert len(sizes) == 10
    assert max(sizes) <= PIECE_BYTES + 22


def test_close_notify(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    inner, outer = connected(tls_server, tls_client)
    outer.send(b"bye")
    outer.close()
    outer.close()
    assert inner.receive(outer.data_to_send() + b"what follows is dropped") == b"bye"
    assert inner.peer_closed
    assert inner.receive(b"more") == b""
    inner.receive_eof()
    inner.close()
    assert not outer.peer_closed
    assert outer.receive(inner.data_to_send()) == b""
    assert outer.peer_closed


def test_nothing_can_be_sent_after_close(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    inner, _ = connected(tls_server, tls_client)
    inner.close()
    with pytest.raises(LocalProtocolError, match="after close"):
        inner.send(b"x")


def test_the_end_without_close_notify(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    inner, outer = ends(tls_server, tls_client)
    with pytest.raises(RemoteProtocolError, match="ended in the TLS handshake"):
        inner.receive_eof()
    pump(inner, outer)
    with pytest.raises(RemoteProtocolError, match="ended in the middle of TLS"):
        inner.receive_eof()


def test_plaintext_needs_a_handshake(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    inner, outer = ends(tls_server, tls_client)
    for end in (inner, outer):
        with pytest.raises(LocalProtocolError, match="before the TLS handshake"):
            end.send(b"x")
        end.close()
    assert inner.data_to_send() == b""


def test_garbage_gets_an_alert(tls_server: ssl.SSLContext) -> None:
    inner = TlsEnd(tls_server, server_side=True)
    with pytest.raises(RemoteProtocolError, match="TLS failed") as caught:
        inner.receive(b"\x16\x03\x01\x00\x05hello")
    assert caught.value.reply[0] == 21, "an alert record"
    assert "TLS peer" in str(caught.value)


def test_garbage_inside_a_connection_gets_an_alert(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    inner, outer = connected(tls_server, tls_client)
    outer.send(b"hello")
    wire = bytearray(outer.data_to_send())
    wire[-1] ^= 1
    with pytest.raises(RemoteProtocolError, match=r"TLS failed: .*bad record mac") as caught:
        inner.receive(bytes(wire))
    assert caught.value.reply[0] == 23, "an alert, encrypted"
    with pytest.raises(RemoteProtocolError, match="bad record mac"):
        outer.receive(caught.value.reply)


def test_plain_http_is_answered_as_go_does(tls_server: ssl.SSLContext) -> None:
    with pytest.raises(RemoteProtocolError, match="plain HTTP") as caught:
        TlsEnd(tls_server, server_side=True).receive(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
    assert caught.value.reply == b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


@pytest.mark.parametrize(
    ("name", "match"), [("10.43.0.2", "certificate verify failed"), ("rancher", "certificate verify failed")]
)
def test_the_wrong_name(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, name: str, match: str) -> None:
    inner, outer = ends(tls_server, tls_client, name)
    inner.receive(outer.data_to_send())
    with pytest.raises(RemoteProtocolError, match=match) as caught:
        outer.receive(inner.data_to_send())
    with pytest.raises(RemoteProtocolError, match=r"TLS failed: .*alert"):
        inner.receive(caught.value.reply)


def test_the_wrong_authority(tls_server: ssl.SSLContext, other_pki: Pki) -> None:
    inner, outer = ends(tls_server, client_context(other_pki.ca_pem))
    with pytest.raises(RemoteProtocolError, match="certificate verify failed"):
        pump(inner, outer)


def test_a_name_as_well_as_an_address(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    pump(*(pair := ends(tls_server, tls_client, "kubernetes")))
    assert pair[1].handshake_done


@FIXTURES
@given(garbage=st.binary(max_size=3000))
def test_no_input_raises_anything_else(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext, garbage: bytes) -> None:
    fresh = TlsEnd(tls_server, server_side=True)
    inner, outer = connected(tls_server, tls_client)
    for end in (fresh, inner, outer):
        try:
            end.receive(garbage)
        except RemoteProtocolError as error:
            assert isinstance(error.reply, bytes)  # noqa: PT017 - garbage may also be an unfinished record
        end.data_to_send()


def test_pem_that_cannot_be_used(pki: Pki, other_pki: Pki) -> None:
    for cert, key in ((pki.cert_pem, other_pki.key_pem), (b"nonsense", pki.key_pem), (pki.cert_pem, b"")):
        with pytest.raises(LocalProtocolError, match="certificate and key cannot be used") as caught:
            server_context(cert, key)
        assert "PRIVATE" not in str(caught.value)
    for ca in (b"nonsense", b"\xff", b""):
        with pytest.raises(LocalProtocolError, match="certificate authority is no PEM"):
            client_context(ca)
