"""Creating, replacing and deleting objects: the rules every write goes through, whoever makes it.

Requests and controllers use the same functions; nothing else changes the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from scale_agent.kube import graceful, preconditions, repeated, status
from scale_agent.kube.admission import defaults, objects, parts, quota, signing, strategies, validation
from scale_agent.kube.codec import moments
from scale_agent.kube.codec.masks import Form
from scale_agent.kube.core import Core
from scale_agent.kube.custom import admission as custom
from scale_agent.kube.custom.types import CLEANUP
from scale_agent.kube.errors import StatusError
from scale_agent.kube.graceful import DeleteOptions as DeleteOptions
from scale_agent.kube.graceful import Way
from scale_agent.kube.patching import managed
from scale_agent.kube.patching.atoms import TypedError
from scale_agent.kube.preconditions import NAMESPACES
from scale_agent.kube.schema import zeros
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.users import User

#: Names are tried this often before generateName gives up (apiserver: maxNameGenerationCreateAttempts).
NAME_ATTEMPTS = 8
#: generateName's prefix is cut so that the name stays within 63 characters.
LONGEST_PREFIX = 58
_NOTHING: Mapping[str, Any] = {}
#: Resources whose DELETE answers with the object although it is gone (stores with ``ReturnDeletedObject``).
RETURNS_DELETED = frozenset(
    (group, plural)
    for group, plurals in {
        "": "namespaces pods podtemplates persistentvolumeclaims persistentvolumes resourcequotas serviceaccounts "
        "services",
        "resource.k8s.io": "deviceclasses devicetaintrules resourceclaims resourceclaimtemplates resourceslices",
        "storage.k8s.io": "csidrivers csinodes storageclasses volumeattachments volumeattributesclasses",
    }.items()
    for plural in plurals.split()
)


#: Looks at an object that is to be stored, and at the version that it replaces; raises what it has against it.
Guard = Callable[[ResourceType, Obj, Version | None], None]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes: the field manager's name, the time, whether it is only tried (dryRun), who looks at it before.

    ``requestor``: the user, if somebody outside asked.
    """

    manager: str
    now: float
    dry_run: bool = False
    guard: Guard | None = None
    requestor: User | None = None

    @property
    def stamp(self) -> str:
        """The time as objects have it."""
        return moments.stamp(self.now)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of a deletion: the object's last or present state, and whether it is gone."""

    version: Version
    gone: bool


def create(
    core: Core,
    resource: ResourceType,
    obj: Obj,
    actor: Actor,
    state: Obj | None = None,
    owned: list[Obj] | None = None,
) -> Version:
    """Store a new object, with a status if a controller gives one. Raises :class:`StatusError` (409, 403, 404, 422).

    ``owned``: its managedFields, if they are known already (an apply).
    """
    obj = resource.ordered(obj)
    meta = obj["metadata"] = dict(obj.get("metadata") or {})
    if meta.get("resourceVersion"):
        raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
    if actor.guard is not None:
        actor.guard(resource, obj, None)
    check_namespace(core, resource, meta)
    _name(core, resource, meta)
    objects.begin(resource, obj, uid=core.identity.next_uid(), time=moments.stamp(actor.now))
    custom.check_open(resource, meta)
    asked = _asked(core, resource, None, obj, actor, state=state) if owned is None else None
    known = asked.known() if asked is not None else None
    if asked is not None and known is not None:
        _check_free(core, resource, meta)
        return _store_again(core, resource, obj, actor, asked, known)
    made = _new(core, resource, obj, actor, state, owned)
    if asked is not None:
        asked.note(made)
    return made


