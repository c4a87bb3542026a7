"""``cluster.yaml``, the format in which scale-cluster-agent describes a cluster, read as a profile.

It is known by its shape: lists of pods, services, config maps or deployments at the top, or nodes with their version,
and neither ``version`` nor ``extends``. Unknown fields mean nothing, as they do there. ``{{cluster-name}}`` becomes
``cluster``: all clusters of a profile share what is in them, and Rancher sees each one's nodes apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scale_agent.cluster import filler
from scale_agent.cluster.entries import (
    DEFAULT_CAPACITY,
    BarePod,
    Contents,
    Node,
    Obj,
    Texts,
    Told,
    Workload,
    metadata_of,
)
from scale_agent.cluster.profiles.format import PROFILE
from scale_agent.cluster.yaml_place import Place
from scale_agent.kube import catalog, data_files
from scale_agent.kube.codec.quantities import canonical
from scale_agent.kube.codec.wire import DecodeError

_OURS = frozenset(("version", "extends"))
_ITS_LISTS = frozenset(("pods", "services", "configmaps", "deployments", "clusterID"))
_ITS_NODE = frozenset(("version", "status", "internalIP", "externalIP", "osImage", "kernelVer", "kernelVersion", "age"))

#: A key of a secret or a config map of which only the number is told holds so many bytes.
KEY_SIZE = 64
_IMAGE = "registry.k8s.io/pause:3.10"
_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_PLACEHOLDER, _CLUSTER = "{{cluster-name}}", "cluster"
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_AGE = r"(\d{1,6}[smhdwy])+"
_PORT = re.compile(r"(\d{1,5})(?::(\d{1,5}))?(?:/(TCP|UDP|SCTP))?")


def is_older(place: Place) -> bool:
    """Whether a document is a ``cluster.yaml``."""
    names = set(place.names())
    if names & _OURS:
        return False
    nodes = place.member("nodes")
    first = nodes.first() if nodes is not None else None
    return bool(names & _ITS_LISTS) or (first is not None and bool(set(first.names()) & _ITS_NODE))


def read(place: Place) -> tuple[dict[str, Any], Contents]:
    """The values of a profile's fields and what is in the cluster. Raises :class:`~scale_agent.errors.ProfileError`."""
    nodes = _each(place, "nodes", _node)
    written = next((dict(node.told.info).get("kubeletVersion", "") for node in nodes if node.told is not None), "")
    api = catalog.for_version(_version(written))
    what = Contents(
        nodes=nodes,
        workloads=_each(place, "deployments", _deployment),
        pods=_each(place, "pods", _pod),
        extra=tuple(
            obj
            for name, read_one in (("services", _service), ("secrets", _secret), ("configmaps", _config_map))
            for obj in _each(place, name, read_one)
            if (obj["kind"], obj["metadata"]["name"]) not in _OF_EVERY_CLUSTER
        ),
    )
    return PROFILE.empty() | {"name": _file_name(place), "version": api}, what


#: What every cluster has by itself, in a form that its agent and Rancher rely on.
_OF_EVERY_CLUSTER = frozenset((("Service", "kubernetes"), ("ConfigMap", "kube-root-ca.crt")))


def _file_name(place: Place) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", Path(place.file).stem.lower()).strip("-")
    return name[:52].strip("-") or _CLUSTER


def _version(written: str) -> str:
    """That of the nodes if the package has its API, the nearest that it has if not; without its suffix.

    A suffix of k3s or RKE2 makes Rancher take the cluster for one of these, which such clusters never were to it.
    """
    found = re.fullmatch(r"v1\.(\d{1,3})\.(\d{1,3})(?:[-+].*)?", written)
    there = data_files.versions()
    if found is None:
        return there[0]
    minor = int(found[1])
    nearest = min(there, key=lambda one: abs(int(one.split(".")[1]) - minor))
    return f"v1.{minor}.{found[2]}" if nearest.startswith(f"v1.{minor}.") else nearest


def _each(place: Place, name: str, read_one: Callable[[Place], Any]) -> tuple[Any, ...]:
    found = place.member(name)
    return found.each(read_one) if found is not None and not found.nothing else ()


