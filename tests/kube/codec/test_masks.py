"""What is taken out of texts, and what is not: whatever has a meaning of its own stays."""

from __future__ import annotations

import pytest

from scale_agent.kube.codec import masks
from scale_agent.kube.codec.vocabulary import Vocabulary

UID, OTHER = b"0a1b2c3d-1111-4222-8333-444455556666", b"9a1b2c3d-1111-4222-8333-444455556666"


def _masked(text: bytes) -> bytes:
    found = masks.more(masks.NOTHING, text, Vocabulary(), 1)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("word", ["78fp8", "46262811f1", "kt4bz", "vlvdc", "jwqbb26mzz"])
def test_generated_words_are_a_clusters_own(word: str) -> None:
    assert word.encode() not in _masked(f'{{"name":"web-{word}-one"}}'.encode())


@pytest.mark.parametrize(
    "word",
    [
        *("12345", "12345m", "15000k", "1024Mi", "1000e6", "90m30s", "300ms", "v2beta10", "v1alpha1", "0x1f2e3"),
        *("https", "cattle", "web1", "K10abcdef", "a" * 65 + "1"),
    ],
)
def test_what_has_a_meaning_stays(word: str) -> None:
    assert word.encode() in _masked(f'{{"value":"{word}"}}'.encode())


def test_what_two_clusters_say_is_everybodys() -> None:
    vocabulary = Vocabulary()
    assert vocabulary.strange(b"web-kt4bz sha256", 1) == [b"kt4bz", b"sha256"]
    assert vocabulary.strange(b"web-x6962 sha256", 2) == [b"x6962"]
    assert vocabulary.strange(b"web-kt4bz sha256", 1) == [b"kt4bz"]


def test_times_are_told_by_their_order() -> None:
    early, late = b'["2026-01-01T00:00:00Z","2026-01-02T00:00:00Z"]', b'["2027-05-01T10:00:00Z","2027-06-02T00:00:00Z"]'
    turned = b'["2026-01-02T00:00:00Z","2026-01-01T00:00:00Z"]'
    assert _masked(early) == _masked(late) != _masked(turned)


@pytest.mark.parametrize(
    "text", [b'{"uid":"not-one"}', b'{"at":"2026-13-01T00:00:00Z"}', b'{"at":"x026-01-01T00:00:00Z"}']
)
def test_a_text_with_what_is_no_uid_or_time_is_not_masked(text: bytes) -> None:
    assert masks.more(masks.NOTHING, text, Vocabulary(), 1) is None


def test_new_times_are_told_by_their_place_among_known_ones() -> None:
    known = masks.of(b'{"at":"2026-01-01T00:00:00Z","resourceVersion":"5"}', b"5", Vocabulary(), 1)
    assert known is not None
    before, after, same = (
        masks.more(known, b'["%s"]' % time, Vocabulary(), 1)
        for time in (b"2025-01-01T00:00:00Z", b"2027-01-01T00:00:00Z", b"2026-01-01T00:00:00Z")
    )
    assert before is not None
    assert after is not None
    assert same is not None
    assert before[1] == after[1] != same[1]
    assert before[0].digest != after[0].digest


def test_the_length_of_words_counts() -> None:
    digests = set()
    for word in (b"kt4bz", b"kt4b9", b"kt4bz9"):
        found = masks.more(masks.NOTHING, b'{"name":"a-%s"}' % word, Vocabulary(), 1)
        assert found is not None
        digests.add(found[0].digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("text", "free"),
    [
        (b'{"data":{"%s":"x"}}', False),
        (b'{"data":{"x":"%s"}}', True),
        (b'{"f:ownerReferences":{".":{},"k:{\\"uid\\":\\"%s\\"}":{}}}', True),
        (b'{"f:ownerReferences":{"k:{\\"uid\\":\\"%s\\"}":{},"k:{\\"uid\\":\\"other\\"}":{}}}', False),
        (b'{"f:env":{"k:{\\"name\\":\\"%s\\"}":{}}}', False),
    ],
)
def test_names_of_members_hold_no_marks(text: bytes, free: bool) -> None:
    masked = _masked(b'{"uid":"%s","in":%s}' % (UID, text % UID))
    assert masks.names_are_free(masked) is free


def test_a_form_is_filled_with_any_values() -> None:
    text = b'{"uid":"%s","resourceVersion":"5","name":"web-kt4bz"}'
    mask = masks.of(text % UID, b"5", Vocabulary(), 1)
    assert mask is not None
    form = masks.Form(mask.apply(text % UID))
    assert form.filled(mask.values) == text % UID
    assert form.filled({**mask.values, b"u0": OTHER}) == text % OTHER


@pytest.mark.parametrize("time", [b"2026-01-02T03:04:05Z", b"2026-01-02T03:04:06Z", b"2026-01-02T03:04:07Z"])
def test_what_is_known_again_is_masked_as_if_it_were_new(time: bytes) -> None:
    stored = b'{"uid":"%s","resourceVersion":"5","at":"2026-01-02T03:04:06Z"}' % UID
    text = b'{"head":["%s"],"uid":"%s","resourceVersion":"5","note":"of %s","data":{"a":"b"}}' % (time, UID, time)
    vocabulary = Vocabulary()
    for cluster in (1, 2, 3, 4):
        known = masks.of(stored, b"5", vocabulary, cluster)
        assert known is not None
        again = masks.more(known, text, vocabulary, cluster, time)
        new = masks.more(known, text, vocabulary, cluster)
        assert again is not None
        assert new is not None
        assert (again[0].values, again[0].digest, again[1]) == (new[0].values, new[0].digest, new[1])
        bare = known.apply(text).replace(time, b"\0\0\1")
    assert vocabulary.is_plain(bare)


def test_a_word_is_seen_in_a_text_whose_time_is_known() -> None:
    vocabulary = Vocabulary()
    time = b"2026-01-02T03:04:05Z"
    for cluster, word in ((1, b"kt4bz"), (2, b"x9fz2"), (3, b"b7q2c")):
        found = masks.more(masks.EMPTY, b'{"head":["%s"],"name":"web-%s"}' % (time, word), vocabulary, cluster, time)
        assert found is not None
        assert found[0].values[b"W0"] == word
