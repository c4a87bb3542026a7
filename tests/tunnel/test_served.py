"""A served connection: TLS and HTTP joined, driven by the asking end."""

from __future__ import annotations

import ssl

import pytest

from scale_agent.errors import RemoteProtocolError
from scale_agent.tunnel.asked import AskingConnection
from scale_agent.tunnel.http_client import ResponseData, ResponseEnded, ResponseEvent, ResponseStarted
from scale_agent.tunnel.served import ServedConnection
from tests.tunnel.conftest import ADDRESS

HOST = (("Host", ADDRESS),)
JSON = (("Content-Type", "application/json"),)


def pump(asking: AskingConnection, served: ServedConnection, size: int = 1 << 20) -> list[ResponseEvent]:
    """Carry bytes both ways in chunks of ``size`` until there are none; what the asking end saw."""
    events: list[ResponseEvent] = []
    moved = True
    while moved:
        moved = False
        up = asking.data_to_send()
        for start in range(0, len(up), size):
            moved = True
            served.receive(up[start : start + size])
        down = served.data_to_send(50_000)
        for start in range(0, len(down), size):
            moved = True
            events += asking.receive(down[start : start + size])
    return events


def body_of(events: list[ResponseEvent]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, ResponseData))


@pytest.fixture(params=["tls", "plain"])
def ends(
    request: pytest.FixtureRequest, tls_server: ssl.SSLContext, tls_client: ssl.SSLContext
) -> tuple[AskingConnection, ServedConnection]:
    if request.param == "plain":
        return AskingConnection(None), ServedConnection(None)
    return AskingConnection(tls_client, ADDRESS), ServedConnection(tls_server)


@pytest.mark.parametrize("size", [3, 1000, 1 << 20])
def test_requests_on_a_kept_connection(ends: tuple[AskingConnection, ServedConnection], size: int) -> None:
    asking, served = ends
    for turn in range(3):
        asking.request("PUT", f"/{turn}", HOST, b"body" * turn)
        assert pump(asking, served, size) == []
        request = served.next_request()
        assert request is not None
        assert (request.target, request.body) == (f"/{turn}", b"body" * turn)
        served.respond(200, JSON, b"x" * 3000 * turn)
        events = pump(asking, served, size)
        assert isinstance(events[0], ResponseStarted)
        assert body_of(events) == b"x" * 3000 * turn
        assert events[-1] == ResponseEnded(True)
        assert asking.ready
        assert asking.idle
        assert not served.finished


def test_a_watch(ends: tuple[AskingConnection, ServedConnection]) -> None:
    asking, served = ends
    asking.request("GET", "/watch", HOST)
    pump(asking, served)
    assert served.next_request() is not None
    served.start_stream(200, JSON)
    assert [type(event) for event in pump(asking, served)] == [ResponseStarted]
    for _ in range(3):
        served.send_chunk(b"event\n")
        assert pump(asking, served) == [ResponseData(b"event\n")]
    assert served.busy
    served.end_stream()
    assert pump(asking, served) == [ResponseEnded(True)]


def test_large_answers_leave_in_pieces(ends: tuple[AskingConnection, ServedConnection]) -> None:
    asking, served = ends
    asking.request("GET", "/openapi", HOST)
    pump(asking, served)
    served.next_request()
    served.respond(200, (), bytes(900_000))
    assert served.pending_bytes > 900_000
    first = served.data_to_send(64 << 10)
    assert 64 << 10 <= len(first) < 70_000
    assert served.pending_bytes > 800_000
    assert not served.finished
    assert len(body_of(asking.receive(first) + pump(asking, served))) == 900_000
    assert served.pending_bytes == 0


def test_connection_close_finishes(ends: tuple[AskingConnection, ServedConnection]) -> None:
    asking, served = ends
    asking.request("GET", "/", (*HOST, ("Connection", "close")))
    pump(asking, served)
    served.next_request()
    served.respond(200, (), b"bye" * 40_000)
    assert not served.finished, "there is still something to be sent"
    events = pump(asking, served)
    assert body_of(events) == b"bye" * 40_000
    assert events[-1] == ResponseEnded(False)
    assert served.finished
    assert not asking.idle


def test_a_client_that_says_goodbye(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    asking, served = AskingConnection(tls_client, ADDRESS), ServedConnection(tls_server)
    pump(asking, served)
    assert not served.finished
    asking.close()
    pump(asking, served)
    assert served.finished


def test_a_bad_request_is_answered_encrypted(tls_server: ssl.SSLContext, tls_client: ssl.SSLContext) -> None:
    asking, served = AskingConnection(tls_client, ADDRESS), ServedConnection(tls_server, max_body_bytes=10)
    asking.request("PUT", "/", HOST, b"x" * 11)
    events = pump(asking, served)
    assert isinstance(events[0], ResponseStarted)
    assert events[0].status == 413
    assert events[-1] == ResponseEnded(False)
    assert served.next_request() is None
    assert asking.peer_closed
    assert not served.finished, "the client closes"
    asking.close()
    pump(asking, served)
    assert served.finished


def test_garbage_leaves_an_alert_to_send(tls_server: ssl.SSLContext) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        ServedConnection(tls_server).receive(b"\x16\x03\x01\x00\x05hello")
    assert caught.value.reply


def test_limits_and_date_are_handed_on() -> None:
    served = ServedConnection(None, max_header_bytes=0, date=lambda: "now")
    served.receive(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 5000 + b"\r\n\r\n")
    assert served.data_to_send().startswith(b"HTTP/1.1 431 ")
    served = ServedConnection(None, date=lambda: "now")
    served.receive(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    served.next_request()
    served.respond(200, (), b"")
    assert b"Date: now\r\n" in served.data_to_send()
