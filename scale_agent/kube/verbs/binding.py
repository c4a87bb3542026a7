"""pods/binding and bindings: a pod gets its node (registry/core/pod/storage, BindingREST)."""

from __future__ import annotations

from scale_agent.kube import preconditions, status
from scale_agent.kube.codec import moments
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs import bodies
from scale_agent.kube.verbs.call import Call, success

_PODS = ("", "v1", "pods")
_SCHEDULED = "PodScheduled"


def create(call: Call) -> Response:
    """POST …/pods/{name}/binding."""
    binding, warnings = _binding(call)
    if (binding.get("metadata") or {}).get("name") != call.route.name:
        raise status.bad_request("name in URL does not match name in Binding object")
    return _bind(call, call.route.name, binding, warnings)


def create_legacy(call: Call) -> Response:
    """POST …/bindings: the pod's name is the object's."""
    binding, warnings = _binding(call)
    name = (binding.get("metadata") or {}).get("name")
    if not name:
        raise status.bad_request("Name parameter required.")
    return _bind(call, name, binding, warnings)


def _binding(call: Call) -> tuple[Obj, list[str]]:
    obj, warnings = bodies.document(call, "v1", "Binding")
    bodies.check_namespace(call, obj)
    return obj, warnings


def _bind(call: Call, name: str, binding: Obj, warnings: list[str]) -> Response:
    target, meta = binding.get("target") or {}, binding.get("metadata") or {}
    _check_target(target)
    resource = call.core.builtin(*_PODS)
    current = call.core.store.get(resource.key, call.route.namespace, name)
    if current is None:
        raise status.not_found(resource.plural, "", name)
    obj = current.object()
    preconditions.check_update(resource, obj, meta)
    _check_pod(obj, name)
    obj["spec"]["nodeName"] = target["name"]
    for member in ("labels", "annotations"):
        if meta.get(member):
            obj["metadata"][member] = {**(obj["metadata"].get(member) or {}), **meta[member]}
    conditions = [one for one in obj["status"].get("conditions") or () if one["type"] != _SCHEDULED]
    time = moments.stamp(call.now)
    scheduled = {"type": _SCHEDULED, "status": "True", "lastProbeTime": None, "lastTransitionTime": time}
    obj["status"]["conditions"] = [*conditions, scheduled]
    if not call.options("CreateOptions").dry_run:  # written past managedFields, as the real one does
        call.core.store.put(resource.key, call.core.catalog.normalize(obj, resource), call.now)
    return success(call, warnings)


def _check_target(target: Obj) -> None:
    """Nodes only; a real server forgets to say that it is the request that is wrong. Raises 500."""
    if target.get("kind") not in (None, "", "Node"):
        kind = f'"{target["kind"]}"'
        raise _internal(f'target.kind: Unsupported value: {kind}: supported values: "Node", "<empty>"')
    if not target.get("name"):
        raise _internal("target.name: Required value")


def _internal(message: str) -> StatusError:
    return StatusError(500, "", message)


def _check_pod(obj: Obj, name: str) -> None:
    why = ""
    if obj["metadata"].get("deletionTimestamp"):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif obj["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{obj["spec"]["nodeName"]}"'
    elif obj["spec"].get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise status.conflict("pods/binding", "", name, why)
