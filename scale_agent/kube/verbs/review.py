"""Reviews: resources that are never stored; a POST is answered with its verdict.

Where RBAC is not enforced, one's own access is always granted, with the reason that RBAC would have if it grants it
too (recorded); access of a user whom the review names is what RBAC says in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from scale_agent.kube import status
from scale_agent.kube.access.attributes import Attributes
from scale_agent.kube.access.bindings import GROUP
from scale_agent.kube.access.rbac import Decision, aggregate
from scale_agent.kube.access.rules import Rule
from scale_agent.kube.access.tokens import TokenError
from scale_agent.kube.codec import moments
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Response
from scale_agent.kube.patching import managed
from scale_agent.kube.representation import decoding, negotiation
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.status import Cause
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.users import User
from scale_agent.kube.verbs.call import Call, answer

_AUTHORIZATION = "authorization.k8s.io"
_AUTHENTICATION = "authentication.k8s.io"
_ATTRIBUTES = "spec.resourceAttributes"
_PATHS = "spec.nonResourceAttributes"
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def _own_access(call: Call, obj: Obj) -> Obj:
    _check_access(obj, [])
    return _verdict(call.gate.decide(call.user, _asked(obj["spec"])), obj["spec"])


def _access(call: Call, obj: Obj) -> Obj:
    _check_access(obj, _unnamed(obj.get("spec") or {}))
    spec = obj["spec"]
    extra = {key: tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    user = User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), extra)
    return _verdict(call.gate.rbac.decide(user, _asked(spec)), spec)


def _local_access(call: Call, obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    attributes, paths = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if paths is not None:
        raise _invalid(status.invalid_value(_PATHS, _go_paths(paths), "disallowed on this kind of request"))
    if attributes is not None and attributes.get("namespace", "") != call.route.namespace:
        wrong = orjson.dumps(attributes.get("namespace", "")).decode()
        raise _invalid(status.invalid_value(f"{_ATTRIBUTES}.namespace", wrong, "must match metadata.namespace"))
    return _access(call, obj)


def _rules(call: Call, obj: Obj) -> Obj:
    namespace = (obj.pop("spec", None) or {}).get("namespace")
    obj["spec"] = {}
    obj["metadata"] = {}
    if not namespace:
        raise status.bad_request("no namespace on request")
    found, lost = call.gate.rbac.rules_for(call.user, namespace)
    if call.user.authenticated and not call.gate.enforces:
        found, lost = [Rule(("*",), ("*",), ("*",)), Rule(("*",), urls=("*",))], []
    out: Obj = {
        "resourceRules": [_without_urls(rule) for rule in found if rule.resources],
        "nonResourceRules": [_urls_only(rule) for rule in found if rule.urls],
        "incomplete": False,
    }
    if lost:
        errors = [f'{one.role_kind.lower()}.{GROUP} "{one.role_name}" not found' for one in lost]
        out["evaluationError"] = aggregate(errors)
    return out


def _without_urls(rule: Rule) -> Obj:
    return Rule(rule.verbs, rule.groups, rule.resources, rule.names).json()


def _urls_only(rule: Rule) -> Obj:
    return Rule(rule.verbs, urls=rule.urls).json()


def _token(call: Call, obj: Obj) -> Obj:
    spec = obj.get("spec") or {}
    token = spec.get("token")
    if not token:
        raise status.bad_request("token is required for TokenReview in authentication")
    try:
        found = call.gate.tokens.review(token, spec.get("audiences") or (), call.now)
    except TokenError as error:
        why = "invalid bearer token"
        return {"user": {}, "error": f"[{why}, {error}]" if str(error) else why}
    return {"authenticated": True, "user": found.user.info(), "audiences": list(found.audiences)}


def _myself(call: Call, obj: Obj) -> Obj:
    obj["metadata"] = {"creationTimestamp": moments.stamp(call.now)}
    return {"userInfo": call.user.info()}


@dataclass(frozen=True, slots=True)
class _Review:
    """``verdict`` makes the status and may rewrite the rest; ``bare``: metadata must be empty."""

    verdict: Callable[[Call, Obj], Obj]
    bare: bool = False


VERDICTS: dict[ResourceKey, _Review] = {
    (_AUTHORIZATION, "selfsubjectaccessreviews"): _Review(_own_access, bare=True),
    (_AUTHORIZATION, "subjectaccessreviews"): _Review(_access, bare=True),
    (_AUTHORIZATION, "localsubjectaccessreviews"): _Review(_local_access, bare=True),
    (_AUTHORIZATION, "selfsubjectrulesreviews"): _Review(_rules),
    (_AUTHENTICATION, "tokenreviews"): _Review(_token),
    (_AUTHENTICATION, "selfsubjectreviews"): _Review(_myself),
}


def create(call: Call) -> Response:
    """POST of a review."""
    options = call.options("CreateOptions")
    negotiation.choose(call.request.headers.get("accept", ""), transforms=False)
    obj, warnings = decoding.body_object(call.core.catalog, call.resource, call.request, options.validation)
    meta = obj["metadata"] = dict(obj.get("metadata") or {})
    meta.pop("managedFields", None)
    if call.resource.namespaced:
        _place(call, meta)
    else:
        meta.pop("namespace", None)
    review = VERDICTS[call.resource.key]
    by = managed.By(call.actor(options).manager, moments.stamp(call.now))
    managed.track(call.core, call.resource, None, obj, by)
    if review.bare:
        _check_bare(call, obj)
    obj["status"] = review.verdict(call, obj)
    return answer(call, 201, call.core.store.draft(call.core.catalog.normalize(obj, call.resource)), warnings)


def _place(call: Call, meta: Obj) -> None:
    if meta.get("namespace") and meta["namespace"] != call.route.namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(message)
    meta["namespace"] = call.route.namespace


def _check_bare(call: Call, obj: Obj) -> None:
    """Access reviews have no metadata. Raises 422."""
    own = ("managedFields", "namespace") if call.resource.namespaced else ("managedFields",)
    if any(value for name, value in obj["metadata"].items() if name not in own):
        meta = call.core.catalog.normalize(obj, call.resource)["metadata"]
        shown = {name: value for name, value in meta.items() if value not in (None, "")}
        raise _invalid(status.invalid_value("metadata", orjson.dumps(shown).decode(), "must be empty"))


def _check_access(obj: Obj, causes: list[Cause]) -> None:
    """Either attributes. Raises 422 with those causes too."""
    spec = obj["spec"] = obj.get("spec") or {}
    attributes, paths = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    found = []
    if attributes is not None and paths is not None:
        why = "cannot be specified in combination with resourceAttributes"
        found = [status.invalid_value(_PATHS, _go_paths(paths), why)]
    elif attributes is None and paths is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        found = [status.invalid_value(_ATTRIBUTES, "null", why)]
    found += causes
    for name in ("fieldSelector", "labelSelector"):
        found += _selector_causes((attributes or {}).get(name), f"{_ATTRIBUTES}.{name}")
    if found:
        raise _invalid(*found)


def _unnamed(spec: Obj) -> list[Cause]:
    if spec.get("user") or spec.get("groups"):
        return []
    return [status.invalid_value("spec.user", '""', "at least one of user or group must be specified")]


def _selector_causes(selector: Any, at: str) -> list[Cause]:
    """Rules: validateResourceAttributes' field and label selectors (apis/authorization/validation)."""
    if selector is None:
        return []
    raw, requirements = selector.get("rawSelector"), selector.get("requirements") or []
    found = []
    if raw and requirements:
        why = "may not specified at the same time as requirements"
        found.append(status.invalid_value(f"{at}.rawSelector", orjson.dumps(raw).decode(), why))
    if not raw and not requirements:
        why = f"when {at} is specified, requirements or rawSelector is required"
        found.append(status.required(f"{at}.requirements", why))
    for number, one in enumerate(requirements):
        found += _requirement_causes(one, f"{at}.requirements[{number}]")
    return found