def _text(place: Place, name: str, default: str = "", pattern: str = r"(?s).*", cure: str = "write text") -> str:
    found = place.member(name)
    if found is None or found.nothing:
        return default
    value = found.plain()
    if isinstance(value, (int, float)) and not isinstance(value, bool):  # 1.28, 3: text that YAML takes for numbers
        value = str(value)
    text = value.replace(_PLACEHOLDER, _CLUSTER) if isinstance(value, str) else value
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        found.fail(f"{value!r} cannot be used here", cure)
    return text


def _number(place: Place, name: str) -> int:
    found = place.member(name)
    if found is None or found.nothing:
        return 0
    if _text(place, name, pattern=r"\d{1,4}", cure="write a whole number up to 1000") and int(found.plain()) > 1000:
        found.fail(f"{found.plain()!r} is too many", "write a whole number up to 1000")
    return int(found.plain())


def _name(place: Place) -> str:
    if place.member("name") is None:
        place.fail("field 'name' is missing", "add name")
    return _text(place, "name", pattern=_NAME, cure="use small letters, digits, dashes and dots")


def _namespace(place: Place) -> str:
    return _text(place, "namespace", "default", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "write a namespace's name")


def _age(place: Place) -> int:
    """Seconds of ``5d``, ``3h12m``; anything else (``<unknown>``) is no age."""
    parts = re.findall(
        r"(\d{1,6})([smhdwy])", _text(place, "age", "0s", rf"{_AGE}|<.*>|", "write an age such as 5d or 3h12m")
    )
    return min(sum(int(number) * _AGES[unit] for number, unit in parts), 50 * _AGES["y"])


def _labels(place: Place, name: str = "labels") -> Texts:
    found = place.member(name)
    if found is None or found.nothing:
        return ()
    return tuple(
        (key.replace(_PLACEHOLDER, _CLUSTER), text.replace(_PLACEHOLDER, _CLUSTER))
        for key, text in found.texts().items()
    )


def _quantities(place: Place, name: str) -> Texts:
    given = _labels(place, name)
    for key, text in given:
        try:
            canonical(text)
        except DecodeError:
            (place.member(name) or place).fail(f"{key}: {text!r} is no quantity", 'write one such as "4" or 8Gi')
    return given


def _node(place: Place) -> Node:
    kernel = _text(place, "kernelVer") or _text(place, "kernelVersion")
    version = _text(place, "version")
    told = {
        "kernelVersion": kernel,
        "osImage": _text(place, "osImage"),
        "containerRuntimeVersion": _runtime(_text(place, "containerRuntime")),
        "kubeletVersion": version,
        "kubeProxyVersion": version,
    }
    addresses = (("InternalIP", _address(place, "internalIP")), ("ExternalIP", _address(place, "externalIP")))
    capacity = DEFAULT_CAPACITY | dict(_quantities(place, "capacity"))
    allocatable = capacity | dict(_quantities(place, "allocatable"))
    return Node(
        name=_name(place),
        count=1,
        roles=_each(
            place, "roles", lambda role: role.text(r"[a-z0-9]([a-z0-9.-]{0,40}[a-z0-9])?", "write a role's name")
        ),
        labels=(),
        annotations=(),
        capacity=tuple(capacity.items()),
        told=Told(
            ready=_text(place, "status", "Ready").partition(",")[0] == "Ready",
            age_s=_age(place),
            info=tuple((name, text) for name, text in told.items() if text),
            allocatable=tuple(allocatable.items()),
            addresses=tuple((kind, address) for kind, address in addresses if address),
        ),
    )


def _runtime(text: str) -> str:
    return text if not text or "://" in text else f"containerd://{text.removeprefix('containerd ').strip()}"


def _address(place: Place, name: str) -> str:
    text = _text(place, name, "", r"\d{1,3}(\.\d{1,3}){3}|<none>|None|none|", "write an IPv4 address")
    return text if text[:1].isdigit() else ""


def _share(place: Place, name: str) -> tuple[int, int] | None:
    """``2/3``."""
    first, _, second = _text(place, name, "", r"\d{1,3}/\d{1,3}|\d{1,4}|", "write ready/all, as in 3/3").partition("/")
    return (int(first), int(second)) if first and second else None


