"""Makes ``data/oracle-*.json.gz`` from a real, new control plane that may be thrown away afterwards.

    tools/schemagen: ./schemagen serve          (starts one, says where its kubeconfig is, ends with its input)
    python -m tests.kube.record KUBECONFIG [DIRECTORY]

``oracle-kinds`` is its own script: the objects that were sent then (``path``, ``sent``) are sent again, paths without
one are read again. Everything else is read before that, once the new cluster has come to rest.
"""

from __future__ import annotations

import base64
import gzip
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from tests.kube import oracle

T = TypeVar("T")
JSON, PROTOBUF = "application/json", "application/vnd.kubernetes.protobuf"
AGGREGATED = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#: Kinds that say something about the recorded process, not about every new cluster.
TRANSIENT = ("leases", "events", "componentstatuses")
CUSTOM_GROUP = "/apis/codecc.example.com"
QUIET_S, PATIENCE_S = 10.0, 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A real API server and an administrator's token."""

    url: str
    token: str

    @classmethod
    def of(cls, kubeconfig: Path) -> Server:
        """The first cluster and the first user of a kubeconfig."""
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        return cls(config["clusters"][0]["cluster"]["server"], config["users"][0]["user"]["token"])

    def ask(self, path: str, accept: str = JSON, sent: Any = None, method: str = "") -> tuple[int, bytes, str]:
        """Status, body and ETag of a GET, or of a POST (or another method) if there is something to send."""
        data = None if sent is None else json.dumps(sent, separators=(",", ":")).encode()
        headers = {"Accept": accept, "Content-Type": JSON, "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method or None)
        context = ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                return answer.status, answer.read(), answer.headers.get("Etag", "")
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read(), ""

    def text(self, path: str, accept: str = JSON) -> str:
        """The body of a GET. Raises ``LookupError`` if it is refused."""
        status, body, _ = self.ask(path, accept)
        if status != 200:
            raise LookupError(f"GET {path}: {status} {body[:200]!r}")
        return body.decode()

    def both(self, path: str, sent: Any = None) -> dict[str, Any]:
        """JSON and protobuf of the same state: asked again while it changes."""

        def attempt() -> dict[str, Any] | None:
            before, raw, after = (self.ask(path, accept, sent)[1] for accept in (JSON, PROTOBUF, JSON))
            settled = sent is not None or before == after
            return {"json": json.loads(before), "protobuf": base64.b64encode(raw).decode()} if settled else None

        return until(attempt, path)


def until(attempt: Callable[[], T | None], what: str) -> T:
    """The first result that is one. Raises ``TimeoutError``."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if (found := attempt()) is not None:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"{what}: no answer that stays the same within {PATIENCE_S:g} s")


def groups(server: Server) -> Iterator[tuple[str, dict[str, Any]]]:
    """``/api`` or ``/apis/GROUP``, and the group's aggregated discovery."""
    for root in ("/api", "/apis"):
        for group in json.loads(server.text(root, JSON + AGGREGATED))["items"]:
            name = group["metadata"].get("name", "")
            yield f"{root}/{name}" if name else root, group


def discovery(server: Server) -> dict[str, Any]:
    """All documents as JSON; the four of the roots as protobuf, with the ETags of the aggregated two."""
    paths = ["/apis", "/api"]
    for base, group in groups(server):
        paths += [base] if base != "/api" else []
        paths += [f"{base}/{version['version']}" for version in group["versions"]]
    found: dict[str, Any] = {"json": {path: server.text(path) for path in paths}, "protobuf": {}, "headers": {}}
    for root in ("/api", "/apis"):
        found["json"][f"{root} aggregated"] = server.text(root, JSON + AGGREGATED)
        for name, accept in ((root, PROTOBUF), (f"{root} aggregated", PROTOBUF + AGGREGATED)):
            found["protobuf"][name] = base64.b64encode(server.ask(root, accept)[1]).decode()
        found["headers"][root] = server.ask(root, JSON + AGGREGATED)[2]
    return {"server": server.url.removeprefix("https://"), **found}


def bootstrap(server: Server) -> dict[str, Any]:
    """Every collection that is not empty, in its group's first version."""
    found = {}
    for base, group in groups(server):
        version = group["versions"][0]
        for row in version["resources"]:
            path = f"{base}/{version['version']}/{row['resource']}"
            if "list" in row["verbs"] and row["resource"] not in TRANSIENT:
                both = server.both(path)
                found.update({path: both} if both["json"]["items"] else {})
    return found


def at_rest(server: Server) -> dict[str, Any]:
    """What the cluster holds once nothing was added for a while."""
    last, since_s = bootstrap(server), time.monotonic()
    deadline_s = since_s + PATIENCE_S
    while time.monotonic() - since_s < QUIET_S:
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"the cluster does not come to rest within {PATIENCE_S:g} s")
        time.sleep(1)
        found = bootstrap(server)
        if _items(found) != _items(last):
            last, since_s = found, time.monotonic()
    return last


