"""How responses look on the wire, and the answers that a server gives by itself (Go's net/http, 1.26).

Checked against a real Kubernetes 1.36.2 API server: a request that cannot be read gets a fixed text, no Date and no
Content-Length, and the connection is closed; an unknown Expect gets an empty 417.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Final

Headers = Iterable[tuple[str, str]]

_REASONS: Final = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Request Entity Too Large",
    414: "Request URI Too Long",
    416: "Requested Range Not Satisfiable",
    418: "I'm a teapot",
    422: "Unprocessable Entity",
}

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_BODY: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Refusal:
    """The whole answer to a request that never reaches the owner; the connection is closed after it."""

    status: int
    answer: bytes
    linger: bool = False  # the client is still sending: it has to read the answer, so it is the one who closes

    @classmethod
    def of(cls, status: int, headers: Headers, body: bytes) -> Refusal:
        """A refusal of a body in the owner's words, say a Kubernetes Status; its length and Connection are added."""
        more = f"Content-Length: {len(body)}\r\nConnection: close\r\n"
        return cls(status, head(status_line(status, 1), headers, more) + body, linger=True)


def _refusal(status: int, detail: str = "", text: str = "") -> Refusal:
    title = f"{status} {_REASONS[status]}" + (f": {detail}" if detail else "")
    head = f"HTTP/1.1 {title}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    return Refusal(status, (head + (text or title)).encode())


BAD_REQUEST: Final = _refusal(400)
NO_HOST: Final = _refusal(400, "missing required Host header")
HEADERS_TOO_LARGE: Final = _refusal(431)
BAD_ENCODING: Final = _refusal(501, text="Unsupported transfer encoding")
BAD_VERSION: Final = _refusal(505, "unsupported protocol version")
BAD_EXPECT: Final = Refusal(417, b"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")


def has_body(status: int, method: str) -> bool:
    """Whether a response of this status to this method carries a body."""
    return method != "HEAD" and status not in _NO_BODY


def status_line(status: int, minor: int) -> str:
    """``HTTP/1.1 200 OK`` and its line end; Go answers HTTP/1.0 in kind and knows no reason for odd numbers."""
    return f"HTTP/1.{minor} {status} {_REASONS.get(status, f'status code {status}')}\r\n"


@lru_cache(maxsize=512)
def said(status: int, minor: int, headers: tuple[tuple[str, str], ...]) -> str:
    """The start line and the headers of an answer: there are few that differ, and answers share theirs."""
    return head(status_line(status, minor), headers, "").decode()[:-2]


def head(start: str, headers: Headers, more: str) -> bytes:
    """Start line, headers, more header lines, empty line. Line ends inside a value become spaces, as in Go."""
    lines = [f"{name}: {value}\r\n" for name, value in headers]
    text = "".join(lines)
    if text.count("\n") != len(lines) or text.count("\r") != len(lines):
        text = "".join(_one_line(line[:-2]) + "\r\n" for line in lines)
    return f"{start}{text}{more}\r\n".encode()


def _one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


BODY_TOO_LARGE: Final = Refusal.of(
    413, (("Content-Type", "text/plain; charset=utf-8"),), f"413 {_REASONS[413]}".encode()
)
