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
_STREAMS = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
#: Media types of patches; a route takes no others (observed from 1.36.2).
PATCHES = frozenset(
    f"application/{name}"
    for name in ("json-patch+json", "merge-patch+json", "strategic-merge-patch+json", "apply-patch+yaml")
)


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
    """The representation: a media type and what the object is turned into (``""``, ``Table``, ``Partial``).

    ``of_list``: a PartialObjectMetadataList was asked for. ``pretty``: indented, for people.
    """

    media: str
    shape: str = ""
    version: str = "v1"
    of_list: bool = False
    pretty: bool = False


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


_SHAPES = {"Table": "Table", "PartialObjectMetadata": "Partial", "PartialObjectMetadataList": "Partial"}


@lru_cache(maxsize=2048)
def check_route(accept: str, *, listing: bool) -> None:
    """What the router of built-in kinds asks before anything else does (go-restful's ``matchesAccept``).

    ``listing``: collections and watches offer streams too. Raises a 406 :class:`StatusError`.
    """
    names = {clause.partition(";")[0].strip() for clause in (accept or "*/*").split(",")}
    if not names & {"*/*", *BODIES}:
        raise status.not_acceptable((*BODIES, *_STREAMS) if listing else BODIES)


@lru_cache(maxsize=2048)
def choose(accept: str, *, typed: bool = True, transforms: bool = True) -> Choice:
    """The representation of an object, a list or a watch. Raises a 406 :class:`StatusError`.

    ``transforms``: whether tables and partial objects are on offer; a Status has none.
    """
    for clause in parse_accept(accept or "*/*"):
        choice = _acceptable(clause, typed, transforms)
        if choice is not None:
            return choice
    raise status.not_accepted(BODIES)


def check_stream(choice: Choice) -> Choice:
    """The representation of a watch: YAML cannot be streamed. Raises 406."""
    if choice.media == YAML:
        raise status.not_accepted(_STREAMS)
    return choice


def _acceptable(clause: MediaType, typed: bool, transforms: bool) -> Choice | None:
    media = JSON if clause.name in ("*/*", "application/*") else clause.name
    if media not in BODIES or clause.param("stream") not in ("", "watch"):
        return None
    pretty = clause.param("pretty") == "1"
    kind, group, version = (clause.param(name) for name in ("as", "g", "v"))
    if kind or group or version:
        if not transforms or group != "meta.k8s.io" or kind not in _SHAPES or version not in ("v1", "v1beta1"):
            return None
        if kind == "Table" and media == PROTOBUF:
            return None
        return Choice(media, _SHAPES[kind], version, kind.endswith("List"), pretty)
    if media == PROTOBUF and not typed:
        return None
    return Choice(media, pretty=pretty)


@lru_cache(maxsize=256)
def body_type(content_type: str) -> str:
    """The representation of a request's body. Raises a 415 :class:`StatusError`."""
    media = content_type.partition(";")[0].strip().lower() or JSON
    if media not in BODIES:
        raise status.unknown_format(BODIES)
    return media
