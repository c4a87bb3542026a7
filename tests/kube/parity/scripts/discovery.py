"""Groups, versions, resources; health, version, metrics; OpenAPI's index and small documents."""

from __future__ import annotations

from tests.kube.parity.steps import PROTOBUF, YAML, Script, ask, get, script

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
OLD = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
GROUPS = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
]
VERSIONS = (
    "apps/v1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "policy/v1",
    "storage.k8s.io/v1",
    "events.k8s.io/v1",
)
DOCUMENTS = script(
    "documents",
    get("/api"),
    get("/apis"),
    get("/api/v1"),
    [get(f"/apis/{group}") for group in GROUPS],
    [get(f"/apis/{version}") for version in VERSIONS],
    get("/api", accept=PROTOBUF),
    get("/apis", accept=PROTOBUF),
    get("/apis/apps", accept=PROTOBUF),
    get("/apis/apps/v1", accept=PROTOBUF),
    get("/api", accept=YAML),
    get("/apis/apps", accept=YAML),
    get("/api", accept=AGGREGATED),
    get("/apis", accept=AGGREGATED),
    get("/apis", accept=OLD),
    get("/apis", accept=f"{AGGREGATED},{OLD},application/json"),
    get("/apis/apps", accept=AGGREGATED),
    get("/apis", accept="text/html"),
    get("/api/", accept="application/json"),
    get("/apis/", accept="application/json"),
    get("/apis/apps/v1/"),
    get("/", accept="application/json"),
    ask("HEAD", "/apis"),
    alone=True,
)
HEALTH = script(
    "health",
    [
        get(path)
        for path in ("/healthz", "/livez", "/readyz", "/healthz/ping", "/livez/ping", "/readyz/ping", "/readyz/etcd")
    ],
    get("/healthz", accept="application/yaml"),
    get("/livez", verbose=True),
    get("/readyz", verbose=True),
    get("/healthz", verbose=True),
    get("/livez", exclude="etcd"),
    get("/livez", exclude="none"),
    get("/livez", raw="verbose&exclude=etcd&exclude=none"),
    get("/livez/none"),
    get("/healthz/etcd"),
    get("/version"),
    get("/version", accept=YAML),
    get("/version/"),
    get("/.well-known/openid-configuration"),
    get("/openid/v1/jwks", accept="text/html"),
    get("/openapi/v3/apis/version"),
    get("/openapi/v3/nothing"),
    get("/openapi"),
    get("/logs"),
    get("/debug/pprof"),
    get("/healthz/"),
    get("/metrics/none"),
    get("/statusz", accept="text/plain"),
    alone=True,
)
SCRIPTS: tuple[Script, ...] = (DOCUMENTS, HEALTH)
