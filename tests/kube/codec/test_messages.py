"""Messages of masked texts: filled, they are what the filled text is encoded to."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from scale_agent.kube import catalog
from scale_agent.kube.codec.masks import Form

ENCODE = catalog.for_version("v1.36.2").encode_raw
UIDS = (b"0a1b2c3d-1111-4222-8333-444455556666", b"9a1b2c3d-1111-4222-8333-444455556666")
POD: dict[str, Any] = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "web-\0W0\1",
        "uid": "\0u0\1",
        "resourceVersion": "\0nv\1",
        "creationTimestamp": "\0t0\1",
        "annotations": {"since": "\0t0\1", "of": "c-\0W0\1:\0u0\1"},
        "managedFields": [{"manager": "a", "time": "\0T0\1", "fieldsV1": {'k:{"uid":"\0u0\1"}': {}}}],
    },
    "spec": {"containers": [{"name": "one", "image": "i" * 120}]},
}


def _form(obj: dict[str, Any]) -> Form:
    return Form(orjson.dumps(obj).replace(b"\\u0000", b"\0").replace(b"\\u0001", b"\1"))


def _values(cluster: int, version: bytes = b"1234", word: bytes = b"kt4bz") -> dict[bytes, bytes]:
    times = b"2026-01-02T03:04:0%dZ" % cluster, b"2026-05-02T03:04:0%dZ" % cluster
    return {b"u0": UIDS[cluster], b"nv": version, b"t0": times[0], b"T0": times[1], b"W0": word}


def test_a_message_is_filled_with_any_clusters_values() -> None:
    form = _form(POD)
    for values in (_values(0), _values(1, word=b"x9fz2"), _values(0, b"999"), _values(1, b"10000", b"b7q2c")):
        assert form.message(values, ENCODE) == ENCODE(orjson.loads(form.filled(values)))


def test_a_message_is_encoded_once() -> None:
    form = _form(POD)
    form.message(_values(0), ENCODE)
    assert form.message(_values(1), lambda _: pytest.fail("encoded again"))


def test_a_word_of_another_length_is_not_filled_in() -> None:
    form = _form(POD)
    assert form.message(_values(0), ENCODE) is not None
    assert form.message(_values(0, word=b"kt4bz9"), ENCODE) is None


@pytest.mark.parametrize("time", [b"0001-01-01T00:00:00Z", b"1970-01-01T00:00:01Z"])
def test_a_time_that_is_encoded_shorter_is_not_filled_in(time: bytes) -> None:
    form = _form(POD)
    assert form.message(_values(0), ENCODE) is not None
    assert form.message({**_values(0), b"t0": time}, ENCODE) is None


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "one", "resources": {"limits": {"memory": "\0W0\1"}}}]},
        {"containers": [{"name": "one", "image": "\0rv\1"}]},
    ],
)
def test_what_is_not_written_as_it_is_has_no_message(spec: dict[str, Any]) -> None:
    assert _form({**POD, "spec": spec}).message({**_values(0, word=b"12345"), b"rv": b"1233"}, ENCODE) is None


def test_stand_ins_that_stand_in_the_text_are_no_holes() -> None:
    noted = {**POD["metadata"], "labels": {"stands": "@W0~~"}}
    assert _form({**POD, "metadata": noted}).message(_values(0), ENCODE) is None
