"""One API server with a clock that stands until it is moved, and short ways to ask it."""

from __future__ import annotations

import hashlib
import itertools
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import orjson

from scale_agent.kube.access import jwt
from scale_agent.kube.codec import protobuf
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Request, Response
from scale_agent.kube.server import ApiServer
from scale_agent.kube.storage.snapshot import Snapshot
from scale_agent.kube.storage.watches import ResourceWatch
from scale_agent.kube.users import LOOPBACK, User

VERSION = "v1.36.2"
START_S = 1_800_000_000.0
JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
WATCH_LIST = {
    "watch": "true",
    "allowWatchBookmarks": "true",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
}
_NONE: Mapping[str, str] = {}
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "node-1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
}


def legacy_token(namespace: str, account: str, uid: str, secret: str) -> str:
    """A token as the token controller writes it, but for its signature."""
    claim = "kubernetes.io/serviceaccount/"
    claims = {
        "iss": "kubernetes/serviceaccount",
        f"{claim}namespace": namespace,
        f"{claim}secret.name": secret,
        f"{claim}service-account.name": account,
        f"{claim}service-account.uid": uid,
        "sub": f"system:serviceaccount:{namespace}:{account}",
    }
    return f"{jwt.unsigned({'alg': 'RS256', 'kid': 'fixed'}, claims)}.c2lnbmVk"


class FixedIdentity:
    """Counts; ``seed`` tells clusters apart."""

    def __init__(
        self, seed: str = "a", ca_pem: bytes = b"-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"
    ) -> None:
        self.seed = seed
        self.ca_pem = ca_pem
        self._uids = itertools.count(1)
        self._suffixes = itertools.count()

    def uid(self, key: str) -> str:
        text = hashlib.sha256(f"{self.seed}/{key}".encode()).hexdigest()
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:32]}"

    def next_uid(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._uids):012d}"

    def suffix(self, length: int = 5) -> str:
        number, out = next(self._suffixes), ""
        for _ in range(length):
            number, digit = divmod(number, 27)
            out = "bcdfghjklmnpqrstvwxz2456789"[digit] + out
        return out

    def token(self, namespace: str, service_account: str, uid: str, secret: str) -> str:
        return legacy_token(namespace, service_account, uid, secret)


def snapshot(*objects: dict[str, Any], without: Iterable[str] = ()) -> Snapshot:
    """A snapshot with one node and these objects; ``without`` names controllers that do nothing."""
    return Snapshot.build([NODE, *objects], version=VERSION, now=START_S, without=without)


_PLAIN = snapshot()


class Bed:
    """``ask`` returns the response; the verbs below it return parsed JSON and insist on a status."""

    def __init__(self, base: Snapshot = _PLAIN, identity: FixedIdentity | None = None, *, rbac: bool = False) -> None:
        self.api = ApiServer(base, identity or FixedIdentity(), rbac=rbac)
        self.now_s = START_S + 1

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        media: str = JSON,
        accept: str = JSON,
        agent: str = "tester/1",
        user: User = LOOPBACK,
        headers: Mapping[str, str] = _NONE,
        **query: Any,
    ) -> Response:
        request = self.request(method, path, body, media=media, accept=accept, agent=agent, **query)
        request = replace(request, user=user, headers={**request.headers, **headers})
        answer = self.api.handle(request, self.now_s)
        assert isinstance(answer, Response)
        return answer

    @staticmethod
    def request(
        method: str,
        path: str,
        body: object = None,
        *,
        media: str = JSON,
        accept: str = JSON,
        agent: str = "tester/1",
        **query: Any,
    ) -> Request:
        encoded = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        headers = {"accept": accept, "content-type": media, "user-agent": agent}
        return Request(method, path, urlencode({name: str(value) for name, value in query.items()}), headers, encoded)

    def call(self, method: str, path: str, body: object = None, *, expect: int = 200, **how: Any) -> dict[str, Any]:
        response = self.ask(method, path, body, **how)
        assert response.status == expect, response.body
        parsed: dict[str, Any] = orjson.loads(response.body)
        return parsed

    def get(self, path: str, **how: Any) -> dict[str, Any]:
        return self.call("GET", path, **how)

    def post(self, path: str, body: object, **how: Any) -> dict[str, Any]:
        return self.call("POST", path, body, **{"expect": 201, **how})

    def watch(self, path: str, accept: str = JSON, **query: Any) -> ResourceWatch:
        answer = self.api.handle(self.request("GET", path, accept=accept, **query), self.now_s)
        assert isinstance(answer, ResourceWatch)
        return answer

    def advance(self, seconds: float) -> None:
        """Move the clock, doing everything at the time it is due."""
        end = self.now_s + seconds
        while True:
            due = self.api.advance(self.now_s)
            if due is None or due > end:
                break
            self.now_s = max(due, self.now_s)
        self.now_s = end
        self.api.advance(end)

    def configmap(self, name: str, namespace: str = "default", **meta: Any) -> dict[str, Any]:
        return self.post(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": name, **meta}})


def refusal(action: Callable[[], object]) -> int:
    """The code of the Status that an action raises; 0 if it raises none."""
    try:
        action()
    except StatusError as refused:
        return refused.code
    return 0


def events(watch: ResourceWatch, max_bytes: int = 1 << 20) -> list[dict[str, Any]]:
    """Everything that a JSON watch has to say now."""
    out: list[dict[str, Any]] = []
    while chunk := watch.read(max_bytes):
        out.extend(orjson.loads(line) for line in chunk.splitlines())
    return out


def frames(watch: ResourceWatch) -> list[bytes]:
    """The framed events of a protobuf watch."""
    data = watch.read(1 << 20)
    out: list[bytes] = []
    while data:
        (size,) = struct.unpack(">I", data[:4])
        out.append(data[4 : 4 + size])
        data = data[4 + size :]
    return out


def decoded(body: bytes, bed: Bed) -> dict[str, Any]:
    """A protobuf answer as an object."""
    return protobuf.decode(body, bed.api.core.catalog.schema)


def types_and_names(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What a watch said, shortly."""
    return [(one["type"], one["object"]["metadata"].get("name", "")) for one in found]
