"""Cells of networking kinds. Rules: k8s.io/kubernetes/pkg/printers."""

from __future__ import annotations

from collections.abc import Sequence

from scale_agent.kube.representation.cells import NONE
from scale_agent.kube.selectors import selector_text
from scale_agent.kube.storage.version import Obj

_MOST = 3


def some(found: Sequence[str], most: int = _MOST) -> str:
    """The first few of a list, and how many more there are."""
    more = f" + {len(found) - most} more..." if len(found) > most else ""
    return ",".join(found[:most]) + more


def class_name(obj: Obj, _: float) -> str:
    """An ingress class's name, marked when it is the default."""
    meta = obj["metadata"]
    default = (meta.get("annotations") or {}).get("ingressclass.kubernetes.io/is-default-class") == "true"
    return f"{meta['name']} (default)" if default else str(meta["name"])


def class_parameters(obj: Obj, _: float) -> str:
    """``Kind.group/name``."""
    found = (obj.get("spec") or {}).get("parameters")
    if not found:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") is not None else ""
    return f"{found.get('kind', '')}{group}/{found.get('name', '')}"


def hosts(obj: Obj, _: float) -> str:
    """The first three hosts of an ingress; ``*`` stands for all."""
    found = [rule["host"] for rule in (obj.get("spec") or {}).get("rules") or () if rule.get("host")]
    return some(found) if found else "*"


def ingress_address(obj: Obj, _: float) -> str:
    """The addresses of an ingress's load balancer."""
    ingress = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(sorted({one.get("ip") or one.get("hostname") or "" for one in ingress} - {""}))


def ingress_ports(obj: Obj, _: float) -> str:
    """443 too when there is TLS."""
    return "80, 443" if (obj.get("spec") or {}).get("tls") else "80"


def parent(obj: Obj, _: float) -> str:
    """Whose address an IPAddress is: ``services/namespace/name``."""
    found = (obj.get("spec") or {}).get("parentRef")
    if not found:
        return NONE
    group = f".{found['group']}" if found.get("group") else ""
    parts = (f"{found.get('resource', '')}{group}".lower(), found.get("namespace"), found.get("name"))
    return "/".join(part for part in parts if part)


def pod_selector(obj: Obj, _: float) -> str:
    """Which pods a policy is about."""
    return selector_text((obj.get("spec") or {}).get("podSelector")) or NONE


def cidrs(obj: Obj, _: float) -> str:
    """All ranges."""
    return ",".join((obj.get("spec") or {}).get("cidrs") or ())


def slice_ports(obj: Obj, _: float) -> str:
    """Numbers, or names of ports without one."""
    found = [
        str(one["port"]) if one.get("port") is not None else one.get("name", "*") for one in obj.get("ports") or ()
    ]
    return some(found) if found else "<unset>"


def slice_addresses(obj: Obj, _: float) -> str:
    """The first three addresses of a slice."""
    found = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    return some(found) if found else "<unset>"
