"""gzip as a real server uses it: for answers that it serializes itself, above a threshold, for who accepts it.

Rules: ``responsewriters.deferredResponseWriter`` and ``negotiateContentEncoding`` of k8s.io/apiserver. OpenAPI and
metrics are compressed by other rules, watches never.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

from scale_agent.kube.http import Response

#: An answer must be longer than this (bytes): ``defaultGzipThresholdBytes``.
THRESHOLD = 128 << 10
#: ``defaultGzipContentEncodingLevel``.
LEVEL = 1
_GZIP_WINDOW = 31
_HEADERS = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))


def compressed(answer: Response, accept_encoding: str) -> Response:
    """The answer, compressed if it is long and the client says exactly ``gzip`` among what it accepts."""
    if len(answer.body) <= THRESHOLD or not _accepts(accept_encoding):
        return answer
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return Response(answer.status, (*answer.headers, *_HEADERS), packer.compress(answer.body) + packer.flush())


@lru_cache(maxsize=64)
def _accepts(accept_encoding: str) -> bool:
    return "gzip" in {token.strip() for token in accept_encoding.split(",")}
