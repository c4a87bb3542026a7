"""Reviews: resources that are never stored; a POST is answered with its verdict.

The cluster's agent is an administrator: access is always granted, as it is from a real cluster to that agent.
"""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.kube import decoding, managed, moments
from scale_agent.kube.http import Response
from scale_agent.kube.resources import ResourceKey
from scale_agent.kube.verbs.call import Call, answer
from scale_agent.kube.version import Obj

ADMIN = {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}
_AUTHORIZATION = "authorization.k8s.io"
_AUTHENTICATION = "authentication.k8s.io"


def _allowed(call: Call, obj: Obj) -> Obj:
    return {"allowed": True}


def _rules(call: Call, obj: Obj) -> Obj:
    return {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


def _token(call: Call, obj: Obj) -> Obj:
    """A token is known if a service-account token secret holds it."""
    found = call.core.token_owner((obj.get("spec") or {}).get("token") or "")
    if found is None:
        return {"user": {}, "error": "token not found"}
    namespace, name, uid = found
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"]
    user = {"username": f"system:serviceaccount:{namespace}:{name}", "uid": uid, "groups": groups}
    return {"authenticated": True, "user": user}


def _myself(call: Call, obj: Obj) -> Obj:
    return {"userInfo": ADMIN}


VERDICTS: dict[ResourceKey, Callable[[Call, Obj], Obj]] = {
    (_AUTHORIZATION, "selfsubjectaccessreviews"): _allowed,
    (_AUTHORIZATION, "subjectaccessreviews"): _allowed,
    (_AUTHORIZATION, "localsubjectaccessreviews"): _allowed,
    (_AUTHORIZATION, "selfsubjectrulesreviews"): _rules,
    (_AUTHENTICATION, "tokenreviews"): _token,
    (_AUTHENTICATION, "selfsubjectreviews"): _myself,
}


def create(call: Call) -> Response:
    """POST of a review."""
    options = call.options("CreateOptions")
    obj, warnings = decoding.body_object(call.core.catalog, call.resource, call.request, options.validation)
    meta = obj["metadata"] = dict(obj.get("metadata") or {})
    meta.pop("managedFields", None)
    by = managed.By(call.actor(options).manager, moments.stamp(call.now))
    managed.track(call.core.catalog, call.resource, None, obj, by)
    obj["status"] = VERDICTS[call.resource.key](call, obj)
    return answer(call, 201, call.core.store.draft(call.core.catalog.normalize(obj, call.resource)), warnings)
