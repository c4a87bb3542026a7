"""What a script is made of: requests in short form, with values that come from earlier answers.

A script is a list of steps in a namespace of its own. Strings may hold ``{{ns}}`` and ``{{NAME.path.to.value}}``, where
``NAME`` is the ``as_`` of an earlier step; ``rv``, ``uid`` and ``continue`` are short for the places in ``metadata``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from tests.kube.parity.places import path_of

JSON = "application/json"
YAML = "application/yaml"
CBOR = "application/cbor"
PROTOBUF = "application/vnd.kubernetes.protobuf"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

#: JSON-shaped, text, bytes, or what makes bytes when it is sent (bodies that are too large to be kept).
Body = Any
Made = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Step:
    """One request, or one look at a running watch.

    ``until``: asked again while the answer is not so (``path==value``, ``path``, ``!path``, ``code=404``, ``items=3``,
    ``observed``: by its controller).
    ``live``: a watch that stays open while later steps run; ``events`` waits for that many of its events.
    ``compact``: no request; the server forgets the past. ``quiet``: sent, but not compared (preparations that are
    compared elsewhere).
    """

    method: str
    path: str
    query: str = ""
    body: Body = None
    headers: Mapping[str, str] = field(default_factory=dict)
    as_: str = ""
    until: str = ""
    live: bool = False
    events: int | None = None
    compact: bool = False
    quiet: bool = False
    token: str | None = None

    def label(self) -> str:
        """How the step is called in lists; equal ones of a script are numbered."""
        if self.events is not None:
            return f"EVENTS {self.path}"
        shown = self.path + (f"?{self.query}" if self.query else "")
        media = self.headers.get("content-type", "")
        kind = {JSON_PATCH: "json", MERGE: "merge", STRATEGIC: "strategic", APPLY: "apply"}.get(media, "")
        accept = self.headers.get("accept", "")
        seen = "" if accept == JSON else f" as {_short(accept)}"
        return f"{self.method} {kind}{' ' if kind else ''}{shown}{seen}"

    def streams(self) -> bool:
        """Whether the answer may be a watch's."""
        return (
            self.events is not None
            or ("watch=" in self.query and "watch=false" not in self.query)
            or "/watch/" in self.path
        )

    def digest(self) -> str:
        """Changes when the step does, so that answers to other requests are not compared."""
        body = self.body
        if callable(body):
            body = hashlib.sha1(body()).hexdigest()
        elif isinstance(body, bytes):
            body = body.hex()
        whole = [self.method, self.path, self.query, body, dict(self.headers), self.until, self.live, self.events]
        whole += [self.compact, self.token]
        return hashlib.sha1(json.dumps(whole).encode()).hexdigest()[:12]


def _short(accept: str) -> str:
    for word, name in (("as=Table", "table"), ("as=Partial", "partial"), ("protobuf", "protobuf"), ("yaml", "yaml")):
        if word in accept:
            return name + (" in protobuf" if "protobuf" in accept and name != "protobuf" else "")
    return accept[:40]


@dataclass(frozen=True, slots=True)
class Script:
    """Steps that run in the namespace ``p-THEME-NAME``, or in none (``alone``)."""

    name: str
    steps: tuple[Step, ...]
    alone: bool = False

    def labels(self) -> list[str]:
        """One per step, all different."""
        counts: dict[str, int] = {}
        out = []
        for step in self.steps:
            label = step.label()
            counts[label] = counts.get(label, 0) + 1
            out.append(label if counts[label] == 1 else f"{label} #{counts[label]}")
        return out

    def digest(self) -> str:
        """Of all steps."""
        return hashlib.sha1("".join(step.digest() for step in self.steps).encode()).hexdigest()[:16]


def script(name: str, *steps: Step | tuple[Step, ...] | list[Step], alone: bool = False) -> Script:
    """A script; lists of steps are laid flat."""
    flat: list[Step] = []
    for step in steps:
        flat.extend([step] if isinstance(step, Step) else step)
    return Script(name, tuple(flat), alone)


def ask(
    method: str,
    where: str,
    body: Body = None,
    *,
    media: str | None = None,
    accept: str = JSON,
    as_: str = "",
    until: str = "",
    headers: Mapping[str, str] | None = None,
    raw: str = "",
    token: str | None = None,
    quiet: bool = False,
    **query: Any,
) -> Step:
    """Any request. ``where``: ``PLURAL[/NAME[/SUB]]`` of a known resource, or a path. ``raw``: the query as it is."""
    text = raw or urlencode({k: _query(v) for k, v in query.items()}, safe="{}=,!()", quote_via=quote)
    sent: dict[str, str] = {"accept": accept} if accept else {}
    if body is not None or media:
        sent["content-type"] = media or JSON
    sent.update(headers or {})
    return Step(method, path_of(where), text, body, sent, as_, until, token=token, quiet=quiet)


def _query(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def get(where: str, **how: Any) -> Step:
    """Read one object or a collection."""
    return ask("GET", where, **how)


def post(where: str, body: Body, **how: Any) -> Step:
    """Create."""
    return ask("POST", where, body, **how)


def put(where: str, body: Body, **how: Any) -> Step:
    """Replace."""
    return ask("PUT", where, body, **how)


def delete(where: str, body: Body = None, **how: Any) -> Step:
    """Delete one object or a collection; ``body``: DeleteOptions."""
    return ask("DELETE", where, body, **how)


def json_patch(where: str, body: Body, **how: Any) -> Step:
    """RFC 6902."""
    return ask("PATCH", where, body, **{"media": JSON_PATCH, **how})


def merge(where: str, body: Body, **how: Any) -> Step:
    """RFC 7386."""
    return ask("PATCH", where, body, **{"media": MERGE, **how})


def strategic(where: str, body: Body, **how: Any) -> Step:
    """Kubernetes' own merge patch."""
    return ask("PATCH", where, body, **{"media": STRATEGIC, **how})


def apply(where: str, body: Body, manager: str = "applier", **how: Any) -> Step:
    """Server-side apply."""
    return ask("PATCH", where, body, **{"media": APPLY, "fieldManager": manager, **how})


def wait(step: Step, until: str) -> Step:
    """Ask again until the answer is so."""
    return replace(step, until=until)


def quiet(step: Step) -> Step:
    """Send it, compare it not."""
    return replace(step, quiet=True)


def observed(where: str, *steps: Step) -> list[Step]:
    """Each step after the controller of the object has done with the one before."""
    seen = quiet(wait(get(where), "observed"))
    return [one for step in steps for one in (step, seen)]


def watch(where: str, **how: Any) -> Step:
    """A watch that ends by itself, after a second if nothing else is said."""
    return ask("GET", where, **{"watch": True, "timeoutSeconds": 1, **how})


def live(where: str, as_: str, **how: Any) -> Step:
    """A watch that stays open; its events are looked at with :func:`events`."""
    return replace(ask("GET", where, as_=as_, **{"watch": True, "timeoutSeconds": 60, **how}), live=True)


def events(as_: str, count: int) -> Step:
    """The next events of a live watch; more than ``count`` count too if they come at once."""
    return Step("GET", as_, events=count)


def compact() -> Step:
    """The server forgets everything but the present."""
    return Step("COMPACT", "", compact=True, quiet=True)
