"""Who a bearer token makes of a request. Answers: a 1.36.2 control plane's to the same requests."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from scale_agent.kube.access import jwt
from scale_agent.kube.access.keys import key_set, signing_key
from scale_agent.kube.access.tokens import ISSUER
from scale_agent.kube.users import ANONYMOUS, User
from tests.kube.testbed import Bed, FixedIdentity, events

DEFAULT = "/api/v1/namespaces/default"
ACCOUNT = f"{DEFAULT}/serviceaccounts/default"
MYSELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
GROUPS = ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
CREDENTIAL = "authentication.kubernetes.io/credential-id"
POD: dict[str, Any] = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def whoami(bed: Bed, token: str) -> dict[str, Any]:
    found: dict[str, Any] = bed.post(MYSELF, {}, headers=bearer(token))["status"]["userInfo"]
    return found


def refused(bed: Bed, token: str) -> bool:
    return bed.ask("GET", "/version", headers=bearer(token)).status == 401


def legacy(bed: Bed, name: str = "legacy") -> str:
    """A token in a secret."""
    annotations = {"kubernetes.io/service-account.name": "default"}
    body = {"metadata": {"name": name, "annotations": annotations}, "type": "kubernetes.io/service-account-token"}
    bed.post(f"{DEFAULT}/secrets", body)
    return base64.b64decode(bed.get(f"{DEFAULT}/secrets/{name}")["data"]["token"]).decode()


def requested(bed: Bed, **spec: Any) -> str:
    return str(bed.post(f"{ACCOUNT}/token", {"spec": spec})["status"]["token"])


def test_nobody_is_anonymous() -> None:
    bed = Bed()
    assert bed.ask("GET", "/version", user=ANONYMOUS).status == 200
    answer = bed.call("GET", "/api/v1/pods", user=ANONYMOUS, expect=403)
    assert answer["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope'
    )
    assert answer["details"] == {"kind": "pods"}
    path = bed.call("GET", "/metrics", user=ANONYMOUS, expect=403)
    assert path["message"] == 'forbidden: User "system:anonymous" cannot get path "/metrics"'


@pytest.mark.parametrize("credentials", ["Basic YTpi", "Bearer", "Bearer ", "token"])
def test_other_credentials_are_none(credentials: str) -> None:
    assert Bed().ask("GET", "/api/v1/pods", headers={"authorization": credentials}).status == 403


@pytest.mark.parametrize("token", ["wrong", "a.b.c", "é", "e30.e30.e30", "eyJpc3MiOjF9.eyJpc3MiOjF9.eA"])
def test_a_wrong_token_is_401(token: str) -> None:
    answer = Bed().ask("GET", "/version", headers=bearer(token))
    assert answer.status == 401
    assert b'"message":"Unauthorized","reason":"Unauthorized","code":401' in answer.body
    assert "X-Content-Type-Options" not in dict(answer.headers)


def test_a_registered_token_is_its_user_s() -> None:
    bed = Bed()
    bed.api.gate.tokens.register("let-me-in", User("admin", ("system:masters",), "admin"))
    groups = ["system:masters", "system:authenticated"]
    assert whoami(bed, "let-me-in") == {"username": "admin", "uid": "admin", "groups": groups}
    review = bed.post(REVIEWS, {"spec": {"token": "let-me-in", "audiences": ["x"]}})
    assert review["status"] == {"user": {}, "error": "invalid bearer token"}


def test_a_token_in_a_secret_is_good_while_the_secret_holds_it() -> None:
    bed = Bed()
    token = legacy(bed)
    uid = bed.get(ACCOUNT)["metadata"]["uid"]
    for _ in range(2):
        assert whoami(bed, token) == {"username": "system:serviceaccount:default:default", "uid": uid, "groups": GROUPS}
    assert refused(bed, token[:-4] + "AAAA")
    bed.call("DELETE", f"{DEFAULT}/secrets/legacy")
    assert refused(bed, token)


def test_a_deleted_account_takes_its_tokens_along() -> None:
    bed = Bed()
    token, other = legacy(bed), requested(bed)
    assert not refused(bed, token)
    assert not refused(bed, other)
    bed.call("DELETE", ACCOUNT)
    bed.advance(1)
    assert refused(bed, token)
    assert refused(bed, other)


def test_the_day_of_a_token_s_use_is_noted_once() -> None:
    bed = Bed()
    token = legacy(bed)
    watch = bed.watch(f"{DEFAULT}/secrets", watch="true")
    events(watch)
    for _ in range(3):
        whoami(bed, token)
    (change,) = events(watch)
    meta = change["object"]["metadata"]
    assert meta["labels"] == {"kubernetes.io/legacy-token-last-used": "2027-01-15"}
    assert "kube-apiserver" in [one["manager"] for one in meta["managedFields"]]


def test_a_requested_token_says_whose_it_is() -> None:
    bed = Bed()
    bed.post(f"{DEFAULT}/pods", {**POD, "spec": POD["spec"] | {"nodeName": "node-1"}})
    token = requested(bed, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"}, expirationSeconds=700)
    found = jwt.parse(token)
    assert found is not None
    assert found.header == {"alg": "RS256", "kid": signing_key().kid}
    assert signing_key().verifies(found)
    claims = found.claims
    assert list(claims) == ["aud", "exp", "iat", "iss", "jti", "kubernetes.io", "nbf", "sub"]
    assert (claims["aud"], claims["iss"], claims["exp"] - claims["iat"]) == ([ISSUER], ISSUER, 700)
    pod, node = (bed.get(path)["metadata"] for path in (f"{DEFAULT}/pods/p", "/api/v1/nodes/node-1"))
    assert claims["kubernetes.io"]["pod"] == {"name": "p", "uid": pod["uid"]}
    assert claims["kubernetes.io"]["node"] == {"name": "node-1", "uid": node["uid"]}
    assert whoami(bed, token)["extra"] == {
        CREDENTIAL: [f"JTI={claims['jti']}"],
        "authentication.kubernetes.io/node-name": ["node-1"],
        "authentication.kubernetes.io/node-uid": [node["uid"]],
        "authentication.kubernetes.io/pod-name": ["p"],
        "authentication.kubernetes.io/pod-uid": [pod["uid"]],
    }


def test_a_requested_token_expires() -> None:
    bed = Bed()
    token = requested(bed, expirationSeconds=600)
    whoami(bed, token)
    bed.advance(655)
    whoami(bed, token)
    bed.advance(10)
    assert refused(bed, token)
    error = "[invalid bearer token, service account token has expired]"
    assert bed.post(REVIEWS, {"spec": {"token": token}})["status"] == {"user": {}, "error": error}


def test_a_bound_token_ends_with_its_pod() -> None:
    bed = Bed()
    bed.post(f"{DEFAULT}/pods", POD)
    token = requested(bed, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"})
    whoami(bed, token)
    bed.call("DELETE", f"{DEFAULT}/pods/p", gracePeriodSeconds=0)
    bed.advance(61)
    assert refused(bed, token)


def test_another_cluster_s_token_is_nobody_s() -> None:
    assert refused(Bed(identity=FixedIdentity("b")), requested(Bed()))


@pytest.mark.parametrize(
    ("made_for", "asked_for", "audiences"),
    [([], [], [ISSUER]), (["a", "b"], ["b", "c"], ["b"]), (["a"], [], None), ([], ["zzz"], None)],
)
def test_a_token_is_for_its_audience(made_for: list[str], asked_for: list[str], audiences: list[str] | None) -> None:
    bed = Bed()
    token = requested(bed, audiences=made_for)
    status = bed.post(REVIEWS, {"spec": {"token": token, "audiences": asked_for}})["status"]
    assert status.get("authenticated", False) is (audiences is not None)
    assert status.get("audiences") == audiences
    if audiences is None:
        meant, target = made_for or [ISSUER], asked_for or [ISSUER]
        listed = [" ".join(f'"{one}"' for one in ones) for ones in (meant, target)]
        why = f"token audiences [{listed[0]}] is invalid for the target audiences [{listed[1]}]"
        assert status == {"user": {}, "error": f"[invalid bearer token, {why}]"}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (
            {"spec": {"expirationSeconds": 10}},
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 10: '
            "may not specify a duration less than 10 minutes",
        ),
        (
            {"spec": {"expirationSeconds": 9999999999}},
            422,
            'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 9999999999: '
            "may not specify a duration larger than 2^32 seconds",
        ),
        (
            {"metadata": {"name": "other"}},
            422,
            'TokenRequest.authentication.k8s.io "default" is invalid: metadata.name: Invalid value: "other": '
            "must match the service account name if specified",
        ),
        (
            {"metadata": {"namespace": "zz"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            {"spec": {"boundObjectRef": {"kind": "ConfigMap", "apiVersion": "v1", "name": "x"}}},
            400,
            "cannot bind token to object of type /v1, Kind=ConfigMap",
        ),
        (
            {"spec": {"boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "x"}}},
            404,
            'nodes "x" not found',
        ),
        (
            {"spec": {"boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "node-1", "uid": "nope"}}},
            409,
            'Operation cannot be fulfilled on Node "node-1": the UID in the bound object reference (nope) does not '
            "match the UID in record. The object might have been deleted and then recreated",
        ),
    ],
)
def test_wrong_token_requests(body: dict[str, Any], code: int, message: str) -> None:
    assert Bed().post(f"{ACCOUNT}/token", body, expect=code)["message"] == message


def test_the_public_key_is_told() -> None:
    (key,) = key_set()["keys"]
    assert (key["kty"], key["alg"], key["use"], key["e"]) == ("RSA", "RS256", "sig", "AQAB")
    assert key["kid"] == signing_key().kid


def test_a_review_needs_a_token() -> None:
    message = "token is required for TokenReview in authentication"
    assert Bed().post(REVIEWS, {}, expect=400)["message"] == message
    assert Bed().call("GET", REVIEWS, expect=405)["reason"] == "MethodNotAllowed"
