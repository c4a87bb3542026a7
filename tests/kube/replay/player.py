"""Plays a timeline against one API server: maps each request, keeps its watches open, hands back what came out."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from scale_agent.kube.http import Headers, Request, Response, Watch
from scale_agent.kube.server import ApiServer
from tests.kube.replay import wire
from tests.kube.replay.decode import decoded
from tests.kube.replay.identity import ScriptedIdentity
from tests.kube.replay.meta import Target, answered, asked, metadata_of, target
from tests.kube.replay.names import SUFFIX, Names
from tests.kube.replay.recording import Recorded
from tests.kube.replay.state import Write
from tests.kube.replay.streams import last_version
from tests.kube.replay.versions import Versions

#: Stands for an exception out of the server.
CRASHED = 599
READ_BYTES = 1 << 20
ADMIN = {"accept": "application/json", "content-type": "application/json", "user-agent": "kcm/v1.36.2"}
MERGE = "application/merge-patch+json"
HASH = re.compile(r"hash=([0-9A-Fa-f]+)")


@dataclass(slots=True, eq=False)
class Outcome:
    """What our server answered to one line. ``mapping`` says where versions contradict the recording."""

    line: Recorded
    status: int
    headers: Headers
    body: bytes
    mapping: list[str] = field(default_factory=list)
    watch: Watch | None = None
    ended: bool = False
    """A watch: whether our server had ended it when the recorded one ended."""

    def header(self, name: str) -> str:
        """A header of our answer, empty if it has none of that name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@dataclass(slots=True)
