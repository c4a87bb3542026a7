"""Bookmarks out of their stand-in are those that an encoder would have made."""

from __future__ import annotations

import pytest

from scale_agent.kube.http import Request
from scale_agent.kube.representation.bookmarks import Bookmarks
from scale_agent.kube.representation.encoders import encoder_for
from scale_agent.kube.representation.partial import PartialJson, PartialProtobuf
from scale_agent.kube.representation.representations import JsonEncoder, ProtobufEncoder
from tests.kube.testbed import JSON, PROTOBUF, Bed

PARTIAL = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
VERSIONS = (1, 7, 9, 10, 77, 78, 127, 128, 777, 1000, 7777, 16_383, 16_384, 99_999, 100_000, 777_777_777, 2**40)


@pytest.mark.parametrize("accept", [JSON, PROTOBUF, f"{JSON};{PARTIAL}", f"{PROTOBUF};{PARTIAL}"])
@pytest.mark.parametrize("initial_end", [False, True])
def test_every_resource_version_is_told_as_if_it_were_the_first(accept: str, initial_end: bool) -> None:
    catalog = Bed().api.core.catalog
    for plural, group, version in (("pods", "", "v1"), ("deployments", "apps", "v1")):
        resource = catalog.find(group, version, plural)
        assert resource is not None
        request = Request("GET", "/", headers={"accept": accept})
        encoder = encoder_for(catalog, resource, request, 0.0, listing=True, stream=True)
        assert isinstance(encoder, JsonEncoder | ProtobufEncoder | PartialJson | PartialProtobuf)
        for rv in VERSIONS * 2:
            assert encoder.bookmark(rv, initial_end=initial_end) == encoder._bookmark(rv, initial_end)


def test_a_stand_in_that_stands_elsewhere_is_not_taken() -> None:
    made: list[int] = []

    def make(rv: int, initial_end: bool) -> bytes:
        made.append(rv)
        return b"7 of %d" % rv

    marks = Bookmarks(make)
    assert [marks.of(rv, initial_end=False) for rv in (1, 2, 30, 31)] == [b"7 of 1", b"7 of 2", b"7 of 30", b"7 of 31"]
    assert made == [7, 1, 2, 77]
