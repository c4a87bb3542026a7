"""Reviews of access and of tokens; who asks: bearer tokens, impersonation, roles."""

from __future__ import annotations

from typing import Any

from tests.kube.parity.objects import config_map, named, typed
from tests.kube.parity.steps import PROTOBUF, TABLE, YAML, Script, Step, delete, get, merge, post, put, script, wait

AUTHZ, AUTHN, RBAC = "authorization.k8s.io/v1", "authentication.k8s.io/v1", "rbac.authorization.k8s.io"


def self_access(**spec: Any) -> Step:
    """May I?"""
    return post("selfsubjectaccessreviews", {"apiVersion": AUTHZ, "kind": "SelfSubjectAccessReview", "spec": spec})


def access(**spec: Any) -> Step:
    """May they?"""
    return post("subjectaccessreviews", {"apiVersion": AUTHZ, "kind": "SubjectAccessReview", "spec": spec})


PODS = {"namespace": "default", "verb": "get", "resource": "pods"}
REVIEWS = script(
    "reviews",
    self_access(resourceAttributes=PODS),
    self_access(resourceAttributes={**PODS, "subresource": "log", "name": "x"}),
    self_access(resourceAttributes={"verb": "*", "group": "*", "resource": "*"}),
    self_access(nonResourceAttributes={"path": "/healthz", "verb": "get"}),
    self_access(),
    self_access(resourceAttributes=PODS, nonResourceAttributes={"path": "/", "verb": "get"}),
    self_access(resourceAttributes={**PODS, "labelSelector": {"requirements": [{"key": "a", "operator": "Exists"}]}}),
    self_access(resourceAttributes={**PODS, "fieldSelector": {"rawSelector": "a=b"}}),
    post("selfsubjectaccessreviews", {"spec": {"resourceAttributes": PODS}}),
    post("selfsubjectaccessreviews", {"metadata": {"name": "x"}, "spec": {"resourceAttributes": PODS}}),
    post("selfsubjectaccessreviews", {"spec": {"resourceAttributes": PODS}}, dryRun="All"),
    post("selfsubjectaccessreviews", typed("v1", "Pod", "x")),
    post("selfsubjectaccessreviews", {"spec": {"resourceAttributes": PODS}}, accept=YAML),
    post("selfsubjectaccessreviews", {"spec": {"resourceAttributes": PODS}}, accept=PROTOBUF),
    post("selfsubjectaccessreviews", {"spec": {"resourceAttributes": PODS}}, accept=TABLE),
    post("selfsubjectaccessreviews", {"spec": {"unknown": 1, "resourceAttributes": PODS}}, fieldValidation="Strict"),
    access(user="jane", resourceAttributes=PODS),
    access(user="jane", groups=["system:masters"], resourceAttributes=PODS),
    access(groups=["system:masters"], resourceAttributes=PODS),
    access(resourceAttributes=PODS),
    access(user="jane"),
    access(user="system:kube-scheduler", resourceAttributes={"verb": "list", "resource": "nodes"}),
    access(
        user="system:anonymous",
        groups=["system:unauthenticated"],
        nonResourceAttributes={"path": "/healthz", "verb": "get"},
    ),
    access(
        user="system:anonymous",
        groups=["system:unauthenticated"],
        nonResourceAttributes={"path": "/metrics", "verb": "get"},
    ),
    access(user="x", uid="u", extra={"k": ["v"]}, resourceAttributes={**PODS, "version": "*"}),
    post(
        "localsubjectaccessreviews", {"spec": {"user": "jane", "resourceAttributes": {**PODS, "namespace": "{{ns}}"}}}
    ),
    post("localsubjectaccessreviews", {"spec": {"user": "jane", "resourceAttributes": PODS}}),
    post(
        "localsubjectaccessreviews",
        {"metadata": {"namespace": "other"}, "spec": {"user": "jane", "resourceAttributes": PODS}},
    ),
    post("localsubjectaccessreviews", {"spec": {"user": "jane", "nonResourceAttributes": {"path": "/"}}}),
    post("selfsubjectrulesreviews", {"spec": {"namespace": "default"}}),
    post("selfsubjectrulesreviews", {"spec": {}}),
    post("selfsubjectreviews", {}),
    post("selfsubjectreviews", {}, accept=TABLE),
    post("selfsubjectreviews", {"apiVersion": AUTHN, "kind": "SelfSubjectReview"}, accept=PROTOBUF),
    post("tokenreviews", {"spec": {"token": "admintoken"}}),
    post("tokenreviews", {"spec": {"token": "wrong"}}),
    post("tokenreviews", {"spec": {"token": ""}}),
    post("tokenreviews", {"spec": {"token": "a.b.c", "audiences": ["x"]}}),
    post("tokenreviews", {"spec": {"token": "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln"}}),
)
#: Cut, for a name of its own in a header.
AS_JANE = {"impersonate-user": "jane"}


