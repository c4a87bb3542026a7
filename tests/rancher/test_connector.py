"""The way of an agent to Rancher: the recorded dialer's bytes, every refusal, and websockets under bad weather."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import queue
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.cluster.ports import Connector
from scale_agent.errors import DialError
from scale_agent.rancher import RancherConnector, TlsPolicy
from scale_agent.rancher.upgrade import open_websocket, parse_head, request_head
from scale_agent.rancher.url import parse_server_url
from scale_agent.rancher.websocket import ClientWebSocket
from tests.rancher.conftest import RECORDINGS, Authority, recording
from tests.rancher.loopback import Answer, HttpLoopback, RawLoopback, Site, read_head

Start = Callable[..., RawLoopback]
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def upgraded(sock: socket.socket, more: bytes = b"") -> bytes:
    """The server's side of an upgrade; returns the request's head."""
    head = read_head(sock)
    found = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
    assert found is not None
    accept = base64.b64encode(hashlib.sha1(found[1] + _GUID.encode()).digest()).decode()
    answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    sock.sendall(answer.encode() + more)
    return head


def frame(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """A server's frame, not masked."""
    first = (0x80 if fin else 0) | opcode
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    return struct.pack("!BBH", first, 126, size) + payload if size < 65536 else _long(first, payload)


def _long(first: int, payload: bytes) -> bytes:
    return struct.pack("!BBQ", first, 127, len(payload)) + payload


def take_frame(sock: socket.socket) -> tuple[int, bytes]:
    """One masked frame of the client."""

    def exactly(size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = sock.recv(size - len(data))
            if not part:
                raise ConnectionResetError("closed")
            data += part
        return data

    first, second = exactly(2)
    assert second & 0x80, "a client's frame must be masked"
    size = second & 0x7F
    if size == 126:
        size = struct.unpack("!H", exactly(2))[0]
    elif size == 127:
        size = struct.unpack("!Q", exactly(8))[0]
    assert exactly(4) == bytes(4)
    return first, exactly(size)


def dialled(server: RawLoopback, tls: TlsPolicy) -> ClientWebSocket:
    connection, _ = open_websocket(parse_server_url(server.url), tls, "/v3/connect", [], 5)
    return connection


def test_the_upgrade_has_the_recorded_dialers_bytes() -> None:
    lines = gzip.decompress((RECORDINGS / "rancher-2.15.0" / "frames-import.jsonl.gz").read_bytes()).splitlines()
    found = [json.loads(line) for line in lines if b'"sender":"agent","first_line":"GET /v3/connect' in line]
    upgrades = [one for one in found if any(header[0] == "Upgrade" for header in one["headers"])]
    assert len(upgrades) == 3
    for one in upgrades:
        headers = [(header[0], header[1]) for header in one["headers"]]
        values = dict(headers)
        special = [pair for pair in headers if pair[0].startswith(("X-API", "Authorization"))]
        server = parse_server_url(f"https://{values['Host']}")
        path = one["first_line"].split()[1]
        expected = f"{one['first_line']}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
        assert request_head(server, path, special[::-1], values["Sec-WebSocket-Key"]) == expected.encode()


def test_a_dial_is_timed_step_by_step_over_tls(authority: Authority, tls: TlsPolicy, raw: Start) -> None:
    heads: queue.Queue[bytes] = queue.Queue()
    server = raw(lambda sock: heads.put(upgraded(sock)), authority.server)
    connector = RancherConnector(server.url, tls)
    assert connector.server_url == server.url
    connection, times = connector.dial("/v3/connect/register", [("X-API-Tunnel-Token", "t")], 5)
    connection.shutdown()
    assert b"X-API-Tunnel-Token: t\r\n" in heads.get(timeout=5)
    assert times.tcp_ms > 0
    assert times.tls_ms > times.tcp_ms / 100
    assert times.upgrade_ms > 0


@pytest.mark.parametrize("index", [23, 24, 25, 26])
def test_recorded_refusals_of_tunnels(index: int, site: Site, server: HttpLoopback, tls: TlsPolicy) -> None:
    entry = recording("2.15.0", "rest-steve")[index]
    site.routes["GET", entry["path"]] = Answer(entry["status"], entry["response"])
    with pytest.raises(DialError) as caught:
        RancherConnector(server.url, tls).dial(entry["path"], list(entry["request_headers"].items()), 5)
    assert (caught.value.reason, caught.value.status) == ("status", entry["status"])
    assert str(caught.value) == f"{entry['status']} {entry['response']}"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(400, 'clusters "c-abcde" is c-m-12345678'), "400 clusters … is …"),
        (Answer(503, "<html>canary</html>"), "503"),
        (Answer(401, {"code": "Unauthorized", "message": "no"}), "Rancher refused: upgrade: 401 Unauthorized no"),
        (Answer(200, "pong"), "200 pong"),
        (
            Answer(302, "", (("Location", "https://elsewhere.example"),)),
            "302: check RANCHER_URL",
        ),
    ],
)
def test_other_refusals_carry_no_ids(
    answer: Answer, text: str, site: Site, server: HttpLoopback, tls: TlsPolicy
) -> None:
    site.routes["GET", "/v3/connect"] = answer
    with pytest.raises(DialError) as caught:
        RancherConnector(server.url, tls).dial("/v3/connect", [], 5)
    assert (caught.value.reason, caught.value.status, str(caught.value)) == ("status", answer.status, text)


