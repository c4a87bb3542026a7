"""Everything a server, a wire or a proxy can do to a request: one clear error, one reported call each."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

import pytest

from scale_agent.errors import InputError, RancherError
from scale_agent.rancher import ClusterRef, Credentials, RancherClient, RancherConnector, Registration, TlsPolicy
from scale_agent.rancher.calls import CALLS
from scale_agent.rancher.causes import without_ids
from scale_agent.rancher.transport import ApiRequest, Timeouts, Transport
from scale_agent.rancher.url import parse_server_url
from tests.rancher.conftest import TOKEN, Authority, Rest
from tests.rancher.loopback import Answer, HttpLoopback, RawLoopback, Site, read_head

STATE = "/v1/management.cattle.io.clusters/c-abcde"


def failing(rest: Rest) -> RancherError:
    with pytest.raises(RancherError) as caught:
        rest.client.state("c-abcde")
    assert caught.value.reason in RancherError.REASONS
    assert rest.calls[-1].error == caught.value.reason
    assert "c-abcde" not in str(caught.value)
    assert "canary" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "reason", "text"),
    [
        (
            Answer(401, {"type": "error", "status": "401", "message": "must authenticate"}),
            "unauthorized",
            "RANCHER_TOKEN",
        ),
        (Answer(403, {"code": "Forbidden", "message": "no"}), "forbidden", "right to create"),
        (Answer(409, {"code": "Conflict", "message": 'clusters "c-abcde" changed'}), "conflict", "clusters … changed"),
        (Answer(400, "cluster not found"), "invalid", "cluster not found"),
        (Answer(429, ""), "server", "429"),
        (Answer(500, {"reason": "InternalError", "message": "boom c-abcde"}), "server", "InternalError boom …"),
        (Answer(502, "<html>canary</html>"), "server", "502"),
        (Answer(503, ["not", "an", "object"]), "server", "503"),
        (Answer(302, "", (("Location", "https://elsewhere.example/"),)), "status", "302"),
        (Answer(200, "<html>canary: please log in</html>"), "body", "is this URL a Rancher server?"),
        (Answer(200, ["canary"]), "body", "not a JSON object"),
        (Answer(200, b"\xff\xfe"), "body", "not JSON"),
    ],
)
def test_refusals(answer: Answer, reason: str, text: str, site: Site, rest: Rest) -> None:
    site.routes["GET", STATE] = answer
    error = failing(rest)
    assert error.reason == reason
    assert error.status == answer.status
    assert text in str(error)
    assert len(site.seen) == 1


def test_a_cluster_that_is_none_is_no_traceback(site: Site, rest: Rest) -> None:
    site.routes["GET", STATE] = Answer(200, {"metadata": "x", "status": []})
    assert failing(rest).reason == "body"


def test_refused_connection_and_unknown_host(connect: Callable[..., Rest]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = failing(connect(f"https://127.0.0.1:{port}"))
    assert error.reason == "refused"
    assert "check RANCHER_URL" in str(error)
    assert failing(connect("https://nowhere.invalid")).reason == "unresolved"


def test_certificates(
    authority: Authority,
    raw: Callable[..., RawLoopback],
    server: HttpLoopback,
    site: Site,
    connect: Callable[..., Rest],
) -> None:
    strangers = connect(server.url, policy=TlsPolicy())
    error = failing(strangers)
    assert error.reason == "certificate"
    assert "RANCHER_CACERT" in str(error)
    assert "unable to get local issuer certificate" in str(error)
    assert site.seen == []
    other = raw(lambda sock: None, authority.other_host)
    assert failing(connect(other.url)).reason == "certificate"


def test_insecure_verifies_nothing_and_loads_no_authorities(
    authority: Authority, server: HttpLoopback, site: Site, connect: Callable[..., Rest]
) -> None:
    policy = TlsPolicy(insecure=True)
    site.routes["GET", STATE] = Answer(404, {})
    assert connect(server.url, policy=policy).client.state("c-abcde") is None
    assert policy.context().cert_store_stats()["x509_ca"] == 0
    assert TlsPolicy(insecure=True).context() is policy.context()


def test_one_context_that_requests_never_adds_to(site: Site, rest: Rest, tls: TlsPolicy) -> None:
    site.routes["GET", STATE] = Answer(404, {})
    rest.client.state("c-abcde")
    assert tls.context().cert_store_stats()["x509_ca"] == 1
    assert tls.context().verify_mode is ssl.CERT_REQUIRED
    assert TlsPolicy(cacert=tls.cacert).context() is tls.context()


def test_plain_http_where_tls_should_be(raw: Callable[..., RawLoopback], connect: Callable[..., Rest]) -> None:
    server = raw(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert failing(connect(server.url.replace("http:", "https:"))).reason == "tls"


def test_http_urls_work(connect: Callable[..., Rest]) -> None:
    site = Site(routes={("GET", STATE): Answer(404, {})})
    server = HttpLoopback(site)
    try:
        rest = connect(server.url)
        assert rest.client.state("c-abcde") is None
        assert "NOT ENCRYPTED" in rest.client.describe()
    finally:
        server.close()


def test_garbage_and_silence(raw: Callable[..., RawLoopback], connect: Callable[..., Rest]) -> None:
    done = threading.Event()

    def garbage(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(b"SSH-2.0-canary\r\n\r\n")

    def silent(sock: socket.socket) -> None:
        read_head(sock)
        done.wait(5)

    assert failing(connect(raw(garbage).url)).reason in ("protocol", "closed")
    quiet = connect(raw(silent).url, timeouts=Timeouts(connect_s=5, read_s=0.05))
    assert failing(quiet).reason == "timeout"
    done.set()


def test_a_trickle_and_a_flood_have_limits(raw: Callable[..., RawLoopback]) -> None:
    def forever(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            sock.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")

    url = parse_server_url(raw(forever).url)
    ticks = iter(range(1000000))
    slow = Transport(url, TlsPolicy(), timeouts=Timeouts(total_s=3), clock=lambda: float(next(ticks)))
    flooded = Transport(url, TlsPolicy(), max_body_bytes=1 << 20)
    for transport, reason in ((slow, "timeout"), (flooded, "body")):
        with pytest.raises(RancherError) as caught:
            transport.send(ApiRequest("state", "GET", "/"))
        assert caught.value.reason == reason
        transport.close()


def test_a_body_that_is_cut_off_is_closed_and_asked_again_once(
    raw: Callable[..., RawLoopback], connect: Callable[..., Rest]
) -> None:
    def cut(sock: socket.socket) -> None:
        read_head(sock)
        sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":')

    server = raw(cut)
    rest = connect(server.url)
    assert failing(rest).reason == "closed"
    assert server.connections == 2
    assert rest.names() == [("state", 0, "closed")] * 2


def test_a_kept_connection_that_was_closed_is_tried_again_for_reading_only(
    raw: Callable[..., RawLoopback], connect: Callable[..., Rest]
) -> None:
    def hang_up(sock: socket.socket) -> None:
        read_head(sock)

    server = raw(hang_up)
    rest = connect(server.url)
    assert failing(rest).reason == "closed"
    assert server.connections == 2
    with pytest.raises(RancherError) as caught:
        rest.client.create_cluster("n", {}, "v1")
    assert caught.value.reason == "closed"
    rest.calls.clear()
    with pytest.raises(RancherError):
        rest.client.delete(ClusterRef("n", "v1"))
    assert [call.name for call in rest.calls] == ["delete"]
    assert server.connections == 4


def test_a_page_of_someone_else_is_no_manifest(site: Site, rest: Rest) -> None:
    site.routes["GET", "/v3/import/canary.yaml"] = Answer(200, "<html>log in</html>")
    with pytest.raises(RancherError) as caught:
        rest.client.manifest(Registration("c-abcde", "canary", "/v3/import/canary.yaml"))
    assert caught.value.reason == "body"
    assert "not an import manifest, it lacks 'kind: Deployment'" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_no_server_url_has_its_own_reason_and_cure(site: Site, rest: Rest) -> None:
    site.routes["GET", "/rancherversion"] = Answer(200, {"Version": "v2.12.3", "GitCommit": "x"})
    site.routes["GET", "/v3/settings/server-url"] = [
        Answer(200, {"value": ""}),
        Answer(200, {"value": "https://r.example/"}),
    ]
    with pytest.raises(RancherError) as caught:
        rest.client.server()
    assert caught.value.reason == "no-server-url"
    assert "Global Settings, server-url" in str(caught.value)
    info = rest.client.server()
    assert (info.version, info.server_url, info.release) == ("v2.12.3", "https://r.example", (2, 12, 3))
    assert info.agent_generations == 3
    assert not info.rotates_tokens


def test_nothing_is_asked_about_a_cluster_without_an_id(site: Site, rest: Rest) -> None:
    ref = ClusterRef("", "v3")
    for call in (rest.client.delete, rest.client.registration):
        with pytest.raises(RancherError, match="resolve it first"):
            call(ref)
    assert site.seen == []


def test_a_cluster_that_went_before_it_had_an_id(rest: Rest) -> None:
    with pytest.raises(RancherError) as caught:
        rest.client.resolve(ClusterRef("gone", "v1"))
    assert (caught.value.reason, caught.value.status) == ("not-found", 404)


def test_the_environment_cannot_redirect_us(
    site: Site, rest: Rest, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    site.routes["GET", STATE] = Answer(404, {}, (("Set-Cookie", "R_SESS=other; Path=/"),))
    assert rest.client.state("c-abcde") is None
    assert rest.client.state("c-abcde") is None
    assert "cookie" not in site.seen[-1].headers


def test_headers_and_kept_connections(site: Site, rest: Rest) -> None:
    site.routes["GET", STATE] = Answer(404, {})
    for _ in range(3):
        rest.client.state("c-abcde")
    assert site.connections == 1
    headers = site.seen[0].headers
    assert headers["user-agent"].startswith("scale-agent/")
    assert "mozilla" not in headers["user-agent"].lower()
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["accept"] == "application/json"


def test_secrets_stay_where_they_belong(
    site: Site, server: HttpLoopback, connect: Callable[..., Rest], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    credentials = Credentials(user="admin", password="canary-password")
    answer = {"message": f"canary-password and {TOKEN} and stv-cluster-canary are wrong"}
    site.routes["POST", "/v1-public/login"] = [Answer(401, answer), Answer(201, {"token": TOKEN})]
    site.routes["GET", STATE] = Answer(500, answer)
    rest = connect(server.url, credentials)
    texts = []
    actions: list[Callable[[], object]] = [rest.client.login] * 2 + [lambda: rest.client.state("c-abcde")]
    for action in actions:
        try:
            action()
        except RancherError as error:
            texts += [str(error), repr(error), repr(error.__dict__)]
    site.routes["GET", "/v3/import/canarytoken_c-abcde.yaml"] = Answer(400, "canarytokencanarytokencanarytoken is bad")
    with pytest.raises(RancherError) as manifest:
        rest.client.manifest(Registration("c-abcde", "canarytoken", "/v3/import/canarytoken_c-abcde.yaml"))
    texts.append(str(manifest.value))
    texts += [repr(credentials), str(credentials), repr(rest.calls), rest.client.describe(), caplog.text]
    registration = Registration("c-abcde", "canarytoken", "/v3/import/canarytoken_c-abcde.yaml")
    texts.append(repr(registration))
    assert TOKEN.partition(":")[2] not in "".join(texts)
    assert "canarytoken" not in "".join(texts)
    assert "stv-cluster-canary" not in "".join(texts)


def test_calls_have_names_of_the_list_only(site: Site, rest: Rest) -> None:
    site.routes["GET", STATE] = Answer(404, {})
    rest.client.state("c-abcde")
    assert {call.name for call in rest.calls} <= set(CALLS)
    assert rest.calls[0].duration_ms > 0
    assert rest.calls[0].size == 2
    transport = Transport(parse_server_url("https://x"), TlsPolicy())
    with pytest.raises(ValueError, match="not in the list of calls"):
        transport.report("c-abcde", "GET", 200, 0.0, 0, "")


def test_what_people_give_is_checked_before_the_first_request() -> None:
    credentials, missing = Credentials(token=TOKEN), TlsPolicy(cacert="/nowhere/ca.pem")
    with pytest.raises(InputError, match="the URL of Rancher"):
        RancherClient("rancher.example", credentials, TlsPolicy())
    with pytest.raises(InputError, match="RANCHER_CACERT"):
        RancherClient("https://rancher.example", credentials, missing)
    with pytest.raises(InputError, match="RANCHER_CACERT"):
        RancherConnector("https://rancher.example", missing)
    assert RancherConnector("http://rancher.example", missing).server_url == "http://rancher.example"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(404, "404 page not found"), "not-found"),
        (Answer(403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "anonymous"}), "forbidden"),
        (Answer(200, "<html>Welcome to nginx!</html>"), "body"),
        (Answer(301, "", (("Location", "https://elsewhere.example"),)), "status"),
    ],
)
def test_a_server_that_is_not_rancher_is_called_so(answer: Answer, reason: str, site: Site, rest: Rest) -> None:
    site.routes["GET", "/rancherversion"] = answer
    with pytest.raises(RancherError, match="what answers here is not Rancher") as caught:
        rest.client.server()
    assert caught.value.reason == reason
    assert "check RANCHER_URL" in str(caught.value)


def test_a_rancher_that_is_not_ready_is_not_called_so(site: Site, rest: Rest) -> None:
    site.routes["GET", "/rancherversion"] = Answer(503, "not ready")
    with pytest.raises(RancherError, match="503 not ready"):
        rest.client.server()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("InvalidFormat 422: invalid value sim-1: a lowercase", "InvalidFormat 422: invalid value … a lowercase"),
        ('clusters "sim-1" not found', "clusters … not found"),
        ("c-m-54pbssd4 and c-abcde", "… and …"),
        ("token-abcde:k7x9k7x9 is expired", "… is expired"),
        ("see https://rancher.example/v3/clusters/c-abcde now", "see … now"),
        ("uid b4916cc2-12a5-4daa-9857-ed61cd5985b6", "uid …"),
        ("txv7j7r6trqm7t2cktjjwhz7c98nlmjsxv2dddmxlz6wkc957lz45p", "…"),
        ("two\nlines", "two lines"),
        ("cluster not found or invalid token", "cluster not found or invalid token"),
        ("x " * 500, ("x " * 80).strip()),
    ],
)
def test_texts_lose_their_ids(text: str, shown: str) -> None:
    assert without_ids(text).strip() == shown
