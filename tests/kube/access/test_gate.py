"""Who may do what, and as whom. Answers: those of a 1.36.2 control plane that enforces RBAC to the same requests."""

from __future__ import annotations

from typing import Any

import pytest

from scale_agent.kube.users import ANONYMOUS, AUTHENTICATED, User
from tests.kube.testbed import Bed

RBAC = "/apis/rbac.authorization.k8s.io/v1"
GROUP = "rbac.authorization.k8s.io"
MYSELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
DEFAULT = "/api/v1/namespaces/default"
ROLES, BINDINGS = (f"{RBAC}/namespaces/default/{plural}" for plural in ("roles", "rolebindings"))
ACCOUNT = User.account("default", "default")
WHO = 'User "system:serviceaccount:default:default" cannot'
DORA = User("dora", (AUTHENTICATED,))
SELF = "selfsubjectreviews.authentication.k8s.io"
MERGE = "application/merge-patch+json"


def bind(bed: Bed, user: str, *rules: dict[str, Any], name: str = "r", namespace: str = "default") -> None:
    """Give a user a role with these rules."""
    kind, where = ("Role", f"/namespaces/{namespace}") if namespace else ("ClusterRole", "")
    plural = kind.lower()
    bed.post(f"{RBAC}{where}/{plural}s", {"metadata": {"name": name}, "rules": rules})
    bind_to(bed, user, kind, name, namespace)


def bind_to(bed: Bed, user: str, kind: str, role: str, namespace: str = "default") -> None:
    where, plural = (f"/namespaces/{namespace}", "rolebindings") if namespace else ("", "clusterrolebindings")
    reference = {"apiGroup": GROUP, "kind": kind, "name": role}
    subjects = [{"kind": "User", "name": user, "apiGroup": GROUP}]
    bed.post(
        f"{RBAC}{where}/{plural}", {"metadata": {"name": f"{user}-{role}"}, "roleRef": reference, "subjects": subjects}
    )


#: Method, path, what is said; the details.
REFUSED: list[tuple[str, str, str, dict[str, str]]] = [
    (
        "GET",
        f"{DEFAULT}/pods",
        f'pods is forbidden: {WHO} list resource "pods" in API group "" in the namespace "default"',
        {"kind": "pods"},
    ),
    (
        "GET",
        f"{DEFAULT}/pods/x",
        f'pods "x" is forbidden: {WHO} get resource "pods" in API group "" in the namespace "default"',
        {"name": "x", "kind": "pods"},
    ),
    (
        "GET",
        f"{DEFAULT}/pods/x/log",
        f'pods "x" is forbidden: {WHO} get resource "pods/log" in API group "" in the namespace "default"',
        {"name": "x", "kind": "pods"},
    ),
    (
        "GET",
        "/api/v1/pods?watch=true",
        f'pods is forbidden: {WHO} watch resource "pods" in API group "" at the cluster scope',
        {"kind": "pods"},
    ),
    (
        "GET",
        "/api/v1/watch/pods",
        f'pods is forbidden: {WHO} watch resource "pods" in API group "" at the cluster scope',
        {"kind": "pods"},
    ),
    (
        "GET",
        f"{DEFAULT}/pods?fieldSelector=metadata.name%3Dzz,spec.nodeName%3Da",
        f'pods "zz" is forbidden: {WHO} list resource "pods" in API group "" in the namespace "default"',
        {"name": "zz", "kind": "pods"},
    ),
    (
        "DELETE",
        "/apis/apps/v1/namespaces/default/deployments",
        f'deployments.apps is forbidden: {WHO} deletecollection resource "deployments" in API group "apps" '
        'in the namespace "default"',
        {"group": "apps", "kind": "deployments"},
    ),
    (
        "PATCH",
        "/apis/apps/v1/namespaces/default/deployments/x/scale",
        f'deployments.apps "x" is forbidden: {WHO} patch resource "deployments/scale" in API group "apps" '
        'in the namespace "default"',
        {"name": "x", "group": "apps", "kind": "deployments"},
    ),
    (
        "GET",
        "/apis/foo.bar/v1/nonsense",
        f'nonsense.foo.bar is forbidden: {WHO} list resource "nonsense" in API group "foo.bar" at the cluster scope',
        {"group": "foo.bar", "kind": "nonsense"},
    ),
    (
        "GET",
        DEFAULT,
        f'namespaces "default" is forbidden: {WHO} get resource "namespaces" in API group "" in the namespace '
        '"default"',
        {"name": "default", "kind": "namespaces"},
    ),
    (
        "PUT",
        f"{DEFAULT}/finalize",
        f'namespaces "default" is forbidden: {WHO} update resource "namespaces/finalize" in API group "" '
        'in the namespace "default"',
        {"name": "default", "kind": "namespaces"},
    ),
    (
        "GET",
        "/api/v1/nodes/n/proxy/foo/bar",
        f'nodes "n" is forbidden: {WHO} get resource "nodes/proxy" in API group "" at the cluster scope',
        {"name": "n", "kind": "nodes"},
    ),
    ("GET", "/metrics", f'forbidden: {WHO} get path "/metrics"', {}),
    ("POST", "/foo", f'forbidden: {WHO} post path "/foo"', {}),
    ("GET", "/", f'forbidden: {WHO} get path "/"', {}),
    (
        "OPTIONS",
        "/api/v1/nodes",
        f'nodes is forbidden: {WHO}  resource "nodes" in API group "" at the cluster scope',
        {"kind": "nodes"},
    ),
]


