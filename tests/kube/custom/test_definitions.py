"""The life of a definition: names, versions, changes at run time, deletion. Compared with a running 1.36.2."""

from __future__ import annotations

import pytest

from tests.kube.custom.cluster import DEFINITIONS, FREE, GROUP, Shop, definition, of_spec, version
from tests.kube.testbed import events

TEXT = {"type": "string"}


def test_a_new_definition_gets_its_names_then_is_served_each_with_a_change_of_its_own() -> None:
    shop = Shop()
    watch = shop.watch(DEFINITIONS, watch="true")
    events(watch)
    answer = shop.post(DEFINITIONS, definition("wheels", "Wheel"))
    assert answer["status"] == {
        "conditions": None,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": ["v1"],
    }
    seen = [
        {one["type"]: one["reason"] for one in event["object"]["status"].get("conditions") or ()}
        for event in events(watch)
    ]
    assert seen == [
        {},
        {"NamesAccepted": "NoConflicts", "Established": "Installing"},
        {"NamesAccepted": "NoConflicts", "Established": "InitialNamesAccepted"},
    ]


def test_names_that_another_definition_has_are_given_when_they_become_free() -> None:
    shop = Shop(shortNames=["g"])
    other = f"{DEFINITIONS}/others.{GROUP}"
    shop.post(DEFINITIONS, definition("others", "Gear", shortNames=["g", "o"]))
    found = shop.get(other)["status"]
    assert [one["message"] for one in found["conditions"]] == [
        '"GearList" is already in use',
        "not all names are accepted",
    ]
    assert [one["reason"] for one in found["conditions"]] == ["ListKindConflict", "NotAccepted"]
    assert found["acceptedNames"]["plural"] == "others"
    assert "shortNames" not in found["acceptedNames"]
    assert shop.ask("GET", f"/apis/{GROUP}/v1/others").status == 404
    shop.ask("DELETE", shop.path)
    assert shop.conditions(other) == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert shop.ask("GET", f"/apis/{GROUP}/v1/others").status == 200


def test_objects_are_stored_in_the_storage_version_and_read_in_any() -> None:
    old, new = (
        of_spec({"a": {**TEXT, "default": "old"}, "b": TEXT}),
        of_spec({"a": {**TEXT, "default": "new"}, "c": TEXT}),
    )
    shop = Shop(version("v1", old), version("v2", new, storage=False))
    made = shop.make("one", {"c": "lost"}, version="v2")
    assert made["spec"] == {"a": "new"}
    assert shop.get(shop.gears("one"))["spec"] == {"a": "new"}
    shop.make("two", {"b": "hidden"})
    assert shop.get(shop.gears("two", "v2"))["spec"] == {"a": "old"}
    assert [one["apiVersion"] for one in shop.get(shop.gears(version="v2"))["items"]] == [f"{GROUP}/v2"] * 2
    shop.merge(shop.gears("two", "v2"), {"metadata": {"labels": {"a": "b"}}})
    assert shop.get(shop.gears("two"))["spec"] == {"a": "old"}


def test_the_storage_version_may_move_but_not_leave_what_is_stored_in_it() -> None:
    shop = Shop(version("v1"), version("v2", storage=False))
    shop.change(version("v1", storage=False), version("v2"))
    assert shop.get(shop.path)["status"]["storedVersions"] == ["v1", "v2"]
    refused = shop.merge(shop.path, {"spec": {"versions": [version("v2")]}}, expect=422)
    assert "v1 was previously a storage version" in refused["message"]
    shop.merge(f"{shop.path}/status", {"status": {"storedVersions": ["v2"]}})
    shop.change(version("v2"))
    assert shop.ask("GET", shop.gears()).body == b"404 page not found\n"


def test_a_changed_schema_prunes_and_defaults_what_is_read_and_loses_nothing() -> None:
    shop = Shop()
    before = shop.make("one", {"kept": "x", "gone": 1})
    shop.change(version("v1", of_spec({"kept": TEXT, "added": {**TEXT, "default": "y"}})))
    after = shop.get(shop.gears("one"))
    assert after["spec"] == {"added": "y", "kept": "x"}
    assert after["metadata"] == before["metadata"]
    shop.change(version("v1", FREE))
    assert shop.get(shop.gears("one"))["spec"] == {"kept": "x", "gone": 1}


def test_running_watches_end_a_second_after_their_definition_changed() -> None:
    shop = Shop()
    watch = shop.watch(shop.gears(), watch="true")
    shop.change(version("v1", of_spec({})))
    assert not watch.ended
    shop.advance(1.1)
    assert events(watch) == []
    assert watch.ended


