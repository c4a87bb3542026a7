"""The fields of a profile: the one table that is read, described as JSON Schema, and printed in docs/profiles.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.cluster import profile_checks
from scale_agent.cluster.entries import (
    DEFAULT_CAPACITY,
    ROLES,
    WORKLOAD_KINDS,
    CustomKind,
    Namespace,
    Node,
    Sized,
    Workload,
)
from scale_agent.cluster.profiles.fields import (
    Anything,
    Checked,
    Choice,
    Each,
    Field,
    Flag,
    Number,
    Quantities,
    Range,
    Record,
    Size,
    Switches,
    Text,
    Texts,
    Whole,
)
from scale_agent.cluster.yaml_place import Place
from scale_agent.kube import data_files
from scale_agent.kube.controllers.manager import SWITCHES

_DAY_S = 86400.0
#: What etcd takes of one object, less what every object has; what the API takes as data of a secret or config map.
_MOST_OBJECT, _MOST_DATA = 1_400_000, 1 << 20

PLAIN_NAME = Text(r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", "use small letters, digits and dashes, at most 52")
_PATTERN = r"[a-z0-9]([a-z0-9-]|\{n\}){0,60}"
_NUMBERED = Text(_PATTERN, "use small letters, digits and dashes; {n} is the number")
_DOTTED = Text(r"[a-z0-9]([a-z0-9.-]|\{n\}){0,200}", "use small letters, digits, dashes and dots; {n} is the number")
_NAMESPACE_NAME = Text(_PATTERN, "write a namespace's name; {n} is the entry's number")
_HOST = r"(\d{1,3}(\.\d{1,3}){3}|[a-z0-9]([a-z0-9.-]*[a-z0-9])?):\d{1,5}"
_GROUP = r"[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,60}[a-z0-9])?)+"
_KIND = r"[A-Z][A-Za-z0-9]{0,40}(\{n\})?"


def _port(place: Place, address: str) -> str:
    if not 1 <= int(address.rpartition(":")[2]) <= 65535:
        place.fail("the port is out of range", "use 1 to 65535")
    return address


def _numbered(place: Place, values: dict[str, Any]) -> None:
    """Several need names of their own: by their number, or by their namespace's."""
    name, count = str(values["name"]), values["count"]
    if count > 1 and "{n}" not in name and "{n}" not in (values.get("namespace") or ""):
        where = place.member("name") or place
        where.fail(f"{count} times the same name", f"number them: {name}-{{n}}")


def _entry(make: Callable[..., Any]) -> Callable[[Place, dict[str, Any]], Any]:
    def made(place: Place, values: dict[str, Any]) -> Any:
        _numbered(place, values)
        return make(**values)

    return made


def _node(place: Place, values: dict[str, Any]) -> Node:
    _numbered(place, values)
    capacity = DEFAULT_CAPACITY | dict(values.pop("capacity"))
    return Node(capacity=tuple(capacity.items()), **values)


def _custom(place: Place, values: dict[str, Any]) -> CustomKind:
    kind, count = values["kind"], values["count"]
    if count > 1 and "{n}" not in kind:
        (place.member("kind") or place).fail(f"{count} times the same kind", f"number them: {kind}{{n}}")
    if values["scope"] == "Cluster" and values["namespace"]:
        (place.member("namespace") or place).fail("objects of scope Cluster have no namespace", "remove namespace")
    values["namespace"] = values["namespace"] or ("" if values["scope"] == "Cluster" else "default")
    return CustomKind(**values)


def _object_schema() -> dict[str, Any]:
    named = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {"apiVersion": text, "kind": text, "metadata": named},
    }


_NAME = Field(_NUMBERED, "Name; `{n}` in it is the number from 1 to `count`", required=True)
_COUNT = Field(Whole(1, 5000), "How many", 1)
_LABELS = Field(Texts(), "Labels", ())
_ANNOTATIONS = Field(Texts(), "Annotations", ())
_IN_NAMESPACE = Field(
    _NAMESPACE_NAME, "Namespace, which comes to be if it is not listed; `{n}` is the same number", required=True
)

NODE = Record(
    {
        "name": _NAME,
        "count": _COUNT,
        "roles": Field(Each(Choice(ROLES)), "Roles, as `node-role.kubernetes.io/` labels", ()),
        "labels": _LABELS,
        "annotations": _ANNOTATIONS,
        "capacity": Field(Quantities(), "Capacity and allocatable, over 4 CPUs, 8Gi, 110 pods, 100Gi of disk", ()),
    },
    _node,
)
NAMESPACE = Record(
    {"name": _NAME, "count": _COUNT, "labels": _LABELS, "annotations": _ANNOTATIONS},
    _entry(Namespace),
)
WORKLOAD = Record(
    {
        "kind": Field(Choice(WORKLOAD_KINDS), "Kind", required=True),
        "namespace": _IN_NAMESPACE,
        "name": _NAME,
        "count": _COUNT,
        "replicas": Field(Whole(0, 1000), "Pods of each; a DaemonSet has one per node", 1),
        "image": Field(Text(r"\S+", "write an image, such as nginx:1.29"), "Image of the container", required=True),
        "requests": Field(Quantities(), "Resources that each pod requests", ()),
        "labels": _LABELS,
    },
    _entry(Workload),
)