@pytest.mark.parametrize(("method", "path", "message", "details"), REFUSED)
def test_refusals(method: str, path: str, message: str, details: dict[str, str]) -> None:
    path, _, query = path.partition("?")
    pairs: Any = dict(one.replace("%3D", "=").split("=", 1) for one in query.split("&")) if query else {}
    answer = Bed(rbac=True).ask(method, path, user=ACCOUNT, **pairs)
    assert answer.status == 403
    assert ("X-Content-Type-Options", "nosniff") in answer.headers
    refused = Bed(rbac=True).call(method, path, user=ACCOUNT, expect=403, **pairs)
    assert (refused["message"], refused["reason"], refused["details"]) == (message, "Forbidden", details)


def test_without_the_switch_whoever_is_known_may_do_everything() -> None:
    assert Bed().ask("GET", "/api/v1/pods", user=ACCOUNT).status == 200
    assert Bed().ask("GET", "/api/v1/pods", user=ANONYMOUS).status == 403


@pytest.mark.parametrize(
    ("rule", "path", "allowed"),
    [
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}, f"{DEFAULT}/pods", True),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}, f"{DEFAULT}/pods", False),
        ({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, f"{DEFAULT}/configmaps/x", True),
        ({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}, f"{DEFAULT}/pods/x/status", False),
        ({"apiGroups": [""], "resources": ["*/status"], "verbs": ["get"]}, f"{DEFAULT}/pods/x/status", True),
        ({"apiGroups": [""], "resources": ["pods/status"], "verbs": ["get"]}, f"{DEFAULT}/pods/x/status", True),
        ({"apiGroups": ["apps"], "resources": ["pods"], "verbs": ["*"]}, f"{DEFAULT}/pods", False),
        (
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["x"]},
            f"{DEFAULT}/pods/x",
            True,
        ),
        (
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": ["x"]},
            f"{DEFAULT}/pods/y",
            False,
        ),
        (
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
            "/api/v1/namespaces/kube-system/pods",
            False,
        ),
    ],
)
def test_rules_of_a_role(rule: dict[str, Any], path: str, allowed: bool) -> None:
    bed = Bed(rbac=True)
    bind(bed, "dora", rule)
    assert (bed.ask("GET", path, user=DORA).status != 403) is allowed


