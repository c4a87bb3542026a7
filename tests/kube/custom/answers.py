"""An answer about a custom object, without what differs from run to run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

GROUP = "generated.custom-room.example.com"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Answer:
    """``causes`` and ``warnings`` are sorted: a real server's order is that of its maps."""

    status: int
    message: str
    causes: list[list[str]]
    content: dict[str, Any]
    warnings: list[str]

    @classmethod
    def of(cls, status: int, body: bytes, warnings: list[str]) -> Answer:
        """An HTTP answer."""
        found = json.loads(body)
        if found["kind"] != "Status":
            content = {name: found[name] for name in ("spec", "status") if name in found and status == 201}
            return cls(status, "", [], content if "openAPIV3Schema" not in str(content) else {}, sorted(warnings))
        causes = [
            [one["reason"], one["field"], one["message"]] for one in (found.get("details") or {}).get("causes") or ()
        ]
        message = "" if causes else found["message"]
        return cls(status, message, sorted(causes), {}, sorted(warnings) if status == 201 else [])

    def as_dict(self) -> dict[str, Any]:
        """To be kept as JSON."""
        return asdict(self)


def plural(number: int) -> str:
    """The name of a generated resource."""
    return f"things{number}"


def definition(number: int, schema: dict[str, Any]) -> dict[str, Any]:
    """A definition with a generated schema."""
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural(number)}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural(number), "kind": f"Thing{number}"},
            "versions": [version],
        },
    }


def collection(number: int) -> str:
    """Where objects of a generated resource are made."""
    return f"/apis/{GROUP}/v1/namespaces/default/{plural(number)}"


def custom_object(number: int, content: dict[str, Any]) -> dict[str, Any]:
    """An object with generated content."""
    return {**content, "apiVersion": f"{GROUP}/v1", "kind": f"Thing{number}", "metadata": {"name": "one"}}
