"""A profile: what a simulated cluster contains and how its agent behaves. Data, read from YAML, compiled once.

``load`` reads a file and refuses what it does not understand, with file, line, path and cure. The fields are those
of :data:`_PROFILE` and the tables below; ``profiles/small.yaml`` shows and explains them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scale_agent.cluster import contents, metrics_server, profile_checks
from scale_agent.cluster.entries import DEFAULT_CAPACITY, ROLES, WORKLOAD_KINDS, Namespace, Node, Workload
from scale_agent.cluster.life import Timings
from scale_agent.cluster.yaml_place import Place, parse
from scale_agent.errors import ProfileError
from scale_agent.kube.codec.quantities import canonical
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.controllers.manager import SWITCHES

_NAME = r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?"
_PATTERN = r"[a-z0-9]([a-z0-9-]|\{n\}){0,60}"
_HOST = r"(\d{1,3}(\.\d{1,3}){3}|[a-z0-9]([a-z0-9.-]*[a-z0-9])?):\d{1,5}"
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile. ``digest`` identifies its content: two of equal digest compile to the same snapshot.

    ``address`` is the API server's as the agent tells Rancher, ``host:port``; ``own_authority``: each cluster has a
    certificate authority of its own instead of the run's. ``replicas``: agent pods, 1 or 2. ``rbac``: roles decide
    who may do what; without it everybody with a token may do everything, as the agent's account may. ``without``:
    controllers that do nothing. ``metrics_server``: there is one, and ``kubectl top`` works.
    """

    name: str
    version: str
    digest: str
    address: str
    own_authority: bool
    replicas: int
    timings: Timings
    nodes: tuple[Node, ...]
    namespaces: tuple[Namespace, ...]
    workloads: tuple[Workload, ...]
    extra: tuple[dict[str, Any], ...]
    rbac: bool = False
    without: frozenset[str] = frozenset()
    metrics_server: bool = False

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0]

    def objects(self, made_at: str = "2026-01-01T08:00:00Z") -> list[dict[str, Any]]:
        """Everything the profile puts into a cluster, as Kubernetes objects; fresh ones on every call."""
        workloads = (*self.workloads, *((metrics_server.WORKLOAD,) if self.metrics_server else ()))
        extra = (*self.extra, *(metrics_server.objects(made_at) if self.metrics_server else ()))
        return contents.objects(self.version, self.nodes, self.namespaces, workloads, extra, made_at)


