"""Makes ``data/answers.json.gz``: what a real server says about generated definitions and objects for them.

python -m tests.kube.custom.record URL TOKEN
"""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.kube.custom.answers import DEFINITIONS, GROUP, Answer, collection, custom_object, definition, plural
from tests.kube.custom.generate import cases

SCHEMAS, OBJECTS = 60, 7
SETTLED_S = 4.0


class Server:
    """A real API server and an administrator's token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": "recorder",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=ssl._create_unverified_context()) as found:
                return Answer.of(found.status, found.read(), found.headers.get_all("Warning") or [])
        except urllib.error.HTTPError as refusal:
            return Answer.of(refusal.code, refusal.read(), refusal.headers.get_all("Warning") or [])


def main(url: str, token: str) -> None:
    """Create the definitions, ask about the objects (nothing is stored), delete the definitions."""
    server = Server(url, token)
    made = cases(SCHEMAS, OBJECTS)
    for number, case in enumerate(made):
        case["answer"] = server.ask("POST", DEFINITIONS, definition(number, case["schema"])).as_dict()
    time.sleep(SETTLED_S)
    for number, case in enumerate(made):
        objects = case["objects"] if case["answer"]["status"] == 201 else []
        path = f"{collection(number)}?dryRun=All"
        case["answers"] = [server.ask("POST", path, custom_object(number, one)).as_dict() for one in objects]
        server.ask("DELETE", f"{DEFINITIONS}/{plural(number)}.{GROUP}")
    packed = gzip.compress(json.dumps(made, separators=(",", ":")).encode(), mtime=0)
    (Path(__file__).parent / "data" / "answers.json.gz").write_bytes(packed)


if __name__ == "__main__":
    main(*sys.argv[1:])
