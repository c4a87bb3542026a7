"""A body as a JSON-shaped value, whatever its representation."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from scale_agent.kube.codec import protobuf
from scale_agent.kube.schema.schema import Schema
from tests.kube.replay import wire

#: The recorded API servers' version.
VERSION = "v1.36.2"


def decoded(content_type: str, body: bytes) -> Any:
    """Protobuf and JSON as values, text as a string."""
    if body.startswith(wire.MAGIC):
        return protobuf.decode(body, _schema())
    if body[:1] in (b"{", b"["):
        return json.loads(body)
    return body.decode()


@cache
def _schema() -> Schema:
    return Schema.load(VERSION)
