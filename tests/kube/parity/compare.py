"""Where two answers differ, in words: ``theirs`` is the real server's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.kube.parity.answers import CRASHED
from tests.kube.parity.normal import Normal

SHOWN = 300


def differences(theirs: Normal, ours: Normal) -> list[str]:
    """Empty if they are equal in status, headers, body, order of keys and form."""
    found = []
    if ours.status == CRASHED:
        return ["crashed: " + str(ours.body).strip().rpartition("\n")[2], *str(ours.body).splitlines()[-9:]]
    if theirs.status != ours.status:
        found.append(f"status {ours.status}, should be {theirs.status}")
    found += _headers(theirs, ours)
    found += diff(theirs.body, ours.body, "")
    if not found and json.dumps(theirs.body) != json.dumps(ours.body):
        found += order(theirs.body, ours.body, "")
    if theirs.shape != ours.shape:
        found.append(f"written as {ours.shape[:200]}, should be {theirs.shape[:200]}")
    return found


def _headers(theirs: Normal, ours: Normal) -> Iterator[str]:
    for name in sorted({name for name, _ in theirs.headers + ours.headers}):
        wanted = [value for key, value in theirs.headers if key == name]
        found = [value for key, value in ours.headers if key == name]
        if wanted != found:
            yield f"header {name}: {found or 'none'}, should be {wanted or 'none'}"


def diff(theirs: Any, ours: Any, path: str) -> Iterator[str]:
    """Where two values differ, depth first."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in [*theirs, *(key for key in ours if key not in theirs)]:
            if key not in ours:
                yield f"{path}.{key} is missing: {shown(theirs[key])}"
            elif key not in theirs:
                yield f"{path}.{key} should not be: {shown(ours[key])}"
            else:
                yield from diff(theirs[key], ours[key], f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{path} has {len(ours)} items {_names(ours)}, should have {len(theirs)} {_names(theirs)}"
        for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            yield from diff(one, other, f"{path}[{index}]")
    elif theirs != ours or type(theirs) is not type(ours):
        yield f"{path} = {shown(ours)}, should be {shown(theirs)}"


def order(theirs: Any, ours: Any, path: str) -> Iterator[str]:
    """Where equal values have their keys in another order."""
    if isinstance(theirs, dict):
        if list(theirs) != list(ours):
            yield f"{path} has keys in the order {list(ours)}, should be {list(theirs)}"
        for key, item in theirs.items():
            yield from order(item, ours[key], f"{path}.{key}")
    elif isinstance(theirs, list):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from order(one, other, f"{path}[{index}]")


def _names(items: list[Any]) -> str:
    return shown([_name(item) for item in items])


def _name(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    inside = item.get("object", item)
    meta = inside.get("metadata") or {} if isinstance(inside, dict) else {}
    kind = [item["type"]] if isinstance(item.get("type"), str) else []
    return " ".join([*kind, str(meta.get("name") or item.get("name") or item.get("version") or "?")])


def shown(value: Any) -> str:
    """Short."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
