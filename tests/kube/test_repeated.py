"""A write that is known from another cluster has the result that it would have had, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from scale_agent.kube import catalog, repeated
from scale_agent.kube.codec import masks
from scale_agent.kube.codec.masks import Form
from scale_agent.kube.codec.vocabulary import Vocabulary
from scale_agent.kube.schema.resources import ResourceType
from tests.kube.testbed import Bed, FixedIdentity, snapshot

Obj = dict[str, Any]
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles"
QUOTAS = "/api/v1/namespaces/default/resourcequotas"
CRONJOBS = "/apis/batch/v1/namespaces/default/cronjobs"
PLACES = (DEPLOYMENTS, CONFIGMAPS, ROLES, QUOTAS, CRONJOBS)
SECRET = "dGhlIHNlY3JldA=="


class Identity(FixedIdentity):
    """Uids and suffixes that no other cluster has."""

    def next_uid(self) -> str:
        return self.uid(f"next {next(self._uids)}")

    def suffix(self, length: int = 5) -> str:
        dice = random.Random(f"{self.seed}/{next(self._suffixes)}")
        return "".join(dice.choices("bcdfghjklmnpqrstvwxz2456789", k=length))


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated, "MEMO", repeated.Memo())
    monkeypatch.setattr(repeated, "RECENT", repeated.Recent())
    monkeypatch.setattr(repeated, "VOCABULARY", Vocabulary())


@pytest.fixture(autouse=True)
def _filled_as_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a known write made is filled in as an object and as a message, too: the same as its text, parsed."""
    json = repeated.Question.json

    def compared(question: repeated.Question, form: Form, rv: int) -> bytes:
        text = json(question, form, rv)
        assert orjson.dumps(question.object(form)) == orjson.dumps(orjson.loads(text))
        encode = catalog.for_version("v1.36.2").encode_raw
        filled = question.message(form).raw(encode) if b'"kind":' in text[:10] else None
        assert filled is None or filled == encode(orjson.loads(text))
        return text

    monkeypatch.setattr(repeated.Question, "json", compared)


