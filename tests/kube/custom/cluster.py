"""A cluster with a definition, for tests."""

from __future__ import annotations

from typing import Any

from tests.kube.testbed import Bed

Obj = dict[str, Any]
GROUP = "shop.example.com"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = "application/merge-patch+json"
FREE: Obj = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def version(name: str = "v1", schema: Obj | None = None, *, storage: bool = True, **more: Any) -> Obj:
    """A version of a definition; without a schema anything goes."""
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema or FREE}, **more}


def of_spec(properties: Obj, **more: Any) -> Obj:
    """A schema whose spec has these properties."""
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties, **more}}}


def definition(plural: str = "gears", kind: str = "Gear", *versions: Obj, **names: Any) -> Obj:
    """A definition."""
    return {
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind, **names},
            "versions": list(versions) or [version()],
        },
    }


class Shop(Bed):
    """A cluster that serves ``gears``."""

    def __init__(self, *versions: Obj, **names: Any) -> None:
        super().__init__()
        self.post(DEFINITIONS, definition("gears", "Gear", *versions, **names))

    @property
    def path(self) -> str:
        return f"{DEFINITIONS}/gears.{GROUP}"

    def gears(self, name: str = "", version: str = "v1") -> str:
        return f"/apis/{GROUP}/{version}/namespaces/default/gears" + (f"/{name}" if name else "")

    def gear(self, name: str, /, spec: Any = None, version: str = "v1", **more: Any) -> Obj:
        return {
            "apiVersion": f"{GROUP}/{version}",
            "kind": "Gear",
            "metadata": {"name": name},
            "spec": spec or {},
            **more,
        }

    def make(self, name: str, /, spec: Any = None, version: str = "v1", **more: Any) -> Obj:
        return self.post(self.gears(version=version), self.gear(name, spec, version, **more))

    def merge(self, path: str, patch: Obj, expect: int = 200) -> Obj:
        return self.call("PATCH", path, patch, media=MERGE, expect=expect)

    def change(self, *versions: Obj) -> Obj:
        return self.merge(self.path, {"spec": {"versions": list(versions)}})

    def conditions(self, path: str = "") -> dict[str, tuple[str, str]]:
        found = self.get(path or self.path)["status"]["conditions"]
        return {one["type"]: (one["status"], one["reason"]) for one in found}