def _items(lists: dict[str, Any]) -> dict[str, Any]:
    return {path: row["json"]["items"] for path, row in lists.items()}


def openapi(server: Server) -> dict[str, Any]:
    """The index, and length and ETag of every document."""
    index = server.text("/openapi/v3")
    documents = {}
    for name, row in json.loads(index)["paths"].items():
        _, body, etag = server.ask(row["serverRelativeURL"])
        documents[name] = {"length": len(body), "etag": etag}
    return {"index": index, "documents": documents}


def kinds(server: Server) -> dict[str, Any]:
    """Objects of all sorts, sent again; and the documents of the custom group that one of them makes."""
    objects = [_kind(server, row["path"], row.get("sent")) for row in oracle.load("oracle-kinds")["objects"]]
    until(lambda: True if server.ask(f"{CUSTOM_GROUP}/v1")[0] == 200 else None, CUSTOM_GROUP)
    until(lambda: True if CUSTOM_GROUP[1:] in server.text("/openapi/v3") else None, "/openapi/v3")
    paths = (CUSTOM_GROUP, f"{CUSTOM_GROUP}/v1", f"{CUSTOM_GROUP}/v1beta1")
    custom = {path: server.text(path) for path in paths}
    custom |= {"/apis": server.text("/apis", JSON + AGGREGATED), "/apis plain": server.text("/apis")}
    return {"objects": objects, "custom": custom | {"/openapi/v3": server.text("/openapi/v3")}}


def _kind(server: Server, path: str, sent: Any) -> dict[str, Any]:
    if sent is None:
        return {"path": path, **server.both(path)}

    def create() -> Any:
        status, body, _ = server.ask(path, sent=sent)
        if status == 403:  # the namespace's default ServiceAccount is not there yet
            return None
        if status != 201:
            raise LookupError(f"POST {path}: {status} {body[:300]!r}")
        return json.loads(body)

    created = until(create, path)
    stored = created["metadata"].get("uid")
    again = server.both(f"{path}/{created['metadata']['name']}") if stored else server.both(path, sent)
    return {"path": path, "sent": sent, "created": created, **again}


#: In this order: the last one writes.
PARTS: dict[str, Callable[[Server], dict[str, Any]]] = {
    "oracle-bootstrap": at_rest,
    "oracle-discovery": discovery,
    "oracle-openapi": openapi,
    "oracle-kinds": kinds,
}


def main(kubeconfig: str, directory: str = str(Path(__file__).parent / "data")) -> None:
    """Write the four files."""
    server = Server.of(Path(kubeconfig))
    made = {name: part(server) for name, part in PARTS.items()}
    for name, content in made.items():
        packed = gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0)
        (Path(directory) / f"{name}.json.gz").write_bytes(packed)


if __name__ == "__main__":
    main(*sys.argv[1:])
