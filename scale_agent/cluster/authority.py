"""The certificate authority of simulated API servers, made from a seed and from nothing else.

Rancher restarts all controllers of a cluster whose ``caCert`` changed (a measured cost), so the bytes must be
the same in every process and on every run of a seed: the keys are derived, the signatures are deterministic (RFC 6979),
serial numbers and dates are fixed. One authority serves all clusters of a run, because a tunnelled TLS connection
to an address carries no server name by which another certificate could be chosen.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOT_BEFORE = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
NOT_AFTER = datetime.datetime(2055, 1, 1, tzinfo=datetime.UTC)

#: Order of the group of P-256 (SEC 2, 2.4.2): private keys are 1 … order - 1.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

#: Names that every API server's certificate carries beside its address.
_SERVICE_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
)


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority and the server certificate it issued, PEM. ``repr`` hides the key."""

    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes = field(repr=False)


@lru_cache(maxsize=64)
def authority(seed: str, host: str) -> Authority:
    """The authority of ``seed`` with a server certificate for ``host`` (an IP address or a name)."""
    ca_key, leaf_key = _private_key(seed, "ca"), _private_key(seed, "leaf")
    ca_name, leaf_name = _name("kubernetes"), _name("kube-apiserver")
    ca = _build(seed, "ca", ca_name, ca_name, ca_key, ca_key, _ca_extensions())
    leaf = _build(seed, f"leaf {host}", leaf_name, ca_name, leaf_key, ca_key, _leaf_extensions(host))
    pem = serialization.Encoding.PEM
    return Authority(
        ca_pem=ca.public_bytes(pem),
        cert_pem=leaf.public_bytes(pem),
        key_pem=leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _digest(seed: str, purpose: str) -> int:
    return int.from_bytes(hashlib.sha512(f"scale-agent authority\0{seed}\0{purpose}".encode()).digest(), "big")


def _private_key(seed: str, purpose: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(_digest(seed, f"key {purpose}") % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _build(
    seed: str,
    purpose: str,
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(_digest(seed, f"serial {purpose}") % (1 << 126) + 1)
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True)


def _ca_extensions() -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (_key_usage(digital_signature=True, key_cert_sign=True), True),
    ]


def _leaf_extensions(host: str) -> list[tuple[x509.ExtensionType, bool]]:
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(digital_signature=True, key_cert_sign=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName(_alternative_names(host)), False),
    ]


def _alternative_names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in _SERVICE_NAMES]
    addresses = ["127.0.0.1"]
    try:
        ipaddress.ip_address(host)
    except ValueError:
        names.append(x509.DNSName(host))
    else:
        addresses.insert(0, host)
    return names + [x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys(addresses)]


def _key_usage(*, digital_signature: bool, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
