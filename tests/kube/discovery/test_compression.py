"""gzip of ordinary answers: above the threshold, for who says gzip, never for watches and OpenAPI v3."""

from __future__ import annotations

import gzip

import pytest

from scale_agent.kube.http import Request, Response
from scale_agent.kube.representation import compression
from tests.kube.testbed import PROTOBUF, Bed

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def bed() -> Bed:
    """One long object among short ones."""
    made = Bed()
    made.post(MAPS, {"metadata": {"name": "long"}, "data": {"text": "x" * (compression.THRESHOLD + 1)}})
    made.configmap("short")
    return made


def ask(bed: Bed, path: str, encoding: str, accept: str = "application/json", method: str = "GET") -> Response:
    headers = {"accept": accept, "accept-encoding": encoding}
    answer = bed.api.handle(Request(method, path, "", headers), bed.now_s)
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize("accept", ["application/json", PROTOBUF, "application/yaml"])
@pytest.mark.parametrize("path", [MAPS, f"{MAPS}/long"])
def test_long_answers_are_compressed(bed: Bed, path: str, accept: str) -> None:
    """Lists and objects, in every form, with the two headers."""
    plain, packed = ask(bed, path, "identity", accept), ask(bed, path, "deflate, gzip", accept)
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 10
    assert set(packed.headers) - set(plain.headers) == {("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")}


@pytest.mark.parametrize("encoding", ["", "gzip;q=1", "deflate", "GZIP"])
def test_only_the_word_itself_counts(bed: Bed, encoding: str) -> None:
    """As a real server reads the header: no qualities, no other spelling."""
    assert "Content-Encoding" not in dict(ask(bed, MAPS, encoding).headers)


def test_short_answers_stay(bed: Bed) -> None:
    """128 KiB is not above 128 KiB."""
    assert "Content-Encoding" not in dict(ask(bed, f"{MAPS}/short", "gzip").headers)
    exact = Response(200, (), b"x" * compression.THRESHOLD)
    assert compression.compressed(exact, "gzip") is exact


def test_others_are_not_compressed_here(bed: Bed) -> None:
    """OpenAPI v3 never is."""
    assert "Content-Encoding" not in dict(ask(bed, "/openapi/v3/api/v1", "gzip").headers)
