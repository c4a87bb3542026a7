"""A Kubernetes API that is just good enough for the scripts, in JSON; each of its habits can be spoilt."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qs

from scale_agent.standin.paths import RESOURCES, collection_kind, path_of
from scale_agent.standin.run import Outgoing, ScriptRun

JSON = "application/json"
Reply = tuple[int, str, bytes]
Spoil = Callable[[Outgoing, Reply], Reply]


def namespace(name: str) -> dict[str, Any]:
    labels = {"kubernetes.io/metadata.name": name}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"phase": "Active"},
    }


def deployment() -> dict[str, Any]:
    container = {
        "name": "cluster-register",
        "image": "rancher/rancher-agent:v2.15.0",
        "env": [{"name": "CATTLE_SERVER", "value": "x"}],
    }
    spec = {"template": {"metadata": {"labels": {"app": "cattle-cluster-agent"}}, "spec": {"containers": [container]}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "cattle-cluster-agent", "namespace": "cattle-system"},
        "spec": spec,
    }


def _named(api_version: str, kind: str, name: str, ns: str = "") -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": ns} if ns else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


_RBAC = "rbac.authorization.k8s.io/v1"
CONTENTS = (
    *(namespace(one) for one in ("default", "kube-system", "kube-public", "kube-node-lease", "cattle-system")),
    _named("v1", "Node", "node-1"),
    _named(_RBAC, "ClusterRole", "proxy-clusterrole-kubeapiserver"),
    _named(_RBAC, "ClusterRole", "cattle-admin"),
    _named(_RBAC, "ClusterRoleBinding", "proxy-role-binding-kubernetes-master"),
    _named(_RBAC, "ClusterRoleBinding", "cattle-admin-binding"),
    _named("v1", "ServiceAccount", "cattle", "cattle-system"),
    _named("v1", "Service", "cattle-cluster-agent", "cattle-system"),
    deployment(),
)


class Answering(Protocol):
    """What :class:`Drive` needs of a cluster."""

    seen: list[Outgoing]

    @property
    def watch_type(self) -> str:
        """Content type of the last watch."""

    @property
    def events(self) -> list[tuple[int, bytes]]:
        """What watches have to say; taken by the reader."""

    def answer(self, out: Outgoing) -> Reply:
        """A complete answer."""

    def open_watch(self, out: Outgoing) -> bytes:
        """A watch's first bytes."""


