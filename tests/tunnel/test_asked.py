"""The asking end by itself: what waits for the handshake, and ends that come too early."""

from __future__ import annotations

import ssl

import pytest

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel.asked import AskingConnection
from scale_agent.tunnel.http_client import ResponseEnded
from scale_agent.tunnel.served import ServedConnection
from tests.tunnel.conftest import ADDRESS, Pki
from tests.tunnel.test_served import HOST, pump


def test_a_request_waits_for_the_handshake(tls_client: ssl.SSLContext, tls_server: ssl.SSLContext) -> None:
    asking, served = AskingConnection(tls_client, ADDRESS), ServedConnection(tls_server)
    assert asking.idle
    asking.request("GET", "/", HOST)
    assert not asking.idle
    hello = asking.data_to_send()
    assert hello[0] == 22, "a handshake record and nothing else"
    assert asking.data_to_send() == b""
    assert not asking.ready
    served.receive(hello)
    pump(asking, served)
    assert asking.ready
    assert served.next_request() is not None


def test_a_second_request_has_to_wait() -> None:
    asking = AskingConnection(None)
    asking.request("GET", "/", HOST)
    with pytest.raises(LocalProtocolError, match="outstanding"):
        asking.request("GET", "/", HOST)


def test_a_server_with_another_certificate(tls_server: ssl.SSLContext, other_pki: Pki) -> None:
    from scale_agent.tunnel.tls import client_context

    asking, served = AskingConnection(client_context(other_pki.ca_pem), ADDRESS), ServedConnection(tls_server)
    with pytest.raises(RemoteProtocolError, match="certificate verify failed") as caught:
        pump(asking, served)
    with pytest.raises(RemoteProtocolError, match="alert"):
        served.receive(caught.value.reply)


def test_the_tunnelled_connection_ends_inside_an_answer(tls_client: ssl.SSLContext, tls_server: ssl.SSLContext) -> None:
    asking, served = AskingConnection(tls_client, ADDRESS), ServedConnection(tls_server)
    asking.request("GET", "/watch", HOST)
    pump(asking, served)
    served.next_request()
    served.start_stream(200, ())
    pump(asking, served)
    with pytest.raises(RemoteProtocolError, match="before the answer was complete"):
        asking.receive_eof()


def test_close_notify_completes_an_answer_without_a_length(
    tls_client: ssl.SSLContext, tls_server: ssl.SSLContext
) -> None:
    asking, served = AskingConnection(tls_client, ADDRESS), ServedConnection(tls_server)
    asking.request("GET", "/", (*HOST, ("Connection", "close")))
    pump(asking, served)
    served.next_request()
    served.start_stream(200, ())
    served.send_chunk(b"abc")
    served.end_stream()
    assert pump(asking, served)[-1] == ResponseEnded(False)
    assert asking.receive_eof() == []


def test_the_end_of_an_idle_connection_is_nothing(tls_client: ssl.SSLContext) -> None:
    assert AskingConnection(tls_client, ADDRESS).receive_eof() == []
