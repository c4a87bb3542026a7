"""Which container of a pod a request means, and where its kubelet would be."""

from __future__ import annotations

from scale_agent.kube import status
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.storage.version import Obj

_LISTS = ("initContainers", "containers", "ephemeralContainers")
_KUBELET_PORT = 10250
#: Which of a node's addresses is dialled (--kubelet-preferred-address-types, as k3s and RKE2 set it).
_PREFERRED = ("InternalIP", "ExternalIP", "Hostname")


def chosen(pod: Obj, wanted: str) -> Obj:
    """The container of that name, or the only one. Raises 400 (validateContainer)."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    listed = [one for member in _LISTS for one in spec.get(member) or ()]
    if wanted:
        found = next((one for one in listed if one["name"] == wanted), None)
        if found is None:
            raise status.bad_request(f"container {wanted} is not valid for pod {name}")
        return dict(found)
    if len(spec["containers"]) != 1:
        names = " ".join(one["name"] for one in listed)
        raise status.bad_request(f"a container name must be specified for pod {name}, choose one of: [{names}]")
    return dict(spec["containers"][0])


def kubelet(core: Core, node: str, resource: str = "nodes") -> str:
    """``address:port`` of a node's kubelet. Raises 404 (with ``resource`` in its text), 500."""
    found = core.store.get(("", "nodes"), "", node)
    if found is None:
        raise status.not_found(resource, "", node)
    state = found.object().get("status") or {}
    port = ((state.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or _KUBELET_PORT
    addresses = state.get("addresses") or ()
    for kind in _PREFERRED:
        for one in addresses:
            if one["type"] == kind:
                return f"{one['address']}:{port}"
    known = " ".join(f"{{{one['type']} {one['address']}}}" for one in addresses)
    raise StatusError(500, "", f"no preferred addresses found; known addresses: [{known}]")
