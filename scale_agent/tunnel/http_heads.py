"""Requests that came in one piece and in the plainest form, which are nearly all: read without a parser.

Clients send the same header lines with all their requests on a connection: a block of them that was read before is
looked up. Whatever is not of the plainest form is left to :mod:`scale_agent.tunnel.http_requests`, which would read the
same out of it, with 60 calls instead of 8.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from scale_agent.tunnel.http_requests import HttpRequest

_END: Final = b"\r\n\r\n"
_START: Final = re.compile(rb"(GET|HEAD|POST|PUT|PATCH|DELETE) (/[A-Za-z0-9/._~%:@!$&'()*+,;=?-]*) HTTP/1\.1")
_LINE: Final = re.compile(rb"([A-Za-z][A-Za-z0-9-]*): ([!-~](?:[ -~]*[!-~])?)")
_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,8}")
#: Headers that say how a request goes on, or how the connection does.
_PARTICULAR: Final = frozenset(
    {"connection", "expect", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
#: Blocks are a client's (its User-Agent, its token): about 1.5 KB each, six to a cluster that is being imported.
_BLOCKS: Final = 512

Fields = tuple[tuple[str, str], ...]


def whole_request(data: bytes, max_header_bytes: int, max_body_bytes: int) -> HttpRequest | None:
    """The one request that ``data`` is; ``None`` if it is anything else, or has anything particular."""
    head, _, body = data.partition(_END)
    start, _, block = head.partition(b"\r\n")
    asked, fields = _asked(start), _fields(block)
    if asked is None or fields is None or len(head) > max_header_bytes:
        return None
    size = len(body)
    if size != fields[1] or size > max_body_bytes or (not size and data[-4:] != _END):
        return None
    return HttpRequest(asked[0], asked[1], fields[0], body, True)


@lru_cache(maxsize=2048)
def _asked(start: bytes) -> tuple[str, str] | None:
    """Method and target of a first line; Rancher asks all clusters for the same."""
    found = _START.fullmatch(start)
    return None if found is None else (found[1].decode(), found[2].decode())


#: Stands for a line of any other form.
_NONE: Final = ("", "")


@lru_cache(maxsize=2048)
def _field(line: bytes) -> tuple[str, str]:
    """One header; most lines are the same in all clusters."""
    found = _LINE.fullmatch(line)
    return _NONE if found is None else (found[1].decode().lower(), found[2].decode())


@lru_cache(maxsize=_BLOCKS)
def _fields(block: bytes) -> tuple[Fields, int] | None:
    """The headers, and how long the body is."""
    fields = tuple(map(_field, block.split(b"\r\n")))
    if _NONE in fields:
        return None
    named = dict(fields)
    length = named.get("content-length", "0")
    if "host" not in named or len(named) < len(fields) or not _PARTICULAR.isdisjoint(named):
        return None
    return (fields, int(length)) if _LENGTH.fullmatch(length) else None
