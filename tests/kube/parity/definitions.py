"""Custom resource definitions and objects for scripts."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.steps import Step, get, post, wait

Obj = dict[str, Any]
ANY: Obj = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
ESTABLISHED = "status.conditions.type=Established.status==True"


def version(name: str, schema: Obj | None = None, *, storage: bool = True, **more: Any) -> Obj:
    """One version of a definition."""
    return {"name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": schema or ANY}, **more}


def definition(group: str, kind: str, *versions: Obj, scope: str = "Namespaced", **names: Any) -> Obj:
    """A CustomResourceDefinition."""
    plural = f"{kind.lower()}s"
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "kind": kind, **names},
            "versions": list(versions),
        },
    }


def installed(crd: Obj) -> list[Step]:
    """Create it and wait until it is served."""
    name, group = crd["metadata"]["name"], crd["spec"]["group"]
    first = crd["spec"]["versions"][0]["name"]
    plural = crd["spec"]["names"]["plural"]
    return [
        post("customresourcedefinitions", crd),
        wait(get(f"customresourcedefinitions/{name}"), ESTABLISHED),
        wait(get(f"/apis/{group}/{first}/{plural}"), "code=200"),
    ]


def of(group: str, plural: str, name: str = "", version: str = "v1") -> str:
    """A path in the script's namespace."""
    return f"/apis/{group}/{version}/namespaces/{{{{ns}}}}/{plural}" + (f"/{name}" if name else "")


def thing(group: str, kind: str, name: str, version: str = "v1", **more: Any) -> Obj:
    """A custom object."""
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": name}, **more}
