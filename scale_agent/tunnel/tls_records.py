"""A server's TLS 1.3 connection after its Finished was said: records in and out (RFC 8446, sections 4.6, 5 and 6).

It keeps two keys, two sequence numbers and no buffers while nothing is on its way.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag

from scale_agent.errors import LocalProtocolError, RemoteProtocolError
from scale_agent.tunnel import tls_alerts as alerts
from scale_agent.tunnel.tls_keys import RECORD_HEAD, TAG_BYTES, Direction

CHANGE_CIPHER_SPEC: Final = b"\x01"
HANDSHAKE_TYPE: Final = b"\x16"
_ALERT_TYPE: Final = b"\x15"
_DATA_TYPE: Final = b"\x17"
_CCS, _ALERT, _HANDSHAKE, _DATA = 20, 21, 22, 23
_FINISHED, _KEY_UPDATE = 20, 24

_HEAD_BYTES: Final = 5
_MESSAGE_HEAD_BYTES: Final = 4
MAX_PLAIN_BYTES: Final = 1 << 14
_MAX_CIPHER_BYTES: Final = MAX_PLAIN_BYTES + 256
_VERSION: Final = b"\x03\x03"

#: Go's first record of data fills one TCP segment, the next two, and so on up to a full record: the first bytes of an
#: answer can be read before the rest is there (crypto/tls, maxPayloadSizeForWrite; 1208 less head, tag and type).
RECORD_STEP_BYTES: Final = 1208 - _HEAD_BYTES - TAG_BYTES - 1
#: So many records may be sealed with one AES-GCM key at most (RFC 8446, section 5.5: 2^24.5); ours are changed sooner.
MAX_SEALED: Final = 1 << 24


class Records:
    """Ciphertext in and out, plaintext in and out; the words are those of :class:`scale_agent.tunnel.tls.TlsEnd`.

    ``after``: the client's Finished message as it has to be, and the keys of what the client says after it.
    """

    __slots__ = (
        "_after",
        "_closed",
        "_messages",
        "_out",
        "_read",
        "_record_bytes",
        "_rest",
        "_write",
        "alpn",
        "peer_closed",
    )

    def __init__(
        self, read: Direction, write: Direction, *, after: tuple[bytes, Direction], alpn: str | None, out: bytes = b""
    ) -> None:
        self._read = read
        self._write = write
        self._after: tuple[bytes, Direction] | None = after
        self.alpn = alpn
        self._out = out
        self._rest = b""  # the beginning of a record
        self._messages = b""  # the beginning of a handshake message
        self._record_bytes = RECORD_STEP_BYTES
        self._closed = False
        self.peer_closed = False

    @property
    def handshake_done(self) -> bool:
        """True once the client's Finished is in."""
        return self._after is None

    def receive(self, data: bytes) -> bytes:
        """Ciphertext from the peer; the plaintext that became readable."""
        if self._rest:
            data = self._rest + data
        parts: list[bytes] | None = None
        whole = b""
        at, size = 0, len(data)
        while size - at >= _HEAD_BYTES and not self.peer_closed:
            body = at + _HEAD_BYTES
            head = data[at:body]
            end = body + (head[3] << 8 | head[4])
            if end > size:
                self._check(head)
                break
            plain = self._record(head, data[body:end])
            if not whole:
                whole = plain
            elif plain:
                parts = [whole] if parts is None else parts
                parts.append(plain)
            at = end
        self._rest = b"" if self.peer_closed else data[at:]
        return whole if parts is None else b"".join(parts)

    def send(self, data: bytes) -> None:
        """Plaintext for the peer."""
        if self._closed:
            raise LocalProtocolError("plaintext sent after close")
        size, step, write = len(data), self._record_bytes, self._write
        if size <= step:
            if size and step == MAX_PLAIN_BYTES and write.sequence < MAX_SEALED:
                self._out += write.seal(data + _DATA_TYPE)
            elif size:
                self._out += self._seal_data(data)
            return
        at, records = 0, [self._out]
        while at < size:
            end = at + self._record_bytes
            records.append(self._seal_data(data[at:end]))
            at = end
        self._out = b"".join(records)

    def data_to_send(self) -> bytes:
        """Ciphertext for the peer; forgotten here."""
        out, self._out = self._out, b""
        return out

    def close(self) -> None:
        """Queue close_notify."""
        if not self._closed:
            self._closed = True
            self._out += self._write.seal(alerts.alert(alerts.WARNING, alerts.CLOSE_NOTIFY) + _ALERT_TYPE)

    def _seal_data(self, data: bytes) -> bytes:
        step = self._record_bytes
        if step < MAX_PLAIN_BYTES:
            self._record_bytes = min(step + RECORD_STEP_BYTES, MAX_PLAIN_BYTES)
        write = self._write
        if write.sequence < MAX_SEALED:
            return write.seal(data + _DATA_TYPE)
        return self._update_ours() + write.seal(data + _DATA_TYPE)

    # -- what comes in ------------------------------------------------------------------------------------------------

    def _record(self, head: bytes, body: bytes) -> bytes:
        """One record; its plaintext, if it is data."""
        size = len(body)
        if head[:3] != RECORD_HEAD or size > _MAX_CIPHER_BYTES:
            self._check(head)
            self._plain_record(head[0], body)
            return b""
        try:
            inner = self._read.open(head, body)
        except InvalidTag:
            raise self._fail(alerts.BAD_RECORD_MAC, "decryption failed or bad record mac") from None
        if inner[-1:] != _DATA_TYPE:
            inner = inner.rstrip(b"\0")
        if size > MAX_PLAIN_BYTES and len(inner) > MAX_PLAIN_BYTES + 1:
            raise self._fail(alerts.RECORD_OVERFLOW, "data length too long")
        if inner[-1:] == _DATA_TYPE and self._after is None and not self._messages:
            return inner[:-1]
        _KINDS.get(inner[-1:], Records._unexpected)(self, inner[:-1])
        return b""

    def _check(self, head: bytes) -> None:
        """A head that no record of this connection can have."""
        allowed = (_DATA,) if self._after is None else (_DATA, _CCS, _ALERT)
        if head[0] not in allowed:
            raise self._fail(alerts.UNEXPECTED_MESSAGE, "bad record type")
        if head[1:3] != _VERSION:
            raise self._fail(alerts.PROTOCOL_VERSION, "wrong version number")
        if int.from_bytes(head[3:], "big") > _MAX_CIPHER_BYTES:
            raise self._fail(alerts.RECORD_OVERFLOW, "encrypted length too long")

    def _plain_record(self, kind: int, body: bytes) -> None:
        """Unprotected, before the client's Finished only: its ChangeCipherSpec, which means nothing, or an alert."""
        if kind == _ALERT:
            self._alert(body)
        elif body != CHANGE_CIPHER_SPEC:
            raise self._fail(alerts.UNEXPECTED_MESSAGE, "bad change cipher spec")

    def _unexpected(self, inner: bytes) -> None:
        raise self._fail(alerts.UNEXPECTED_MESSAGE, "unexpected message" if inner else "bad record type")

    def _alert(self, message: bytes) -> None:
        if len(message) != 2:
            raise self._fail(alerts.DECODE_ERROR, "invalid alert")
        if message[1] == alerts.CLOSE_NOTIFY:
            self.peer_closed = True
        elif message[1] != alerts.USER_CANCELED:
            self._closed = True
            raise alerts.alerted(message[1], self.data_to_send())

    def _handshake(self, data: bytes) -> None:
        if not data:
            raise self._fail(alerts.UNEXPECTED_MESSAGE, "bad record type")
        self._messages += data
        while len(self._messages) >= _MESSAGE_HEAD_BYTES:
            end = _MESSAGE_HEAD_BYTES + int.from_bytes(self._messages[1:4], "big")
            if end > MAX_PLAIN_BYTES:
                raise self._fail(alerts.UNEXPECTED_MESSAGE, "excessive message size")
            if end > len(self._messages):
                return
            message, self._messages = self._messages[:end], self._messages[end:]
            self._message(message)

    def _message(self, message: bytes) -> None:
        if message[0] not in (_FINISHED, _KEY_UPDATE) or (message[0] == _FINISHED) is (self._after is None):
            raise self._fail(alerts.UNEXPECTED_MESSAGE, "unexpected message")
        if self._messages:  # the keys change with either message, so none can follow in the same record
            raise self._fail(alerts.UNEXPECTED_MESSAGE, "not on record boundary")
        if self._after is not None:
            self._finish(message, *self._after)
        else:
            self._key_update(message[_MESSAGE_HEAD_BYTES:])

    def _finish(self, message: bytes, expected: bytes, read: Direction) -> None:
        if not hmac.compare_digest(message, expected):
            raise self._fail(alerts.DECRYPT_ERROR, "digest check failed")
        self._after = None
        self._read = read

    def _key_update(self, request: bytes) -> None:
        if request not in (b"\0", b"\x01"):
            raise self._fail(alerts.DECODE_ERROR, "bad key update")
        self._read.update()
        if request == b"\x01" and not self._closed:
            self._out += self._update_ours()

    def _update_ours(self) -> bytes:
        """Tell the peer that we go on with new keys, and do it."""
        told = self._write.seal(bytes((_KEY_UPDATE, 0, 0, 1, 0)) + HANDSHAKE_TYPE)
        self._write.update()
        return told

    def _fail(self, description: int, reason: str) -> RemoteProtocolError:
        """The error after which nothing more is said than the alert of ``description``, in its ``reply``."""
        if not self._closed:
            self._closed = True
            self._out += self._write.seal(alerts.alert(alerts.FATAL, description) + _ALERT_TYPE)
        return alerts.failed(reason, self.data_to_send())


_KINDS: Final[dict[bytes, Callable[[Records, bytes], None]]] = {
    _ALERT_TYPE: Records._alert,
    HANDSHAKE_TYPE: Records._handshake,
}
