"""Identity and authority: equal on every run of a seed, different between seeds."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from scale_agent.cluster.authority import authority
from scale_agent.cluster.identity import SUFFIX_ALPHABET, ClusterIdentity
from scale_agent.tunnel.tls import TlsEnd, client_context, server_context


def _identity(seed: str = "run/0001") -> ClusterIdentity:
    return ClusterIdentity(seed, b"ca")


def test_uids_are_version_4_and_belong_to_their_key() -> None:
    identity = _identity()
    uid = identity.uid("namespaces//kube-system")
    assert uuid.UUID(uid).version == 4
    assert len(uid) == 36
    assert uid == _identity().uid("namespaces//kube-system")
    assert uid != identity.uid("namespaces//default")
    assert uid != _identity("run/0002").uid("namespaces//kube-system")


def test_run_time_draws_repeat_from_the_start_and_never_within() -> None:
    first, second = _identity(), _identity()
    drawn = [first.next_uid() for _ in range(500)] + [first.suffix() for _ in range(500)]
    assert drawn == [second.next_uid() for _ in range(500)] + [second.suffix() for _ in range(500)]
    assert len(set(drawn)) > 990


@pytest.mark.parametrize("length", [1, 5, 10, 20])
def test_suffixes_use_kubernetes_alphabet(length: int) -> None:
    suffix = _identity().suffix(length)
    assert len(suffix) == length
    assert set(suffix) <= set(SUFFIX_ALPHABET)


def test_numbers_are_spread_over_the_unit_interval() -> None:
    numbers = [_identity(f"seed-{n}").number("second-tunnel-1") for n in range(400)]
    assert all(0 <= number < 1 for number in numbers)
    assert 0.4 < sum(numbers) / 400 < 0.6


def test_token_is_a_well_formed_jwt_of_the_account() -> None:
    token = _identity().token("cattle-system", "cattle", "u-1", "cattle-token-x7k2p")
    assert token == _identity().token("cattle-system", "cattle", "u-1", "cattle-token-x7k2p")
    assert token != _identity("other").token("cattle-system", "cattle", "u-1", "cattle-token-x7k2p")
    head, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    assert json.loads(head)["alg"] == "RS256"
    assert len(signature) == 256
    assert json.loads(claims) == {
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "cattle-system",
        "kubernetes.io/serviceaccount/secret.name": "cattle-token-x7k2p",
        "kubernetes.io/serviceaccount/service-account.name": "cattle",
        "kubernetes.io/serviceaccount/service-account.uid": "u-1",
        "sub": "system:serviceaccount:cattle-system:cattle",
    }
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token)


def test_nothing_secret_in_representations() -> None:
    made = authority("a seed", "10.43.0.1")
    assert "PRIVATE" not in repr(made)
    assert "a seed" not in repr(_identity("a seed"))


def test_authority_is_byte_identical_in_another_process() -> None:
    made = authority("run-1", "10.43.0.1")
    program = (
        "import sys; from scale_agent.cluster.authority import authority; a = authority('run-1', '10.43.0.1'); "
        "sys.stdout.buffer.write(a.ca_pem + a.cert_pem + a.key_pem)"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)
    assert other.stdout == made.ca_pem + made.cert_pem + made.key_pem
    assert authority("run-2", "10.43.0.1").ca_pem != made.ca_pem


def test_certificate_covers_address_and_service_names() -> None:
    certificate = x509.load_pem_x509_certificate(authority("s", "10.43.0.1").cert_pem)
    names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    assert isinstance(names, x509.SubjectAlternativeName)
    assert "10.43.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


@pytest.mark.parametrize("host", ["10.43.0.1", "api.example", "fd00::1"])
def test_a_client_that_verifies_accepts_it(host: str) -> None:
    made = authority("s", host)
    server = TlsEnd(server_context(made.cert_pem, made.key_pem), server_side=True)
    client = TlsEnd(client_context(made.ca_pem), server_side=False, server_hostname=host)
    client.start()
    for _ in range(4):
        server.receive(client.data_to_send())
        client.receive(server.data_to_send())
    assert client.handshake_done
    assert server.handshake_done
