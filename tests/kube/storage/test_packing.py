"""Texts come out as they went in, and what is held of them is what they do not have in common."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from scale_agent.kube.storage import packing
from scale_agent.kube.storage.packing import Mould, Moulds
from scale_agent.kube.storage.recent import Common, Recent


def _text(name: str = "web", uid: str = "u1", image: str = "nginx", **more: str) -> bytes:
    labels = ",".join(f'"{key}":"{value}"' for key, value in {"app": name, "tier": "front", **more}.items())
    words = ",".join(f'"word{number}":"value{number}"' for number in range(30))
    meta = f'"metadata":{{"name":"{name}","uid":"{uid}","labels":{{{labels}}}}}'
    return f'{{"kind":"Pod","apiVersion":"v1",{meta},"spec":{{"image":"{image}",{words}}}}}'.encode()


def _held(moulds: Moulds, name: str, json: bytes) -> int:
    packed = moulds.pack("default", name, json)
    assert packed is not None
    assert packed.how.text(packed.held) == json
    return len(packed.held)


def test_of_a_second_cluster_only_the_difference_is_held() -> None:
    moulds = Moulds()
    assert _held(moulds, "web", _text()) == 0
    assert _held(moulds, "web", _text(uid="another-uid")) == len("another-uid")
    assert _held(moulds, "web", _text(uid="third", image="busybox")) == len('third"busybox')
    assert _held(moulds, "web", _text()) == len('u1"nginx')


def test_objects_of_other_names_in_the_same_place_are_alike() -> None:
    moulds = Moulds()
    _held(moulds, "web-1", _text("web-1"))
    assert _held(moulds, "web-2", _text("web-2")) == len('web-2"web-2')


def test_what_was_packed_before_a_mould_got_wider_is_still_read() -> None:
    moulds = Moulds()
    texts = [_text(uid=f"u{number}", image=f"i{number % 3}", app=f"a{number % 5}") for number in range(20)]
    packed = [moulds.pack("default", "web", text) for text in texts]
    assert [one.how.text(one.held) for one in packed if one is not None] == texts


@pytest.mark.parametrize("holes", [(), (0,), (8,), (0, 8), (3,), (3, 4), (0, 1, 2), (6, 7, 8), tuple(range(9))])
def test_holes_may_be_anywhere(holes: tuple[int, ...]) -> None:
    text = b'{"a":"b","c":"d"}'
    parts = text.split(b'"')
    assert len(parts) == 9
    mould = Mould(parts, holes)
    held = mould.take(parts, text)
    assert held == b'"'.join(parts[hole] for hole in holes)
    assert mould.text(held) == text
    assert all(mould.starts(held, text[:size]) for size in range(len(text) + 1))
    assert not mould.starts(held, b"[")


def test_texts_that_differ_outside_of_the_holes_do_not_fit() -> None:
    text, other = b'{"a":"b","c":"d"}', b'{"a":"b","c":"e"}'
    mould = Mould(text.split(b'"'), (3,))
    assert mould.take(other.split(b'"'), other) is None
    wider = mould.widened(other.split(b'"'))
    assert wider.take(other.split(b'"'), other) == b'b"e'
    assert wider.take(text.split(b'"'), text) == b'b"d'


def _garbage(count: int) -> Iterator[bytes]:
    source = random.Random(7)
    for _ in range(count):
        size = source.choice((0, 3, 90, 200, 1000))
        yield bytes(source.choice(b'"\\{}:,ab\n\xc3\x28') for _ in range(size)) + b'{"kind":"x",' * source.randint(0, 9)


def test_whatever_the_text_it_comes_out_as_it_went_in() -> None:
    moulds = Moulds()
    for text in _garbage(400):
        packed = moulds.pack("", "one", text)
        assert packed is None or packed.how.text(packed.held) == text


def test_moulds_are_bounded_and_then_texts_are_deflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MOST_MOULDS", 3)
    moulds = Moulds()
    texts = [_text(**{f"label{number}": "x" for number in range(count)}) for count in range(6)]
    packed = [moulds.pack("default", "web", text) for text in texts]
    assert [isinstance(one.how, Mould) for one in packed if one is not None] == [True] * 3 + [False] * 3
    assert [one.how.text(one.held) for one in packed if one is not None] == texts
    assert len(packed[5].held) < len(texts[5]) / 3 if packed[5] is not None else False


def test_texts_that_share_nothing_but_their_length_are_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    widened = Mould.widened
    moulds, source = Moulds(), random.Random(1)

    def counted(mould: Mould, parts: Sequence[bytes]) -> Mould:
        tried.append(1)
        return widened(mould, parts)

    monkeypatch.setattr(Mould, "widened", counted)

    def strange(number: int) -> bytes:
        values = ",".join(f'"{source.random()}"' for _ in range(40))
        return f'{{"kind":"Strange","n":{number},"values":[{values}]}}'.encode()

    for number in range(100):
        assert _held(moulds, f"s{number}", strange(number)) > 0 or number < 3
    before = len(tried)
    for number in range(100, 200):
        _held(moulds, f"s{number}", strange(number))
    assert len(tried) == before


def test_what_fits_nowhere_leaves_nothing_behind() -> None:
    moulds, source = Moulds(), random.Random(1)
    for number in range(50):
        values = ",".join(f'"{source.random()}"' for _ in range(40))
        _held(moulds, f"s{number}", f'{{"kind":"Strange","values":[{values}]}}'.encode())
    assert len(moulds._families) == 4  # three objects that became moulds, and their kind


def test_objects_of_another_namespace_are_alike_too() -> None:
    moulds = Moulds()
    moulds.pack("one", "web", _text())
    packed = moulds.pack("two", "web", _text(uid="other"))
    assert packed is not None
    assert packed.held == b"other"


def test_long_texts_are_deflated() -> None:
    moulds = Moulds()
    text = _text(image="x" * (1 << 20))
    assert 0 < _held(moulds, "web", text) < len(text) / 100
    assert not moulds._families


def test_short_texts_stay_as_they_are() -> None:
    assert Moulds().pack("default", "web", b'{"kind":"Pod"}') is None


def test_recent_bytes_are_bounded_and_the_oldest_go_first() -> None:
    recent = Recent(10)
    made: list[str] = []

    def make(key: str) -> bytes:
        made.append(key)
        return key.encode() * 4

    def get(key: str) -> bytes:
        return recent.get(key, lambda: make(key))

    for key in "aba":
        assert get(key) == key.encode() * 4
    assert made == ["a", "b"]
    get("c")  # b was asked for longest ago
    get("a")
    assert made == ["a", "b", "c"]
    get("b")
    assert made == ["a", "b", "c", "b"]


def test_what_is_larger_than_all_room_is_made_each_time() -> None:
    recent = Recent(10)
    assert recent.get("k", lambda: b"x" * 50) == recent.get("k", lambda: b"x" * 50) == b"x" * 50
    assert recent.get("small", lambda: b"y") == b"y"


def test_common_mappings_are_one_until_there_are_too_many() -> None:
    common = Common(1)
    first = common.one({"a": "b"})
    assert common.one({"a": "b"}) is first
    other = {"c": "d"}
    assert common.one(other) is other
    assert common.one({"c": "d"}) is not other
