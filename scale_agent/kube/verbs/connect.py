"""exec, attach, port-forward and proxies: all lead to a kubelet or a pod, and nothing listens there.

The answers are those of a real API server whose kubelet cannot be reached: an HTTP answer before any upgrade, which
kubectl and client-go report as an error of the server.
"""

from __future__ import annotations

import re
from typing import NoReturn

from scale_agent.kube import query, status
from scale_agent.kube.codec import gonumbers
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs import containers
from scale_agent.kube.verbs.call import Call

#: ``name``, ``name:port``, ``scheme:name:port``.
_TARGET = re.compile(r"(?:(https?|):)??([^:]+)(?::([^:]*))?")
_NO_ONE = "connect: connection refused"
_LARGEST_PORT = 65535


def stream(call: Call) -> Response:
    """exec and attach. Raises 400, 404, 500."""
    pod = call.current().object()
    containers.chosen(pod, query.parse_query(call.request.query).get("container", ""))
    return _dial(call, pod)


def forward(call: Call) -> Response:
    """portforward. Raises 400, 404, 500."""
    return _dial(call, call.current().object())


def _dial(call: Call, pod: Obj) -> NoReturn:
    node = pod["spec"].get("nodeName")
    if not node:
        raise status.bad_request(f"pod {call.route.name} does not have a host assigned")
    address = containers.kubelet(call.core, node, "pods")
    headers = call.request.headers
    if "upgrade" not in headers.get("connection", "").lower() or not headers.get("upgrade"):
        raise status.bad_request("Upgrade request required")
    raise StatusError(500, "", f"error dialing backend: dial tcp {address}: {_NO_ONE}")


def proxy(call: Call) -> Response:
    """…/proxy and …/proxy/{path} of nodes, pods and services. Raises 400, 404, 503."""
    plural = call.resource.plural
    target = _TARGET.fullmatch(call.route.name)
    if target is None:
        raise status.bad_request(f'invalid {plural.removesuffix("s")} request "{call.route.name}"')
    address = _ADDRESSES[plural](call, target[2], target[3] or "")
    raise _unreachable(address)


def _unreachable(address: str) -> StatusError:
    port = address.rpartition(":")[2]
    why = f"dial tcp {address}: {_NO_ONE}"
    number = gonumbers.whole(port)
    if number is not None and number > _LARGEST_PORT:
        why = f"dial tcp: address {port}: invalid port"
    return _unavailable(f"error trying to reach service: {why}")


def _unavailable(message: str) -> StatusError:
    return StatusError(503, "ServiceUnavailable", message)


def _object(call: Call, name: str) -> Obj:
    found = call.core.store.get(call.resource.key, call.route.namespace, name)
    if found is None:
        raise status.not_found(call.resource.plural, "", name)
    return found.object()


def _node(call: Call, name: str, port: str) -> str:
    address = containers.kubelet(call.core, name)
    return f"{address.rpartition(':')[0]}:{port}" if port else address


def _pod(call: Call, name: str, port: str) -> str:
    pod = _object(call, name)
    ip = (pod.get("status") or {}).get("podIP")
    if not ip:
        raise status.bad_request("address not allowed")
    if not port:
        ports = [
            one["containerPort"] for container in pod["spec"]["containers"] for one in container.get("ports") or ()
        ]
        port = str(ports[0]) if ports else "80"
    return f"{ip}:{port}"


def _service(call: Call, name: str, port: str) -> str:
    service = _object(call, name)
    wanted = port
    number = gonumbers.whole(port)
    if number is not None:
        named = [one for one in service["spec"].get("ports") or () if one["port"] == number]
        if not named:
            raise _unavailable(f'no service port {port} found for service "{name}"')
        wanted = named[0].get("name", "")
    endpoints = call.core.store.get(("", "endpoints"), call.route.namespace, name)
    if endpoints is None:
        raise status.not_found("endpoints", "", name)
    subsets = endpoints.object().get("subsets") or ()
    if not subsets:
        raise _unavailable(f'no endpoints available for service "{name}"')
    for subset in subsets:
        for one in subset.get("ports") or () if subset.get("addresses") else ():
            if one.get("name", "") == wanted:
                return f"{subset['addresses'][0]['ip']}:{one['port']}"
    raise _unavailable(f'no endpoints available for service "{call.route.name}"')


_ADDRESSES = {"nodes": _node, "pods": _pod, "services": _service}
