"""Reviews: resources that are never stored; a POST is answered with its verdict.

Whoever comes down the tunnel acts as the cluster's agent, an administrator: its own access is always granted, with the
reason that a real server gives (recorded). Access of a user whom the review names is what RBAC says.
"""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.kube import status
from scale_agent.kube.access import rbac
from scale_agent.kube.codec import moments
from scale_agent.kube.http import Response
from scale_agent.kube.patching import managed
from scale_agent.kube.representation import decoding
from scale_agent.kube.schema.resources import ResourceKey
from scale_agent.kube.storage.version import Obj
from scale_agent.kube.verbs.call import Call, answer

ADMIN = {"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}
_AUTHORIZATION = "authorization.k8s.io"
_AUTHENTICATION = "authentication.k8s.io"


def _own_access(call: Call, obj: Obj) -> Obj:
    """Of the service account whose token came along, else (Rancher's own tokens, none) of the administrator's."""
    bearer = call.request.headers.get("authorization", "").removeprefix("Bearer ")
    owner = call.core.token_owner(bearer)
    user = rbac.User.account(*owner[:2]) if owner else rbac.administrator(call.core)
    reason = rbac.allowed_by(call.core, user, obj.get("spec") or {}) if user else ""
    return {"allowed": True, "reason": reason} if reason else {"allowed": True}


def _access(call: Call, obj: Obj) -> Obj:
    """Of the named user. Raises 422 if the review names none."""
    spec = obj.get("spec") or {}
    groups = frozenset(spec.get("groups") or ())
    if not spec.get("user") and not groups:
        cause = status.invalid_value("spec.user", '""', "at least one of user or group must be specified")
        raise status.invalid("", _AUTHORIZATION, "", [cause])
    return rbac.verdict(call.core, rbac.User(spec.get("user", ""), groups), spec)


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
    (_AUTHORIZATION, "selfsubjectaccessreviews"): _own_access,
    (_AUTHORIZATION, "subjectaccessreviews"): _access,
    (_AUTHORIZATION, "localsubjectaccessreviews"): _access,
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
