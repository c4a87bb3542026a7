"""Access reviews: verdicts and reasons of a real, new 1.36.2 control plane for the same questions."""

from __future__ import annotations

from typing import Any

import pytest

from scale_agent.kube.users import User
from tests.kube.testbed import Bed

AUTHORIZATION = "/apis/authorization.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ACCOUNT = "system:serviceaccount:kube-system"
GET_PODS = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
VERSION = {"nonResourceAttributes": {"verb": "get", "path": "/version"}}
REPLICASET = "system:controller:replicaset-controller"
CLEANER = "system:controller:token-cleaner"
DENIED = {"allowed": False}

#: The review's spec, its status.
REAL: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"user": "nobody", **GET_PODS}, DENIED),
    ({"user": "root", "groups": ["system:masters"], **GET_PODS}, {"allowed": True}),
    (
        {"user": "nobody", "groups": ["system:authenticated"], **VERSION},
        {
            "allowed": True,
            "reason": 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" '
            'to Group "system:authenticated"',
        },
    ),
    (
        {"user": f"{ACCOUNT}:replicaset-controller", "resourceAttributes": {"verb": "create", "resource": "pods"}},
        {
            "allowed": True,
            "reason": f'RBAC: allowed by ClusterRoleBinding "{REPLICASET}" of ClusterRole "{REPLICASET}" '
            'to ServiceAccount "replicaset-controller/kube-system"',
        },
    ),
    (
        {
            "user": f"{ACCOUNT}:token-cleaner",
            "resourceAttributes": {"verb": "get", "resource": "secrets", "namespace": "kube-system"},
        },
        {
            "allowed": True,
            "reason": f'RBAC: allowed by RoleBinding "{CLEANER}/kube-system" of Role "{CLEANER}" '
            'to ServiceAccount "token-cleaner/kube-system"',
        },
    ),
    (
        {
            "user": f"{ACCOUNT}:token-cleaner",
            "resourceAttributes": {"verb": "get", "resource": "secrets", "namespace": "default"},
        },
        DENIED,
    ),
    ({"user": f"{ACCOUNT}:replicaset-controller", **GET_PODS, "groups": ["system:serviceaccounts"]}, DENIED),
]


@pytest.mark.parametrize(("spec", "status"), REAL)
def test_access_of_a_named_user_is_what_rbac_says(spec: dict[str, Any], status: dict[str, Any]) -> None:
    """Verdict and reason."""
    assert Bed().post(f"{AUTHORIZATION}/subjectaccessreviews", {"spec": spec})["status"] == status


def test_a_review_must_name_somebody() -> None:
    """422 in a real server's words."""
    refused = Bed().post(f"{AUTHORIZATION}/subjectaccessreviews", {"spec": GET_PODS}, expect=422)
    assert refused["message"] == (
        '.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": '
        "at least one of user or group must be specified"
    )


def test_own_access_is_always_granted() -> None:
    """With the reason that RBAC has, if it has one."""
    bed = Bed()
    review = f"{AUTHORIZATION}/selfsubjectaccessreviews"
    agent = User.account("default", "agent")
    assert bed.post(review, {"spec": GET_PODS}, user=agent)["status"] == {"allowed": True}
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    bed.post(f"{RBAC}/clusterroles", {"metadata": {"name": "boss"}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "boss"}
    subjects = [{"kind": "ServiceAccount", "name": "agent", "namespace": "default"}]
    binding = {"metadata": {"name": "boss-binding"}, "roleRef": reference, "subjects": subjects}
    bed.post(f"{RBAC}/clusterrolebindings", binding)
    for spec in (GET_PODS, VERSION):
        assert bed.post(review, {"spec": spec}, user=agent)["status"] == {
            "allowed": True,
            "reason": 'RBAC: allowed by ClusterRoleBinding "boss-binding" of ClusterRole "boss" '
            'to ServiceAccount "agent/default"',
        }
