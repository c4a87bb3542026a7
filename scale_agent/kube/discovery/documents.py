"""Discovery documents: what a client is told about groups, versions and resources.

The built-in part is the answer of a real server, kept as data; groups that appear at run time (CRDs) are added behind
it as a real server does (subresources in the given order: status, scale). Aggregated documents
(``as=APIGroupDiscoveryList``, v2 only: 1.36 answers 406 to v2beta1) and the plain ``APIVersions``, ``APIGroupList``,
``APIGroup``, ``APIResourceList``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from typing import Any

import orjson
import yaml

from scale_agent.kube import data_files
from scale_agent.kube.codec import protobuf
from scale_agent.kube.custom.definition import version_order
from scale_agent.kube.discovery import rows
from scale_agent.kube.representation import negotiation
from scale_agent.kube.schema.schema import Resource, Schema

Document = dict[str, Any]
_SERVER_PLACEHOLDER = "@server"


@dataclass(frozen=True, slots=True)
class Service:
    """An APIService that neither the server nor a definition brought: a group version, maybe served by somebody else.

    ``remote`` ones name a service; the others say that this server has the group version, which it has not.
    """

    group: str
    version: str
    group_priority: int
    version_priority: int
    remote: bool

    @property
    def name(self) -> str:
        """What the object is called."""
        return f"{self.version}.{self.group}"


#: A group in a list: how far up it is (sorted ascending), and what stands there.
_Ranked = tuple[tuple[float, str], Document]


class Discovery:
    """The documents of one set of resources; made new when a CRD comes or goes (the built-in part is shared)."""

    def __init__(
        self,
        schema: Schema,
        extra: Sequence[Resource] = (),
        services: Sequence[Service] = (),
        *,
        server_address: str = "127.0.0.1:6443",
    ) -> None:
        self._schema = schema
        self._answers: Mapping[str, str] = data_files.load_json(schema.version, "discovery.json")
        self._extra = sorted(extra, key=lambda one: (one.group, version_order(one.version), one.plural))
        self._services = services
        self._server_address = server_address
        self._added = self._custom_documents()
        self._forms: dict[tuple[str, str], bytes] = {}
        self._etags: dict[str, str] = {}

    def version(self, shown: str) -> bytes:
        """The body of ``/version`` of a cluster that says it is ``shown`` (``v1.36.2+rke2r1``)."""
        return _version(self._answers["/version"], shown)

    def aggregated(self, path: str, media: str = negotiation.JSON) -> bytes:
        """The aggregated document of ``/api`` or ``/apis``; ``KeyError`` for others."""
        return self._form(f"{path} aggregated", media, lambda: self._make_aggregated(path))

    def etag(self, path: str) -> str:
        """The quoted ETag of all forms of an aggregated document (a hash of its JSON)."""
        if path not in self._etags:
            document = orjson.loads(self.aggregated(path))
            hashed = orjson.dumps({"metadata": document["metadata"], "items": document["items"]})
            self._etags[path] = f'"{hashlib.sha512(hashed).hexdigest().upper()}"'
        return self._etags[path]

    def document(self, path: str) -> Document | None:
        """The plain document of ``/api[/v1]`` or ``/apis[/GROUP[/VERSION]]`` as an object, or ``None``."""
        body = self.plain(path)
        return None if body is None else orjson.loads(body)

    def plain(self, path: str, media: str = negotiation.JSON) -> bytes | None:
        """The body of a plain document, or ``None`` if no such path is served."""
        if path not in self._added and (path not in self._answers or " " in path or path == "/version"):
            return None
        return self._form(path, media, lambda: self._plain(path))

    def _plain(self, path: str) -> bytes:
        if path in self._added:
            return self._added[path]
        return self._answers[path].replace(_SERVER_PLACEHOLDER, self._server_address).encode()

    def _form(self, name: str, media: str, make: Callable[[], bytes]) -> bytes:
        """A document in one of its forms, made once."""
        key = (name, media)
        if key not in self._forms:
            self._forms[key] = (
                make() if media == negotiation.JSON else self._encoded(self._form(name, _JSON, make), media)
            )
        return self._forms[key]

    def _encoded(self, body: bytes, media: str) -> bytes:
        document = orjson.loads(body)
        if media == negotiation.PROTOBUF:
            return protobuf.encode(document, self._schema)
        return yaml.safe_dump(document, allow_unicode=True).encode()

    def _make_aggregated(self, path: str) -> bytes:
        built_in = self._answers[f"{path} aggregated"].encode()
        stale = [(_rank(one, one.group), _stale(one)) for one in self._services if one.remote]
        if path != "/apis" or not (self._extra or stale):
            return built_in
        document = orjson.loads(built_in)
        added = [((_CUSTOM_RANK, group), rows.aggregated_group(group, versions)) for group, versions in self._groups()]
        document["items"] = self._merged(document["items"], _aggregated_name, [*added, *stale])
        return _body(document)

    def _merged(
        self, built_in: list[Document], name_of: Callable[[Document], str], added: list[_Ranked]
    ) -> list[Document]:
        """The groups by their priority; only one above the lowest built-in group changes the order of those."""
        added.sort(key=lambda one: one[0])
        if not added or added[0][0][0] >= _CUSTOM_RANK:
            return [*built_in, *(group for _, group in added)]
        ranks = _built_in_ranks(self._schema.version)
        ranked = [((ranks.get(name_of(group), -math.inf), ""), group) for group in built_in]
        return [group for _, group in sorted([*ranked, *added], key=lambda one: one[0])]

    def _groups(self) -> Iterable[tuple[str, list[tuple[str, list[Resource]]]]]:
        for group, members in groupby(self._extra, key=lambda one: one.group):
            yield group, [(version, list(found)) for version, found in groupby(members, key=lambda one: one.version)]

    def _custom_documents(self) -> dict[str, bytes]:
        if not self._extra and not self._services:
            return {}
        added: dict[str, bytes] = {}
        groups = orjson.loads(self._answers["/apis"])
        ranked: list[_Ranked] = []
        for name, versions in self._groups():
            entry = rows.plain_group(name, [version for version, _ in versions])
            ranked.append(((_CUSTOM_RANK, f"{versions[0][0]}.{name}"), entry))
            for version, members in versions:
                added[f"/apis/{name}/{version}"] = _body(rows.resource_list(f"{name}/{version}", members))
        ranked += _service_groups(self._services)
        for _, entry in ranked:
            added[f"/apis/{entry['name']}"] = _body({"kind": "APIGroup", "apiVersion": "v1", **entry})
        groups["groups"] = self._merged(groups["groups"], _plain_name, ranked)
        return {**added, "/apis": _body(groups)}


#: Groups of definitions have this priority, written as the sort key that it is.
_CUSTOM_RANK = -1000.0
_JSON = negotiation.JSON


def _plain_name(group: Document) -> str:
    name: str = group["name"]
    return name


def _aggregated_name(group: Document) -> str:
    name: str = group["metadata"]["name"]
    return name


def _rank(service: Service, name: str) -> tuple[float, str]:
    return -float(service.group_priority), name


def _stale(service: Service) -> Document:
    """What is said about a group version that nobody could be asked about (observed)."""
    return {"metadata": {"name": service.group}, "versions": [{"version": service.version, "freshness": "Stale"}]}


def _service_groups(services: Sequence[Service]) -> list[_Ranked]:
    found: list[_Ranked] = []
    for group in sorted({one.group for one in services}):
        members = [one for one in services if one.group == group]
        members.sort(key=lambda one: (-one.version_priority, version_order(one.version)))
        highest = max(members, key=lambda one: one.group_priority)
        entry = rows.plain_group(group, [one.version for one in members])
        found.append((_rank(highest, members[0].name), entry))
    return found


@cache
def _built_in_ranks(version: str) -> Mapping[str, float]:
    """The sort keys of the groups that are there from the start, from their APIServices."""
    specs = [obj["spec"] for obj in data_files.load_json(version, "bootstrap.json") if obj["kind"] == "APIService"]
    return {spec.get("group", ""): -float(spec["groupPriorityMinimum"]) for spec in specs}


@lru_cache(maxsize=64)
def discovery(
    schema: Schema,
    extra: tuple[Resource, ...] = (),
    server_address: str = "127.0.0.1:6443",
    services: tuple[Service, ...] = (),
) -> Discovery:
    """A shared :class:`Discovery`: clusters with equal custom resources get the same one."""
    return Discovery(schema, extra, services, server_address=server_address)


@lru_cache(maxsize=64)
def _version(answer: str, shown: str) -> bytes:
    return orjson.dumps({**orjson.loads(answer), "gitVersion": shown}, option=orjson.OPT_INDENT_2)


def _body(document: Document) -> bytes:
    return orjson.dumps(document) + b"\n"
