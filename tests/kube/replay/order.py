"""In which order the recorded requests took effect.

Requests overlap, and a line's place in the file is when it was sent. What decides is which version of the object each
one read, needed, made stale or made: those give the order per object, completion times the rest.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from tests.kube.replay.meta import answered, asked, target
from tests.kube.replay.names import Names
from tests.kube.replay.recording import Recorded


@dataclass(frozen=True, slots=True)
class Touch:
    """One line's dealing with one object. Versions are the recorded ones, 0 where unknown."""

    index: int
    line: Recorded
    done_s: float
    needs: int
    makes: int

    @property
    def place(self) -> float:
        """Where a successful write stands among the versions, 0 if nothing tells."""
        if self.makes:
            return self.makes
        return self.needs + 0.5 if self.needs else 0


def _version(meta: object) -> int:
    text = meta.get("resourceVersion", "") if hasattr(meta, "get") else ""
    return int(text) if text else 0


def _done_s(line: Recorded) -> float:
    return line.at_s if line.is_watch else line.at_s + line.duration_s


def _touches(lines: Sequence[Recorded], names: Names) -> dict[str, list[Touch]]:
    found: dict[str, list[Touch]] = defaultdict(list)
    for index, line in enumerate(lines):
        place = target(line.path)
        if place is None:
            continue
        name = place.name or names.created.get(line.where) or asked(line).get("name", "")
        if name and not (line.method == "GET" and not place.name):
            needs = _version(asked(line)) if line.method == "PUT" else 0
            touch = Touch(index, line, _done_s(line), needs, _version(answered(line)))
            found[place.key(name)].append(touch)
    return found


def _writes(touches: Iterable[Touch]) -> list[Touch]:
    """The successful writes of one object in their order: those with a place among versions by it, others by time."""
    writes = sorted((t for t in touches if t.line.method != "GET" and t.line.status < 300), key=lambda t: t.done_s)
    slots = [i for i, t in enumerate(writes) if t.place]
    for slot, write in zip(slots, sorted((writes[i] for i in slots), key=lambda t: t.place), strict=True):
        writes[slot] = write
    return _unchanging_first(writes)


def _unchanging_first(writes: list[Touch]) -> list[Touch]:
    """Of writes that needed the same version all but the last changed nothing: their answers are as long as before."""
    out: list[Touch] = []
    for (needs, makes), group in groupby(writes, key=lambda t: (t.needs, t.makes)):
        same = list(group)
        if needs and not makes and len(same) > 1 and out:
            before = out[-1].line.length
            same.sort(key=lambda t: t.line.length != before)
        out += same
    return out


def _edges(touches: list[Touch]) -> Iterable[tuple[int, int]]:
    writes = _writes(touches)
    yield from ((a.index, b.index) for a, b in pairwise(writes))
    for touch in touches:
        if touch.line.status == 409:
            yield from _after_cause(touch, writes)
        elif touch.line.method == "GET" and touch.makes:
            yield from _around_read(touch, writes)
        elif touch.line.method == "GET" and not touch.line.has_answer:
            yield from _by_length(touch, writes)
        elif touch.line.status == 404:
            yield from _before_creation(touch, writes)


def _after_cause(touch: Touch, writes: list[Touch]) -> Iterable[tuple[int, int]]:
    if touch.line.method == "POST":
        yield from ((w.index, touch.index) for w in writes[:1] if w.line.method == "POST")
        return
    later = [write for write in writes if write.place > touch.needs]
    yield from ((write.index, touch.index) for write in later if write.place == later[0].place)


def _around_read(touch: Touch, writes: list[Touch]) -> Iterable[tuple[int, int]]:
    for write in writes:
        unchanged = write.place == touch.makes and touch.done_s <= write.line.at_s  # a write that changed nothing
        if not write.place:
            continue
        if write.place <= touch.makes and not unchanged:
            yield write.index, touch.index
        else:
            yield touch.index, write.index
            return


def _by_length(touch: Touch, writes: list[Touch]) -> Iterable[tuple[int, int]]:
    """A read whose version is unknown and that overlapped a write: its length says which side of it it was on."""
    for write in writes:
        overlaps = write.line.at_s <= touch.done_s and touch.line.at_s <= write.done_s
        if overlaps and touch.line.length == write.line.length:
            yield write.index, touch.index
        elif overlaps and touch.line.length > 0 and touch.line.content_type == write.line.content_type:
            yield touch.index, write.index


def _before_creation(touch: Touch, writes: list[Touch]) -> Iterable[tuple[int, int]]:
    deleted = any(w.line.method == "DELETE" for w in writes)
    if writes and writes[0].line.method == "POST" and not deleted and touch.line.at_s <= writes[0].done_s:
        yield touch.index, writes[0].index


def by_effect(lines: Sequence[Recorded], names: Names) -> list[Recorded]:
    """The lines in the order in which they took effect. Deterministic; a contradiction falls back to time."""
    after: dict[int, set[int]] = defaultdict(set)
    waiting = [0] * len(lines)
    for touches in _touches(lines, names).values():
        for a, b in _edges(touches):
            if b not in after[a] and a != b:
                after[a].add(b)
                waiting[b] += 1
    return [lines[i] for i in _sorted(lines, after, waiting)]


def _sorted(lines: Sequence[Recorded], after: dict[int, set[int]], waiting: list[int]) -> Iterable[int]:
    def rank(index: int) -> tuple[float, float, int]:
        return (_done_s(lines[index]), lines[index].at_s, index)

    ready = [rank(i) for i, count in enumerate(waiting) if not count]
    left = set(range(len(lines)))
    heapq.heapify(ready)
    while left:
        index = heapq.heappop(ready)[2] if ready else min(left, key=rank)
        if index not in left:
            continue
        left.discard(index)
        yield index
        for follower in after[index]:
            waiting[follower] -= 1
            if not waiting[follower] and follower in left:
                heapq.heappush(ready, rank(follower))