def test_a_change_of_its_names_alone_ends_no_conflict_and_is_served_at_once() -> None:
    shop = Shop()
    shop.merge(shop.path, {"spec": {"names": {"shortNames": ["gg"], "categories": ["all"]}}})
    found = shop.get(f"/apis/{GROUP}/v1")["resources"][0]
    assert (found["shortNames"], found["categories"]) == (["gg"], ["all"])


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"scope": "Cluster"}, "spec.scope"),
        ({"names": {"kind": "Other"}}, "spec.names.kind"),
        ({"names": {"plural": "others"}}, "spec.names.plural"),
        ({"group": "other.example.com"}, "spec.group"),
    ],
)
def test_what_a_served_definition_may_not_change(patch: dict[str, object], field: str) -> None:
    shop = Shop()
    refused = shop.merge(shop.path, {"spec": patch}, expect=422)
    causes = {one["field"]: one["message"] for one in refused["details"]["causes"]}
    assert causes[field].endswith("field is immutable")


def test_a_deleted_definition_takes_its_objects_along() -> None:
    shop = Shop()
    shop.make("one")
    watch, own = shop.watch(shop.gears(), watch="true"), shop.watch(DEFINITIONS, watch="true")
    events(watch)
    events(own)
    answer = shop.call("DELETE", shop.path)
    assert answer["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert answer["status"]["conditions"][-1]["reason"] == "InstanceDeletionPending"
    assert [one["type"] for one in events(own)] == ["MODIFIED", "MODIFIED", "DELETED"]
    assert [one["type"] for one in events(watch)] == ["DELETED"]
    shop.advance(1.1)
    assert watch.read(1 << 20) == b""
    assert watch.ended
    assert shop.ask("GET", shop.path).status == 404
    assert shop.ask("GET", shop.gears()).body == b"404 page not found\n"
    assert shop.ask("GET", f"/apis/{GROUP}").status == 404


def test_an_object_with_a_finalizer_keeps_its_definition_which_takes_no_new_ones() -> None:
    shop = Shop()
    shop.make("one", {"a": 1})
    shop.merge(shop.gears("one"), {"metadata": {"finalizers": ["example.com/hold"]}})
    shop.call("DELETE", shop.path)
    assert shop.conditions()["Terminating"] == ("True", "InstanceDeletionInProgress")
    refused = shop.ask("POST", shop.gears(), shop.gear("two"))
    assert refused.status == 403
    assert b"create not allowed while custom resource definition is terminating" in refused.body
    assert "create" not in shop.get(f"/apis/{GROUP}/v1")["resources"][0]["verbs"]
    shop.advance(61)
    assert shop.conditions()["Terminating"] == ("True", "InstanceDeletionCheck")
    shop.merge(shop.gears("one"), {"metadata": {"finalizers": None}})
    shop.advance(6)
    assert shop.ask("GET", shop.path).status == 404


def test_a_definition_that_never_was_served_goes_at_once() -> None:
    shop = Shop()
    shop.post(DEFINITIONS, definition("others", "Gear"))
    shop.call("DELETE", f"{DEFINITIONS}/others.{GROUP}")
    assert shop.ask("GET", f"{DEFINITIONS}/others.{GROUP}").status == 404


def test_deprecated_versions_are_warned_of() -> None:
    shop = Shop(version("v1alpha1", deprecated=True, storage=False), version("v1beta1", storage=False), version("v1"))
    path = shop.gears(version="v1alpha1")
    expected = f'299 - "{GROUP}/v1alpha1 Gear is deprecated; use {GROUP}/v1 Gear"'
    assert dict(shop.ask("GET", path).headers)["Warning"] == expected
    assert "Warning" not in dict(shop.ask("GET", shop.gears()).headers)


def test_groups_of_kubernetes_need_an_approval() -> None:
    shop = Shop()
    crd = definition("things", "Thing")
    crd["metadata"]["name"] = "things.x.k8s.io"
    crd["spec"]["group"] = "x.k8s.io"
    refused = shop.call("POST", DEFINITIONS, crd, expect=422)
    assert refused["details"]["causes"][0]["field"] == "metadata.annotations[api-approved.kubernetes.io]"
    crd["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, for a test"}
    shop.post(DEFINITIONS, crd)
    found = shop.conditions(f"{DEFINITIONS}/things.x.k8s.io")
    assert found["KubernetesAPIApprovalPolicyConformant"] == ("False", "UnapprovedAnnotation")


def test_equal_definitions_are_compiled_once_for_all_clusters() -> None:
    one, other = Shop(), Shop()
    found = [shop.api.core.custom.find(GROUP, "v1", "gears") for shop in (one, other)]
    assert found[0] is not None
    assert found[0] is found[1]