def _not_http(sock: socket.socket) -> None:
    read_head(sock)
    sock.sendall(b"SSH-2.0-x\r\n\r\n")


def _wrong_key(sock: socket.socket) -> None:
    read_head(sock)
    sock.sendall(b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")


def _endless_headers(sock: socket.socket) -> None:
    read_head(sock)
    sock.sendall(b"HTTP/1.1 101 x\r\n")
    while True:
        sock.sendall(b"X-Filler: " + b"x" * 1000 + b"\r\n")


def _hang_up(sock: socket.socket) -> None:
    read_head(sock)


@pytest.mark.parametrize(
    ("script", "reason"),
    [(_not_http, "protocol"), (_wrong_key, "protocol"), (_endless_headers, "protocol"), (_hang_up, "closed")],
)
def test_dials_that_fail(script: Callable[[socket.socket], None], reason: str, tls: TlsPolicy, raw: Start) -> None:
    connector = RancherConnector(raw(script).url, tls)
    with pytest.raises(DialError) as dial:
        connector.dial("/v3/connect", [], 5)
    assert dial.value.reason == reason
    assert dial.value.reason in DialError.REASONS


def test_dials_that_never_get_through(authority: Authority, tls: TlsPolicy, raw: Start) -> None:
    done = threading.Event()
    silent = raw(lambda sock: (read_head(sock), done.wait(5)))
    with socket.create_server(("127.0.0.1", 0)) as unused:
        refused = f"https://127.0.0.1:{unused.getsockname()[1]}"
    other = raw(lambda sock: None, authority.other_host)
    strange = raw(lambda sock: None, authority.server)
    plain = raw(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    tries = [
        (silent.url, tls, 0.1, "timeout"),
        (refused, tls, 5, "refused"),
        ("https://nowhere.invalid", tls, 5, "unresolved"),
        (other.url, tls, 5, "certificate"),
        (strange.url, TlsPolicy(), 5, "certificate"),
        (plain.url.replace("http:", "https:"), tls, 5, "tls"),
    ]
    for url, policy, timeout_s, reason in tries:
        connector = RancherConnector(url, policy)
        with pytest.raises(DialError) as dial:
            connector.dial("/x", [], timeout_s)
        with pytest.raises(DialError) as get:
            connector.get("/x", timeout_s)
        assert (dial.value.reason, get.value.reason) == (reason, reason), url
    done.set()


def test_gets_look_like_curls_and_gos(site: Site, server: HttpLoopback, tls: TlsPolicy) -> None:
    site.routes["GET", "/ping"] = Answer(200, "pong")
    site.routes["GET", "/v3/settings/cacerts"] = Answer(200, {"value": "PEM"})
    site.routes["GET", "/"] = Answer(200, gzip.compress(b"{}" * 500), (("Content-Encoding", "gzip"),))
    connector = RancherConnector(server.url, tls)
    pong = connector.get("/ping", 5)
    assert (pong.status, pong.body, pong.headers["content-length"]) == (200, b"pong", "4")
    assert connector.get("/v3/settings/cacerts", 5).status == 200
    assert connector.get("/", 5).body == b"{}" * 500
    assert connector.get("/nothing", 5).status == 404
    assert site.connections == 4
    curl, _, go, _ = (list(seen.headers) for seen in site.seen)
    assert curl == ["host", "user-agent", "accept"]
    assert go == ["host", "user-agent", "accept-encoding"]
    assert site.seen[2].headers["user-agent"] == "Go-http-client/1.1"


def test_answers_to_gets_have_a_limit(raw: Start, tls: TlsPolicy) -> None:
    bomb = gzip.compress(bytes(64 << 20))

    def large(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(bytes(1 << 16))

    def zipped(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)

    for flood in (large, zipped):
        with pytest.raises(DialError, match="larger than 4 MiB") as caught:
            RancherConnector(raw(flood).url, tls).get("/", 5)
        assert caught.value.reason == "protocol"


def test_frames_come_as_they_are_and_pings_are_answered(authority: Authority, tls: TlsPolicy, raw: Start) -> None:
    got: queue.Queue[tuple[int, bytes]] = queue.Queue()
    big = bytes(range(256)) * 300

    def script(sock: socket.socket) -> None:
        first = frame(2, b"in one piece with the answer") + frame(2, b"a", fin=False)
        upgraded(sock, first)
        sock.sendall(
            frame(9, b"hello") + frame(0, b"b", fin=False) + frame(0, big) + frame(10, b"") + frame(1, b"text")
        )
        got.put(take_frame(sock))
        sock.sendall(frame(8, struct.pack("!H", 1000) + b"bye"))
        got.put(take_frame(sock))

    connection = dialled(raw(script, authority.server), tls)
    frames = [connection.receive() for _ in range(8)]
    assert frames == [
        (2, b"in one piece with the answer", True),
        (2, b"a", False),
        (9, b"hello", True),
        (0, b"b", False),
        (0, big, True),
        (10, b"", True),
        (1, b"text", True),
        (8, struct.pack("!H", 1000) + b"bye", True),
    ]
    assert got.get(timeout=5) == (0x8A, b"hello")
    assert got.get(timeout=5) == (0x88, struct.pack("!H", 1000))
    with pytest.raises(DialError) as caught:
        connection.receive()
    assert caught.value.reason == "closed"


def test_many_messages_are_one_write(tls: TlsPolicy, raw: Start) -> None:
    got: queue.Queue[list[tuple[int, bytes]]] = queue.Queue()
    messages = [b"", b"x", b"y" * 125, b"z" * 126, b"w" * 65535, b"v" * 65536]

    def script(sock: socket.socket) -> None:
        upgraded(sock)
        got.put([take_frame(sock) for _ in range(len(messages) + 1)])

    connection = dialled(raw(script), tls)
    connection.send(messages)
    connection.ping()
    assert got.get(timeout=5) == [*((0x82, message) for message in messages), (0x89, b"")]
    connection.shutdown()


def test_senders_do_not_mix_their_frames(tls: TlsPolicy, raw: Start) -> None:
    got: queue.Queue[list[bytes]] = queue.Queue()

    def script(sock: socket.socket) -> None:
        upgraded(sock)
        got.put([take_frame(sock)[1] for _ in range(400)])

    connection = dialled(raw(script), tls)

    def send(letter: bytes) -> None:
        for _ in range(50):
            connection.send([letter * 5000, letter * 3])

    senders = [threading.Thread(target=send, args=(bytes([65 + number]),)) for number in range(4)]
    for sender in senders:
        sender.start()
    payloads = got.get(timeout=10)
    for sender in senders:
        sender.join(5)
    assert all(len(set(payload)) == 1 for payload in payloads)
    assert sorted(map(len, payloads)) == [3] * 200 + [5000] * 200
    connection.shutdown()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (struct.pack("!BBQ", 0x82, 127, 1 << 62), "the limit is"),
        (struct.pack("!BBQ", 0x82, 127, (32 << 20) + 1), "the limit is"),
        (struct.pack("!BBH", 0x89, 126, 126) + bytes(126), "the limit is 125"),
        (b"\xc2\x00", "rsv"),
        (b"\x83\x00", "opcode"),
        (b"\x09\x00", "ping"),
        (b"\x88\x01x", "close"),
    ],
)
def test_hostile_frames_end_the_websocket(data: bytes, text: str, tls: TlsPolicy, raw: Start) -> None:
    connection = dialled(raw(lambda sock: (upgraded(sock, data), sock.recv(1))), tls)
    with pytest.raises(DialError) as caught:
        connection.receive()
    assert caught.value.reason == "protocol"
    assert text in str(caught.value)
    with pytest.raises(DialError) as after:
        connection.send([b"x"])
    assert after.value.reason == "closed"


@given(data=st.binary(max_size=300))
def test_whatever_comes_it_is_frames_or_a_dial_error(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        connection = ClientWebSocket(ours)
        with pytest.raises(DialError) as caught:
            _drain(connection, len(data))
        assert caught.value.reason in ("closed", "protocol")
    assert ours.fileno() == -1


def _drain(connection: ClientWebSocket, most: int) -> None:
    for _ in range(most + 1):
        connection.receive()


def test_fed_byte_by_byte(tls: TlsPolicy, raw: Start) -> None:
    data = frame(2, b"abc") + frame(2, b"d" * 200, fin=False) + frame(0, b"e")

    def script(sock: socket.socket) -> None:
        upgraded(sock)
        for byte in data:
            sock.sendall(bytes([byte]))

    connection = dialled(raw(script), tls)
    assert [connection.receive() for _ in range(3)] == [(2, b"abc", True), (2, b"d" * 200, False), (0, b"e", True)]
    connection.shutdown()


def test_a_silent_peer_runs_into_the_idle_timeout(tls: TlsPolicy, raw: Start) -> None:
    connection = dialled(raw(lambda sock: (upgraded(sock), sock.recv(1))), tls)
    connection.idle_timeout_s = 0.02
    with pytest.raises(DialError) as caught:
        connection.receive()
    assert caught.value.reason == "timeout"


def test_shutdown_wakes_the_reader_and_is_idempotent(authority: Authority, tls: TlsPolicy, raw: Start) -> None:
    reasons: queue.Queue[str] = queue.Queue()
    ended = threading.Event()

    def script(sock: socket.socket) -> None:
        upgraded(sock)
        try:
            sock.recv(1)
        finally:
            ended.set()

    connection = dialled(raw(script, authority.server), tls)
    reading = threading.Event()

    def read() -> None:
        reading.set()
        try:
            connection.receive()
        except DialError as error:
            reasons.put(error.reason)

    reader = threading.Thread(target=read)
    reader.start()
    assert reading.wait(5)
    connection.shutdown()
    connection.shutdown()
    assert reasons.get(timeout=5) == "closed"
    reader.join(5)
    assert ended.wait(5)
    connection.shutdown()


_UNDER_GEVENT = """
import gevent.monkey
gevent.monkey.patch_all()
import gevent, sys
from scale_agent.errors import DialError
from scale_agent.rancher import TlsPolicy
from scale_agent.rancher.upgrade import open_websocket
from scale_agent.rancher.url import parse_server_url
server, tls = parse_server_url(sys.argv[1]), TlsPolicy(cacert=sys.argv[2])
connection, _ = open_websocket(server, tls, "/v3/connect", [], 5)
assert connection.receive() == (2, b"first", True)
reader = gevent.spawn(lambda: connection.receive())
blocked = gevent.spawn(lambda: [connection.send([bytes(1 << 20)]) for _ in range(64)])
gevent.sleep(0.05)
with gevent.Timeout(2):
    connection.shutdown()
    gevent.joinall([reader, blocked])
print(repr(reader.exception), repr(blocked.exception))
assert connection._closed
"""


@pytest.mark.filterwarnings("ignore")
def test_shutdown_under_gevent_with_a_reader_and_a_stuck_sender(authority: Authority, raw: Start) -> None:
    done = threading.Event()
    server = raw(lambda sock: (upgraded(sock, frame(2, b"first")), done.wait(20)), authority.server)
    command = [sys.executable, "-c", _UNDER_GEVENT, server.url, authority.ca_file]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    done.set()
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("DialError") == 2, ran.stdout


def test_the_connector_is_what_the_cluster_asks_for() -> None:
    """The rooms do not know each other's classes; mypy holds the shapes."""
    connector: Callable[[str, TlsPolicy], Connector] = RancherConnector
    assert connector is RancherConnector


def test_line_breaks_cannot_be_smuggled_into_headers(tls: TlsPolicy, raw: Start) -> None:
    server = raw(lambda sock: None)
    with pytest.raises(DialError) as caught:
        RancherConnector(server.url, tls).dial("/v3/connect", [("X-API-Tunnel-Token", "t\r\nX-Evil: 1")], 5)
    assert caught.value.reason == "protocol"


def test_heads_are_parsed_without_trust() -> None:
    assert parse_head(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade:  websocket\r\nbad line") == (
        101,
        {"upgrade": "websocket", "bad line": ""},
    )
    assert parse_head(b"HTTP/1.0 204")[0] == 204
    for head in (b"", b"HTTP/2 200", b"HTTP/1.1 20", b"HTTP/1.1 abc OK"):
        with pytest.raises(DialError):
            parse_head(head)
