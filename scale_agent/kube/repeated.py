"""Writes that other clusters made before: their results are taken from a memo, whose holes are filled.

What a write makes of an object (defaults, validation, managedFields, the typed form) follows from the stored object,
the written one, the writer and the time alone; of uids and times only what is equal and what is earlier counts. So the
result of one cluster's write is another's with other uids, times and versions in it (:mod:`.codec.masks`). Kinds of
which more counts are left out, and so are secrets, of which nothing is kept. A result is kept from the second time on
that its write is made: what only one cluster writes is not held.

An import makes some 165 writes, 0.27 ms each; with nine tenths of them known they take 29 instead of 46 ms together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache

import orjson

from scale_agent.kube.codec import masks
from scale_agent.kube.codec.masks import Form, Mask
from scale_agent.kube.codec.vocabulary import Vocabulary
from scale_agent.kube.core import Core
from scale_agent.kube.custom.definition import ServedVersion
from scale_agent.kube.schema.resources import ResourceKey, ResourceType
from scale_agent.kube.storage.snapshot import SharedVersion
from scale_agent.kube.storage.version import Obj, RawEncoder, Version

#: Texts of results that are kept (bytes; those that controllers look at are kept parsed too, six times that), and
#: writes that are remembered as having been made once.
MOST_BYTES, MOST_SEEN = 4 << 20, 8192
#: Masks of stored objects that are kept; about 1 KB each.
MOST_RECENT = 2048
#: Nothing of these is kept, or their writes depend on more than what is written.
_LEFT_OUT: frozenset[ResourceKey] = frozenset(
    [("", "secrets"), ("", "services"), ("certificates.k8s.io", "certificatesigningrequests")]
)
#: New ones are given something of the cluster: addresses, accounts, classes.
_GIVEN: frozenset[ResourceKey] = frozenset(
    [("", "pods"), ("", "persistentvolumeclaims"), ("networking.k8s.io", "ingresses")]
)
#: What is known of a write that changes nothing.
UNCHANGED = Form(b"")
_Key = tuple[ResourceType, bytes]


class Memo:
    """Results by the digest of what they were made from; the least used go first."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_seen: int = MOST_SEEN) -> None:
        self._most_bytes = most_bytes
        self._most_seen = most_seen
        self._forms: OrderedDict[_Key, Form] = OrderedDict()
        self._seen: dict[_Key, None] = {}
        self.bytes = 0

    def get(self, key: _Key) -> Form | None:
        """A result that is kept."""
        found = self._forms.get(key)
        if found is not None:
            self._forms.move_to_end(key)
        return found

    def again(self, key: _Key) -> bool:
        """Whether this is not the first time: only then a result is worth keeping."""
        if key in self._seen:
            del self._seen[key]
            return True
        if len(self._seen) >= self._most_seen:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = None
        return False

    def put(self, key: _Key, form: Form) -> None:
        """Keep a result."""
        self._forms[key] = form
        self.bytes += form.size
        while self.bytes > self._most_bytes:
            _, dropped = self._forms.popitem(last=False)
            self.bytes -= dropped.size

    def forms(self) -> list[Form]:
        """All that is kept."""
        return list(self._forms.values())


class Recent:
    """The masks of JSON texts that were stored not long ago: what is written next is mostly written over one of them.

    Texts are known by their hashes, which only one process knows how to make, and their lengths.
    """

    def __init__(self, most: int = MOST_RECENT) -> None:
        self._most = most
        self._masks: dict[tuple[int, int], Mask] = {}

    def get(self, json: bytes) -> Mask | None:
        """The mask of a text."""
        return self._masks.get((hash(json), len(json)))

    def put(self, json: bytes, mask: Mask) -> None:
        """Remember a mask; the oldest is forgotten."""
        if len(self._masks) >= self._most:
            del self._masks[next(iter(self._masks))]
        self._masks[(hash(json), len(json))] = mask


#: One of each per process: results are the same in all clusters.
MEMO = Memo()
RECENT = Recent()
VOCABULARY = Vocabulary()


class Filled:
    """The protobuf message of a known result, for as long as nobody has asked for it."""

    __slots__ = ("_form", "_values")

    def __init__(self, form: Form, values: Mapping[bytes, bytes]) -> None:
        self._form = form
        self._values = values

    def raw(self, encode: RawEncoder) -> bytes | None:
        """The message without envelope; ``None`` if the object has to be encoded."""
        return self._form.message(self._values, encode)


