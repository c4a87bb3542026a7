"""Addresses and ports that a server hands out to services (``pkg/registry/core/service/storage/alloc.go``).

In order, so that every run of a seed gives the same; a real server takes them by chance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scale_agent.kube import status
from scale_agent.kube.admission.rules.report import value_text
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.storage.version import Obj

#: Cluster IPs are handed out from this /16 of the service range 10.43.0.0/16, which the bootstrap's 10.43.0.1 begins.
SERVICE_NETWORK = "10.43"
#: Node ports are handed out from here (``--service-node-port-range``).
NODE_PORTS = range(30000, 32768)
_SERVICES = ("", "services")
_OUTSIDE = ("NodePort", "LoadBalancer")


def prepare(core: Core, service: Obj) -> None:
    """Give a new service its addresses and ports, in place. Raises 422 for a port that another one has."""
    spec = service["spec"] = service.get("spec") or {}
    service["status"] = {"loadBalancer": {}}
    if spec.get("type") == "ExternalName":
        return
    if not spec.get("clusterIP"):
        if spec.get("clusterIPs"):
            return  # one of them alone is refused
        _check_families(service, spec)
        spec["clusterIP"] = _free_address(core)
    else:
        _check_address(core, service, spec)
    if spec["clusterIP"] == "None" and not spec.get("selector") and spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = "RequireDualStack"  # nobody knows what its endpoints will be
        spec["ipFamilies"] = spec.get("ipFamilies") or ["IPv4", "IPv6"]
    for name, value in (("clusterIPs", [spec["clusterIP"]]), ("ipFamilies", [_family(spec["clusterIP"])])):
        if not spec.get(name):
            spec[name] = value
    if spec.get("ipFamilyPolicy") is None:
        spec["ipFamilyPolicy"] = "SingleStack"
    _give_ports(core, service, spec)


def _check_address(core: Core, service: Obj, spec: dict[str, Any]) -> None:
    """A wanted address must be in the range, and free."""
    wanted = spec["clusterIP"]
    if wanted == "None" or not wanted.replace(".", "").isdigit():
        return
    why = ""
    if not wanted.startswith(f"{SERVICE_NETWORK}."):
        why = "the provided network does not match the current range"
    elif any(other.get("clusterIP") == wanted for other in _specs(core)):
        why = "provided IP is already allocated"
    if why:
        shown = value_text(spec.get("clusterIPs") or [wanted])
        cause = status.invalid_value("spec.clusterIPs", shown, f"failed to allocate IP {wanted}: {why}")
        raise status.invalid("Service", "", service["metadata"].get("name", ""), [cause])


def _check_families(service: Obj, spec: dict[str, Any]) -> None:
    """The cluster has one range of addresses, of IPv4."""
    for index, one in enumerate(spec.get("ipFamilies") or ()):
        if one == "IPv6":
            cause = status.invalid_value(f"spec.ipFamilies[{index}]", '"IPv6"', "not configured on this cluster")
            raise status.invalid("Service", "", service["metadata"].get("name", ""), [cause])


def _family(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def _specs(core: Core) -> Iterator[dict[str, Any]]:
    for version in core.store.list(_SERVICES):
        yield version.object().get("spec") or {}


def _free_address(core: Core) -> str:
    taken = {spec.get("clusterIP") for spec in _specs(core)}
    for number in range(2, 1 << 16):
        address = f"{SERVICE_NETWORK}.{number >> 8}.{number & 255}"
        if address not in taken:
            return address
    return "None"


def _needs_ports(spec: dict[str, Any]) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def needs_health_port(spec: dict[str, Any]) -> bool:
    """Balancers that keep to a node's own pods ask the node whether it has any."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _give_ports(core: Core, service: Obj, spec: dict[str, Any], own: frozenset[int] = frozenset()) -> None:
    if not _needs_ports(spec) and not needs_health_port(spec):
        return
    taken = {number for other in _specs(core) for number in _ports_of(other)} - own
    free = (number for number in NODE_PORTS if number not in taken and number not in set(_ports_of(spec)))
    for index, port in enumerate(spec.get("ports") or ()):
        wanted = port.get("nodePort")
        if wanted and wanted in taken:
            raise _refused(service, index, wanted, "provided port is already allocated")
        if wanted and wanted not in NODE_PORTS:
            valid = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"
            why = f"provided port is not in the valid range. The range of valid ports is {valid}"
            raise _refused(service, index, wanted, why)
        if not wanted and _needs_ports(spec):
            port["nodePort"] = next(free)
    if needs_health_port(spec) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = next(free)


