"""How Go's ``http.ServeContent`` answers for a body that has an ETag and a time: 200, 304, or a part of it."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime

from scale_agent.kube.http import Headers, Request, Response

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def serve(request: Request, body: bytes, headers: Headers, *, modified: float) -> Response:
    """``headers`` are those of a 200 (``Etag`` among them, if there is one); ``modified`` is in seconds since 1970."""
    etag = dict(headers).get("Etag", "")
    if _unchanged(request, etag, modified):
        return Response(304, tuple(pair for pair in headers if pair[0] not in _NOT_OF_304), b"")
    ranged = _part(request.headers.get("range", ""), len(body))
    extra: Headers = (("Accept-Ranges", "bytes"), ("Last-Modified", formatdate(modified, usegmt=True)))
    if ranged is None:
        return Response(200, (*headers, *extra), body)
    first, last = ranged
    extra = (*extra, ("Content-Range", f"bytes {first}-{last}/{len(body)}"))
    return Response(206, (*headers, *extra), body[first : last + 1])


#: Left out when nothing changed (``writeNotModified``).
_NOT_OF_304 = ("Content-Type", "Content-Encoding", "Last-Modified")


def _unchanged(request: Request, etag: str, modified: float) -> bool:
    wanted = request.headers.get("if-none-match")
    if wanted is not None:
        tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        return bool(etag) and bool(tags & {etag, "*"})
    since = request.headers.get("if-modified-since")
    if since is None or request.method not in ("GET", "HEAD"):
        return False
    try:
        return int(modified) <= parsedate_to_datetime(since).timestamp()
    except ValueError:
        return False


def _part(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte of the one range that is asked for; ``None`` for the whole."""
    found = _RANGE.fullmatch(text)
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return max(size - int(last), 0), size - 1
    end = min(int(last), size - 1) if last else size - 1
    return (int(first), end) if int(first) <= end else None
