"""What a recorded answer and ours have in common, and what they do not: one line of text per difference.

Compared: status, the representation (``Content-Type`` as text), the headers of ``HEADERS``, and the meaning of the
body; what meaning is, ``meaning.py`` says. Where the recording kept no body, its length stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.kube.replay import managed, streams
from tests.kube.replay.decode import decoded
from tests.kube.replay.meaning import DROPPED, SHOWN, diff, normal
from tests.kube.replay.player import Outcome

#: Answer headers whose value is meaning; others (Date, Audit-Id, Etag) are of one server at one time.
HEADERS = ("Cache-Control", "Vary", "Warning", "Content-Encoding")

#: Answer headers that have to be there if they were.
PRESENT = ("Etag",)

#: A recorded watch was ended by the server if it lasted this close to its ``timeoutSeconds``; else the client left.
END_WITHIN_S = 0.5

#: The length of ours against a recorded one whose body was not kept.
LENGTH_LOW, LENGTH_HIGH, LENGTH_SLACK = 0.9, 1.1, 60

#: When periodic bookmarks come is the server's choice: a watch may have this many more or fewer.
BOOKMARKS = 3

DIFFERENCES = 12


def differences(outcome: Outcome) -> list[str]:
    """Everything that differs, at most ``DIFFERENCES`` lines."""
    found = [*_head(outcome), *outcome.mapping]
    if outcome.status == outcome.line.status:
        found += _stream(outcome) if outcome.line.is_watch and outcome.watch else _answer(outcome)
    return found[:DIFFERENCES]


def _head(outcome: Outcome) -> Iterator[str]:
    line = outcome.line
    if outcome.status != line.status:
        yield f"status {outcome.status}, recorded {line.status}: {outcome.body[: SHOWN * 2]!r}"
        return
    ours = outcome.header("Content-Type")
    if line.content_type and ours != line.content_type:
        yield f"content type {ours!r}, recorded {line.content_type!r}"
    for name in HEADERS if line.answer_headers else ():
        recorded = line.answer_headers.get(name, "")
        if outcome.header(name) != recorded:
            yield f"{name} {outcome.header(name)!r}, recorded {recorded!r}"
    for name in PRESENT:
        if name in line.answer_headers and not outcome.header(name):
            yield f"{name} missing"


def _answer(outcome: Outcome) -> Iterator[str]:
    line = outcome.line
    if line.has_answer:
        ours, recorded = (decoded(line.content_type, body) for body in (outcome.body, line.answer_bytes))
        yield from diff(normal(recorded), normal(ours))
    elif line.length >= 0:
        more = 0
        if not outcome.header("Content-Encoding"):
            more = _managed(decoded(line.content_type, outcome.body), line.content_type)
        yield from _length(line.length, len(outcome.body), len(outcome.body) + more)


def managed_differences(outcome: Outcome) -> list[str]:
    """Where managed fields differ, of an answer whose recorded body has some."""
    line = outcome.line
    if line.is_watch or (b"managedFields" not in line.answer_bytes and b"FieldsV1" not in line.answer_bytes):
        return []
    dropped = DROPPED - {"managedFields"}
    ours, recorded = (_by_owner(decoded(line.content_type, body)) for body in (outcome.body, line.answer_bytes))
    return list(diff(normal(recorded, dropped=dropped), normal(ours, dropped=dropped)))[:DIFFERENCES]


def _by_owner(value: Any) -> Any:
    """Managed fields by owner: a server has them by time, and what is played for other actors has but one time."""
    if isinstance(value, list):
        return [_by_owner(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {name: _by_owner(item) for name, item in value.items()}
    if isinstance(out.get("managedFields"), list):
        owner = ("operation", "manager", "subresource")
        out["managedFields"].sort(key=lambda entry: [entry.get(name, "") for name in owner])
    return out


def _managed(value: Any, content_type: str) -> int:
    return managed.missing_in(value, protobuf="protobuf" in content_type)


def _length(recorded: int, shortest: int, longest: int) -> Iterator[str]:
    """Our answer has one of a range of lengths, for what is left open (managed fields, how many bookmarks)."""
    if longest < LENGTH_LOW * recorded - LENGTH_SLACK or shortest > LENGTH_HIGH * recorded + LENGTH_SLACK:
        yield f"{shortest} to {longest} bytes, recorded {recorded}"


# streams


def _stream(outcome: Outcome) -> Iterator[str]:
    line = outcome.line
    if line.length < 0:
        return
    over = abs(line.duration_s - float(line.query.get("timeoutSeconds", "inf"))) < END_WITHIN_S
    if outcome.ended != over:
        yield f"the watch {'ended' if outcome.ended else 'went on'}, the recorded one {'ended' if over else 'went on'}"
    ours = streams.events(line.content_type, outcome.body)
    if not line.has_answer:
        more = sum(_managed(event.object, line.content_type) for event in ours)
        bookmarks = BOOKMARKS * max((event.size for event in ours if event.type == "BOOKMARK"), default=0)
        size = len(outcome.body)
        yield from _length(line.length, size - bookmarks, size + more + bookmarks)
        return
    recorded = streams.events(line.content_type, line.answer_bytes)
    yield from _initial(recorded, ours)
    yield from diff(_by_object(recorded), _by_object(ours))


def _initial(recorded: list[streams.Event], ours: list[streams.Event]) -> Iterator[str]:
    counts = [[i for i, event in enumerate(side) if event.ends_initial] for side in (recorded, ours)]
    if counts[0] != counts[1]:
        yield f"initial events end at {counts[1]}, recorded {counts[0]}"


def _by_object(events: list[streams.Event]) -> dict[str, list[dict[str, Any]]]:
    """What happened to each object, in order; bookmarks left out (when they come is the server's choice)."""
    found: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event.type != "BOOKMARK":
            found.setdefault(event.name, []).append({"type": event.type, "object": normal(event.object)})
    return found