def test_paths_and_the_whole_cluster() -> None:
    bed = Bed(rbac=True)
    rules = (
        {"nonResourceURLs": ["/met*"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
    )
    bind(bed, "dora", *rules, namespace="")
    assert bed.ask("GET", "/metrics", user=DORA).status != 403
    assert bed.ask("POST", "/metrics", user=DORA).status == 403
    assert bed.ask("GET", "/api/v1/pods", user=DORA).status == 200


def test_what_changes_counts_at_once() -> None:
    bed = Bed(rbac=True)
    bind(bed, "dora", {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]})
    assert bed.ask("GET", f"{DEFAULT}/pods", user=DORA).status == 200
    bed.call("PATCH", f"{ROLES}/r", {"rules": []}, media=MERGE)
    assert bed.ask("GET", f"{DEFAULT}/pods", user=DORA).status == 403
    bind_to(bed, "dora", "ClusterRole", "view")
    assert bed.ask("GET", f"{DEFAULT}/pods", user=DORA).status == 200
    bed.call("DELETE", f"{BINDINGS}/dora-view")
    assert bed.ask("GET", f"{DEFAULT}/pods", user=DORA).status == 403
    bed.call("DELETE", f"{RBAC}/clusterrolebindings/system:discovery")
    assert bed.ask("GET", "/apis", user=DORA).status == 403


def test_a_lost_role_is_told() -> None:
    bed = Bed(rbac=True)
    bind_to(bed, "carl", "ClusterRole", "none", namespace="")
    carl = User("carl", (AUTHENTICATED,))
    lost = 'clusterrole.rbac.authorization.k8s.io "none" not found'
    refused = bed.call("GET", "/api/v1/pods", user=carl, expect=403)
    assert refused["message"] == (
        f'pods is forbidden: User "carl" cannot list resource "pods" in API group "" at the cluster scope: RBAC: {lost}'
    )
    reviews = "/apis/authorization.k8s.io/v1"
    review = {"spec": {"user": "carl", "resourceAttributes": {"verb": "get", "resource": "pods"}}}
    status = bed.post(f"{reviews}/subjectaccessreviews", review)["status"]
    assert status == {"allowed": False, "reason": f"RBAC: {lost}"}
    rules = bed.post(f"{reviews}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}, user=carl)
    assert rules["spec"] == {}
    assert rules["status"]["evaluationError"] == lost
    assert {"verbs": ["create"], "apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"]} in rules[
        "status"
    ]["resourceRules"]


# -- acting as somebody else -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "info"),
    [
        ({"impersonate-user": "bob"}, {"username": "bob", "groups": ["system:authenticated"]}),
        (
            {"impersonate-user": "system:serviceaccount:a:b"},
            {
                "username": "system:serviceaccount:a:b",
                "groups": ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
            },
        ),
        (
            {"impersonate-user": "system:serviceaccount:a:b", "impersonate-group": "g1"},
            {"username": "system:serviceaccount:a:b", "groups": ["g1", "system:authenticated"]},
        ),
        (
            {
                "impersonate-user": "bob",
                "impersonate-group": "g1\ng2",
                "impersonate-uid": "u1",
                "impersonate-extra-scopes": "view\nedit",
                "impersonate-extra-acme.com%2fproject": "p",
            },
            {
                "username": "bob",
                "uid": "u1",
                "groups": ["g1", "g2", "system:authenticated"],
                "extra": {"acme.com/project": ["p"], "scopes": ["view", "edit"]},
            },
        ),
        (
            {"impersonate-user": "system:node:n"},
            {"username": "system:node:n", "groups": ["system:nodes", "system:authenticated"]},
        ),
    ],
)
@pytest.mark.parametrize("rbac", [False, True])
def test_masters_may_be_anybody(headers: dict[str, str], info: dict[str, Any], rbac: bool) -> None:
    assert Bed(rbac=rbac).post(MYSELF, {}, headers=headers)["status"]["userInfo"] == info


@pytest.mark.parametrize("rbac", [False, True])
def test_who_acts_as_whom_is_logged(rbac: bool, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        Bed(rbac=rbac).post(MYSELF, {}, headers={"impersonate-user": "bob"})
    assert "system:apiserver is impersonating bob" in caplog.messages


def test_anonymous_and_unauthenticated_are_nobody() -> None:
    for headers in (
        {"impersonate-user": "system:anonymous"},
        {"impersonate-user": "bob", "impersonate-group": "system:unauthenticated"},
    ):
        refused = Bed().post(MYSELF, {}, headers=headers, expect=403)
        user = headers["impersonate-user"]
        assert refused["message"] == (
            f'{SELF} is forbidden: User "{user}" cannot create resource "selfsubjectreviews" '
            'in API group "authentication.k8s.io" at the cluster scope'
        )


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({"impersonate-group": "g1"}, 'UID:"", Groups:[]string{"g1"}, Extra:map[string][]string(nil)'),
        ({"impersonate-uid": "g1"}, 'UID:"g1", Groups:[]string(nil), Extra:map[string][]string(nil)'),
        (
            {"impersonate-extra-foo": "g1"},
            'UID:"", Groups:[]string(nil), Extra:map[string][]string{"foo":[]string{"g1"}}',
        ),
    ],
)
def test_somebody_has_a_name(headers: dict[str, str], shown: str) -> None:
    message = f'requested &user.DefaultInfo{{Name:"", {shown}}} without impersonating a user name'
    assert Bed().post(MYSELF, {}, headers=headers, expect=400)["message"] == message


_AT = 'in API group "authentication.k8s.io" at the cluster scope'


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (
            {"impersonate-user": "bob"},
            f'{SELF} is forbidden: {WHO} impersonate-on:user-info:create resource "selfsubjectreviews" {_AT}',
        ),
        (
            {"impersonate-user": "system:serviceaccount:a:b"},
            f'{SELF} is forbidden: {WHO} impersonate-on:serviceaccount:create resource "selfsubjectreviews" {_AT}',
        ),
        (
            {"impersonate-user": "system:node:n1"},
            f'{SELF} is forbidden: {WHO} impersonate-on:arbitrary-node:create resource "selfsubjectreviews" {_AT}',
        ),
        (
            {"impersonate-user": "system:serviceaccount:a:b", "impersonate-group": "g1"},
            f'serviceaccounts "b" is forbidden: {WHO} impersonate resource "serviceaccounts" in API group "" '
            'in the namespace "a"',
        ),
    ],
)
def test_not_everybody_may(headers: dict[str, str], message: str) -> None:
    refused = Bed(rbac=True).post(MYSELF, {}, headers=headers, user=ACCOUNT, expect=403)
    assert refused["message"] == message