class Question:
    """A write that may have been made before."""

    __slots__ = ("_cluster", "_key", "_mask", "_resource", "_texts")

    def __init__(self, resource: ResourceType, mask: Mask, texts: tuple[bytes, bytes], cluster: int) -> None:
        self._resource = resource
        self._mask = mask
        self._texts = texts
        self._cluster = cluster
        self._key = (resource, masks.digest(mask.digest + texts[0]))

    def known(self) -> Form | None:
        """What the write makes, if that is known."""
        return MEMO.get(self._key)

    def json(self, form: Form, rv: int) -> bytes:
        """The object that is known to be made, as this cluster has it at ``rv``."""
        values = self._mask.values
        values[masks.NEW_VERSION] = b"%d" % rv
        json = form.filled(values)
        RECENT.put(json, form.mask(values))
        return json

    def object(self, form: Form) -> Obj:
        """What :meth:`json` said last, parsed and only to be read."""
        found: Obj = form.object(self._mask.values)
        return found

    def message(self, form: Form) -> Filled:
        """What :meth:`json` said last, as it is encoded."""
        return Filled(form, self._mask.values)

    def note(self, made: Version | None) -> None:
        """Keep what the write made, if it may be kept; ``None``: nothing was changed."""
        if not MEMO.again(self._key):
            return
        form = self._form(made)
        if form is not None:
            MEMO.put(self._key, form)

    def _form(self, made: Version | None) -> Form | None:
        written, before = self._texts
        texts = [written, self._mask.apply(before)]
        if made is None:
            return UNCHANGED if self._alike(texts) else None
        number = b"%d" % made.rv
        version = b'"resourceVersion":"%s"'
        own = masks.of(made.json, number, VOCABULARY, self._cluster)
        if own is None or made.json.count(version % number) != 1:
            return None
        masked = self._mask.apply(made.json.replace(version % number, version % masks.mark(masks.NEW_VERSION)))
        names = self._names(own, number)
        if names is None or not self._alike([*texts, masked]):
            return None
        form = Form(masked, own.digest, names)
        return form if self.json(form, made.rv) == made.json else None

    def _names(self, own: Mask, number: bytes) -> list[tuple[bytes, bytes]] | None:
        """Which of the write's values the result's own marks stand for; ``None`` if there is another one in it."""
        by_value = {value: name for name, value in self._mask.values.items() if name[:1] not in b"rn"}
        found = [(name, by_value.get(value)) for name, value in own.values.items() if name != masks.OLD_VERSION]
        if any(name is None for _, name in found):
            return None
        return [*((own, name) for own, name in found if name), (masks.OLD_VERSION, masks.NEW_VERSION)]

    def _alike(self, texts: list[bytes]) -> bool:
        """Whether nobody looks closer at what was masked. A custom object's schema may: at all but its metadata."""
        try:
            found = [masks.readable(text) for text in texts]
        except ValueError:
            return False
        if not all(map(masks.names_are_free, texts)):
            return False
        if not self._resource.typed:
            return not any(masks.holds_marks({**one, "metadata": None, "head": None}) for one in found)
        return all(_voices(one) <= {self._resource.api_version} for one in found)


def _voices(obj: Obj) -> set[str]:
    """The API versions in which an object's owners speak: of others it must be known who serves them."""
    return {one.get("apiVersion") for one in (obj.get("metadata") or {}).get("managedFields") or ()}


def about(
    core: Core, resource: ResourceType, before: Version | None, obj: Obj, time: str, words: tuple[str, ...]
) -> Question | None:
    """A write as a question; ``None`` if it is not one that another cluster could have made.

    ``before``: what is replaced; ``words``: who writes, and how.
    """
    key = resource.key
    if key in _LEFT_OUT or (before is None and key in _GIVEN) or _has_rules(resource.declared):
        return None
    json = before.json if before is not None else b"{}"
    try:
        text = _written(obj, json, [*words, type(before).__name__, time])
    except orjson.JSONEncodeError:  # numbers beyond 64 bits
        return None
    known = _stored(core, before, json)
    grown = masks.more(known, text, VOCABULARY, core.number, time.encode()) if known is not None else None
    return Question(resource, grown[0], (grown[1], json), core.number) if grown is not None else None


def _stored(core: Core, before: Version | None, json: bytes) -> Mask | None:
    """The mask of what is replaced."""
    if before is None:
        return masks.EMPTY
    if type(before) is SharedVersion and not before.shared.has_ca:
        return _of_snapshot(core, before, json)
    found = RECENT.get(json)
    if found is None:
        found = masks.of(json, b"%d" % before.rv, VOCABULARY, core.number)
        if found is not None:
            RECENT.put(json, found)
    return found


def _of_snapshot(core: Core, before: SharedVersion, json: bytes) -> Mask | None:
    """The mask of an object that no cluster has changed yet: it is the same in all but for the uids."""
    known = before.shared.known
    if known is not None:
        return known.of(core.identity.uid)
    found = masks.of(json, b"%d" % before.rv, VOCABULARY, core.number)
    if found is not None:
        before.shared.known = masks.SharedMask(found, before.shared.uids(core.identity))
    return found


#: Members that are shorter are written down even if the replaced object has them (bytes).
_SHORT = 100


@lru_cache(maxsize=512)
def _start(name: str) -> bytes:
    """How a member of that name begins."""
    return orjson.dumps(name) + b":"


def _written(obj: Obj, before: bytes, words: list[str]) -> bytes:
    """What is written, without what stands as it is in the replaced object: of that only the place is said."""
    out: list[bytes] = []
    same: list[tuple[str, int]] = []
    meta = obj.get("metadata") or {}
    inner: list[bytes] = []
    for members, into in ((obj, out), (meta, inner)):
        for name, value in members.items():
            if members is obj and name == "metadata":
                continue
            start = _start(name)
            member = start + orjson.dumps(value)
            place = _place(before, start, member) if len(member) > _SHORT else -1
            if place < 0:
                into.append(member)
            else:
                same.append((name, place))
    head = orjson.dumps([words, same, [list(obj), list(meta)]])
    return b'{"head":%s,"metadata":{%s},%s}' % (head, b",".join(inner), b",".join([*out, b'"":0']))


def _place(before: bytes, start: bytes, member: bytes) -> int:
    """Which of the members that begin so is this one; -1: none. To look for all of it takes twice as long."""
    at, place = before.find(start), 0
    while at >= 0 and not before.startswith(member, at):
        at, place = before.find(start, at + len(start)), place + 1
    return place if at >= 0 else -1


def _has_rules(declared: ServedVersion | None) -> bool:
    """Whether rules in CEL look at the objects: they may ask for the year of a time."""
    return declared is not None and declared.node is not None and declared.node.has_rules
