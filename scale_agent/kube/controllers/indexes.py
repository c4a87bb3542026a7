"""Indexed Jobs: which pod is which, and which are done (``indexed_job_utils.go``)."""

from __future__ import annotations

from collections.abc import Iterable

from scale_agent.kube.codec import gonumbers
from scale_agent.kube.controllers.common import annotations_of, labels_of
from scale_agent.kube.storage.version import Obj

INDEX = "batch.kubernetes.io/job-completion-index"
VARIABLE = "JOB_COMPLETION_INDEX"
#: Completions of an indexed Job are fewer (``maxParallelismForIndexedJob`` pods at a time, and each of them a name).
MOST = 10_000_000


def of(pod: Obj) -> int:
    """A pod's index; -1 if it has none."""
    found = gonumbers.whole(annotations_of(pod).get(INDEX, ""))
    return -1 if found is None else found


def parse(text: str, completions: int) -> set[int]:
    """``1,3-5,7`` as numbers below ``completions``; what is no number or range is passed over.

    ``parseIndexesFromString``: a status is what a client wrote.
    """
    found: set[int] = set()
    most = min(completions, MOST)
    for part in text.split(",") if text else ():
        first, *rest = (gonumbers.whole(one) for one in part.split("-")[:2])
        last = rest[0] if rest else first
        if first is None or last is None:
            continue
        if first >= most:
            break
        found |= set(range(first, min(last, most - 1) + 1))
    return found


def text(numbers: Iterable[int]) -> str:
    """Numbers as ``1,3-5,7``: two neighbours stand by themselves, three or more as a range."""
    parts: list[list[int]] = []
    for number in sorted(one for one in numbers if one >= 0):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{one[0]}-{one[-1]}" if len(one) > 2 else ",".join(map(str, one)) for one in parts)


def give(pod: Obj, job: Obj, number: int) -> None:
    """Make a pod the Job's number so-and-so, in place."""
    meta, name = pod["metadata"], job["metadata"]["name"]
    meta["annotations"] = {**annotations_of(pod), INDEX: str(number)}
    meta["labels"] = {**labels_of(pod), INDEX: str(number)}
    meta["generateName"] = f"{name}-{number}-"
    pod["spec"]["hostname"] = f"{name}-{number}"
    reference = {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}
    for container in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
        others = [one for one in container.get("env") or () if one.get("name") != VARIABLE]
        container["env"] = [*others, {"name": VARIABLE, "valueFrom": {"fieldRef": reference}}]
