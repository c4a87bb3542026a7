"""The scale subresource: autoscaling/v1 Scale over whatever has replicas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scale_agent.kube import query, status, writes
from scale_agent.kube.custom import scale as custom_scale
from scale_agent.kube.custom.definition import ServedVersion
from scale_agent.kube.custom.scale import Replicas
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.patching import applying, managed, ownership, scale_owners, updater
from scale_agent.kube.patching.managed import By
from scale_agent.kube.patching.ownership import Owners
from scale_agent.kube.representation import encoders
from scale_agent.kube.selectors import selector_text
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.verbs import bodies, patch_bodies
from scale_agent.kube.verbs import patch as patching
from scale_agent.kube.verbs.call import Call

API_VERSION = "autoscaling/v1"


def _parts(obj: Obj, declared: ServedVersion | None) -> Replicas:
    """How many an object has and wants. Raises 500 for a custom object whose values are none."""
    if declared is not None and declared.scale is not None:
        return custom_scale.read(obj, declared.scale)
    spec, state = obj.get("spec") or {}, obj.get("status") or {}
    return Replicas(spec.get("replicas") or 0, state.get("replicas", 0), selector_text(spec.get("selector")))


def scale_of(obj: Obj, declared: ServedVersion | None = None) -> Obj:
    """The Scale of an object (fields and order as recorded); ``declared``: the version of its definition."""
    found = _parts(obj, declared)
    meta = obj["metadata"]
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    spec: dict[str, Any] = {}
    if found.replicas or found.replicas is None:
        spec["replicas"] = found.replicas or custom_scale.UNSET
    state: dict[str, Any] = {"replicas": found.status_replicas}
    if found.selector:
        state["selector"] = found.selector
    return {
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": {name: meta[name] for name in names if name in meta},
        "spec": spec,
        "status": state,
    }


def get(call: Call) -> Response:
    """GET …/scale."""
    current = call.current()
    paths = call.resource.declared.scale if call.resource.declared is not None else None
    if paths is not None and custom_scale.read(current.object(), paths).replicas is None:
        raise custom_scale.missing(paths)
    return _answer(call, current)


def update(call: Call) -> Response:
    """PUT …/scale."""
    scale, _ = bodies.document(call, API_VERSION, "Scale")
    bodies.check_namespace(call, scale)
    bodies.check_name(call, scale)
    options = call.options("UpdateOptions")
    return _write(call, scale, options, _Plain(call, options))


def patch(call: Call) -> Response:
    """PATCH …/scale: the Scale is patched, as it would be without its object."""
    media = patching.media_of(call)
    options = patching.options_of(call, media)
    if media == patch_bodies.APPLY:
        return _apply(call, options)
    obj = call.current().object()
    live = scale_of(obj, call.resource.declared)
    before = _with_owners(live, scale_owners.of_scale(ownership.owners_of(obj), _path(call)))
    body = patch_bodies.parsed(call.request.body, media, options.validation)
    result, shown = patching.made(media, before, body, call.core.catalog.schema.kind("autoscaling", "v1", "Scale"))
    try:
        scale = call.core.catalog.document(result, API_VERSION, "Scale")
    except StatusError as error:
        raise patching.unfit(shown(), error.message.partition("cannot be handled as a Scale: ")[2]) from error
    patching.check_place(call, scale)
    return _write(call, scale, options, _Plain(call, options))


def _apply(call: Call, options: query.WriteOptions) -> Response:
    obj = call.current().object()
    config = patch_bodies.configuration(call.request.body)
    owners = scale_owners.of_scale(ownership.owners_of(obj), _path(call))
    live = call.core.catalog.document(scale_of(obj, call.resource.declared), API_VERSION, "Scale")
    versions = scale_owners.versions_of(call.core)
    target = applying.Target(versions, API_VERSION, "Scale", live, owners)
    empty = call.core.catalog.document({"metadata": {}}, API_VERSION, "Scale")
    actor = call.actor(options)
    applied = applying.apply_to(target, config, By(actor.manager, actor.stamp, "scale"), empty, force=options.force)
    if not call.resource.typed and applied.obj != live:
        raise _inconvertible(config)
    scale = call.core.catalog.document(applied.obj, API_VERSION, "Scale")
    patching.check_place(call, scale)
    return _write(call, scale, options, lambda *_: applied.owners)


def _inconvertible(config: Obj) -> StatusError:
    """500: a real server cannot apply to the Scale of a custom resource, unless nothing changes (seen in 1.36.2)."""
    meta = config.get("metadata") or {}
    place = f"{meta.get('namespace', '')}/{meta.get('name', '')}; {applying.gvk(API_VERSION, 'Scale')}"
    why = f"request to convert CR to an invalid group/version: {API_VERSION}"
    return StatusError(500, "", f"failed to convert new object ({place}) to proper version: {why}")


#: What becomes of a Scale's owners, from the Scale before and after.
_Owning = Callable[[Obj, Obj, Owners], Owners]


class _Plain:
    """A write that is no apply: who sets the replicas owns them."""

    def __init__(self, call: Call, options: query.WriteOptions) -> None:
        actor = call.actor(options)
        self._by = By(actor.manager, actor.stamp, "scale")
        self._versions = scale_owners.versions_of(call.core)

    def __call__(self, before: Obj, after: Obj, owners: Owners) -> Owners:
        if owners:
            managed.grow(updater.Change(self._versions, API_VERSION, before, after), owners, self._by)
        return owners


def _with_owners(scale: Obj, owners: Owners) -> Obj:
    meta = {**scale["metadata"], **({"managedFields": ownership.entries_of(owners)} if owners else {})}
    return {**scale, "metadata": meta}


def _path(call: Call) -> tuple[str, ...]:
    """Where the object has its replicas, as path elements."""
    declared = call.resource.declared
    found = declared.scale.replicas if declared is not None and declared.scale is not None else ("spec", "replicas")
    return tuple(f"f:{name}" for name in found)


def _write(call: Call, scale: Obj, options: query.WriteOptions, owning: _Owning) -> Response:
    current = call.current()
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if call.resource.typed and (not isinstance(replicas, int) or replicas < 0):
        cause = status.invalid_value("spec.replicas", str(replicas), "must be greater than or equal to 0")
        raise status.invalid("Scale", "autoscaling", current.name, [cause])
    obj = current.object()
    _check_uid(call, obj, scale)
    owned = _owned(call, obj, scale, owning)
    wanted = (scale.get("metadata") or {}).get("resourceVersion")
    if wanted:
        obj["metadata"]["resourceVersion"] = wanted
    declared = call.resource.declared
    if declared is not None and declared.scale is not None:
        if replicas == custom_scale.UNSET:
            raise custom_scale.unset(declared.scale)
        custom_scale.write(obj, declared.scale, replicas)
    else:
        obj.setdefault("spec", {})["replicas"] = replicas
    version = writes.update(call.core, call.resource, current, obj, call.actor(options), "scale", owned)
    return _answer(call, version)


def _check_uid(call: Call, obj: Obj, scale: Obj) -> None:
    """Refuse the Scale of another object (409)."""
    uid, is_now = (scale.get("metadata") or {}).get("uid"), obj["metadata"]["uid"]
    if uid and uid != is_now:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {is_now}"
        raise status.conflict(f"{call.resource.plural}/scale", call.resource.group, call.route.name, why)


def _owned(call: Call, obj: Obj, scale: Obj, owning: _Owning) -> list[Obj]:
    """The object's managedFields after its Scale was written."""
    owners, path = ownership.owners_of(obj), _path(call)
    before = call.core.catalog.document(scale_of(obj, call.resource.declared), API_VERSION, "Scale")
    theirs = owning(before, scale, scale_owners.of_scale(owners, path))
    return ownership.entries_of(scale_owners.of_object(owners, theirs, path, call.resource.api_version))


def _answer(call: Call, version: Version) -> Response:
    scale = scale_of(version.object(), call.resource.declared)
    content_type, body = encoders.document(call.core.catalog, scale, call.request.headers.get("accept", ""))
    return Response(200, call.headers(content_type), body)
