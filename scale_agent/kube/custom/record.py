"""A stored definition, looked at without parsing its schemas: they are nearly all of it, and no controller changes any.

The JSON of typed objects has its members in Go's order. Before the spec no member of that name is an object, and in
the status none called status is: so both can be found by their names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from scale_agent.kube.storage.version import Obj, Version

_SPEC, _STATUS = b',"spec":{', b',"status":{'
#: The conditions of a definition.
NAMES_ACCEPTED, ESTABLISHED, TERMINATING = "NamesAccepted", "Established", "Terminating"


@dataclass(slots=True)
class Record:
    """``head`` is kind, apiVersion and metadata, ``spec`` the spec's bytes; ``status`` may be changed by who asked."""

    head: Obj
    spec: bytes
    status: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, version: Version) -> Record:
        """The parts of a stored definition."""
        json = version.json
        start, end = json.find(_SPEC), json.rfind(_STATUS)
        status: dict[str, Any] = {}
        if end > start:
            status = orjson.loads(b"{" + json[end + 1 :])["status"]
        else:
            end = len(json) - 1
        return cls(orjson.loads(json[:start] + b"}"), json[start + len(_SPEC) - 1 : end], status)

    @property
    def name(self) -> str:
        """``plural.group``."""
        return str(self.head["metadata"]["name"])

    @property
    def group(self) -> str:
        """What stands behind the first dot of the name."""
        return self.name.partition(".")[2]

    @property
    def accepted(self) -> bytes:
        """The accepted names, as what they are compared by."""
        return orjson.dumps(self.status.get("acceptedNames") or {}, option=orjson.OPT_SORT_KEYS)

    def condition(self, kind: str) -> dict[str, Any] | None:
        """A condition of the status."""
        return next((one for one in self.status.get("conditions") or () if one.get("type") == kind), None)

    def holds(self, kind: str) -> bool:
        """Whether a condition is True."""
        found = self.condition(kind)
        return found is not None and found.get("status") == "True"

    def set_condition(self, kind: str, value: bool, reason: str, message: str, time: str) -> None:
        """Set a condition; its time changes only with its value (``SetCRDCondition``)."""
        conditions = self.status.get("conditions") or []
        self.status["conditions"] = set_condition(conditions, kind, value, reason, message, time)

    def object(self) -> Obj:
        """The whole definition, its spec as bytes: to be written, not to be read."""
        return {**self.head, "spec": orjson.Fragment(self.spec), "status": self.status}


def set_condition(
    conditions: list[dict[str, Any]], kind: str, value: bool, reason: str, message: str, time: str
) -> list[dict[str, Any]]:
    """The conditions with one of them set, in its old place if it has one."""
    text = "True" if value else "False"
    made = {"type": kind, "status": text, "lastTransitionTime": time, "reason": reason, "message": message}
    for index, old in enumerate(conditions):
        if old.get("type") == kind:
            if old.get("status") == text:
                made["lastTransitionTime"] = old.get("lastTransitionTime") or time
            return [*conditions[:index], made, *conditions[index + 1 :]]
    return [*conditions, made]
