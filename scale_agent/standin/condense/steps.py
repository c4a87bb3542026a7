"""Recorded requests as steps: in their order, with what each waits for.

A step (all times in seconds, at the recorded speed)::

    {"id": 19, "at": 0.346, "anchor": "start", "conn": 15, "client": "rancher", "method": "PUT", "path": "...",
     "query": {...}, "headers": 3, "encoding": "json", "body": {...}, "change": true, "stale": false,
     "status": 200, "after": [9], "needs": ["synced"], "marks": [], "watch": false}

``headers`` is an index into the script's ``headers``; ``change`` says that ``body`` is a merge patch on the object as
the cluster last showed it; ``stale`` that the resourceVersion before the last is to be sent (the recording has a 409
there); ``anchor`` names the event from which ``at`` counts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scale_agent.standin.condense import links
from scale_agent.standin.condense.bodies import change_of, point_owners, recorded_body
from scale_agent.standin.condense.files import read_lines
from scale_agent.standin.condense.generated import Generated
from scale_agent.standin.condense.literals import Literals, hash_placeholder

#: Nothing but probes and renewed watches comes later (recordings of all versions).
END_S = 100.0
#: The 2.15.0 import through /v3 repeats these once a second for ever; why is unknown (see the recordings' README).
#: Of the repetitions only the first ones stay: (of requests in general, of provider detection), in seconds.
LOOP_AFTER_S = {("2.15.0", "norman"): (14.0, 31.0)}
_NO_LOOP = (END_S, END_S)
_LOOPED = ("/version", "/api/v1/namespaces/kube-system", "/apis/apps/v1/namespaces/cattle-system/deployments/")
PROBE_PERIOD_S = 15.0
PROBE_SLACK_S = 0.06


def _is_probe(row: dict[str, Any]) -> bool:
    if row["path"] == "/readyz":
        return True
    phase = row["t"] % PROBE_PERIOD_S
    on_beat = row["t"] > PROBE_PERIOD_S / 2 and (phase < PROBE_SLACK_S or phase > PROBE_PERIOD_S - PROBE_SLACK_S)
    return bool(on_beat and row["path"] == "/api/v1/namespaces/kube-system" and row["method"] == "GET")


def _is_renewal(row: dict[str, Any], seen: set[str]) -> bool:
    if not _is_watch(row):
        return False
    key = row["path"] + str(row["query"].get("fieldSelector"))
    again = key in seen
    seen.add(key)
    return again


def _is_watch(row: dict[str, Any]) -> bool:
    return str((row.get("query") or {}).get("watch")) in ("true", "1")


def _in_loop(row: dict[str, Any], after_s: tuple[float, float]) -> bool:
    if row["method"] != "GET" or row["path"].endswith("/secrets"):
        return False
    in_general = row["t"] > after_s[0] and row["path"].startswith(_LOOPED) and row["t"] < after_s[1] - 1
    return bool(in_general or row["t"] > after_s[1])


def _kept(rows: list[dict[str, Any]], loop_after_s: tuple[float, float]) -> list[dict[str, Any]]:
    seen: set[str] = set()
    kept = [row for row in rows if row["t"] <= END_S and not _is_probe(row) and not _is_renewal(row, seen)]
    return [row for row in kept if not _in_loop(row, loop_after_s)]


def _step(number: int, row: dict[str, Any], headers: list[dict[str, str]]) -> dict[str, Any]:
    body, encoding = recorded_body(row)
    change = row["method"] == "PUT" and isinstance(body, dict)
    step = {
        "id": number,
        "at": row["t"],
        "end": round(row["t"] + (0 if _is_watch(row) else row.get("duration") or 0.0), 3),
        "anchor": "start",
        "conn": row["connection"],
        "client": row["client"],
        "method": row["method"],
        "path": row["path"],
        "query": hash_placeholder(row["path"], dict(row.get("query") or {})),
        "headers": _header_set(row["headers"], headers),
        "encoding": encoding,
        "body": body,
        "change": change,
        "stale": change and row["status"] == 409,
        "status": row["status"],
        "watch": _is_watch(row),
        "marks": [],
        "needs": [],
    }
    return _tidy(step, body, change)


def _tidy(step: dict[str, Any], body: Any, change: bool) -> dict[str, Any]:
    if isinstance(body, dict):
        namespace = step["path"].split("/namespaces/")[1].split("/")[0] if "/namespaces/" in step["path"] else ""
        point_owners(body, namespace)
        step["body"] = change_of(body) if change else body
    return step


def _header_set(recorded: dict[str, str], sets: list[dict[str, str]]) -> int:
    """The index of this header set; the URI header is dropped, it is made from the path."""
    headers = {name: value for name, value in recorded.items() if name != "X-Forwarded-Uri"}
    if headers not in sets:
        sets.append(headers)
    return sets.index(headers)


def _script(rows: list[dict[str, Any]]) -> dict[str, Any]:
    headers: list[dict[str, str]] = []
    steps = [_step(number, row, headers) for number, row in enumerate(rows)]
    Generated(rows, steps).apply()
    literals = Literals(rows)
    document = json.loads(literals.replace(json.dumps({"headers": headers, "steps": steps}, ensure_ascii=False)))
    links.join(document["steps"])
    return document  # type: ignore[no-any-return]


def import_script(directory: Path, path: str) -> dict[str, Any]:
    """The steps of one recorded import; ``path`` is ``steve`` or ``norman``."""
    version = directory.name.removeprefix("rancher-")
    rows = read_lines(directory / f"import-{path}.jsonl")
    return _script(_kept(rows, LOOP_AFTER_S.get((version, path), _NO_LOOP)))


def deletion_script(directory: Path) -> dict[str, Any]:
    """The steps of the recorded deletion, which begins with its first write."""
    rows = [row for row in read_lines(directory / "delete.jsonl") if not _is_watch(row) and not _is_probe(row)]
    start = next(number for number, row in enumerate(rows) if row["method"] != "GET")
    rows = rows[start:]
    last = max(number for number, row in enumerate(rows) if row["method"] != "GET")
    rows = [row for number, row in enumerate(rows) if number <= last and row["connection"] in _writers(rows)]
    origin = rows[0]["t"]
    for row in rows:
        row["t"] = round(row["t"] - origin, 3)
    return _script(rows)


def _writers(rows: list[dict[str, Any]]) -> set[int]:
    return {row["connection"] for row in rows if row["method"] != "GET"}