def _new(
    core: Core, resource: ResourceType, obj: Obj, actor: Actor, state: Obj | None, owned: list[Obj] | None
) -> Version:
    """What :func:`create` makes of an object that has its name, uid and time, in place."""
    defaults.fill(core.catalog.version, resource, obj, actor.stamp)
    strategies.convert(resource, obj)
    by = managed.By(actor.manager, actor.stamp)
    if resource.typed:
        _own(core, resource, None, obj, by, owned)
    strategies.prepare_new(core, resource, obj)
    signing.prepare_new(resource, obj, actor.requestor)
    if state is not None:
        obj["status"] = state
    validation.check(resource, obj, custom.problems_of_new(resource, obj))
    if not resource.typed:  # only what has its schema has owners
        _own(core, resource, None, obj, by, owned)
    quota.check(core, resource, obj)
    _check_free(core, resource, obj["metadata"])
    obj = _shaped(core, resource, obj)
    return _store(core, resource, obj, actor)


def _asked(
    core: Core,
    resource: ResourceType,
    before: Version | None,
    obj: Obj,
    actor: Actor,
    subresource: str = "",
    state: Obj | None = None,
) -> repeated.Question | None:
    """The write as a question, unless more counts than what is written: who may, or what there is room for."""
    if actor.dry_run or actor.guard is not None or (before is None and quota.counts(core, resource)):
        return None
    whole = obj if state is None else {**obj, "status": state}
    words = (actor.manager, subresource, "" if state is None else "with a state")
    if subresource == "status":  # the rest is the stored object's
        whole = {name: obj[name] for name in ("metadata", "status") if name in obj}
    return repeated.about(core, resource, before, whole, actor.stamp, words)


def _store_again(
    core: Core, resource: ResourceType, obj: Obj, actor: Actor, asked: repeated.Question, known: Form
) -> Version:
    """Store what the same write made elsewhere."""
    if actor.requestor is not None:  # whoever asked may be warned of defaults too
        defaults.fill(core.catalog.version, resource, obj, actor.stamp)
    meta = obj["metadata"]
    number = core.store.rv + 1
    version = Version(meta.get("namespace", ""), meta["name"], number, asked.json(known, number), asked.message(known))
    core.store.place(resource.key, version, actor.now)
    return core.remember(version, lambda: asked.object(known))


def _check_free(core: Core, resource: ResourceType, meta: dict[str, Any]) -> None:
    """Refuse a name that is taken (409); whether the object may exist at all was looked at before."""
    present = core.store.get(resource.key, meta.get("namespace", ""), meta["name"])
    if present is not None:
        deleted = bool(present.object()["metadata"].get("deletionTimestamp"))
        raise status.already_exists(resource.plural, resource.group, meta["name"], deleted=deleted)


def _name(core: Core, resource: ResourceType, meta: dict[str, Any]) -> None:
    """Make the name that generateName asks for."""
    prefix = meta.get("generateName")
    if meta.get("name") or not prefix:
        return
    for _ in range(NAME_ATTEMPTS):
        meta["name"] = prefix[:LONGEST_PREFIX] + core.identity.suffix()
        if core.store.get(resource.key, meta.get("namespace", ""), meta["name"]) is None:
            return


def check_namespace(core: Core, resource: ResourceType, meta: dict[str, Any]) -> None:
    """Refuse objects in a namespace that does not exist (404) or is being deleted (403)."""
    if not resource.namespaced:
        meta.pop("namespace", None)
        return
    namespace = core.store.get(("", "namespaces"), "", meta["namespace"])
    if namespace is None:
        raise status.not_found("namespaces", "", meta["namespace"])
    if b'"deletionTimestamp"' in namespace.json and namespace.object()["metadata"].get("deletionTimestamp"):
        name = meta["namespace"]
        why = f"unable to create new content in namespace {name} because it is being terminated"
        cause = status.Cause("NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace")
        raise status.forbidden(resource.plural, resource.group, meta.get("name", ""), why, [cause])