def load(path: str | Path) -> Profile:
    """Read a profile file. Raises :class:`ProfileError` for everything that is wrong with it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ProfileError("not text in UTF-8", where=str(path), cure="save it as UTF-8") from None
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise ProfileError(what, where=str(path), cure="name a profile file, such as profiles/small.yaml") from None
    return loads(text, str(path))


def loads(text: str, file: str = "profile") -> Profile:
    """The same from text; ``file`` is for messages."""
    fields = parse(text, file).fields(_PROFILE, required=("name", "version"))
    api = fields["api"].fields(("address", "authority")) if "api" in fields else {}
    agent = fields["agent"].fields(_AGENT) if "agent" in fields else {}
    api_data = profile_checks.api_of(fields["version"])
    nodes, namespaces, workloads = (
        _list(fields, name, read)
        for name, read in (("nodes", _node), ("namespaces", _namespace), ("workloads", _workload))
    )
    known = contents.namespace_names(namespaces, workloads)
    profile = Profile(
        name=fields["name"].text(_NAME, "use small letters, digits and dashes, at most 52"),
        version=api_data.version,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        address=_address(api["address"]) if "address" in api else "10.43.0.1:443",
        own_authority="authority" in api and api["authority"].choice("run", "cluster") == "cluster",
        replicas=agent["replicas"].integer(1, 2) if "replicas" in agent else 1,
        timings=_timings(agent),
        nodes=nodes,
        namespaces=namespaces,
        workloads=workloads,
        extra=_list(fields, "objects", lambda place: profile_checks.read_object(place, api_data, known)),
        rbac="rbac" in fields and fields["rbac"].boolean(),
        metrics_server="metrics_server" in fields and fields["metrics_server"].boolean(),
        without=_switched_off(fields["controllers"]) if "controllers" in fields else frozenset(),
    )
    _refuse_doubles(profile, file)
    return profile


#: Fields of the document, of ``agent`` with their defaults (as recorded), and of the entries of the lists.
_SWITCHES = ("rbac", "metrics_server", "controllers")
_PROFILE = ("name", "version", "api", "agent", *_SWITCHES, "nodes", "namespaces", "workloads", "objects")
_SECONDS = {"first_start_s": 0.3, "next_start_s": 0.6, "overlap_s": 2.0, "cleanup_s": 60.0}
_SECOND_TUNNEL_S = (5.0, 20.0)
_AGENT = ("replicas", "second_tunnel_s", *_SECONDS)
_NODE = ("name", "count", "roles", "labels", "annotations", "capacity")
_NAMESPACE = ("name", "count", "labels", "annotations")
_WORKLOAD = ("kind", "namespace", "name", "count", "replicas", "image", "requests", "labels")


def _switched_off(place: Place) -> frozenset[str]:
    """The controllers that a mapping of names to true or false turns off."""
    fields = place.fields(tuple(sorted(SWITCHES)))
    return frozenset(name for name, switch in fields.items() if not switch.boolean())


def _list(fields: dict[str, Place], name: str, read: Any) -> tuple[Any, ...]:
    return fields[name].each(read) if name in fields else ()


def _refuse_doubles(profile: Profile, file: str) -> None:
    seen = set()
    for obj in profile.objects():
        metadata = obj["metadata"]
        key = (obj["kind"], metadata.get("namespace", ""), metadata["name"])
        if key in seen:
            what = f"{key[0]} {key[1]}/{key[2]} twice".replace(" /", " ")
            raise ProfileError(what, where=file, cure="give them different names")
        seen.add(key)


def _address(place: Place) -> str:
    address = place.text(_HOST, 'write host:port, as in "10.43.0.1:443"')
    if not 1 <= int(address.rpartition(":")[2]) <= 65535:
        place.fail("the port is out of range", "use 1 to 65535")
    return address


def _timings(agent: dict[str, Place]) -> Timings:
    seconds = {name: agent[name].number(0, _DAY_S) if name in agent else default for name, default in _SECONDS.items()}
    second = _range(agent["second_tunnel_s"]) if "second_tunnel_s" in agent else _SECOND_TUNNEL_S
    return Timings(second_tunnel_s=second, **seconds)


def _range(place: Place) -> tuple[float, float]:
    ends = place.each(lambda end: end.number(0, _DAY_S))
    if len(ends) != 2 or ends[0] > ends[1]:
        place.fail("no range", "write the least and the most seconds, as in [5, 20]")
    return ends[0], ends[1]


def _pattern(fields: dict[str, Place]) -> tuple[str, int]:
    name = fields["name"].text(_PATTERN, "use small letters, digits and dashes; {n} is the number")
    count = fields["count"].integer(1, 5000) if "count" in fields else 1
    if count > 1 and "{n}" not in name:
        fields["name"].fail(f"{count} times the same name", f"number them: {name}-{{n}}")
    return name, count


def _texts(fields: dict[str, Place], name: str) -> tuple[tuple[str, str], ...]:
    return tuple(fields[name].texts().items()) if name in fields else ()


def _quantities(fields: dict[str, Place], name: str) -> dict[str, str]:
    if name not in fields:
        return {}
    given = fields[name].texts()
    for key, text in given.items():
        try:
            canonical(text)
        except DecodeError:
            fields[name].fail(f"{key}: {text!r} is no quantity", 'write one such as "4", 500m or 8Gi')
    return given


def _node(place: Place) -> Node:
    fields = place.fields(_NODE, required=("name",))
    name, count = _pattern(fields)
    roles = fields["roles"].each(lambda role: role.choice(*ROLES)) if "roles" in fields else ()
    capacity = DEFAULT_CAPACITY | _quantities(fields, "capacity")
    labels, annotations = _texts(fields, "labels"), _texts(fields, "annotations")
    return Node(name, count, roles, labels, annotations, tuple(capacity.items()))


def _namespace(place: Place) -> Namespace:
    fields = place.fields(_NAMESPACE, required=("name",))
    name, count = _pattern(fields)
    return Namespace(name, count, _texts(fields, "labels"), _texts(fields, "annotations"))


def _workload(place: Place) -> Workload:
    fields = place.fields(_WORKLOAD, required=("kind", "namespace", "name", "image"))
    name, count = _pattern(fields)
    return Workload(
        kind=fields["kind"].choice(*WORKLOAD_KINDS),
        namespace=fields["namespace"].text(_NAME, "write a namespace's name"),
        name=name,
        count=count,
        replicas=fields["replicas"].integer(0, 1000) if "replicas" in fields else 1,
        image=fields["image"].text(r"\S+", "write an image, such as nginx:1.29"),
        requests=tuple(_quantities(fields, "requests").items()),
        labels=_texts(fields, "labels"),
    )
