"""The import manifest: recorded ones, and ones with something missing."""

from __future__ import annotations

import pytest

from scale_agent.cluster import manifest
from scale_agent.errors import InputError
from tests.cluster.recordings import VERSIONS, recorded


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_manifests_parse(version: str) -> None:
    objects = manifest.parse(recorded(version)["manifest"])
    kinds = [obj["kind"] for obj in objects]
    assert kinds[2:4] == ["Namespace", "ServiceAccount"]
    secret = next(obj for obj in objects if obj["kind"] == "Secret")
    credentials = manifest.read_credentials(secret)
    assert credentials is not None
    assert credentials.url == "https://127.0.0.1:8443"
    assert len(credentials.token) == 54
    assert credentials.token not in repr(credentials)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_cache_gives_what_parsing_gives(version: str) -> None:
    text = recorded(version)["manifest"]
    other = text.replace("dHh2", "eHh4").replace("cattle-credentials-", "cattle-credentials-9")
    assert manifest.parse(text) == manifest._objects(text)
    assert manifest.parse(other) == manifest._objects(other)
    assert manifest.parse(text) == manifest._objects(text)


@pytest.mark.parametrize(
    ("part", "instead", "missing"),
    [
        ("kind: Namespace", "kind: Other", "Namespace cattle-system"),
        ("kind: ServiceAccount\nmeta", "kind: Other\nmeta", "ServiceAccount cattle-system/cattle"),
        ("kind: Deployment", "kind: Other", "Deployment cattle-system/cattle-cluster-agent"),
        ("name: cluster-register", "name: other", "container cluster-register"),
        ("kind: Secret", "kind: Other", "Secret cattle-credentials-"),
        ('token: "', 'tokken: "', "url and token"),
        ('url: "', 'uri: "', "url and token"),
    ],
)
def test_what_is_missing_is_named(part: str, instead: str, missing: str) -> None:
    text = recorded("2.15.0")["manifest"]
    assert part in text
    with pytest.raises(InputError) as caught:
        manifest.parse(text.replace(part, instead))
    assert missing in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "<html>Bad Gateway</html>", "{}", "a: [", "- 1\n- 2", "kind: Deployment\nmetadata: 7", "\x00"]
)
def test_what_is_no_manifest_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        manifest.parse(text)
    assert "manifest" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "https://SERVER/v3/import" in caught.value.cure


@pytest.mark.parametrize("data", [{}, {"url": "aHR0cHM6Ly94", "token": "%%%"}, {"url": "", "token": "YQ=="}, None])
def test_unreadable_credentials_are_none(data: dict[str, str] | None) -> None:
    assert manifest.read_credentials({"data": data}) is None
