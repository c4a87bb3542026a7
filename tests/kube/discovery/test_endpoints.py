"""Paths beside the resources: who answers which method, health, metrics, what a server says about itself."""

from __future__ import annotations

import gzip
import json

import pytest

from scale_agent.kube.discovery import metrics
from tests.kube.testbed import START_S, Bed, snapshot

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
#: Observed: routes of go-restful have GET alone, handlers under exact paths answer whatever comes.
ROUTES = ("/version", "/api", "/api/v1", "/apis/apps/v1", "/openid/v1/jwks", "/.well-known/openid-configuration")
HANDLERS = (
    "/",
    "/healthz",
    "/readyz/ping",
    "/metrics",
    "/apis",
    "/apis/apps",
    "/openapi/v2",
    "/openapi/v3",
    "/statusz",
)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", [*ROUTES, *HANDLERS])
def test_methods(path: str, method: str) -> None:
    """405 from routes, 200 from handlers."""
    expected = 405 if path in ROUTES and method != "GET" else 200
    assert Bed().ask(method, path, accept="*/*").status == expected


@pytest.mark.parametrize(
    "path", ["/foo", "/logs", "/debug", "/healthz/", "/livez/none", "/openapi", "/metrics/x", "/ui", "/apis/foo/v1"]
)
def test_nothing_there(path: str) -> None:
    """Plain text, as from Go's router."""
    answer = Bed().ask("GET", path)
    assert (answer.status, answer.body) == (404, b"404 page not found\n")


@pytest.mark.parametrize("path", ["/version/", "/api/", "/apis/apps/v1/", "/api/v1/"])
def test_a_slash_behind_a_route_does_not_matter(path: str) -> None:
    """But behind a health check it does."""
    assert Bed().ask("GET", path).body == Bed().ask("GET", path.rstrip("/")).body


@pytest.mark.parametrize("path", ["/api/v2", "/api/v1/unknown", "/apis/apps/v2", "/apis/apps/v1/unknown"])
def test_nothing_there_in_a_group_of_the_server(path: str) -> None:
    """A Status."""
    found = Bed().call("GET", path, expect=404)
    assert (found["reason"], found["message"]) == ("NotFound", "the server could not find the requested resource")


def test_health_says_its_checks() -> None:
    """In the order of the version's own server; excluded ones are named, unknown ones complained about."""
    bed = Bed()
    lines = bed.ask("GET", "/readyz", verbose="", exclude="ping").body.decode().splitlines()
    assert lines[:4] == ["[+]ping excluded: ok", "[+]log ok", "[+]etcd ok", "[+]etcd-readiness ok"]
    assert lines[-2:] == ["[+]shutdown ok", "readyz check passed"]
    lines = bed.ask("GET", "/livez", verbose="", exclude="none").body.decode().splitlines()
    assert lines[-2:] == [
        'warn: some health checks cannot be excluded: no matches for "none"',
        "livez check passed",
    ]
    assert bed.ask("GET", "/healthz", exclude="ping").body == b"ok"
    assert bed.ask("GET", "/readyz/poststarthook/rbac/bootstrap-roles").body == b"ok"


def test_the_list_of_paths_follows_definitions_and_api_services() -> None:
    """Sorted; a group and its version each."""
    bed = Bed()
    before = bed.get("/")["paths"]
    announce(bed, "remote.example.com")
    after = bed.get("/")["paths"]
    assert sorted(set(after) - set(before)) == ["/apis/remote.example.com", "/apis/remote.example.com/v1"]
    assert after == sorted(after)
    assert {"/openapi/v3/", "/readyz/ping", "/version"} <= set(before)


def announce(bed: Bed, group: str, name: str = "nobody") -> None:
    reference = {"name": name, "namespace": "default", "port": 443}
    spec = {"group": group, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10, "service": reference}
    body = {"metadata": {"name": f"v1.{group}"}, "spec": {**spec, "insecureSkipTLSVerify": True}}
    bed.post("/apis/apiregistration.k8s.io/v1/apiservices", body)


def available(bed: Bed, name: str) -> tuple[str, str, str]:
    (found,) = bed.get(f"/apis/apiregistration.k8s.io/v1/apiservices/{name}")["status"]["conditions"]
    return found["status"], found["reason"], found["message"]


def test_an_api_service_of_somebody_else() -> None:
    """503 for everything below it (plain text), as long as it is there; its condition says why (observed)."""
    bed = Bed()
    announce(bed, "remote.example.com")
    assert available(bed, "v1.remote.example.com") == (
        "False",
        "ServiceNotFound",
        'service/nobody in "default" is not present',
    )
    for path in (
        "/apis/remote.example.com/v1",
        "/apis/remote.example.com/v1/things",
        "/apis/remote.example.com/v1/x/y",
    ):
        answer = bed.ask("GET", path)
        assert (answer.status, answer.body) == (503, b"service unavailable\n")
    assert bed.ask("GET", "/apis/remote.example.com/v2").status == 404
    assert bed.get("/apis/remote.example.com")["preferredVersion"]["version"] == "v1"
    bed.call("DELETE", "/apis/apiregistration.k8s.io/v1/apiservices/v1.remote.example.com")
    assert bed.ask("GET", "/apis/remote.example.com/v1").status == 404