class Counter:
    """Counts what is taken from the memo."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hits = 0
        known = repeated.Question.known

        def counted(question: repeated.Question) -> Form | None:
            found = known(question)
            self.hits += found is not None
            return found

        monkeypatch.setattr(repeated.Question, "known", counted)


@pytest.fixture
def hits(monkeypatch: pytest.MonkeyPatch) -> Counter:
    return Counter(monkeypatch)


class Words:
    """What one cluster says where others say something else of the same form."""

    def __init__(self, seed: str) -> None:
        self._dice = random.Random(seed)
        self.id = self._made(5)
        self.project = self._made(5)
        self.user = self._made(10)
        self.hex = f"f{self._dice.getrandbits(36):09x}"
        hour = self._dice.randint(0, 9)
        self.time = f"{self._dice.choice(('2026', '2026', '2026', '2028'))}-11-2{hour}T0{hour}:00:00Z"
        self.uid = Identity(seed).uid("foreign")
        self.memory = self._dice.choice(("1024Mi", "1024Mi", "1024Mi", "1025Mi"))

    def _made(self, length: int) -> str:
        made = "".join(self._dice.choices("bcdfghjklmnpqrstvwxz2456789", k=length - 1))
        return f"{self._dice.choice('2456789')}{made}" if self._dice.random() < 0.1 else f"{made}7"


def _metadata(dice: random.Random, words: Words) -> Obj:
    notes = {
        "field.cattle.io/projectId": f"c-{words.id}:p-{words.project}",
        "since": words.time,
        "both": f"{words.time} {words.uid} {words.hex}",
        f"for-{words.user}": "a name of a member",
        "sum": words.hex,
        "plain": dice.choice(("one", "two")),
    }
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": f"owner-{words.user}", "uid": words.uid}
    rare = (f"for-{words.user}", "both")
    wanted = [key for key in notes if dice.random() < (0.05 if key in rare else 0.4)]
    out: Obj = {"annotations": {key: notes[key] for key in wanted}}
    if dice.random() < 0.3:
        out["labels"] = {"user": words.user, "app": "web"}
    if dice.random() < 0.3:
        owners = [owner, {**owner, "name": "other", "uid": _other(words.uid)}]
        out["ownerReferences"] = owners[: dice.choice((1, 1, 2))]
    return out


def _other(uid: str) -> str:
    return uid[:-1] + ("0" if uid[-1] != "0" else "1")


def _content(dice: random.Random, words: Words, path: str) -> Obj:
    container = {
        "name": dice.choice(("web", f"web-{words.id}")),
        "image": f"registry/{words.project}:v2.15.0",
        "env": [{"name": "ID", "value": words.hex}, {"name": f"N{dice.randint(1, 3)}", "value": words.time}],
        "resources": {"limits": {"memory": dice.choice(("1Gi", words.memory))}},
    }
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    made: dict[str, Callable[[], Obj]] = {
        DEPLOYMENTS: lambda: {
            "spec": {
                "replicas": dice.randint(0, 1),
                "selector": {"matchLabels": {"app": "web"}},
                "template": {**template, "spec": {"containers": [container]}},
            }
        },
        CONFIGMAPS: lambda: {"data": {"id": words.id, "at": words.time, "n": str(dice.randint(0, 3))}},
        ROLES: lambda: {
            "rules": [
                {
                    "apiGroups": [""],
                    "resources": ["pods"],
                    "verbs": dice.sample(("get", "list", "watch"), 2),
                    "resourceNames": [words.user],
                }
            ]
        },
        QUOTAS: lambda: {"spec": {"hard": {"limits.memory": words.memory, "pods": str(dice.randint(1, 900))}}},
        CRONJOBS: lambda: {
            "spec": {
                "schedule": dice.choice(("* * * * *", "5 4 * * *", f"@{words.id}")),
                "jobTemplate": {"spec": {"template": template}},
            }
        },
    }
    return made[path]()


def _writes(bed: Bed, seed: int, words: Words) -> Iterator[bytes]:
    """A sequence of writes: of one seed the same in every cluster but for the cluster's words. Yields the answers."""
    dice = random.Random(seed)
    path = dice.choice(PLACES)
    name = dice.choice(("one", f"one-{words.user}", f"{words.id}-one"))
    bed.advance(dice.choice((0, 1, 1, 7)))
    body = {"metadata": {"name": name, **_metadata(dice, words)}, **_content(dice, words, path)}
    yield bed.ask("POST", path, body).body
    for _ in range(dice.randint(2, 5)):
        bed.advance(dice.choice((0, 0, 1)))
        stored = orjson.loads(bed.ask("GET", f"{path}/{name}").body)
        change = {"metadata": _metadata(dice, words), **_content(dice, words, path)}
        how = dice.randint(0, 3)
        agent = dice.choice(("tester/1", "other/2"))
        if how == 0 and "metadata" in stored:
            meta = {**stored["metadata"], **change["metadata"]}
            yield bed.ask("PUT", f"{path}/{name}", {**stored, **change, "metadata": meta}, agent=agent).body
        elif how == 1:
            yield bed.ask("PUT", f"{path}/{name}", stored, agent=agent).body
        elif how == 2:
            state = {"status": {"conditions": [{"type": "Ok", "status": "True", "lastTransitionTime": words.time}]}}
            media = "application/merge-patch+json"
            yield bed.ask("PATCH", f"{path}/{name}/status", state, media=media, agent=agent).body
        else:
            media = "application/merge-patch+json"
            yield bed.ask("PATCH", f"{path}/{name}", change, media=media, agent=agent).body
    for each in (path, "/apis/apps/v1/replicasets"):
        yield bed.ask("GET", each).body


@pytest.mark.parametrize("block", range(8))
def test_what_is_taken_from_the_memo_is_what_the_write_makes(
    block: int, monkeypatch: pytest.MonkeyPatch, hits: Counter
) -> None:
    taken = 0
    for seed in range(4 * block, 4 * block + 4):
        for cluster in range(12):
            words = Words(f"{seed}/{cluster}")
            start = hits.hits
            known = list(_writes(Bed(identity=Identity(f"c{cluster}")), seed, words))
            taken += hits.hits - start
            with monkeypatch.context() as without:
                without.setattr(repeated, "about", lambda *_: None)
                computed = list(_writes(Bed(identity=Identity(f"c{cluster}")), seed, words))
            assert known == computed
    assert taken > 10  # else this compares nothing


def _annotate(seed: str) -> list[bytes]:
    """What is written over objects that all clusters have from the start."""
    bed = Bed(_WITH_OBJECTS, Identity(seed))
    words = Words(seed)
    answers = []
    for path in ("/api/v1/namespaces/kube-system", "/api/v1/namespaces/default/configmaps/theirs"):
        bed.advance(1)
        note = {"metadata": {"annotations": {"project": f"c-{words.id}:p-{words.project}", "since": words.time}}}
        answers.append(bed.ask("PATCH", path, note, media="application/merge-patch+json").body)
        answers.append(bed.ask("PUT", path, bed.ask("GET", path).body).body)
    return answers


_OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
_WITH_OBJECTS = snapshot(
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": "default"}},
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "theirs", "namespace": "default", "ownerReferences": [_OWNER]},
    },
)


def test_objects_of_the_snapshot_have_each_clusters_uids(monkeypatch: pytest.MonkeyPatch, hits: Counter) -> None:
    for number in range(12):
        known = _annotate(f"cluster-{number}")
        with monkeypatch.context() as without:
            without.setattr(repeated, "about", lambda *_: None)
            assert known == _annotate(f"cluster-{number}")
    assert hits.hits > 5


def _deploy(seed: str, memory: str = "1Gi") -> Obj:
    bed = Bed(identity=Identity(seed))
    words = Words(seed)
    words.memory = memory
    spec = _content(random.Random(3), words, DEPLOYMENTS)
    spec["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = memory
    return bed.post(DEPLOYMENTS, {"metadata": {"name": "web"}, **spec})


def test_a_cluster_takes_what_others_have_made(hits: Counter) -> None:
    taken = []
    for number in range(12):
        before = hits.hits
        _deploy(f"cluster-{number}")
        taken.append(hits.hits - before)
    assert taken[0] == 0
    assert max(taken) > 5


def test_a_quantity_is_no_name() -> None:
    """``1024Mi`` becomes ``1Gi``: it is never a hole in somebody else's object."""
    for number in range(4):
        _deploy(f"cluster-{number}", "1024Mi")
    made = _deploy("another", "1025Mi")
    limits = made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"memory": "1025Mi"}


def test_nothing_of_a_secret_is_kept() -> None:
    for number in range(4):
        bed = Bed(identity=Identity(f"cluster-{number}"))
        path = "/api/v1/namespaces/default/secrets"
        bed.post(path, {"metadata": {"name": "one", "annotations": {"a": "b" * 200}}, "data": {"key": SECRET}})
        bed.call("PUT", f"{path}/one", {"metadata": {"name": "one"}, "data": {"key": SECRET, "more": SECRET}})
    kept = repr([form.filled(_Any()) for form in repeated.MEMO.forms()])
    assert SECRET not in kept
    assert repeated.about(bed.api.core, _secrets(bed), None, {"metadata": {}}, "2026-01-01T00:00:00Z", ()) is None


class _Any(dict[bytes, bytes]):
    def __missing__(self, name: bytes) -> bytes:
        return name


def _secrets(bed: Bed) -> ResourceType:
    return bed.api.core.builtin("", "v1", "secrets")


def test_what_only_one_cluster_writes_is_not_kept() -> None:
    bed = Bed()
    for number in range(20):
        bed.configmap(f"one-{number}-of-these", annotations={"text": f"only here {number}"})
    assert all(b"only here" not in form.filled(_Any()) for form in repeated.MEMO.forms())


def test_the_memo_is_bounded() -> None:
    memo = repeated.Memo(most_bytes=1000, most_seen=3)
    resource = _secrets(Bed())
    keys = [(resource, bytes([number])) for number in range(9)]
    for key in keys:
        assert not memo.again(key)
    assert not memo.again(keys[0])  # forgotten
    assert memo.again(keys[8])
    for key in keys:
        memo.put(key, Form(b"x" * 300))
    assert memo.bytes == 900
    assert [memo.get(key) is not None for key in keys] == [False] * 6 + [True] * 3


def test_the_least_used_goes_first() -> None:
    memo = repeated.Memo(most_bytes=600)
    resource = _secrets(Bed())
    one, two, three = ((resource, name) for name in (b"one", b"two", b"three"))
    memo.put(one, Form(b"x" * 300))
    memo.put(two, Form(b"x" * 300))
    memo.get(one)
    memo.put(three, Form(b"x" * 300))
    assert memo.get(two) is None
    assert memo.get(one) is not None


def test_masks_of_recent_texts_are_bounded() -> None:
    recent = repeated.Recent(most=2)
    for text in (b"one", b"two", b"three"):
        recent.put(text, masks.EMPTY)
    assert [recent.get(text) is not None for text in (b"one", b"two", b"three")] == [False, True, True]
