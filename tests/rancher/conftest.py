from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from scale_agent.rancher import Call, Credentials, RancherClient, TlsPolicy
from scale_agent.rancher.transport import Timeouts
from tests.rancher.loopback import HttpLoopback, RawLoopback, Site

RECORDINGS = Path(__file__).parents[1] / "recordings"
TOKEN = "token-abcde:canarytokencanarytokencanarytokencanarytokencanary1"


def recording(version: str, name: str) -> Any:
    """A recorded JSON document."""
    return json.loads(gzip.decompress((RECORDINGS / f"rancher-{version}" / f"{name}.json.gz").read_bytes()))


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and servers' contexts with its certificates."""

    ca_file: str
    server: ssl.SSLContext
    other_host: ssl.SSLContext


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey, host: str = ""
) -> bytes:
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .add_extension(x509.BasicConstraints(ca=not host, path_length=None), critical=True)
    )
    if host:
        names = [x509.IPAddress(ipaddress.ip_address(host))] if host[0].isdigit() else [x509.DNSName(host)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    room = tmp_path_factory.mktemp("tls")
    ca_key = ec.generate_private_key(ec.SECP256R1())
    (room / "ca.pem").write_bytes(_certificate("test authority", ca_key, "test authority", ca_key))

    def context(host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = room / f"{host}.pem"
        file.write_bytes(pem + _certificate(host, key, "test authority", ca_key, host))
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(file)
        return made

    return Authority(str(room / "ca.pem"), context("127.0.0.1"), context("other.example"))


@pytest.fixture
def site(authority: Authority) -> Site:
    return Site(tls=authority.server)


@pytest.fixture
def tls(authority: Authority) -> TlsPolicy:
    return TlsPolicy(cacert=authority.ca_file)


@pytest.fixture
def server(site: Site) -> Iterator[HttpLoopback]:
    loopback = HttpLoopback(site)
    yield loopback
    loopback.close()


@pytest.fixture
def raw() -> Iterator[Callable[..., RawLoopback]]:
    """Starts raw servers: ``raw(script, tls=None)``."""
    servers: list[RawLoopback] = []

    def start(script: Callable[[socket.socket], None], tls: ssl.SSLContext | None = None) -> RawLoopback:
        servers.append(RawLoopback(script, tls))
        return servers[-1]

    yield start
    for one in servers:
        one.close()


@dataclass
class Rest:
    """A client, and the calls it reported."""

    client: RancherClient
    calls: list[Call]

    def names(self) -> list[tuple[str, int, str]]:
        return [(call.name, call.status, call.error) for call in self.calls]


@pytest.fixture
def connect(tls: TlsPolicy) -> Iterator[Callable[..., Rest]]:
    """Makes clients: ``connect(url, credentials=…, timeouts=…, policy=…)``."""
    made: list[RancherClient] = []

    def make(
        url: str,
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        policy: TlsPolicy | None = None,
    ) -> Rest:
        calls: list[Call] = []
        client = RancherClient(
            url, credentials or Credentials(token=TOKEN), policy or tls, on_call=calls.append, timeouts=timeouts
        )
        made.append(client)
        return Rest(client, calls)

    yield make
    for client in made:
        client.close()


@pytest.fixture
def rest(server: HttpLoopback, connect: Callable[..., Rest]) -> Rest:
    return connect(server.url)
