"""The real ``openssl s_client`` against our server: the only client at hand that can be told to change its keys."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator

import pytest

from scale_agent.tunnel.tls import TlsEnd
from scale_agent.tunnel.tls_records import Records

OPENSSL = shutil.which("openssl")
PATIENCE_S = 20.0

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="there is no openssl command here")


class Served:
    """One connection of ``openssl s_client``, and what it said."""

    def __init__(self, context: ssl.SSLContext, suite: str) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(PATIENCE_S)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        command = [OPENSSL or "", "s_client", "-connect", address, "-ciphersuites", suite, "-tls1_3"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with listener:
            self._socket = listener.accept()[0]
        self._socket.settimeout(PATIENCE_S)
        self.end = TlsEnd(context, server_side=True)
        self.got = b""
        self.until(lambda: self.end.handshake_done)

    def until(self, condition: Callable[[], bool]) -> None:
        """Take in what comes until then."""
        while not condition():
            data = self._socket.recv(1 << 16)
            assert data, "s_client closed the connection"
            self.got += self.end.receive(data)
            self._socket.sendall(self.end.data_to_send())

    def hear(self, line: bytes) -> None:
        """Type a line into it, and wait for it."""
        self.type(line)
        before = self.got
        self.until(lambda: self.got == before + line)

    def type(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def say(self, data: bytes) -> None:
        self.end.send(data)
        self._socket.sendall(self.end.data_to_send())

    def finish(self) -> bytes:
        """Close; all that it printed."""
        self.end.close()
        self._socket.sendall(self.end.data_to_send())
        self.process.wait(PATIENCE_S)  # at the end of its input it would leave before it has read everything
        printed = self.process.communicate()[0]
        self._socket.close()
        return printed

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()
        self._socket.close()


@pytest.fixture(params=["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def served(tls_server: ssl.SSLContext, request: pytest.FixtureRequest) -> Iterator[Served]:
    one = Served(tls_server, request.param)
    yield one
    one.stop()


def test_it_changes_its_keys_and_asks_for_ours(served: Served) -> None:
    records = served.end._engine
    assert isinstance(records, Records)
    served.hear(b"before\n")
    read, write = records._read._secret, records._write._secret
    served.type(b"K\n")  # SSL_KEY_UPDATE_REQUESTED
    served.until(lambda: records._read._secret != read)
    assert records._write._secret != write
    served.hear(b"between\n")
    served.say(b"<our new keys>")
    write = records._write._secret
    served.type(b"k\n")  # SSL_KEY_UPDATE_NOT_REQUESTED
    read = records._read._secret
    served.until(lambda: records._read._secret != read)
    assert records._write._secret == write
    served.hear(b"after\n")
    served.say(b"<our same keys>")
    printed = served.finish()
    assert b"<our new keys>" in printed
    assert b"<our same keys>" in printed


def test_we_change_our_keys(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scale_agent.tunnel.tls_records.MAX_SEALED", 1)
    for number in range(4):
        served.say(b"<%d>" % number)
    printed = served.finish()
    assert all(b"<%d>" % number in printed for number in range(4))