class Player:
    """``writes``: other actors' writes by the line that they come before."""

    api: ApiServer
    identity: ScriptedIdentity
    names: Names
    started_s: float
    writes: Mapping[str, Sequence[Write]]
    versions: Versions = field(default_factory=Versions)
    failed_writes: list[str] = field(default_factory=list)
    _open: list[Outcome] = field(default_factory=list)
    _watches: list[Outcome] = field(default_factory=list)
    _readable: list[Outcome] = field(default_factory=list)
    _seen: dict[tuple[str, ...], str] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)
    _now_s: float = 0.0

    def play(self, lines: Iterable[Recorded]) -> list[Outcome]:
        """Every line in the given order; watches are read to the end that the recording saw."""
        outcomes = []
        for line in lines:
            done_s = line.at_s if line.is_watch else line.at_s + line.duration_s
            self._to(max(self._now_s, done_s))
            for write in self.writes.get(line.where, ()):
                self._write(write)
            outcomes.append(self._play(line))
            self._pull()
        for outcome in sorted(self._open, key=lambda o: _end_s(o.line)):
            if (end_s := _end_s(outcome.line)) < float("inf"):
                self._advance(end_s)
            self._finish(outcome)
        return outcomes

    # time

    def _to(self, at_s: float) -> None:
        """Let time pass: what is due in the server, and watches that the recorded clients left."""
        while self._open and (first := min(self._open, key=lambda o: _end_s(o.line))) and _end_s(first.line) < at_s:
            self._advance(_end_s(first.line))
            self._finish(first)
        self._advance(at_s)

    def _advance(self, at_s: float) -> None:
        self._now_s = max(self._now_s, at_s)
        due = self.api.advance(self.started_s + self._now_s)
        assert due is None or due > self.started_s + self._now_s, "advance() left something due"
        self._pull()

    def _finish(self, outcome: Outcome) -> None:
        self._open.remove(outcome)
        assert outcome.watch is not None
        outcome.body += _drained(outcome.watch)
        outcome.ended = outcome.watch.ended
        outcome.watch.close()

    # one request

    def _handle(self, request: Request) -> Response | Watch:
        try:
            return self.api.handle(request, self.started_s + self._now_s)
        except Exception as crash:  # noqa: BLE001 - one crash must not hide what the other lines show
            last = traceback.extract_tb(crash.__traceback__)[-1]
            text = f"{type(crash).__name__}: {crash} ({Path(last.filename).name}:{last.lineno})"
            return Response(CRASHED, (), text.encode())

    def _play(self, line: Recorded) -> Outcome:
        mapping: list[str] = []
        request = self._mapped(line, mapping)
        self._prime(line)
        answer = self._handle(request)
        self.identity.prime((), "")
        if isinstance(answer, Response):
            outcome = Outcome(line, answer.status, answer.headers, answer.body, mapping)
        else:
            outcome = Outcome(line, answer.status, answer.headers, b"", mapping, answer)
            self._watch(outcome, answer)
        self._learn(outcome)
        return outcome

    def _watch(self, outcome: Outcome, watch: Watch) -> None:
        """As a transport does: pull until nothing is left, then wait to be told."""
        self._open.append(outcome)
        self._watches.append(outcome)
        watch.on_readable = lambda: self._readable.append(outcome)
        outcome.body += _drained(watch)

    def _pull(self) -> None:
        while self._readable:
            outcome = self._readable.pop()
            if outcome in self._open and outcome.watch is not None:
                outcome.body += _drained(outcome.watch)

    def _prime(self, line: Recorded) -> None:
        place, name = target(line.path), self.names.created.get(line.where, "")
        if line.method != "POST" or place is None:
            return
        keys = [place.key(name), *_furnished(place, name, line)]
        uids = [self.names.uid_after(key, line.at_s) if name else "" for key in keys]
        generated = name if asked(line).get("generateName") else ""
        self.identity.prime(uids, generated[-SUFFIX:])

    def _mapped(self, line: Recorded, mapping: list[str]) -> Request:
        request = line.request()
        query = dict(line.query)
        if "hash" in query:
            query["hash"] = self._hash(line.path)
        if line.is_watch and query.get("resourceVersion", "0") != "0":
            query["resourceVersion"] = self._seen_version(line)
        body = self._with_our_version(line, mapping) if line.method == "PUT" else line.body
        return replace(request, query=urlencode(query), body=body)

    def _with_our_version(self, line: Recorded, mapping: list[str]) -> bytes:
        place, recorded = target(line.path), asked(line).get("resourceVersion", "")
        if not recorded or place is None:
            return line.body
        if line.status == 409:
            return _versioned(line.body, self.versions.stale(place.key(), recorded))
        current = self._current(place.key())
        mapping += filter(None, [self.versions.note(place.key(), recorded, current)])
        return _versioned(line.body, current)

    def _current(self, key: str) -> str:
        answer = self._handle(Request("GET", key, headers=ADMIN))
        assert isinstance(answer, Response)
        return str(metadata_of(answer.body).get("resourceVersion", ""))

    def _learn(self, outcome: Outcome) -> None:
        line, place = outcome.line, target(outcome.line.path)
        if place is None or outcome.watch is not None or outcome.status >= 300:
            return
        ours = metadata_of(outcome.body).get("resourceVersion", "")
        if line.method == "GET" and not place.name:
            self._seen[_stream(line)] = ours
        name = place.name or self.names.created.get(line.where) or asked(line).get("name", "")
        recorded = answered(line).get("resourceVersion", "")
        if name and recorded and ours:
            outcome.mapping += filter(None, [self.versions.note(place.key(name), recorded, ours)])

    # versions of collections

    def _seen_version(self, line: Recorded) -> str:
        """Where our client would go on watching: after its list, or after the last event of its watch."""
        watched = [o for o in self._watches if _stream(o.line) == _stream(line)]
        for outcome in watched:
            version = last_version(outcome.header("Content-Type"), outcome.body)
            self._seen[_stream(line)] = version or self._seen.get(_stream(line), "")
        return self._seen.get(_stream(line), "")

    def _hash(self, path: str) -> str:
        if not self._hashes:
            answer = self._handle(Request("GET", "/openapi/v3", headers={"accept": "application/json"}))
            assert isinstance(answer, Response)
            for entry in json.loads(answer.body)["paths"].values():
                url = entry["serverRelativeURL"]
                found = HASH.search(url)
                self._hashes[url.split("?")[0]] = found.group(1) if found else ""
        return self._hashes.get(path, "")

    # other actors

    def _write(self, write: Write) -> None:
        body = json.dumps(write.object).encode() if write.object is not None else b""
        uids = [self.names.uid_after(key, 0.0) for key in _services(write.object or {})]
        self.identity.prime((write.uid, *uids), "")
        headers = ADMIN | {"user-agent": f"{write.actor}/v1.36.2"}
        if write.method == "PATCH":
            headers["content-type"] = MERGE
        answer = self._handle(Request(write.method, write.path, headers=headers, body=body))
        self.identity.prime((), "")
        if answer.status >= 300:
            text = answer.body.decode() if isinstance(answer, Response) else ""
            what = f"before {write.before}: {write.method} {write.path}"
            self.failed_writes.append(f"{what}: {answer.status} {text[:300]}")


def _end_s(line: Recorded) -> float:
    return line.at_s + line.duration_s if line.length >= 0 else float("inf")


def _furnished(place: Target, name: str, line: Recorded) -> list[str]:
    """What our server makes together with an object, in its order."""
    if place.resource == "namespaces":
        return [f"{place.key(name)}/serviceaccounts/default"]
    if place.resource == "customresourcedefinitions" and line.body:
        return _services(decoded(line.headers.get("Content-Type", ""), line.body))
    return []


def _services(definition: dict[str, Any]) -> list[str]:
    """The APIServices of a custom resource definition."""
    spec = definition.get("spec", {}) if definition.get("kind") == "CustomResourceDefinition" else {}
    collection = "/apis/apiregistration.k8s.io/v1/apiservices"
    return [f"{collection}/{version['name']}.{spec['group']}" for version in spec.get("versions", ())]


def _stream(line: Recorded) -> tuple[str, ...]:
    selectors = (line.query.get(name, "") for name in ("labelSelector", "fieldSelector"))
    return (line.client, line.path, *selectors)


def _drained(watch: Watch) -> bytes:
    read: Callable[[int], bytes] = watch.read
    return b"".join(iter(lambda: read(READ_BYTES), b""))


def _versioned(body: bytes, version: str) -> bytes:
    if body.startswith(wire.MAGIC):
        return wire.with_version(body, version)
    found = json.loads(body)
    found["metadata"]["resourceVersion"] = version
    return json.dumps(found, separators=(",", ":")).encode()