def test_whoever_has_the_verb_may() -> None:
    bed = Bed(rbac=True)
    rule = {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["bob"]}
    bind(bed, "dora", rule, namespace="")
    assert (
        bed.post(MYSELF, {}, headers={"impersonate-user": "bob"}, user=DORA)["status"]["userInfo"]["username"] == "bob"
    )
    bed.post(MYSELF, {}, headers={"impersonate-user": "eve"}, user=DORA, expect=403)
    bed.post(MYSELF, {}, headers={"impersonate-user": "bob", "impersonate-group": "x"}, user=DORA, expect=403)


# -- giving away -----------------------------------------------------------------------------------------------------

WRITER = {"apiGroups": [GROUP], "resources": ["roles", "rolebindings"], "verbs": ["create", "update", "patch", "get"]}
READER = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}


def giver() -> Bed:
    bed = Bed(rbac=True)
    bind(bed, "dora", WRITER, READER)
    return bed


def test_nobody_gives_what_he_does_not_have() -> None:
    bed = giver()
    good = {"metadata": {"name": "good"}, "rules": [READER]}
    bed.post(ROLES, good, user=DORA)
    rules = [
        {"apiGroups": ["", "apps"], "resources": ["pods"], "verbs": ["get", "watch"], "resourceNames": ["a"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
    ]
    refused = bed.post(ROLES, {"metadata": {"name": "bad"}, "rules": rules}, user=DORA, expect=403)
    assert refused["message"] == (
        'roles.rbac.authorization.k8s.io "bad" is forbidden: user "dora" (groups=["system:authenticated"]) '
        "is attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["configmaps"], Verbs:["get" "list"]}\n'
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["watch"]}\n'
        '{APIGroups:["apps"], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "watch"]}'
    )
    bed.call("PATCH", f"{ROLES}/good", {"rules": rules}, media=MERGE, user=DORA, expect=403)
    bed.call("PATCH", f"{ROLES}/good", {"metadata": {"labels": {"a": "b"}}}, media=MERGE, user=DORA)
    bed.post(ROLES, {"metadata": {"name": "bad"}, "rules": rules})


def binding(kind: str, role: str, name: str = "b") -> dict[str, Any]:
    return {"metadata": {"name": name}, "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role}}


def test_nobody_binds_what_he_does_not_have() -> None:
    bed = giver()
    bed.post(BINDINGS, binding("ClusterRole", "system:basic-user", "good"), user=DORA)
    refused = bed.post(BINDINGS, binding("ClusterRole", "none"), user=DORA, expect=404)
    assert refused["message"] == 'rolebindings.rbac.authorization.k8s.io "none" not found'
    refused = bed.post(BINDINGS, binding("ClusterRole", "system:node-proxier"), user=DORA, expect=403)
    assert refused["message"].startswith(
        'rolebindings.rbac.authorization.k8s.io "b" is forbidden: user "dora" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["endpoints"], Verbs:["list" "watch"]}\n'
        '{APIGroups:[""], Resources:["events"], Verbs:["create" "patch" "update"]}\n'
    )


def test_bind_and_escalate_are_verbs() -> None:
    bed = giver()
    verbs = {"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["bind"], "resourceNames": ["view"]}
    bind(bed, "dora", verbs, {**verbs, "resources": ["roles"], "verbs": ["escalate"], "resourceNames": []}, name="more")
    bed.post(BINDINGS, binding("ClusterRole", "view"), user=DORA)
    bed.post(BINDINGS, binding("ClusterRole", "edit", "c"), user=DORA, expect=403)
    bed.post(
        ROLES,
        {"metadata": {"name": "all"}, "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
        user=DORA,
    )


def test_only_cluster_admins_aggregate() -> None:
    bed = Bed(rbac=True)
    bind(bed, "dora", {**WRITER, "resources": ["clusterroles"]}, namespace="")
    selectors = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    body = {"metadata": {"name": "agg"}, "rules": None, "aggregationRule": selectors}
    refused = bed.post(f"{RBAC}/clusterroles", body, user=DORA, expect=403)
    assert refused["message"] == (
        'clusterroles.rbac.authorization.k8s.io "agg" is forbidden: '
        "must have cluster-admin privileges to use the aggregationRule"
    )
    bed.post(f"{RBAC}/clusterroles", body)
