"""What writes of subresources change, and what they leave. Refusals: a 1.36.2 control plane's to the same requests."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scale_agent.kube.users import AUTHENTICATED, User
from tests.kube.testbed import Bed

DEFAULT = "/api/v1/namespaces/default"
POD = f"{DEFAULT}/pods/p"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
REQUEST = f"{REQUESTS}/r"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
JANE = User("jane", ("dev", AUTHENTICATED), "u-1", {"scopes": ("a",)})


def _request() -> bytes:
    """A request for the name "jane"."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    key = ec.derive_private_key(7, ec.SECP256R1())
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def pod(bed: Bed) -> dict[str, Any]:
    body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return bed.post(f"{DEFAULT}/pods", body)


def patch(bed: Bed, path: str, body: Any, media: str = MERGE, expect: int = 200) -> dict[str, Any]:
    return bed.call("PATCH", path, body, media=media, expect=expect)


def test_a_status_write_leaves_the_spec_and_completes_addresses() -> None:
    bed = Bed()
    pod(bed)
    body = {"metadata": {"labels": {"a": "b"}}, "spec": {"hostname": "x"}, "status": {"podIP": "10.0.0.9"}}
    made = patch(bed, f"{POD}/status", body)
    assert made["metadata"]["labels"] == {"a": "b"}
    assert "hostname" not in made["spec"]
    assert made["status"]["podIPs"] == [{"ip": "10.0.0.9"}]
    assert patch(bed, f"{POD}/status", {"status": None})["status"]["qosClass"] == "BestEffort"


@pytest.mark.parametrize(
    ("path", "body", "kept"),
    [
        ("/apis/apps/v1/namespaces/default/deployments", {"selector": {"matchLabels": {"a": "b"}}}, ("labels",)),
        ("/apis/networking.k8s.io/v1/servicecidrs", {"cidrs": ["192.0.2.0/24"]}, ("labels", "annotations")),
    ],
)
def test_some_metadata_is_not_the_status_s(path: str, body: dict[str, Any], kept: tuple[str, ...]) -> None:
    bed = Bed()
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = body | ({"template": template} if "selector" in body else {})
    bed.post(path, {"metadata": {"name": "x"}, "spec": spec})
    changed = {"labels": {"new": "1"}, "annotations": {"new": "1"}}
    meta = patch(bed, f"{path}/x/status", {"metadata": changed})["metadata"]
    for name in changed:
        assert ("new" in (meta.get(name) or {})) is (name not in kept)


def test_ephemeral_containers_are_added_and_stay() -> None:
    bed = Bed()
    pod(bed)
    debug = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "busybox"}], "hostname": "x"}}
    made = patch(bed, f"{POD}/ephemeralcontainers", debug, STRATEGIC)
    assert [one["name"] for one in made["spec"]["ephemeralContainers"]] == ["debug"]
    assert "hostname" not in made["spec"]
    debug["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "other"}]
    refused = patch(bed, f"{POD}/ephemeralcontainers", debug, STRATEGIC, 422)
    assert 'existing ephemeral containers "debug" may not be changed' in refused["message"]


def test_a_resize_keeps_the_class_of_service() -> None:
    bed = Bed()
    pod(bed)
    sized = {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}}
    refused = patch(bed, f"{POD}/resize", sized, STRATEGIC, 422)
    assert refused["message"] == (
        'Pod "p" is invalid: spec: Invalid value: "BestEffort": Pod QOS Class may not change as a result of resizing'
    )
    assert bed.get(f"{POD}/resize")["metadata"]["name"] == "p"


def signing_request(bed: Bed, **spec: Any) -> dict[str, Any]:
    asked = {
        "request": base64.b64encode(_request()).decode(),
        "signerName": "example.org/x",
        "usages": ["digital signature"],
    }
    return bed.post(REQUESTS, {"metadata": {"name": "r"}, "spec": {**asked, **spec}}, user=JANE)


def conditions(*types: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": one, "status": "True", "reason": "Fine"} for one in types]}}


def test_a_signing_request_says_who_made_it() -> None:
    bed = Bed()
    made = signing_request(bed, username="other", groups=["system:masters"])
    spec = made["spec"]
    assert (spec["username"], spec["uid"], spec["extra"]) == ("jane", "u-1", {"scopes": ["a"]})
    assert spec["groups"] == ["dev", AUTHENTICATED]
    assert patch(bed, REQUEST, {"spec": {"username": "other"}})["spec"]["username"] == "jane"


def test_approval_sets_conditions_with_their_times() -> None:
    bed = Bed()
    signing_request(bed)
    approved = patch(bed, f"{REQUEST}/approval", conditions("Approved") | {"spec": {"usages": ["any"]}})
    (condition,) = approved["status"]["conditions"]
    assert condition["lastUpdateTime"] == condition["lastTransitionTime"] == "2027-01-15T08:00:01Z"
    assert approved["spec"]["usages"] == ["digital signature"]
    certificate = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n").decode()
    signed = patch(bed, f"{REQUEST}/status", {"status": {"certificate": certificate}})
    assert signed["status"]["certificate"] == certificate
    assert signed["status"]["conditions"] == [condition]


@pytest.mark.parametrize(
    ("part", "body", "message"),
    [
        (
            "approval",
            conditions(),
            'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
        ),
        (
            "approval",
            conditions("Approved", "Denied"),
            'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
        ),
        (
            "status",
            {"status": {"certificate": "bm9uZQ=="}},
            'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
        ),
    ],
)
def test_wrong_approvals(part: str, body: dict[str, Any], message: str) -> None:
    bed = Bed()
    signing_request(bed)
    patch(bed, f"{REQUEST}/approval", conditions("Approved"))
    refused = patch(bed, f"{REQUEST}/{part}", body, expect=422)
    assert refused["message"] == f'CertificateSigningRequest.certificates.k8s.io "r" is invalid: {message}'
