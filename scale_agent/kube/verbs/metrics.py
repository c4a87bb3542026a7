"""metrics.k8s.io: what ``kubectl top`` asks for, as metrics-server answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from scale_agent.kube import extensions, query, selectors, status
from scale_agent.kube.codec import moments
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.representation import negotiation
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.verbs import usage
from scale_agent.kube.verbs.call import Call

_PODS, _NODES = ("", "pods"), ("", "nodes")
_ON = b'"nodeName":"%s"'
_JSON = "application/json"


def get(call: Call) -> Response:
    """One node or pod. Raises 404 for those that nothing is known of."""
    kind, place, name = call.resource.kind, call.route.namespace, call.route.name
    key = _NODES if call.resource is extensions.NODES else _PODS
    version = call.core.store.get(key, place, name)
    found = _measured(call, version) if version is not None else None
    if found is None:
        plural = kind.lower()
        shown = f"{place}/{name}" if place else name
        raise status.not_found(plural, call.resource.group, shown)
    return _answer(call, found, [found])


def listing(call: Call) -> Response:
    """All nodes, or the pods of a namespace or of all."""
    options = query.list_options(call.request.query)
    if options.watch:
        message = f'watch is not supported on resources of kind "{call.resource.plural}.{call.resource.group}"'
        details = {"group": call.resource.group, "kind": call.resource.plural}
        raise StatusError(405, "MethodNotAllowed", message, details)
    key = _NODES if call.resource is extensions.NODES else _PODS
    labels = selectors.parse_labels(options.label_selector) if options.label_selector else ()
    versions = [one for one in call.core.store.list(key, call.route.namespace) if selectors.matches(labels, one.labels)]
    items = [found for one in versions if (found := _measured(call, one)) is not None]
    if options.field_selector:
        items = [one for one in items if _named(options.field_selector, one["metadata"])]
    bare = [{name: value for name, value in one.items() if name not in ("kind", "apiVersion")} for one in items]
    head = {"kind": call.resource.list_kind, "apiVersion": call.resource.api_version, "metadata": {}}
    return _answer(call, {**head, "items": bare}, items)


def _named(text: str, meta: Mapping[str, Any]) -> bool:
    """Name and namespace are the fields that can be selected. Raises 400 for others."""
    for term in text.split(","):
        field, _, value = term.replace("==", "=").partition("=")
        wanted = not field.endswith("!")
        field = field.removesuffix("!")
        if field not in ("metadata.name", "metadata.namespace"):
            raise status.bad_request(f'field label not supported: "{field}"')
        if (meta.get(field.partition(".")[2], "") == value) is not wanted:
            return False
    return True


def _measured(call: Call, version: Version) -> Obj | None:
    """The metrics of a node or pod; ``None`` where there are none yet."""
    obj = version.object()
    at_s = usage.scraped_at(call.now)
    meta = {name: obj["metadata"][name] for name in ("name", "namespace") if name in obj["metadata"]}
    if call.resource is extensions.NODES:
        needle = _ON % version.name.encode()
        pods = (one.object() for one in call.core.store.list(_PODS) if needle in one.json)
        own: Obj = {"usage": usage.of_node(obj, (one for one in pods if _runs(one, call.now)), at_s).json()}
    elif _runs(obj, call.now):
        own = {"containers": [{"name": name, "usage": one.json()} for name, one in usage.of_containers(obj, at_s)]}
    else:
        return None
    meta["creationTimestamp"] = moments.stamp(call.now)
    if obj["metadata"].get("labels"):
        meta["labels"] = obj["metadata"]["labels"]
    head: Obj = {"kind": call.resource.kind, "apiVersion": call.resource.api_version, "metadata": meta}
    return {**head, "timestamp": moments.stamp(at_s), "window": usage.window(version.name), **own}


def _runs(pod: Obj, now: float) -> bool:
    state = pod.get("status") or {}
    if state.get("phase") != "Running" or pod["metadata"].get("deletionTimestamp"):
        return False
    started = moments.parse(state.get("startTime") or "")
    return started is None or now - started >= usage.NEW_S


# -- representations -------------------------------------------------------------------------------------------------


def _answer(call: Call, obj: Obj, rows: Sequence[Obj]) -> Response:
    """JSON, whatever else the client would take, or a table. Raises 406."""
    accept = call.request.headers.get("accept", "")
    table = next((clause for clause in negotiation.parse_accept(accept) if clause.param("as") == "Table"), None)
    takes = {clause.name for clause in negotiation.parse_accept(accept)} or {_JSON}
    if not takes & {_JSON, "application/*", "*/*"}:
        raise status.not_accepted((_JSON,))
    body = obj if table is None else _table(rows, table.param("v") or "v1", include=_included(call))
    return Response(200, call.headers(_JSON), orjson.dumps(body) + b"\n")


def _included(call: Call) -> bool:
    return query.parse_query(call.request.query).get("includeObject", "") == "Object"


def _table(rows: Sequence[Obj], version: str, *, include: bool) -> Obj:
    """metrics-server's columns: the name, each resource that the first row has, the window."""
    resources = list(_used(rows[0])) if rows else []
    columns = [_column("Name", "name", "Name of the resource")] if rows else []
    columns += [_column(name, "quantity") for name in resources]
    columns += [_column("Window", "duration")] if rows else []
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": {},
        "columnDefinitions": columns,
        "rows": [_row(one, resources, include=include) for one in rows],
    }


def _row(obj: Obj, resources: Sequence[str], *, include: bool) -> Obj:
    used = _used(obj)
    cells = [obj["metadata"]["name"], *(used[name] for name in resources), obj["window"]]
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
    return {"cells": cells, "object": obj if include else partial}


def _used(obj: Obj) -> dict[str, str]:
    if "usage" in obj:
        return dict(obj["usage"])
    parts = [one["usage"] for one in obj["containers"]]
    cpu = sum(int(one["cpu"].removesuffix("n")) for one in parts)
    memory = sum(int(one["memory"].removesuffix("Ki")) for one in parts)
    return {"cpu": f"{cpu}n", "memory": f"{memory}Ki"}


def _column(name: str, form: str, description: str = "") -> Obj:
    return {"name": name, "type": "string", "format": form, "description": description, "priority": 0}
