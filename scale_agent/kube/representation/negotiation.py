"""Accept and Content-Type → which representation goes out and what came in.

A real server answers in the first acceptable representation, by q and then by order (recorded: who names protobuf
first gets protobuf).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scale_agent.kube import status

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
BODIES = (JSON, YAML, PROTOBUF)
_AVAILABLE = (*BODIES, f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")


@dataclass(frozen=True, slots=True)
class MediaType:
    """One clause of an Accept header, or a Content-Type."""

    name: str
    params: tuple[tuple[str, str], ...] = ()
    q: float = 1.0

    def param(self, name: str) -> str:
        """A parameter's value, ``""`` without one."""
        return dict(self.params).get(name, "")


@dataclass(frozen=True, slots=True)
class Choice:
    """The representation: a media type and what the object is turned into (``""``, ``Table``, ``Partial``)."""

    media: str
    shape: str = ""
    version: str = "v1"


@lru_cache(maxsize=1024)
def parse_accept(header: str) -> tuple[MediaType, ...]:
    """The clauses of an Accept header, best first; malformed ones are left out."""
    clauses = [_clause(text) for text in header.split(",")]
    found = [clause for clause in clauses if clause is not None]
    return tuple(sorted(found, key=lambda one: -one.q))


def _clause(text: str) -> MediaType | None:
    name, *rest = (part.strip() for part in text.split(";"))
    if "/" not in name:
        return None
    pairs = [part.partition("=") for part in rest if part]
    params = tuple((key.strip().lower(), value.strip().strip('"')) for key, _, value in pairs)
    try:
        q = float(dict(params).get("q", "1"))
    except ValueError:
        q = 0.0
    return MediaType(name.lower(), tuple(pair for pair in params if pair[0] != "q"), q)


_WILDCARDS = ("*/*", "application/*")
_SHAPES = {"Table": "Table", "PartialObjectMetadata": "Partial", "PartialObjectMetadataList": "Partial"}


@lru_cache(maxsize=2048)
def choose(accept: str, *, typed: bool = True) -> Choice:
    """The representation of an object, a list or a watch. Raises a 406 :class:`StatusError`."""
    for clause in parse_accept(accept or "*/*"):
        choice = _acceptable(clause, typed)
        if choice is not None:
            return choice
    raise status.not_acceptable(_AVAILABLE) if typed else status.not_accepted(BODIES)


def _acceptable(clause: MediaType, typed: bool) -> Choice | None:
    media = JSON if clause.name in _WILDCARDS else clause.name
    if media not in BODIES or clause.q == 0:
        return None
    wanted = clause.param("as")
    if wanted:
        if clause.param("g") != "meta.k8s.io" or wanted not in _SHAPES or clause.param("v") not in ("v1", "v1beta1"):
            return None
        if wanted == "Table" and media == PROTOBUF:
            return None
        return Choice(media, _SHAPES[wanted], clause.param("v"))
    if media == PROTOBUF and not typed:
        return None
    return Choice(media)


@lru_cache(maxsize=256)
def body_type(content_type: str) -> str:
    """The representation of a request's body. Raises a 415 :class:`StatusError`."""
    media = content_type.partition(";")[0].strip().lower() or JSON
    if media not in BODIES:
        raise status.unknown_format(BODIES)
    return media
