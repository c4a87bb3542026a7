"""serviceaccounts/token: a TokenRequest is answered with a token (registry/core/serviceaccount, TokenREST)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from scale_agent.kube import status
from scale_agent.kube.access.keys import signing_key
from scale_agent.kube.access.tokens import ISSUER, claims_for
from scale_agent.kube.codec import moments
from scale_agent.kube.http import Response
from scale_agent.kube.patching import managed
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs import bodies
from scale_agent.kube.verbs.call import Call, document

_GROUP, _VERSION, _KIND = "authentication.k8s.io", "v1", "TokenRequest"
_TYPE = ResourceType(_GROUP, _VERSION, "tokenrequests", _KIND, namespaced=True, verbs=frozenset(["create"]))
_DEFAULT_S = 3600
_LEAST_S, _MOST_S = 600, 1 << 32
#: Kubelets ask for this many seconds; such tokens of pods live a year, so that old clients survive (apiserver's
#: --service-account-extend-token-expiration).
_KUBELETS_S = 3607
_YEAR_S = 365 * 24 * 3600


def create(call: Call) -> Response:
    """POST …/serviceaccounts/{name}/token."""
    asked, warnings = bodies.document(call, f"{_GROUP}/{_VERSION}", _KIND)
    meta, spec = dict(asked.get("metadata") or {}), dict(asked.get("spec") or {})
    _check_place(call, meta)
    account = call.current().object()
    uid = account["metadata"]["uid"]
    if meta.get("uid") not in (None, "", uid):
        why = f"the UID in the token request ({meta['uid']}) does not match the UID of the service account ({uid})"
        raise status.conflict(_KIND, _GROUP, call.route.name, why)
    if spec.get("expirationSeconds") is None:
        spec["expirationSeconds"] = _DEFAULT_S
    meta |= {"name": call.route.name, "namespace": call.route.namespace, "creationTimestamp": moments.stamp(call.now)}
    made: Obj = {"metadata": meta, "spec": spec, "status": asked.get("status") or {}}
    meta.pop("managedFields", None)
    by = managed.By(call.actor(call.options("CreateOptions")).manager, moments.stamp(call.now), "token")
    managed.track(call.core, _TYPE, None, made := _TYPE.ordered(made), by)
    made["metadata"]["uid"] = uid
    _check_seconds(spec["expirationSeconds"])
    spec["audiences"] = spec.get("audiences") or [ISSUER]
    made["status"] = _status(call, account, spec)
    return document(call, 201, call.core.catalog.document(made, _TYPE.api_version, _KIND), warnings)


def _status(call: Call, account: Obj, spec: Obj) -> Obj:
    lasts_s, audiences = spec["expirationSeconds"], spec["audiences"]
    bound = _bound(call, spec.get("boundObjectRef"))
    extended = "pod" in bound and lasts_s == _KUBELETS_S and set(audiences) == {ISSUER}
    jti = call.core.identity.next_uid()
    claims = claims_for(account, bound, audiences, call.now, _YEAR_S if extended else lasts_s, jti)
    if extended:
        claims["kubernetes.io"]["warnafter"] = int(call.now) + lasts_s
    return {"token": signing_key().token(claims), "expirationTimestamp": moments.stamp(call.now + lasts_s)}


def _check_place(call: Call, meta: Obj) -> None:
    """A name in the body is the path's. Raises 400, 422."""
    if meta.get("namespace") not in (None, "", call.route.namespace):
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(message)
    name = meta.get("name")
    if name and name != call.route.name:
        why = "must match the service account name if specified"
        cause = status.invalid_value("metadata.name", orjson.dumps(name).decode(), why)
        raise status.invalid(_KIND, _GROUP, call.route.name, [cause])


def _check_seconds(lasts_s: Any) -> None:
    why = ""
    if lasts_s < _LEAST_S:
        why = "may not specify a duration less than 10 minutes"
    elif lasts_s > _MOST_S:
        why = "may not specify a duration larger than 2^32 seconds"
    if why:
        cause: Cause = status.invalid_value("spec.expirationSeconds", str(lasts_s), why)
        raise status.invalid(_KIND, _GROUP, "", [cause])


@dataclass(frozen=True, slots=True)
class _Bindable:
    plural: str
    member: str
    namespaced: bool = True


_BINDABLE = {
    "Pod": _Bindable("pods", "pod"),
    "Secret": _Bindable("secrets", "secret"),
    "Node": _Bindable("nodes", "node", namespaced=False),
}


def _bound(call: Call, reference: Obj | None) -> dict[str, Obj]:
    """The metadata of what the token is bound to, and of the node of a pod. Raises 400, 404, 409."""
    if not reference:
        return {}
    group, _, version = (reference.get("apiVersion") or "").rpartition("/")
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    bindable = _BINDABLE.get(kind) if not group else None
    if bindable is None:
        raise status.bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    found = call.core.store.get(("", bindable.plural), call.route.namespace if bindable.namespaced else "", name)
    if found is None:
        raise status.not_found(bindable.plural, "", name)
    obj = found.object()
    out = {bindable.member: obj["metadata"]}
    if bindable.member == "pod":
        out |= _node_of(call, obj)
    if reference.get("uid") and reference["uid"] != obj["metadata"]["uid"]:
        why = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(kind, "", name, why)
    return out


def _node_of(call: Call, pod: Obj) -> dict[str, Obj]:
    name = call.route.name
    if pod["spec"].get("serviceAccountName") != name:
        message = f'cannot bind token for serviceaccount "{name}" to pod running with different serviceaccount name.'
        raise status.bad_request(message)
    node = pod["spec"].get("nodeName")
    if not node:
        return {}
    known = call.core.store.get(("", "nodes"), "", node)
    return {"node": known.object()["metadata"] if known is not None else {"name": node}}
