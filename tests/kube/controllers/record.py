"""Plays the scenarios against a real control plane and keeps what its controllers made of them.

``python -m tests.kube.controllers.record KUBECONFIG [SCENARIO...]``; the cluster has a controller manager, and neither
scheduler nor kubelet.
"""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.kube.controllers.looks import Look, collections
from tests.kube.controllers.scenarios import SCENARIOS

DATA = Path(__file__).parent / "data"
#: Nothing has changed for so long: it has settled (seconds); and when to give up waiting for that.
QUIET_S, PATIENCE_S, LOOK_S = 1.5, 12.0, 0.3
Obj = dict[str, Any]


class Real:
    """Implements ``scenarios.Play`` with a real server."""

    def __init__(self, kubeconfig: str, scenario: str) -> None:
        config = yaml.safe_load(Path(kubeconfig).read_text(encoding="utf-8"))
        self.address = urlsplit(config["clusters"][0]["cluster"]["server"]).netloc
        self.token = config["users"][0]["user"]["token"]
        self.context = ssl._create_unverified_context()
        stamp = format(int(time.time()) % 100000, "05d")
        self.namespace = self.cluster = f"controllers-{scenario}-{stamp}x"
        self.cluster = f"cl-{scenario}-{stamp}x"
        self.look = Look(self.namespace, self.cluster)
        self.steps: list[Obj] = []
        self.started = time.time()
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})

    def filled(self, text: str) -> str:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return text.replace("{ns}", self.namespace).replace("{c}", self.cluster).replace("{now}", now)

    def call(self, method: str, path: str, body: object = None, media: str = "application/json") -> Obj:
        found = self.ask(method, self.filled(path), self.filled(json.dumps(body)) if body is not None else None, media)
        if found.get("kind") == "Status" and found.get("status") == "Failure":
            raise AssertionError(f"{method} {path}: {found}")
        return found

    def ask(self, method: str, path: str, body: str | None = None, media: str = "application/json") -> Obj:
        connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media, "User-Agent": "player/1"}
        try:
            connection.request(method, path, body, headers)
            found: Obj = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return found

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def everything(self) -> dict[str, list[Obj]]:
        return {plural: self.ask("GET", path).get("items") or [] for plural, path in collections(self.namespace)}

    def step(self, name: str) -> None:
        end, quiet_since, before = time.time() + PATIENCE_S, time.time(), ""
        taken: dict[str, list[Obj]] = {}
        while time.time() < end and time.time() - quiet_since < QUIET_S:
            time.sleep(LOOK_S)
            taken = self.look.taken(self.everything())
            text = json.dumps(taken)
            if text != before:
                quiet_since, before = time.time(), text
        self.steps.append({"name": name, "at": time.time() - self.started, "found": taken})

    def clear(self) -> None:
        self.ask("DELETE", f"/api/v1/namespaces/{self.namespace}")
        for base, plurals in (
            ("/api/v1", ("nodes", "persistentvolumes")),
            ("/apis/storage.k8s.io/v1", ("storageclasses",)),
            ("/apis/rbac.authorization.k8s.io/v1", ("clusterroles",)),
        ):
            for plural in plurals:
                for one in self.ask("GET", f"{base}/{plural}")["items"]:
                    if one["metadata"]["name"].startswith(self.cluster):
                        self.ask("DELETE", f"{base}/{plural}/{one['metadata']['name']}")


def record(kubeconfig: str, scenario: str) -> str:
    """Play one scenario and write its file; says how it went."""
    play = Real(kubeconfig, scenario)
    time.sleep(1.5)
    try:
        SCENARIOS[scenario](play)
    except AssertionError as error:
        return f"{scenario}: {error}"
    finally:
        play.clear()
    second = datetime.fromtimestamp(play.started, UTC).second
    text = json.dumps({"second": second, "steps": play.steps}, indent=0, sort_keys=True)
    path = DATA / f"{scenario}.json.gz"
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return f"{scenario}: {len(play.steps)} steps, {path.stat().st_size} bytes"


def main() -> None:
    """See the module."""
    kubeconfig, *wanted = sys.argv[1:]
    with ThreadPoolExecutor(4) as pool:
        for told in pool.map(lambda name: record(kubeconfig, name), wanted or list(SCENARIOS)):
            sys.stdout.write(told + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
