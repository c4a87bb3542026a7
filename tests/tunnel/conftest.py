"""Certificates for TLS tests: one authority, one leaf for 10.43.0.1, EC P-256 as in the product."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from scale_agent.tunnel.tls import client_context, server_context

ADDRESS = "10.43.0.1"
_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_UNTIL = datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC)

LeafKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Pki:
    """PEM files of one authority and its leaf."""

    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes


def _builder(subject: str, issuer: str, key: LeafKey, serial: int) -> x509.CertificateBuilder:
    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
    return builder.public_key(key.public_key()).serial_number(serial).not_valid_before(_FROM).not_valid_after(_UNTIL)


def make_pki(leaf_key: LeafKey | None = None) -> Pki:
    """A new authority and a leaf for :data:`ADDRESS`."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    leaf_key = leaf_key or ec.generate_private_key(ec.SECP256R1())
    ca = _builder("ca", "ca", ca_key, 1).add_extension(x509.BasicConstraints(True, None), True)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS)), x509.DNSName("kubernetes")])
    leaf = _builder("kube-apiserver", "ca", leaf_key, 2).add_extension(names, False)
    pem = serialization.Encoding.PEM
    return Pki(
        ca.sign(ca_key, hashes.SHA256()).public_bytes(pem),
        leaf.sign(ca_key, hashes.SHA256()).public_bytes(pem),
        leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


@pytest.fixture(scope="session")
def pki() -> Pki:
    return make_pki()


@pytest.fixture(scope="session")
def other_pki() -> Pki:
    return make_pki()


@pytest.fixture(scope="session")
def tls_server(pki: Pki) -> ssl.SSLContext:
    return server_context(pki.cert_pem, pki.key_pem)


@pytest.fixture(scope="session")
def tls_client(pki: Pki) -> ssl.SSLContext:
    return client_context(pki.ca_pem)