def _requirement_causes(requirement: Obj, at: str) -> list[Cause]:
    operator, values = requirement.get("operator"), requirement.get("values")
    found = []
    if not requirement.get("key"):
        found.append(status.required(f"{at}.key", "must be specified"))
    if operator in ("In", "NotIn") and not values:
        found.append(status.required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    if operator in ("Exists", "DoesNotExist") and values:
        why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        found.append(status.forbidden_field(f"{at}.values", why))
    return found


def _asked(spec: Obj) -> Attributes:
    attributes, paths = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if attributes is None:
        # an empty path is a path too: one that no rule names
        return Attributes((paths or {}).get("verb", ""), path=(paths or {}).get("path") or " ")
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    return Attributes(*(attributes.get(name, "") for name in names))


def _verdict(found: Decision, spec: Obj) -> Obj:
    out: Obj = {"allowed": found.allowed}
    if found.reason:
        out["reason"] = found.reason
    attributes = spec.get("resourceAttributes") or {}
    ignored = [
        f"{_ATTRIBUTES}.{name} ignored due to parse error"
        for name in ("fieldSelector", "labelSelector")
        if any(one.get("operator") not in _OPERATORS for one in (attributes.get(name) or {}).get("requirements") or ())
    ]
    if ignored:
        out["evaluationError"] = aggregate(ignored)
    return out


def _invalid(*causes: Cause) -> StatusError:
    return status.invalid("", _AUTHORIZATION, "", causes)


def _go_paths(paths: Obj) -> str:
    return orjson.dumps({"Path": paths.get("path", ""), "Verb": paths.get("verb", "")}).decode()
