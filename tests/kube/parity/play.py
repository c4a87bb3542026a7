"""Runs a script against any server: fills in what earlier answers said, asks again where a step waits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from scale_agent.kube.codec import protobuf
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.schema.schema import Schema
from tests.kube.parity.answers import Answer
from tests.kube.parity.steps import PROTOBUF, Script, Step

VERSION = "v1.36.2"
AGENT = "parity/1"
#: A controller has seen the newest spec.
OBSERVED = "observed"
#: ``{"...": "{{a}}", "metadata": {...}}``: what was answered to ``a``, with changes.
BASE = "..."
_HOLE = re.compile(r"\{\{([^{}]+)\}\}")
_SHORT = {"rv": "metadata.resourceVersion", "uid": "metadata.uid", "continue": "metadata.continue"}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it goes out. ``path`` is not percent-encoded, ``query`` is."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    token: str | None


class Server(Protocol):
    """A real API server or ours."""

    def ask(self, sent: Sent) -> Answer:
        """One request; a watch is read to its end."""

    def open(self, name: str, sent: Sent) -> Answer:
        """Start a watch that stays open; the answer has no body."""

    def events(self, name: str, count: int) -> bytes:
        """What the watch said since the last look, once there are ``count`` events or nothing more comes."""

    def patience(self) -> Callable[[], bool]:
        """A clock for one wait: each call lets time pass; False when it is over."""

    def rest(self) -> bool:
        """Let controllers come to an end with what they are at; False if they always are."""

    def compact(self) -> None:
        """Forget the past."""

    def enter(self, namespace: str) -> None:
        """Make a namespace and wait until it is furnished."""

    def leave(self, namespace: str) -> None:
        """Close what is open, and clean up where that matters. An empty name: no namespace was made."""


@cache
def schema() -> Schema:
    """Types of the recorded version."""
    return Schema.load(VERSION)


def value(body: bytes) -> Any:
    """A body as a JSON-shaped value; ``None`` if it is nothing of the kind."""
    if body.startswith(protobuf.MAGIC):
        try:
            return protobuf.decode(body, schema())
        except DecodeError:
            return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def lookup(found: Any, path: str) -> Any:
    """The value at a dotted path (numbers index lists, ``a=b`` finds the item whose ``a`` is ``b``); else ``None``."""
    for part in filter(None, path.split(".")):
        if isinstance(found, list):
            if "=" in part:
                key, _, wanted = part.partition("=")
                found = next((item for item in found if str(item.get(key)) == wanted), None)
            else:
                found = found[int(part)] if int(part) < len(found) else None
        elif isinstance(found, dict):
            found = found.get(part.replace("~1", "."))
        else:
            return None
    return found


class Player:
    """One run of one script."""

    def __init__(self, server: Server, script: Script, namespace: str) -> None:
        self.server, self.script, self.namespace = server, script, namespace
        self.known: dict[str, Any] = {"ns": namespace}

    def run(self) -> list[Answer]:
        """The answers, one per step."""
        inside = "" if self.script.alone else self.namespace
        if inside:
            self.server.enter(inside)
        try:
            return [self._step(step) for step in self.script.steps]
        finally:
            self.server.leave(inside)

    def _step(self, step: Step) -> Answer:
        if step.compact:
            self.server.compact()
            return Answer(0)
        if step.events is not None:
            return Answer(200, (), self.server.events(step.path, step.events))
        sent = self.fill(step)
        if step.live:
            return self.server.open(step.as_, sent)
        answer = self.server.ask(sent)
        if step.until:
            answer = self._wait(sent, self._text(step.until), answer)
        if step.as_:
            self.known[step.as_] = value(answer.body)
        return answer

    def _wait(self, sent: Sent, until: str, answer: Answer) -> Answer:
        more = self.server.patience()
        while not holds(answer, until) and more():
            answer = self.server.ask(sent)
        while self.server.rest() and (later := self.server.ask(sent)).body != answer.body and holds(later, until):
            answer = later
        return answer

    def fill(self, step: Step) -> Sent:
        """The request with everything filled in."""
        headers = {"user-agent": AGENT, **{name: self._text(text) for name, text in step.headers.items()}}
        body = self._body(step)
        return Sent(step.method, self._text(step.path), self._text(step.query), headers, body, self._token(step))

    def _token(self, step: Step) -> str | None:
        return None if step.token is None else self._text(step.token)

    def _body(self, step: Step) -> bytes:
        if callable(step.body):
            made: bytes = step.body()
            return made
        body = self._filled(step.body)
        if isinstance(body, bytes):
            return body
        if isinstance(body, str):
            return body.encode()
        if body is None:
            return b""
        if step.headers.get("content-type", "").startswith(PROTOBUF):
            return protobuf.encode(protobuf.normalize(body, schema()), schema())
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()

    def _filled(self, body: Any) -> Any:
        if isinstance(body, dict):
            own = {self._text(key): self._filled(item) for key, item in body.items() if key != BASE}
            return merged(self._filled(body[BASE]), own) if BASE in body else own
        if isinstance(body, list):
            return [self._filled(item) for item in body]
        if not isinstance(body, str):
            return body
        whole = _HOLE.fullmatch(body)
        return self._hole(whole) if whole else self._text(body)

    def _text(self, text: str) -> str:
        return _HOLE.sub(lambda hole: str(self._hole(hole)), text) if "{{" in text else text

    def _hole(self, hole: re.Match[str]) -> Any:
        name, _, path = hole[1].partition(".")
        found = lookup(self.known.get(name), _SHORT.get(path, path))
        return "" if found is None else found


def merged(base: Any, own: Any) -> Any:
    """``own`` laid over a copy of ``base``, dictionaries into each other."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        return own
    return {**base, **{key: merged(base.get(key), item) for key, item in own.items()}}


def holds(answer: Answer, until: str) -> bool:
    """Whether an answer is what a step waits for."""
    if until.startswith("code="):
        return answer.status == int(until[5:])
    found = value(answer.body)
    if answer.status >= 300:
        return False
    if until == OBSERVED:
        return bool(lookup(found, "status.observedGeneration") == lookup(found, "metadata.generation"))
    if until.startswith("items="):
        return len(lookup(found, "items") or ()) == int(until[6:])
    if until.startswith("!"):
        return not lookup(found, until[1:])
    path, equals, wanted = until.rpartition("==")
    return str(lookup(found, path)) == wanted if equals else bool(lookup(found, until))
