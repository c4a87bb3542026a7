"""What a recorded line says about the object it is about: its key, its metadata before and after."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.kube.replay import wire
from tests.kube.replay.recording import Recorded

#: ``/api/v1/...`` or ``/apis/group/version/...``, then an optional namespace, resource, name, subresource.
PATH = re.compile(
    r"^(?P<root>/api/v1|/apis/[^/]+/[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?$"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a path points. ``name`` is empty for a collection."""

    root: str
    namespace: str
    resource: str
    name: str
    sub: str

    @property
    def collection(self) -> str:
        """The path that objects of this kind are created at."""
        space = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{self.root}{space}/{self.resource}"

    def key(self, name: str = "") -> str:
        """The path of an object in this collection."""
        return f"{self.collection}/{name or self.name}"


def target(path: str) -> Target | None:
    """``None`` for a path that is no resource (discovery, OpenAPI, probes)."""
    found = PATH.match(path)
    if found is None:
        return None
    parts = {key: value or "" for key, value in found.groupdict().items()}
    if parts["resource"] == "namespaces" and parts["sub"] not in ("", "status", "finalize"):
        return Target(parts["root"], parts["name"], parts["sub"], "", "")
    return Target(**parts)


def metadata_of(body: bytes) -> dict[str, Any]:
    """The metadata in a body, JSON or protobuf; empty if there is none."""
    if body.startswith(wire.MAGIC):
        return dict(wire.metadata(body))
    if not body.startswith(b"{"):
        return {}
    found = json.loads(body).get("metadata")
    return dict(found) if isinstance(found, dict) else {}


def asked(line: Recorded) -> Mapping[str, Any]:
    """The metadata in the request's body."""
    return metadata_of(line.body)


def answered(line: Recorded) -> Mapping[str, Any]:
    """The metadata in the recorded answer's body, empty if that was not kept, is a Status or a stream."""
    if line.is_watch or line.status >= 400:
        return {}
    return metadata_of(line.answer_bytes)


def kind(body: bytes) -> str:
    """The kind of a body, empty if it has none."""
    if body.startswith(wire.MAGIC):
        return wire.type_meta(body)[1]
    if body.startswith(b"{"):
        return str(json.loads(body).get("kind", ""))
    return ""