_STATES = {"Completed": "Succeeded", "Error": "Failed", "": "Running"}


def _pod(place: Place) -> BarePod:
    ready, count = _share(place, "ready") or (1, 1)
    state = _text(place, "status", "Running")
    return BarePod(
        namespace=_namespace(place),
        name=_name(place),
        state=_STATES.get(state, state),
        ready=ready,
        containers=max(count, 1),
        restarts=_number(place, "restarts"),
        age_s=_age(place),
        address=_address(place, "ip"),
        node=_text(place, "node"),
        labels=_labels(place),
    )


def _deployment(place: Place) -> Workload:
    share = _share(place, "ready")
    name = _text(place, "name", pattern=r"[a-z0-9]([a-z0-9-]{0,50}[a-z0-9])?", cure="use small letters, digits, dashes")
    return Workload(
        kind="Deployment",
        namespace=_namespace(place),
        name=name or _name(place),
        count=1,
        replicas=share[1] if share is not None else _number(place, "available"),
        image=_IMAGE,
        requests=(),
        labels=_labels(place),
    )


def _metadata(place: Place) -> Obj:
    made = metadata_of(_name(place), _labels(place), age_s=_age(place))
    return made | {"namespace": _namespace(place)}


def _service(place: Place) -> Obj:
    address = _text(place, "clusterIP", "None", r"\d{1,3}(\.\d{1,3}){3}|None|<none>|", "write an IPv4 address")
    address = address if address[:1].isdigit() else "None"
    outside, kind = _address(place, "externalIP"), _text(place, "type", "ClusterIP")
    if kind not in ("ClusterIP", "NodePort", "LoadBalancer"):
        (place.member("type") or place).fail(f"{kind!r} cannot be used here", "use ClusterIP, NodePort or LoadBalancer")
    spec: Obj = {"type": kind, "clusterIP": address, "clusterIPs": [address], "ports": _ports(place, kind)}
    made: Obj = {"apiVersion": "v1", "kind": "Service", "metadata": _metadata(place), "spec": spec}
    if outside and kind == "LoadBalancer":
        made["status"] = {"loadBalancer": {"ingress": [{"ip": outside}]}}
    elif outside:
        spec["externalIPs"] = [outside]
    return made


def _ports(place: Place, kind: str) -> list[Obj]:
    """``80:32522/TCP,443/TCP``."""
    made = []
    text = _text(place, "ports", "").replace("<none>", "")
    for part in filter(None, (one.strip() for one in text.split(","))):
        found = _PORT.fullmatch(part)
        if found is None:
            (place.member("ports") or place).fail(f"{part!r} is no port", "write ports as in 80:32522/TCP,443/TCP")
        number, protocol = int(found[1]), found[3] or "TCP"
        port = {"name": f"port-{number}-{protocol.lower()}", "port": number, "protocol": protocol, "targetPort": number}
        if found[2] and kind != "ClusterIP":
            port["nodePort"] = int(found[2])
        made.append(port)
    return made


def _keys(place: Place) -> tuple[str, ...]:
    pattern, cure = r"[A-Za-z0-9._-]{1,253}", "write a key of letters, digits, dots, dashes"
    named: tuple[str, ...] = _each(place, "dataKeys", lambda key: key.text(pattern, cure))
    return (*named, *(f"key-{number}" for number in range(len(named) + 1, _number(place, "data") + 1)))


def _secret(place: Place) -> Obj:
    made = _data(place, "Secret") | {"type": _text(place, "type", "Opaque")}
    if made["type"] == "kubernetes.io/service-account-token":
        made["metadata"]["annotations"] = {"kubernetes.io/service-account.name": "default"}
    return made


def _config_map(place: Place) -> Obj:
    return _data(place, "ConfigMap")


def _data(place: Place, kind: str) -> Obj:
    keys, metadata = _keys(place), _metadata(place)
    made = filler.data_object(kind, metadata["namespace"], metadata["name"], keys, KEY_SIZE * len(keys))
    return {**made, "metadata": metadata}
