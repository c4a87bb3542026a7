"""Names of served requests for metrics."""

from __future__ import annotations

import pytest

from scale_agent.cluster import names
from scale_agent.cluster.names import verb_and_resource


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/namespaces", "", ("list", "namespaces")),
        ("GET", "/api/v1/namespaces", "watch=true&timeout=5m", ("watch", "namespaces")),
        ("GET", "/api/v1/namespaces/kube-system", "timeout=45s", ("get", "namespaces")),
        ("PUT", "/api/v1/namespaces/a/finalize", "", ("update", "namespaces/finalize")),
        ("GET", "/api/v1/namespaces/a/secrets", "labelSelector=x", ("list", "secrets")),
        ("POST", "/api/v1/namespaces/a/secrets", "", ("create", "secrets")),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/b", "", ("patch", "deployments")),
        ("PUT", "/api/v1/nodes/n/status", "", ("update", "nodes/status")),
        ("DELETE", "/apis/batch/v1/namespaces/a/jobs/b", "", ("delete", "jobs")),
        ("DELETE", "/apis/batch/v1/namespaces/a/jobs", "", ("deletecollection", "jobs")),
        ("GET", "/readyz", "timeout=45s", ("get", "/readyz")),
        ("GET", "/apis", "", ("get", "/apis")),
        ("GET", "/apis/apps/v1", "", ("get", "/apis")),
        ("GET", "/openapi/v3/apis/apps/v1", "hash=1", ("get", "/openapi")),
        ("GET", "/anything/else", "", ("get", "other")),
        ("GET", "/", "", ("get", "other")),
        ("GET", "/api/v1/UPPER", "", ("list", "other")),
    ],
)
def test_names(method: str, path: str, query: str, expected: tuple[str, str]) -> None:
    assert verb_and_resource(method, path, query) == expected


def test_the_list_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_seen", set())
    found = {verb_and_resource("GET", f"/api/v1/things{n}", "")[1] for n in range(names.LIMIT + 100)}
    assert len(found) == names.LIMIT + 1
    assert names.OTHER in found
