"""A body as a JSON-shaped value, whatever its representation."""

from __future__ import annotations

import json
from typing import Any

from tests.kube.replay import wire


def decoded(content_type: str, body: bytes) -> Any:
    """Protobuf and JSON as values, text as a string."""
    if body.startswith(wire.MAGIC):
        from scale_agent.kube import protobuf

        return protobuf.decode(body)
    if body[:1] in (b"{", b"["):
        return json.loads(body)
    return body.decode()
