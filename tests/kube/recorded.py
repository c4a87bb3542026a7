"""The protobuf bodies of the recordings, read from them each time: requests, answers, streams of watch frames."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from tests.kube.replay.recording import RECORDINGS

PROTOBUF = "application/vnd.kubernetes.protobuf"
#: Recordings of tunnel frames have no requests of their own.
FRAMES = "frames-"


@dataclass(frozen=True, slots=True)
class Body:
    """``where``: ``rancher-X/name.jsonl:line-body`` or ``…-response``."""

    where: str
    content: bytes


@cache
def bodies() -> tuple[Body, ...]:
    """All that differ, by file and line, each where it was seen first."""
    first: dict[bytes, Body] = {}
    for body in _bodies():
        first.setdefault(body.content, body)
    return tuple(first.values())


def _bodies() -> Iterator[Body]:
    for path in sorted(RECORDINGS.glob("*/*.jsonl.gz")):
        if path.name.startswith(FRAMES):
            continue
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, text in enumerate(lines, 1):
                row = json.loads(text)
                for part in ("body", "response"):
                    content = base64.b64decode(row.get(f"{part}_base64") or "")
                    if content and _is_protobuf(row, part):
                        yield Body(f"{path.parent.name}/{path.name.removesuffix('.gz')}:{number}-{part}", content)


def _is_protobuf(row: dict[str, object], part: str) -> bool:
    """By the type that was sent with it; old recordings kept only those of answers, and only protobuf as base64."""
    headers = row.get("response_headers" if part == "response" else "headers") or {}
    kind = row.get(f"{part}_type") or (headers.get("Content-Type") if isinstance(headers, dict) else None)
    return str(kind or PROTOBUF).startswith(PROTOBUF)
