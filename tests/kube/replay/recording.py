"""A recorded request and its recorded answer, and how it becomes a request to our server.

The fields of a ``.jsonl`` line are described in ``tests/recordings``' origin: one line is one request as the real API
server saw it, with what it answered. Old recordings keep fewer headers and no protobuf answers.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from scale_agent.kube.http import Request
from scale_agent.kube.users import User

RECORDINGS = Path(__file__).parents[2] / "recordings"

#: A recorded watch that was still running when the recording ended has the status ``open``: the answer had begun.
OPEN = 200

AGENT = User.account("cattle-system", "cattle")


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line. ``at_s`` counts from the first line of its timeline; ``length`` is -1 where none was recorded."""

    file: str
    line: int
    at_s: float
    duration_s: float
    connection: int
    client: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int
    content_type: str
    answer_headers: Mapping[str, str]
    length: int
    answer: Any
    answer_bytes: bytes

    @property
    def where(self) -> str:
        """``file:line`` as the list of exceptions and all messages write it."""
        return f"{self.file}:{self.line}"

    @property
    def is_watch(self) -> bool:
        """Whether the answer is a stream of events."""
        return self.query.get("watch") in ("true", "1")

    @property
    def has_answer(self) -> bool:
        """Whether the recording kept the body of the answer."""
        return bool(self.answer_bytes)

    def _agent(self) -> str:
        """The old recordings kept no User-Agent; what it was, the managed fields of their bodies say."""
        version = self.file.partition("/")[0].removeprefix("rancher-")
        name = self.client if self.client == "kubectl" or version == "2.15.0" else f"{self.client}-{version}"
        return f"{name}/v0.0.0 (linux/amd64) kubernetes/$Format"

    def request(self) -> Request:
        """The request as recorded, nothing mapped; a User-Agent is added where none was kept.

        Recorders kept no token: whoever it was is taken to be the agent's account, whose token Rancher uses.
        """
        headers = {name.lower(): value for name, value in self.headers.items() if name != "Authorization"}
        headers.setdefault("user-agent", self._agent())
        return Request(self.method, self.path, urlencode(self.query), headers, self.body, AGENT)


def _body(raw: Mapping[str, Any], key: str) -> bytes:
    if f"{key}_base64" in raw:
        return base64.b64decode(raw[f"{key}_base64"])
    value = raw.get(key)
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode()


def parse(file: str, line: int, text: str, shift_s: float = 0.0) -> Recorded:
    """The record of one line of ``file``; ``shift_s`` moves it onto its timeline."""
    raw = json.loads(text)
    headers = raw.get("response_headers") or {}
    status = raw["status"]
    return Recorded(
        file=file,
        line=line,
        at_s=raw["t"] + shift_s,
        duration_s=raw.get("duration") or 0.0,
        connection=raw["connection"],
        client=raw["client"],
        method=raw["method"],
        path=raw["path"],
        query=raw.get("query") or {},
        headers=raw["headers"],
        body=_body(raw, "body"),
        status=OPEN if status == "open" else status,
        content_type=raw.get("response_type") or headers.get("Content-Type", ""),
        answer_headers=headers,
        length=raw.get("response_length", -1),
        answer=raw.get("response"),
        answer_bytes=_body(raw, "response"),
    )


@cache
def load(file: str, shift_s: float = 0.0) -> tuple[Recorded, ...]:
    """All lines of ``rancher-X/name.jsonl``."""
    return tuple(_lines(file, shift_s))


def _lines(file: str, shift_s: float) -> Iterator[Recorded]:
    with gzip.open(RECORDINGS / f"{file}.gz", "rt", encoding="utf-8") as lines:
        for number, text in enumerate(lines, 1):
            yield parse(file, number, text, shift_s)