def _sized(kind: str, **own: Field) -> Record:
    fields = {
        "namespace": _IN_NAMESPACE,
        "name": Field(_DOTTED, _NAME.says, required=True),
        "count": _COUNT,
        "keys": Field(Whole(0, 1000), "Keys of its data, which share the size", 1),
        "size": Field(Size(_MOST_DATA), "Bytes of its data, all keys together: 512, `2Ki`, `1Mi`", 1024),
        "labels": _LABELS,
        **own,
    }
    return Record(fields, _entry(lambda **values: Sized(kind=kind, **values)))


SECRET = _sized("Secret", type=Field(Text(r"[A-Za-z0-9./-]{1,250}", "write a type, such as Opaque"), "Type", "Opaque"))
CONFIG_MAP = _sized("ConfigMap")
CUSTOM = Record(
    {
        "group": Field(Text(_GROUP, "write a group with a dot, such as example.com"), "API group", required=True),
        "kind": Field(Text(_KIND, "begin with a capital letter; {n} at the end is the number"), "Kind", required=True),
        "count": Field(Whole(1, 1000), "How many definitions (CRDs)", 1),
        "scope": Field(Choice(("Namespaced", "Cluster")), "Scope of the objects", "Namespaced"),
        "schema_size": Field(Size(_MOST_OBJECT), "Bytes of each definition's schema, about", 1024),
        "objects": Field(Whole(0, 10000), "Objects of each definition", 0),
        "size": Field(Size(_MOST_OBJECT), "Bytes of each object's spec, about", 512),
        "namespace": Field(
            _NAMESPACE_NAME, "Namespace of the objects, `default` without it; `{n}` is the object's number"
        ),
    },
    _custom,
)
API = Record(
    {
        "address": Field(
            Checked(Text(_HOST, 'write host:port, as in "10.43.0.1:443"'), _port),
            "API server as the agent names it to Rancher; its certificate covers the host",
            "10.43.0.1:443",
        ),
        "authority": Field(
            Choice(("run", "cluster")), "Who signs it: one authority for all clusters of a run, or each its own", "run"
        ),
    }
)
_SECONDS = Number(0, _DAY_S)
AGENT = Record(
    {
        "replicas": Field(Whole(1, 2), "Agent pods; two once the agent has its features", 1),
        "first_start_s": Field(_SECONDS, "Seconds from the import to the first pod's first word", 0.3),
        "next_start_s": Field(_SECONDS, "The same for pods of later rollouts", 0.6),
        "second_tunnel_s": Field(
            Range(_SECONDS),
            "Seconds from a pod's first tunnel to its second, drawn from the cluster's seed",
            (5.0, 20.0),
        ),
        "overlap_s": Field(_SECONDS, "Seconds an old pod stays after the new one is connected", 2.0),
        "cleanup_s": Field(_SECONDS, "Seconds Rancher's cleanup job sleeps before it removes the agent", 60.0),
    }
)


def _version_pattern() -> Text:
    return Text(r"v1\.\d{1,2}\.\d{1,2}([-+][A-Za-z0-9.+-]+)?", f"write a version such as {data_files.versions()[0]}")


PROFILE = Record(
    {
        "extends": Field(
            Text(r"[^\0]+", "write a file's name"), "Profile that this one is laid over; relative to this file"
        ),
        "name": Field(PLAIN_NAME, "Name, for messages", required=True),
        "version": Field(
            Checked(_version_pattern(), profile_checks.api_of),
            f"Kubernetes version, any patch level and suffix: {', '.join(data_files.versions())}",
            required=True,
        ),
        "api": Field(API, "How the API server is reached"),
        "rbac": Field(Flag(), "Roles decide who may do what; without it whoever has a token may do everything", False),
        "controllers": Field(Switches(tuple(SWITCHES)), "Controllers that are to do nothing: `false`", {}),
        "metrics_server": Field(Flag(), "A metrics server in kube-system; `kubectl top` works", False),
        "agent": Field(AGENT, "How the agent's pods behave"),
        "nodes": Field(Each(NODE), "Nodes", ()),
        "namespaces": Field(Each(NAMESPACE), "Namespaces beside default and kube-*", ()),
        "workloads": Field(Each(WORKLOAD), "Workloads with their pods, running for long", ()),
        "secrets": Field(Each(SECRET), "Secrets by number and size", ()),
        "config_maps": Field(Each(CONFIG_MAP), "Config maps by number and size", ()),
        "custom_resources": Field(Each(CUSTOM), "CustomResourceDefinitions and their objects, by number and size", ()),
        "objects": Field(
            Each(Anything(tuple(_object_schema().items()))), "Any other objects, as Kubernetes writes them", ()
        ),
    }
)