def _shaped(core: Core, resource: ResourceType, obj: Obj, known: Mapping[str, Any] = _NOTHING) -> Obj:
    """The object as a typed server writes it: fields in order, defaults of its shape present.

    Members that it shares with ``known``, a stored state, have that form already.
    """
    obj["metadata"] = objects.sorted_metadata(obj["metadata"])
    shape = core.catalog.shape(resource)
    if shape is None:
        return resource.ordered(obj)
    made = core.catalog.normalize(obj, resource, known)
    zeros.null_empty_lists(shape, made)
    return made


def _alphabetical(obj: Obj) -> Obj:
    """Untyped objects have their members sorted, as Go writes maps."""
    encoded = orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)
    if custom.may_hold_floats(encoded):
        custom.round_floats(obj)
        encoded = orjson.dumps(obj, option=orjson.OPT_SORT_KEYS)
    made: Obj = orjson.loads(encoded)
    return made


def _store(core: Core, resource: ResourceType, obj: Obj, actor: Actor) -> Version:
    if not resource.typed:
        obj["metadata"].setdefault("resourceVersion", "")
        obj = _alphabetical(custom.stored_form(resource, obj))
    if actor.dry_run:
        return core.store.draft(obj)
    return core.remember(core.store.put(resource.key, obj, actor.now), obj)


def _own(
    core: Core, resource: ResourceType, before: Obj | None, obj: Obj, by: managed.By, owned: list[Obj] | None
) -> None:
    """Set an object's managedFields, in place: ``owned``, or what follows from the write."""
    if owned is None:
        with suppress(TypedError):  # as UpdateNoErrors: what cannot be owned is stored all the same
            managed.track(core, resource, before, obj, by)
    elif owned:
        obj["metadata"]["managedFields"] = owned
    else:
        obj["metadata"].pop("managedFields", None)


def update(
    core: Core,
    resource: ResourceType,
    old: Version,
    new: Obj,
    actor: Actor,
    subresource: str = "",
    owned: list[Obj] | None = None,
) -> Version:
    """Replace an object (or, by ``subresource``, its status). Raises :class:`StatusError` (409, 422).

    Nothing is written when nothing changes but times of managedFields; ``owned`` as in :func:`create`. An object
    without finalizers left that was waiting for them goes away.
    """
    asked = _asked(core, resource, old, new, actor, subresource) if owned is None else None
    known = asked.known() if asked is not None else None
    if asked is not None and known is repeated.UNCHANGED:
        return old
    if asked is not None and known is not None:
        return _store_again(core, resource, new, actor, asked, known)
    made = _replaced(core, resource, old, new, actor, subresource, owned)
    if asked is not None and made.rv:  # what went away has no version
        asked.note(made if made is not old else None)
    return made


def _replaced(
    core: Core,
    resource: ResourceType,
    old: Version,
    new: Obj,
    actor: Actor,
    subresource: str,
    owned: list[Obj] | None,
) -> Version:
    """What :func:`update` makes of the objects."""
    before = core.seen(old) if resource.typed else custom.in_version(resource, old).object()
    meta = new.get("metadata") or {}
    if actor.guard is not None:
        actor.guard(resource, new, old)
    preconditions.check_update(resource, before, meta)
    obj = resource.ordered(objects.carry_over(resource, before, new, subresource))
    strategies.keep_assigned(core, resource, before, obj)
    signing.prepare_update(resource, before, obj, actor.stamp)
    known = before if type(old) is Version else {}  # what went through here before; a snapshot's objects did not
    defaults.fill(core.catalog.version, resource, obj, actor.stamp, known)
    more = custom.problems_of_update(resource, before, obj, subresource)
    for problems in (signing.problems_of_update, parts.problems_of_update):
        more = [*more, *problems(resource, before, obj, subresource)]
    validation.check_update(resource, before, obj, subresource, more)
    if subresource != "status":  # a controller's annotation beside a status counts for nothing
        objects.count_generation(resource, before, obj, subresource)
    obj = _shaped(core, resource, obj, known)
    unchanged = objects.same(before, obj)
    if unchanged and owned is None and not managed.rewritten(before, obj, subresource):
        return old
    _own(core, resource, before, obj, managed.By(actor.manager, actor.stamp, subresource), owned)
    if unchanged and managed.same_owners(before, obj):
        return old
    if _may_go(obj):
        return _remove(core, resource, obj, actor)
    return _store(core, resource, obj, actor)


