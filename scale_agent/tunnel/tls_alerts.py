"""Alerts of TLS 1.3 (RFC 8446, section 6) and the words for them: OpenSSL's, whoever reads the connection."""

from __future__ import annotations

from typing import Final

from scale_agent.errors import RemoteProtocolError

#: Descriptions that we send.
CLOSE_NOTIFY: Final = 0
UNEXPECTED_MESSAGE: Final = 10
BAD_RECORD_MAC: Final = 20
RECORD_OVERFLOW: Final = 22
DECODE_ERROR: Final = 50
DECRYPT_ERROR: Final = 51
PROTOCOL_VERSION: Final = 70
#: The peer gives up a handshake; a close_notify follows (RFC 8446, section 6.1).
USER_CANCELED: Final = 90

WARNING: Final = 1
FATAL: Final = 2

_WORDS: Final = {
    UNEXPECTED_MESSAGE: "sslv3 alert unexpected message",
    BAD_RECORD_MAC: "sslv3 alert bad record mac",
    21: "tlsv1 alert decryption failed",
    RECORD_OVERFLOW: "tlsv1 alert record overflow",
    30: "sslv3 alert decompression failure",
    40: "sslv3 alert handshake failure",
    41: "sslv3 alert no certificate",
    42: "sslv3 alert bad certificate",
    43: "sslv3 alert unsupported certificate",
    44: "sslv3 alert certificate revoked",
    45: "sslv3 alert certificate expired",
    46: "sslv3 alert certificate unknown",
    47: "sslv3 alert illegal parameter",
    48: "tlsv1 alert unknown ca",
    49: "tlsv1 alert access denied",
    DECODE_ERROR: "tlsv1 alert decode error",
    DECRYPT_ERROR: "tlsv1 alert decrypt error",
    PROTOCOL_VERSION: "tlsv1 alert protocol version",
    71: "tlsv1 alert insufficient security",
    80: "tlsv1 alert internal error",
    86: "tlsv1 alert inappropriate fallback",
    109: "tlsv13 alert missing extension",
    110: "tlsv1 unsupported extension",
    112: "tlsv1 unrecognized name",
    113: "tlsv1 bad certificate status response",
    115: "tlsv1 alert unknown psk identity",
    116: "tlsv13 alert certificate required",
    120: "tlsv1 alert no application protocol",
}


def alert(level: int, description: int) -> bytes:
    """The message."""
    return bytes((level, description))


def failed(reason: str, reply: bytes = b"") -> RemoteProtocolError:
    """The error of a connection that cannot go on; ``reply`` is still to be sent."""
    return RemoteProtocolError(f"TLS failed: {reason}", where="TLS peer", reply=reply)


def alerted(description: int, reply: bytes = b"") -> RemoteProtocolError:
    """The error of a connection that the peer gave up."""
    return failed(_WORDS.get(description, f"alert {description}"), reply)