@dataclass
class FakeCluster:
    """Objects by path; watches that are open, by step."""

    watch_type = JSON

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    version: int = 100
    seen: list[Outgoing] = field(default_factory=list)
    watches: dict[int, str] = field(default_factory=dict)
    events: list[tuple[int, bytes]] = field(default_factory=list)
    bookmark: bool = True

    def __post_init__(self) -> None:
        for obj in CONTENTS:
            self.put(path_of(obj), copy.deepcopy(obj), "ADDED")

    def put(self, path: str, obj: dict[str, Any], event: str) -> dict[str, Any]:
        self.version += 1
        uid = self.objects.get(path, {}).get("metadata", {}).get("uid") or f"uid-{self.version}"
        obj["metadata"] |= {
            "resourceVersion": str(self.version),
            "uid": uid,
            "creationTimestamp": "2026-11-21T10:00:00Z",
        }
        self.objects[path] = obj
        self._tell(path, event, obj)
        return obj

    def _tell(self, path: str, event: str, obj: dict[str, Any]) -> None:
        for step, collection in self.watches.items():
            if self._in(collection, path):
                self.events.append((step, json.dumps({"type": event, "object": obj}).encode() + b"\n"))

    @staticmethod
    def _in(collection: str, path: str) -> bool:
        parent, _, _ = path.rpartition("/")
        return parent == collection or (
            parent.endswith("/" + collection.rsplit("/", 1)[-1])
            and "/namespaces/" not in collection
            and parent.startswith(collection.rsplit("/", 1)[0] + "/namespaces/")
        )

    def answer(self, out: Outgoing) -> Reply:
        self.seen.append(out)
        path, _, query = out.target.partition("?")
        status, body = self._route(out.method, path, parse_qs(query), out.body)
        return (
            status,
            "text/plain" if isinstance(body, str) else JSON,
            body.encode() if isinstance(body, str) else json.dumps(body).encode(),
        )

    def _route(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        fixed = self._fixed(path)
        if fixed is not None:
            return fixed
        sent = json.loads(body) if body[:1] == b"{" else None
        if body[:4] == b"k8s\0":
            from scale_agent.standin import codec

            sent = codec.decode_protobuf(body)
        handler = {
            "GET": self._get,
            "POST": self._post,
            "PUT": self._put,
            "PATCH": self._patch,
            "DELETE": self._delete,
        }[method]
        return handler(path, sent)

    def _fixed(self, path: str) -> tuple[int, Any] | None:
        if path == "/version":
            return 200, {"gitVersion": "v1.36.2"}
        if path in ("/api", "/apis"):
            return 200, {"kind": "APIGroupDiscoveryList", "items": []}
        if path == "/openapi/v3":
            names = ("api/v1", "apis/apps/v1", f"apis/{_RBAC}")
            return 200, {"paths": {one: {"serverRelativeURL": f"/openapi/v3/{one}?hash=ABC"} for one in names}}
        if path.startswith("/openapi/v3/"):
            return 200, {"openapi": "3.0.0", "paths": {"/x": {}}}
        return (404, "404 page not found\n") if path == "/apis/k3s.cattle.io/v1" else None

    @staticmethod
    def _status(code: int, reason: str) -> tuple[int, Any]:
        return code, {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "reason": reason,
            "code": code,
            "message": reason,
        }

    def _get(self, path: str, sent: Any) -> tuple[int, Any]:
        listed = collection_kind(path)
        if listed:
            items = [obj for key, obj in self.objects.items() if self._in(path, key)]
            return 200, {
                "apiVersion": listed[0],
                "kind": listed[1] + "List",
                "metadata": {"resourceVersion": str(self.version)},
                "items": items,
            }
        found = self.objects.get(path)
        return (200, found) if found is not None else self._status(404, "NotFound")

    def _post(self, path: str, sent: Any) -> tuple[int, Any]:
        api_version, kind = collection_kind(path) or ("", "")
        metadata = sent["metadata"]
        if not metadata.get("name"):
            metadata["name"] = f"{metadata['generateName']}{self.version:05d}"[:63]
        if RESOURCES[(api_version, kind)][2]:
            metadata["namespace"] = path.split("/namespaces/")[1].split("/")[0]
        if path + "/" + metadata["name"] in self.objects:
            return self._status(409, "AlreadyExists")
        obj = self.put(f"{path}/{metadata['name']}", {**sent, "apiVersion": api_version, "kind": kind}, "ADDED")
        if sent.get("type") == "kubernetes.io/service-account-token":
            answer = copy.deepcopy(obj)
            self.put(
                f"{path}/{metadata['name']}", {**obj, "data": {"token": base64.b64encode(b"jwt").decode()}}, "MODIFIED"
            )
            return 201, answer
        return 201, obj

    def _put(self, path: str, sent: Any) -> tuple[int, Any]:
        known = self.objects.get(path)
        if known is None:
            return self._status(404, "NotFound")
        if sent["metadata"].get("resourceVersion") not in (None, known["metadata"]["resourceVersion"]):
            return self._status(409, "Conflict")
        return 200, self.put(path, sent, "MODIFIED")

    def _patch(self, path: str, sent: Any) -> tuple[int, Any]:
        obj = copy.deepcopy(self.objects[path])
        obj["metadata"].setdefault("annotations", {}).update(sent.get("metadata", {}).get("annotations", {}))
        container = obj["spec"]["template"]["spec"]["containers"][0]
        for wanted in sent.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
            env = {one["name"]: one for one in container["env"]} | {one["name"]: one for one in wanted.get("env", [])}
            order = [one["name"] for one in wanted.get("$setElementOrder/env", [])]
            container["env"] = [env[name] for name in order if name in env] + [
                env[name] for name in env if name not in order
            ]
        return 200, self.put(path, obj, "MODIFIED")

    def _delete(self, path: str, sent: Any) -> tuple[int, Any]:
        found = self.objects.pop(path, None)
        if found is None:
            return self._status(404, "NotFound")
        self._tell(path, "DELETED", found)
        return 200, {"apiVersion": "v1", "kind": "Status", "status": "Success"}

    def open_watch(self, out: Outgoing) -> bytes:
        """Register the watch; returns what a WatchList says at first."""
        path, _, query = out.target.partition("?")
        self.seen.append(out)
        self.watches[out.step] = path
        asked = parse_qs(query)
        if "sendInitialEvents" not in asked:
            return b""
        api_version, kind = collection_kind(path) or ("", "")
        lines = [{"type": "ADDED", "object": obj} for key, obj in self.objects.items() if self._in(path, key)]
        end = {"resourceVersion": str(self.version), "annotations": {"k8s.io/initial-events-end": "true"}}
        if self.bookmark:
            lines.append({"type": "BOOKMARK", "object": {"apiVersion": api_version, "kind": kind, "metadata": end}})
        return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


@dataclass
class Drive:
    """Lets a run and a cluster talk until nothing is due; the clock jumps to what is next."""

    run: ScriptRun
    cluster: Answering
    spoil: Spoil = lambda out, reply: reply
    now: float = 1000.0

    def to_end(self, until_s: float = 60.0) -> None:
        self.run.start(self.now)
        end = self.now + until_s
        while self.now < end:
            for out in self.run.due(self.now):
                self._serve(out)
            self.tell_events()
            due = self.run.next_due
            if due is None:
                return
            self.now = max(self.now, due)

    def _serve(self, out: Outgoing) -> None:
        if out.watch:
            first = self.cluster.open_watch(out)
            if self.run.watch_started(out.step, 200, self.cluster.watch_type, self.now):
                self.run.watch_data(out.step, first, self.now)
            return
        status, content_type, body = self.spoil(out, self.cluster.answer(out))
        if status:
            self.run.answered(out.step, status, content_type, body, self.now)

    def tell_events(self) -> None:
        """Hand on what happened in the cluster."""
        while self.cluster.events:
            step, data = self.cluster.events.pop(0)
            self.run.watch_data(step, data, self.now)


@dataclass
class FakeDrive(Drive):
    """With a cluster whose objects a test may touch."""

    cluster: FakeCluster
