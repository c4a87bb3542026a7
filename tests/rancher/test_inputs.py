"""What people give: URLs, tokens, files, switches. One clear line, never a traceback, never a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from scale_agent.errors import InputError
from scale_agent.rancher import Credentials, TlsPolicy
from scale_agent.rancher.url import parse_server_url
from tests.rancher.conftest import Authority

TOKEN = "token-abcde:canarytokencanary"


@pytest.mark.parametrize(
    ("text", "shown", "host_header", "port"),
    [
        ("https://rancher.example", "https://rancher.example", "rancher.example", 443),
        (" https://rancher.example/ ", "https://rancher.example", "rancher.example", 443),
        ("https://rancher.example:443", "https://rancher.example", "rancher.example", 443),
        ("https://10.0.0.1:8443", "https://10.0.0.1:8443", "10.0.0.1:8443", 8443),
        ("https://[::1]:8443/", "https://[::1]:8443", "[::1]:8443", 8443),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080", 8080),
        ("https://my_rancher.bücher.example", "https://my_rancher.bücher.example", "my_rancher.bücher.example", 443),
    ],
)
def test_good_urls(text: str, shown: str, host_header: str, port: int) -> None:
    url = parse_server_url(text)
    assert (str(url), url.host_header, url.port) == (shown, host_header, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rancher.example",
        "ftp://rancher.example",
        "https://",
        "https://rancher.example/dashboard",
        "https://rancher.example?x=1",
        "https://rancher.example#x",
        "https://user:canary@rancher.example",
        "https://rancher.example:port",
        "https://rancher.example:99999",
        "https://[::1",
        "https://rancher.example:0",
        "https://rancher .example:443",
        "https://rancher,example",
    ],
)
def test_bad_urls_are_one_line_with_a_cure(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_server_url(text)
    line = str(caught.value)
    assert "https://host" in line
    assert "\n" not in line
    assert "canary" not in line


@pytest.mark.parametrize("text", [TOKEN, f"Bearer {TOKEN}", f"bearer  {TOKEN} ", f" {TOKEN}\n"])
def test_tokens_lose_what_people_copy_with_them(text: str) -> None:
    assert Credentials(token=text).token == TOKEN


@pytest.mark.parametrize(
    "text", ["canary", "token-abcde:", ":canary", "token abcde:canary", "Basic token-abcde:canary"]
)
def test_malformed_tokens_are_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Credentials(token=text)
    assert "RANCHER_TOKEN" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_user_and_password_must_both_be_there() -> None:
    assert Credentials(user="admin", password="canary").user == "admin"
    for given in ({}, {"user": "admin"}, {"password": "canary"}):
        with pytest.raises(InputError, match="RANCHER_USER and RANCHER_PASSWORD"):
            Credentials(**given)


def test_credentials_from_the_environment() -> None:
    found = Credentials.from_environment({"RANCHER_TOKEN": TOKEN, "RANCHER_USER": "u", "RANCHER_PASSWORD": "canary"})
    assert (found.token, found.user, found.password) == (TOKEN, "u", "canary")
    assert "canary" not in repr(found)


@pytest.mark.parametrize(("raw", "insecure"), [("1", True), ("yes", True), (" True ", True), ("0", False), ("", False)])
def test_insecure_is_an_explicit_choice(raw: str, insecure: bool) -> None:
    assert TlsPolicy.from_environment({"RANCHER_INSECURE": raw}).insecure is insecure
    assert TlsPolicy.from_environment({}) == TlsPolicy()


def test_insecure_is_not_guessed() -> None:
    with pytest.raises(InputError, match="RANCHER_INSECURE is neither 1 nor 0"):
        TlsPolicy.from_environment({"RANCHER_INSECURE": "maybe"})


def test_the_output_says_what_is_verified() -> None:
    assert TlsPolicy().describe() == "TLS verified by the system's authorities"
    assert TlsPolicy(cacert="/ca.pem").describe("https://x") == "TLS verified by /ca.pem"
    assert "NOT VERIFIED" in TlsPolicy(cacert="/ca.pem", insecure=True).describe()
    assert "NOT ENCRYPTED" in TlsPolicy().describe("http://x")


def test_cacert_must_be_a_readable_file_of_certificates(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="RANCHER_CACERT cannot be read: No such file"):
        TlsPolicy(cacert=str(tmp_path / "none")).context()
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(InputError, match="RANCHER_CACERT holds no usable certificate"):
        TlsPolicy(cacert=str(tmp_path / "empty.pem")).context()
    with pytest.raises(InputError, match="cannot be read"):
        TlsPolicy(cacert=str(tmp_path)).context()
    (tmp_path / "prose.pem").write_text("– kein Zertifikat –", encoding="utf-8")
    with pytest.raises(InputError, match="RANCHER_CACERT holds no usable certificate"):
        TlsPolicy(cacert=str(tmp_path / "prose.pem")).context()


def test_a_bundle_may_carry_comments_in_any_encoding(tmp_path: Path, authority: Authority) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes("# Főtanúsítvány\n".encode() + Path(authority.ca_file).read_bytes())
    assert len(TlsPolicy(cacert=str(bundle)).context().get_ca_certs()) == 1