def asked_as(headers: dict[str, str]) -> list[Step]:
    """Reads and writes of one user."""
    return [
        get("configmaps", headers=headers),
        get("configmaps/one", headers=headers),
        post("configmaps", config_map("two", {}), headers=headers),
        merge("configmaps/one", {"data": {"a": "1"}}, headers=headers),
        delete("configmaps/none", headers=headers),
        delete("configmaps", headers=headers, labelSelector="none=none"),
        get("configmaps", headers=headers, watch=True, timeoutSeconds=1),
        get("nodes", headers=headers),
        get("nodes/x", headers=headers),
        get("pods/x/log", headers=headers),
        post("pods/x/exec", None, headers=headers),
        get("deployments/x/scale", headers=headers),
        get("/api/v1/configmaps", headers=headers),
        get("/apis/none.example.com/v1/things", headers=headers),
        get("/healthz", headers=headers),
        get("/metrics/x", headers=headers),
        get("/api", headers=headers),
    ]


ROLE = named(
    "reader", rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "patch"]}]
)
BINDING = named(
    "jane",
    roleRef={"apiGroup": RBAC, "kind": "Role", "name": "reader"},
    subjects=[
        {"kind": "User", "name": "jane", "apiGroup": RBAC},
        {"kind": "ServiceAccount", "name": "one", "namespace": "{{ns}}"},
    ],
)
IMPERSONATION = script(
    "impersonation",
    post("configmaps", config_map("one", {})),
    asked_as(AS_JANE),
    post("roles", ROLE),
    post("rolebindings", BINDING),
    wait(get("configmaps/one", headers=AS_JANE), "code=200"),
    asked_as(AS_JANE),
    post("selfsubjectreviews", {}, headers={**AS_JANE, "impersonate-group": "g"}),
    post("selfsubjectreviews", {}, headers={**AS_JANE, "impersonate-uid": "u-1", "impersonate-extra-scopes": "a"}),
    post("selfsubjectreviews", {}, headers={"impersonate-user": "system:serviceaccount:{{ns}}:one"}),
    post("selfsubjectreviews", {}, headers={"impersonate-group": "g"}),
    post("selfsubjectreviews", {}, headers={"impersonate-uid": "u"}),
    post("selfsubjectrulesreviews", {"spec": {"namespace": "{{ns}}"}}, headers=AS_JANE),
    post(
        "selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": {"namespace": "{{ns}}", "verb": "get", "resource": "configmaps"}}},
        headers=AS_JANE,
    ),
    post(
        "selfsubjectaccessreviews",
        {"spec": {"resourceAttributes": {"namespace": "{{ns}}", "verb": "get", "resource": "pods"}}},
        headers=AS_JANE,
    ),
    post("roles", named("more", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]), headers=AS_JANE),
    get("nodes", headers={**AS_JANE, "impersonate-group": "system:masters"}),
)
ONE = "{{t.status.token}}"
TOKENS = script(
    "tokens",
    get("configmaps", token="wrong"),
    get("configmaps", token="wrong", accept=PROTOBUF),
    get("/healthz", token="wrong"),
    get("configmaps", token=""),
    get("/healthz", token=""),
    get("/version", token=""),
    get("/api", token=""),
    get("/nothing", token=""),
    post("configmaps", config_map("x", {}), token=""),
    post("selfsubjectreviews", {}, token=""),
    post("selfsubjectreviews", {}),
    post("serviceaccounts", named("one")),
    post("serviceaccounts/one/token", {"spec": {}}, as_="t"),
    post("selfsubjectreviews", {}, token=ONE),
    post("tokenreviews", {"spec": {"token": ONE}}),
    post("tokenreviews", {"spec": {"token": ONE, "audiences": ["none"]}}),
    get("configmaps", token=ONE),
    get("/api", token=ONE),
    get("/healthz", token=ONE),
    post("roles", ROLE),
    post("rolebindings", BINDING),
    wait(get("configmaps", token=ONE), "code=200"),
    post("configmaps", config_map("x", {}), token=ONE),
    get("configmaps", token=ONE, headers=AS_JANE),
    post("roles", named("more", rules=[{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]), token=ONE),
    post("selfsubjectrulesreviews", {"spec": {"namespace": "{{ns}}"}}, token=ONE),
    delete("serviceaccounts/one"),
    wait(get("configmaps", token=ONE), "code=401"),
)
GRANTS = script(
    "escalation",
    post(
        "clusterroles",
        named(
            "p-grantor",
            rules=[
                {
                    "apiGroups": [RBAC],
                    "resources": ["roles", "rolebindings"],
                    "verbs": ["get", "list", "create", "update", "patch"],
                },
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
            ],
        ),
    ),
    post(
        "clusterrolebindings",
        named(
            "p-grantor",
            roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "p-grantor"},
            subjects=[{"kind": "User", "name": "jane"}],
        ),
    ),
    wait(get("roles", headers=AS_JANE), "code=200"),
    post("roles", named("less", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]), headers=AS_JANE),
    post(
        "roles", named("more", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}]), headers=AS_JANE
    ),
    put(
        "roles/less",
        named("less", rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}]),
        headers=AS_JANE,
    ),
    post(
        "rolebindings",
        named("b", roleRef={"apiGroup": RBAC, "kind": "Role", "name": "less"}, subjects=[]),
        headers=AS_JANE,
    ),
    post(
        "rolebindings",
        named("c", roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}, subjects=[]),
        headers=AS_JANE,
    ),
    post(
        "rolebindings",
        named("d", roleRef={"apiGroup": RBAC, "kind": "Role", "name": "none"}, subjects=[]),
        headers=AS_JANE,
    ),
    post("clusterroles", named("p-agg", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"p-agg": "yes"}}]})),
    post(
        "clusterroles",
        {
            "metadata": {"name": "p-part", "labels": {"p-agg": "yes"}},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        },
    ),
    wait(get("clusterroles/p-agg"), "rules.0.verbs"),
    merge("rolebindings/b", {"roleRef": {"name": "other"}}),
    post("rolebindings", named("e", roleRef={"apiGroup": RBAC, "kind": "Thing", "name": "x"})),
    post(
        "rolebindings",
        named(
            "f",
            roleRef={"apiGroup": "", "kind": "Role", "name": "x"},
            subjects=[{"kind": "ServiceAccount", "name": "x"}],
        ),
    ),
    post("clusterrolebindings", named("p-g", roleRef={"apiGroup": RBAC, "kind": "Role", "name": "x"})),
    post("roles", named("h", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": []}])),
    post("roles", named("h", rules=[{"nonResourceURLs": ["/x"], "verbs": ["get"]}])),
    post("clusterroles", named("p-h", rules=[{"nonResourceURLs": ["/x"], "resources": ["a"], "verbs": ["get"]}])),
)
SCRIPTS: tuple[Script, ...] = (REVIEWS, IMPERSONATION, TOKENS, GRANTS)
