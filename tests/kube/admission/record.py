"""Asks a real server about every change of :mod:`mutations`, with dryRun, and keeps what it says.

    python -m tests.kube.admission.record KUBECONFIG      (writes data/answers.json.gz; the cluster may be thrown away)

Each line: the object's number among the bases, the verb, what was changed, the status, and what the server said: the
message and the causes of a refusal, the whole object where nothing was changed.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kube.admission import mutations
from tests.kube.admission.places import collection, renamed
from tests.kube.record import Server

Obj = dict[str, Any]
ANSWERS = Path(__file__).parent / "data" / "answers.json.gz"
DRY = "?dryRun=All"
#: Long texts are all the same story: one in this many is kept of refusals and acceptances alike.
LONG = "xxxxxxxxxxxx"


def prepare(server: Server) -> list[Obj]:
    """Make every base; what they are then."""
    for name in (mutations.NAMESPACE, f"{mutations.NAMESPACE}-limits"):
        _send(server, "POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    time.sleep(2)  # the namespaces' own accounts
    for base in mutations.bases():
        status, answer = _send(server, "POST", collection(base), base)
        if status != 201:
            raise LookupError(f"{base['kind']}: {status} {answer}")
    return [_live(server, base) for base in mutations.bases()]


def _live(server: Server, base: Obj) -> Obj:
    found: Obj = json.loads(server.text(f"{collection(base)}/{base['metadata']['name']}"))
    return found


def _send(server: Server, method: str, path: str, body: Obj) -> tuple[int, Obj]:
    status, content, _ = server.ask(path, sent=body, method=method)
    return status, json.loads(content) if content[:1] == b"{" else {"message": content.decode()}


def answers(server: Server, live: list[Obj]) -> Iterator[list[Any]]:
    """What the server says to every change, made and replaced."""
    for number, base in enumerate(mutations.bases()):
        place = collection(base)
        for label, path, new in mutations.mutations(base):
            if LONG in label:
                continue
            made = _send(server, "POST", place + DRY, renamed(mutations.changed(base, path, new)))
            yield [number, "create", label, *said(*made, whole=path == ("kind",))]
            try:
                changed = mutations.changed(live[number], path, new)
            except (LookupError, TypeError):
                continue
            found = _send(server, "PUT", f"{place}/{base['metadata']['name']}{DRY}", changed)
            if found[0] == 422:
                yield [number, "update", label, *said(*found, whole=False)]


def said(status: int, answer: Obj, *, whole: bool) -> list[Any]:
    """Status, message, causes; the object where it is wanted."""
    if status >= 400:
        causes = (answer.get("details") or {}).get("causes") or []
        return [status, answer.get("message", ""), [[one.get("field", ""), one["message"]] for one in causes], None]
    return [status, "", [], answer if whole else None]


def main(kubeconfig: str) -> None:
    """Write the answers."""
    server = Server.of(Path(kubeconfig))
    live = prepare(server)
    content = {"live": live, "answers": list(answers(server, live))}
    ANSWERS.write_bytes(gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
