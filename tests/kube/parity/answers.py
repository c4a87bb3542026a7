"""What a server answered, and how a real one's answers are kept: one gzipped file per theme."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
#: Headers that are compared; all others say something about the process or the moment.
HEADERS = frozenset(
    {
        "allow",
        "cache-control",
        "content-encoding",
        "content-type",
        "location",
        "retry-after",
        "vary",
        "warning",
        "www-authenticate",
        "x-content-type-options",
    }
)
#: The status of an exception: none that a server has.
CRASHED = 599


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, the headers that are compared (lower case, in order), and the body or the events as they came."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first of that name."""
        return next((value for key, value in self.headers if key == name), "")


def kept(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those that are compared."""
    lowered = ((name.lower(), value) for name, value in headers)
    return tuple(sorted((name, value) for name, value in lowered if name in HEADERS))


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answers to a script's steps, with the script's digest when it was run."""

    digest: str
    answers: tuple[Answer, ...]


def _pack(answer: Answer) -> dict[str, Any]:
    try:
        body = {"text": answer.body.decode()}
    except UnicodeDecodeError:
        body = {"base64": base64.b64encode(answer.body).decode()}
    return {"status": answer.status, "headers": answer.headers, **body}


def _unpack(row: dict[str, Any]) -> Answer:
    body = row["text"].encode() if "text" in row else base64.b64decode(row["base64"])
    return Answer(row["status"], tuple((name, value) for name, value in row["headers"]), body)


def save(theme: str, recorded: dict[str, Recorded]) -> None:
    """Keep a theme's answers, by script."""
    rows = {
        name: {"digest": one.digest, "answers": [_pack(answer) for answer in one.answers]}
        for name, one in sorted(recorded.items())
    }
    DATA.mkdir(exist_ok=True)
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False)
    (DATA / f"{theme}.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))


@cache
def load(theme: str) -> dict[str, Recorded]:
    """A theme's answers, by script; none if it was never recorded."""
    path = DATA / f"{theme}.json.gz"
    if not path.exists():
        return {}
    rows = json.loads(gzip.decompress(path.read_bytes()))
    return {name: Recorded(row["digest"], tuple(map(_unpack, row["answers"]))) for name, row in rows.items()}
