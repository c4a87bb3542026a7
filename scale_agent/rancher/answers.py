"""One HTTP answer, from bytes: status, body (gzip and deflate undone), whether the connection can be used again."""

from __future__ import annotations

import zlib
from typing import Final

import httptools

from scale_agent.errors import DialError

#: What we can undo; asked for in ``Accept-Encoding``.
ENCODINGS: Final = "gzip, deflate"
#: For zlib: find out whether it is gzip or zlib.
_ANY_WRAPPER: Final = 32 + zlib.MAX_WBITS
#: Statuses below are interim answers.
_FINAL: Final = 200


class TooLargeError(Exception):
    """The body is larger than it may be."""


class AnswerReader:
    """Feed it what comes until ``done``. ``wire_bytes``: the body's size as sent; ``headers``: names in lower case.

    Raises :class:`DialError` ``protocol`` for what is no HTTP, ``zlib.error`` for what is no gzip, and
    :class:`TooLargeError`.
    """

    __slots__ = (
        "_body",
        "_inflate",
        "_limit",
        "_parser",
        "_size",
        "_sized",
        "done",
        "headers",
        "keep_alive",
        "status",
        "wire_bytes",
    )

    def __init__(self, max_body_bytes: int) -> None:
        self._limit = max_body_bytes
        self._body: list[bytes] = []
        self._size = self.wire_bytes = self.status = 0
        self.headers: dict[str, str] = {}
        self._inflate: zlib._Decompress | None = None
        self._sized = self.done = self.keep_alive = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self._body)

    def feed(self, data: bytes) -> None:
        """More of the answer. What follows its end is dropped, and the connection is not to be used again."""
        try:
            if self._parser is not None:
                self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            raise (error.__context__ or error) from None
        except httptools.HttpParserError:
            if not self.done:
                raise DialError("protocol", "Rancher's answer is not HTTP as it should be") from None
            self.keep_alive = False
        if self.done:
            self._parser = None  # the two hold each other

    def feed_eof(self) -> None:
        """The connection ended. Raises ``ConnectionResetError`` unless that is what ends this answer."""
        if not self.status or self._sized:
            raise ConnectionResetError("closed")
        self.done, self._parser = True, None

    def on_message_begin(self) -> None:
        """Called by the parser; another answer was not asked for."""
        self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        kind = name.lower()
        self.headers[kind.decode("latin-1")] = value.decode("latin-1")
        if kind == b"content-encoding" and value.lower() in (b"gzip", b"x-gzip", b"deflate"):
            self._inflate = zlib.decompressobj(_ANY_WRAPPER)
        elif kind in (b"content-length", b"transfer-encoding"):
            self._sized = True

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._parser is not None and not self.done:
            self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        if self.done:
            return
        self.wire_bytes += len(data)
        if self._inflate is not None:
            data = self._inflate.decompress(data, self._limit - self._size + 1)
        self._size += len(data)
        if self._size > self._limit:
            raise TooLargeError
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser; after an interim answer the real one comes."""
        if self.done or self._parser is None:
            return
        if self.status < _FINAL:
            self.status = 0
        else:
            self.done, self.keep_alive = True, self._parser.should_keep_alive()