def test_an_api_service_waits_for_endpoints() -> None:
    """What is missing is said anew when the Service comes."""
    bed = Bed()
    announce(bed, "remote.example.com", "somebody")
    service = {"metadata": {"name": "somebody"}, "spec": {"ports": [{"port": 443}]}}
    bed.post("/api/v1/namespaces/default/services", service)
    status, reason, message = available(bed, "v1.remote.example.com")
    assert (status, reason) == ("False", "EndpointsNotFound")
    assert message == 'cannot find endpointslices for service/somebody in "default"'


def test_an_api_service_without_a_service_is_available() -> None:
    """Whether or not anything is behind it (observed)."""
    bed = Bed()
    spec = {"group": "local.example.com", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}
    body = {"metadata": {"name": "v1.local.example.com"}, "spec": spec}
    bed.post("/apis/apiregistration.k8s.io/v1/apiservices", body)
    assert available(bed, "v1.local.example.com")[:2] == ("True", "Local")
    assert bed.ask("GET", "/apis/local.example.com/v1").status == 404


def families(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            found.setdefault(line.partition("{")[0].partition(" ")[0], []).append(line)
    return found


def test_metrics_are_true() -> None:
    """Requests as they were answered, objects as they are stored."""
    bed = Bed()
    for _ in range(3):
        bed.get("/api/v1/namespaces/default/configmaps")
    bed.configmap("one")
    bed.ask("GET", "/api/v1/namespaces/default/configmaps/none")
    answer = bed.ask("GET", "/metrics")
    found = families(answer.body.decode())
    place = 'group="",resource="configmaps"'
    assert [line for line in found["apiserver_request_total"] if place in line] == [
        f'apiserver_request_total{{code="200",component="apiserver",dry_run="",{place},scope="namespace",subresource="",'
        'verb="LIST",version="v1"} 3',
        f'apiserver_request_total{{code="201",component="apiserver",dry_run="",{place},scope="namespace",subresource="",'
        'verb="POST",version="v1"} 1',
        f'apiserver_request_total{{code="404",component="apiserver",dry_run="",{place},scope="resource",subresource="",'
        'verb="GET",version="v1"} 1',
    ]
    maps = len(bed.get("/api/v1/configmaps")["items"])
    assert f'apiserver_storage_objects{{resource="configmaps"}} {maps}' in found["apiserver_storage_objects"]
    assert f"apiserver_resource_objects{{{place}}} {maps}" in found["apiserver_resource_objects"]
    assert 'apiserver_storage_objects{resource="deployments.apps"} 0' in found["apiserver_storage_objects"]
    assert dict(answer.headers)["Process-Start-Time-Unix"] == str(int(START_S))


def test_metrics_are_counted_by_cluster() -> None:
    """The kinds of requests are shared, their counts are not."""
    one, other = Bed(), Bed()
    one.get("/api/v1/nodes")
    assert b'resource="nodes",scope' in one.ask("GET", "/metrics").body
    assert b'resource="nodes",scope' not in other.ask("GET", "/metrics").body


def test_metrics_in_gzip() -> None:
    """For who takes it."""
    bed = Bed()
    request = bed.request("GET", "/metrics")
    plain = bed.ask("GET", "/metrics").body
    packed = bed.api.handle(
        type(request)("GET", "/metrics", "", {**request.headers, "accept-encoding": "gzip"}), bed.now_s
    )
    assert dict(packed.headers)["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (68891, "68891"),
        (1e6, "1e+06"),
        (1234567, "1.234567e+06"),
        (1.5, "1.5"),
        (74207232.0, "7.4207232e+07"),
    ],
)
def test_numbers_as_go_writes_them(value: float, text: str) -> None:
    """With an exponent from a million on."""
    assert metrics.number(value) == text


@pytest.mark.parametrize("accept", ["application/yaml", "text/html"])
def test_accept_of_routes_with_one_form(accept: str) -> None:
    """406 with what there is."""
    refused = Bed().ask("GET", "/openid/v1/jwks", accept=accept)
    assert refused.status == 406
    assert b"Available representations: application/jwk-set+json" in refused.body.replace(b"\n", b" ")


def test_the_issuer() -> None:
    """Its keys are where it says."""
    bed = Bed()
    configuration = bed.get("/.well-known/openid-configuration")
    assert configuration["issuer"] == "https://kubernetes.default.svc.cluster.local"
    assert configuration["jwks_uri"].endswith("/openid/v1/jwks")
    (key,) = json.loads(bed.ask("GET", "/openid/v1/jwks", accept="*/*").body)["keys"]
    assert (key["kty"], key["alg"], key["e"]) == ("RSA", "RS256", "AQAB")


def test_a_suffix_is_shown() -> None:
    """The data is the base version's."""
    bed = Bed(type(snapshot()).build([], version="v1.36.2+rke2r1", now=START_S))
    assert bed.get("/version")["gitVersion"] == "v1.36.2+rke2r1"
    assert b'git_version="v1.36.2+rke2r1"' in bed.ask("GET", "/metrics").body