def put_namespace(core: Core, resource: ResourceType, obj: Obj, actor: Actor) -> Version:
    """Store a namespace whose finalizers changed; without any left, and deleted, it goes away."""
    if _may_go(obj):
        return _remove(core, resource, obj, actor)
    return _store(core, resource, _shaped(core, resource, obj), actor)


def _may_go(obj: Obj) -> bool:
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if obj["kind"] == "Namespace" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds")


def _remove(core: Core, resource: ResourceType, obj: Obj, actor: Actor) -> Version:
    meta = obj["metadata"]
    if not actor.dry_run:
        core.store.remove(resource.key, meta.get("namespace", ""), meta["name"], actor.now)
    return core.store.draft(obj if resource.typed else _alphabetical(obj))


def delete(core: Core, resource: ResourceType, version: Version, options: DeleteOptions, actor: Actor) -> Deleted:
    """Delete an object, or mark it deleted while finalizers or a grace period hold it. Raises 409."""
    obj = custom.in_version(resource, version).object()
    preconditions.check_delete(resource, obj, options)
    if custom.is_definition(resource):
        return _end_definition(core, resource, version, obj, options, actor)
    if resource.key == NAMESPACES:
        return _end_namespace(core, resource, version, obj, options, actor)
    way, grace_s = graceful.begin(resource.key, obj, options, actor.now)
    if way is Way.PENDING:
        return Deleted(version, False)
    held = graceful.hold(resource.key, obj, options)
    if not held and way is Way.NOW:
        gone = version if actor.dry_run else core.store.remove(resource.key, version.namespace, version.name, actor.now)
        return Deleted(gone, True)
    if held and way is Way.NOW:
        graceful.mark(obj, actor.now)
    if obj["metadata"] == custom.in_version(resource, version).object()["metadata"]:
        return Deleted(version, False)
    marked = _store(core, resource, _shaped(core, resource, obj), actor)
    if held or grace_s:
        return Deleted(marked, False)
    gone = marked if actor.dry_run else core.store.remove(resource.key, version.namespace, version.name, actor.now)
    return Deleted(gone, True)


def _end_namespace(
    core: Core, resource: ResourceType, version: Version, obj: Obj, options: DeleteOptions, actor: Actor
) -> Deleted:
    """Namespaces go when what is in them has gone: their finalizers are in their spec."""
    if obj["metadata"].get("deletionTimestamp"):
        return Deleted(version, False)
    graceful.hold(resource.key, obj, options)
    obj["metadata"]["deletionTimestamp"] = actor.stamp
    obj["status"] = {**(obj.get("status") or {}), "phase": "Terminating"}
    if _may_go(obj):
        return Deleted(_remove(core, resource, obj, actor), True)
    return Deleted(_store(core, resource, _shaped(core, resource, obj), actor), False)


def _end_definition(
    core: Core, resource: ResourceType, version: Version, obj: Obj, options: DeleteOptions, actor: Actor
) -> Deleted:
    """Mark a definition deleted: it always waits for its objects, and says so."""
    if obj["metadata"].get("deletionTimestamp"):
        return Deleted(version, False)
    graceful.hold(resource.key, obj, options)
    finalizers = obj["metadata"].get("finalizers") or []
    obj["metadata"]["finalizers"] = finalizers if CLEANUP in finalizers else [*finalizers, CLEANUP]
    custom.begin_deletion(obj, moments.stamp(actor.now))
    return Deleted(_store(core, resource, _shaped(core, resource, obj), actor), False)
