"""A profile: what a simulated cluster contains and how its agent behaves. Data, read from YAML, compiled once.

``load`` reads a file and refuses what it does not understand, with file, line, path and cure. The fields are those
of :mod:`scale_agent.cluster.profiles.format`; docs/profiles.md lists them. What was written for scale-cluster-agent
(``cluster.yaml``) is read too, and known by its shape.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scale_agent.cluster import contents, metrics_server, profile_checks
from scale_agent.cluster.entries import Contents, Obj
from scale_agent.cluster.life import Timings
from scale_agent.cluster.profiles import inherit, older
from scale_agent.cluster.profiles.format import AGENT, API, PROFILE
from scale_agent.cluster.yaml_place import Place
from scale_agent.errors import ProfileError
from scale_agent.kube.catalog import Catalog


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
    contents: Contents
    rbac: bool = False
    without: frozenset[str] = frozenset()
    metrics_server: bool = False

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0]

    def objects(self, made_at: str = "2026-01-01T08:00:00Z") -> list[Obj]:
        """Everything the profile puts into a cluster, as Kubernetes objects; fresh ones on every call."""
        made = self.contents
        if self.metrics_server:
            workloads = (*made.workloads, metrics_server.WORKLOAD)
            made = replace(made, workloads=workloads, extra=(*made.extra, *metrics_server.objects(made_at)))
        return contents.objects(self.version, made, made_at)


def load(path: str | Path) -> Profile:
    """Read a profile file. Raises :class:`ProfileError` for everything that is wrong with it."""
    return loads(inherit.read_text(Path(path)), str(path))


def loads(text: str, file: str = "profile") -> Profile:
    """The same from text; ``file`` is for messages, and what ``extends`` is relative to."""
    document = inherit.document(text, file)
    if older.is_older(document.place):
        values, what = older.read(document.place)
    else:
        values = PROFILE.read(document.place)
        what = _contents(values, values["version"])
    profile = _profile(values, what, document.digest)
    _refuse_doubles(profile, file)
    return profile


def _contents(values: dict[str, Any], api: Catalog) -> Contents:
    made = Contents(
        nodes=values["nodes"],
        namespaces=values["namespaces"],
        workloads=values["workloads"],
        sized=(*values["secrets"], *values["config_maps"]),
        custom=values["custom_resources"],
    )
    known = contents.namespace_names(made)
    objects: tuple[Place, ...] = values["objects"]
    return replace(made, extra=tuple(profile_checks.read_object(place, api, known) for place in objects))


def _profile(values: dict[str, Any], what: Contents, digest: str) -> Profile:
    api, agent = values["api"] or API.empty(), dict(values["agent"] or AGENT.empty())
    replicas = agent.pop("replicas")
    return Profile(
        name=values["name"],
        version=values["version"].version,
        digest=digest,
        address=api["address"],
        own_authority=api["authority"] == "cluster",
        replicas=replicas,
        timings=Timings(**agent),
        contents=what,
        rbac=values["rbac"],
        metrics_server=values["metrics_server"],
        without=frozenset(name for name, on in values["controllers"].items() if not on),
    )


def _refuse_doubles(profile: Profile, file: str) -> None:
    seen = set()
    for obj in profile.objects():
        metadata = obj["metadata"]
        key = (obj["apiVersion"].rpartition("/")[0], obj["kind"], metadata.get("namespace", ""), metadata["name"])
        if key in seen:
            what = f"{key[1]} {key[2]}/{key[3]} twice".replace(" /", " ")
            raise ProfileError(what, where=file, cure="give them different names")
        seen.add(key)
