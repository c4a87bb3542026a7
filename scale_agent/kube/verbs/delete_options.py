"""DeleteOptions: from the body, else from the query, validated as ``ValidateDeleteOptions`` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from scale_agent.kube import query, status, writes
from scale_agent.kube.codec import gonumbers
from scale_agent.kube.errors import StatusError
from scale_agent.kube.representation import decoding, negotiation
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs.call import Call

KIND = "DeleteOptions"
_PROPAGATION = ("Background", "Foreground", "Orphan")
_NAMES = ("propagationPolicy", "gracePeriodSeconds", "dryRun", "orphanDependents")
_BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


def of(call: Call) -> writes.DeleteOptions:
    """How to delete. Raises 400, 415, 422."""
    raw = _from_body(call) if call.request.body else _from_query(call)
    causes = list(_causes(raw))
    if causes:
        raise status.invalid_options(KIND, *causes)
    orphan = raw.get("orphanDependents")
    propagation = raw.get("propagationPolicy") or ("" if orphan is None else "Orphan" if orphan else "Background")
    preconditions = raw.get("preconditions") or {}
    return writes.DeleteOptions(
        uid=preconditions.get("uid") or "",
        resource_version=preconditions.get("resourceVersion") or "",
        grace_s=raw.get("gracePeriodSeconds"),
        propagation=propagation,
        dry_run=bool(raw.get("dryRun")),
    )


def _causes(raw: Obj) -> Iterator[Cause]:
    propagation = raw.get("propagationPolicy")
    if raw.get("orphanDependents") is not None and propagation is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        yield status.invalid_value("propagationPolicy", f'"{propagation}"', why)
    if propagation and propagation not in _PROPAGATION:
        allowed = ("Foreground", "Background", "Orphan", "nil")
        yield status.unsupported("propagationPolicy", f'"{propagation}"', allowed)
    dry_run = raw.get("dryRun") or []
    if dry_run not in ([], ["All"]):
        yield status.unsupported("dryRun", orjson.dumps(dry_run).decode(), ("All",))


def _from_query(call: Call) -> dict[str, Any]:
    asked = query.parse_query(call.request.query) if call.request.query else {}
    out: dict[str, Any] = {name: asked[name] for name in _NAMES if asked.get(name)}
    grace = out.get("gracePeriodSeconds")
    if grace is not None:
        try:
            out["gracePeriodSeconds"] = gonumbers.parse_int(grace)
        except ValueError as error:
            raise status.bad_request(str(error)) from error
    if "dryRun" in out:
        out["dryRun"] = [out["dryRun"]]
    if "orphanDependents" in out:
        out["orphanDependents"] = _BOOLEANS.get(out["orphanDependents"].lower(), True)
    return out


def _from_body(call: Call) -> Obj:
    """The body's. A refusal says only what is wrong: this decoder is not the resources' one (observed)."""
    try:
        return _document(call)
    except StatusError as error:
        if error.code != 400:
            raise
        raise status.bad_request(_bare(error.message)) from error


def _document(call: Call) -> Obj:
    catalog, body = call.core.catalog, call.request.body
    media = negotiation.body_type(call.request.headers.get("content-type", ""))
    decoding.check_size(body)
    if media == negotiation.PROTOBUF:
        return decoding.from_protobuf(catalog, body, KIND, "v1")
    found = decoding.from_text(body, media, KIND)
    _check_kind(found)
    return catalog.document(found, "v1", KIND)


def _check_kind(found: Obj) -> None:
    kind, version = found.get("kind") or KIND, found.get("apiVersion") or "v1"
    if kind != KIND:
        why = f'no kind "{kind}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
        raise status.bad_request(why)


def _bare(message: str) -> str:
    for start in (f"cannot be handled as a {KIND}: ", f"(must be of type {KIND}): "):
        _, found, why = message.partition(start)
        if found:
            return why.rpartition(" (")[0] if start.startswith("(") else why
    return message