def _ports_of(spec: dict[str, Any]) -> Iterator[int]:
    for port in spec.get("ports") or ():
        if port.get("nodePort"):
            yield port["nodePort"]
    if spec.get("healthCheckNodePort"):
        yield spec["healthCheckNodePort"]


def _refused(service: Obj, index: int, number: int, why: str) -> StatusError:
    cause = status.invalid_value(f"spec.ports[{index}].nodePort", str(number), why)
    return status.invalid("Service", "", service["metadata"].get("name", ""), [cause])


def complete(core: Core, old: Obj, new: Obj) -> None:
    """What a replaced service keeps of its old self, drops with its old type, and gets anew, in place."""
    before, after = old.get("spec") or {}, new.get("spec") or {}
    after["type"] = after.get("type") or "ClusterIP"
    new["spec"] = after
    if after["type"] == "ExternalName":
        _leave_cluster(before, after)
        return
    if before.get("type") != "ExternalName":
        for name in _ADDRESSES:
            if not after.get(name) and before.get(name):
                after[name] = before[name]
    elif not after.get("clusterIP"):
        after["clusterIP"] = _free_address(core)
        after["clusterIPs"], after["ipFamilies"] = [after["clusterIP"]], [_family(after["clusterIP"])]
        after["ipFamilyPolicy"] = "SingleStack"
    _keep_ports(before, after)
    _drop_outside(before, after)
    lacks_ports = _needs_ports(after) and not all(one.get("nodePort") for one in after.get("ports") or ())
    if lacks_ports or (needs_health_port(after) and not after.get("healthCheckNodePort")):
        _give_ports(core, new, after, own=frozenset(_ports_of(before)))


_ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


def _leave_cluster(before: dict[str, Any], after: dict[str, Any]) -> None:
    """A service that becomes a name only has no addresses any more."""
    for name in (*_ADDRESSES, "internalTrafficPolicy"):
        if after.get(name) == before.get(name):
            after.pop(name, None)
    _drop_outside(before, after)


def _keep_ports(before: dict[str, Any], after: dict[str, Any]) -> None:
    """``patchAllocatedValues``: a port that is left out is the one that the service had."""
    if _needs_ports(before) and _needs_ports(after):
        had = {_port_key(one): one.get("nodePort") for one in before.get("ports") or ()}
        used = set(_ports_of(after))
        for one in after.get("ports") or ():
            number = had.get(_port_key(one))
            if not one.get("nodePort") and number and number not in used:
                one["nodePort"] = number
    if needs_health_port(before) and needs_health_port(after) and not after.get("healthCheckNodePort"):
        after["healthCheckNodePort"] = before.get("healthCheckNodePort")


def _port_key(port: Obj) -> tuple[str, Any]:
    return port.get("protocol") or "TCP", port.get("port")


def _outside(spec: dict[str, Any]) -> bool:
    return spec.get("type") in _OUTSIDE or (spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs")))


def _drop_outside(before: dict[str, Any], after: dict[str, Any]) -> None:
    """``dropTypeDependentFields``: what the old type needed and the new one has no use for, unless it was changed."""
    numbers = [[one.get("nodePort") for one in spec.get("ports") or ()] for spec in (before, after)]
    if _needs_ports(before) and not _needs_ports(after) and numbers[0] == numbers[1]:
        for one in after.get("ports") or ():
            one.pop("nodePort", None)
    balanced = before.get("type") == "LoadBalancer" and after.get("type") != "LoadBalancer"
    for dropped, name in (
        (needs_health_port(before) and not needs_health_port(after), "healthCheckNodePort"),
        (balanced, "allocateLoadBalancerNodePorts"),
        (balanced, "loadBalancerClass"),
        (_outside(before) and not _outside(after), "externalTrafficPolicy"),
    ):
        if dropped and after.get(name) == before.get(name):
            after.pop(name, None)
