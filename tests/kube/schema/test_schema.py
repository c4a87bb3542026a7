"""The table of types and resources, normalisation and its refusals, quantities and times."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.codec import normalizer, quantities, times
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.schema.schema import Schema

SCHEMA = Schema.load()


def of(api_version: str, kind: str, **parts: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, **parts}


def test_a_schema_is_shared_and_an_unknown_version_has_none() -> None:
    """One per version and process."""
    assert Schema.load("v1.36.2") is SCHEMA
    with pytest.raises(FileNotFoundError):
        Schema.load("v1.0.0")


def test_resources() -> None:
    """What discovery says, as values."""
    found = SCHEMA.resource("apps", "v1", "deployments")
    assert found is not None
    assert (found.kind, found.singular, found.namespaced, found.short_names) == (
        "Deployment",
        "deployment",
        True,
        ("deploy",),
    )
    assert found.categories == ("all",)
    assert found.verbs == {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
    assert set(found.subresources) == {"status", "scale"}
    assert (found.subresources["scale"].group, found.subresources["scale"].kind) == ("autoscaling", "Scale")
    assert SCHEMA.resource("apps", "v1", "pods") is None
    assert len(SCHEMA.resources) == 68


def test_patch_and_list_marks() -> None:
    """Struct tags and the list marks of the published documents."""
    spec = SCHEMA.kind("", "v1", "Pod")
    assert spec is not None
    pod = spec.fields["spec"].type
    assert pod is not None
    containers = pod.fields["containers"]
    assert containers.patch_strategy == {"merge"}
    assert containers.patch_merge_key == "name"
    assert (containers.list_type, containers.list_map_keys) == ("map", ("name",))
    volumes = pod.fields["volumes"]
    assert volumes.patch_strategy == {"merge", "retainKeys"}
    assert volumes.type is not None
    assert "configMap" in volumes.type.fields


def test_atomic_marks() -> None:
    """Of types and of fields; a field's mark goes before its type's."""
    selector = SCHEMA.types["k8s.io/apimachinery/pkg/apis/meta/v1.LabelSelector"]
    volume = SCHEMA.types["k8s.io/api/core/v1.PersistentVolumeSpec"]
    assert selector.atomic
    assert not volume.atomic
    claim = volume.fields["claimRef"]
    assert claim.type is not None
    assert (claim.type.atomic, claim.map_type) == (True, "granular")
    service = SCHEMA.types["k8s.io/api/core/v1.ServiceSpec"]
    assert service.fields["selector"].map_type == "atomic"
    port = service.fields["ports"].type
    assert port is not None
    assert port.fields["protocol"].default == "TCP"


def test_every_served_kind_has_a_type() -> None:
    """Also the list kinds, and the options and answers that are not resources."""
    for resource in SCHEMA.resources:
        assert SCHEMA.kind(resource.group, resource.version, resource.kind) is not None
    for kind in ("DeleteOptions", "Status", "WatchEvent", "List"):
        assert SCHEMA.kind("", "v1", kind) is not None
    for kind in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList"):
        assert SCHEMA.kind("meta.k8s.io", "v1", kind) is not None


def test_unknown_fields_are_dropped_and_named() -> None:
    """The paths of a real server's strict refusal of the same object."""
    containers = [{"name": "a", "oops": 1}, {"name": "b", "oops": {"x": 2}}]
    spec = {"selector": {}, "bar": 2, "template": {"spec": {"containers": containers}}}
    obj, unknown = normalizer.check(of("apps/v1", "Deployment", metadata={"name": "x", "foo": 1}, spec=spec), SCHEMA)
    assert set(unknown) == {
        "metadata.foo",
        "spec.bar",
        "spec.template.spec.containers[0].oops",
        "spec.template.spec.containers[1].oops",
    }
    assert obj["spec"]["template"]["spec"]["containers"][0] == {"name": "a", "resources": {}}
    assert obj["spec"]["strategy"] == {}
    assert obj["status"] == {}


def pod(**spec: Any) -> dict[str, Any]:
    return of("apps/v1", "Deployment", spec={"template": {"spec": spec}})


#: Objects and the refusals of a real 1.36.2 server, without their first part.
MISMATCHES: tuple[tuple[dict[str, Any], str], ...] = (
    (
        of("apps/v1", "Deployment", spec={"replicas": "3"}),
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        of("apps/v1", "Deployment", spec={"replicas": 3.5}),
        "json: cannot unmarshal number 3.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    (
        pod(containers={"a": 1}),
        "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers "
        "of type []v1.Container",
    ),
    (
        pod(containers=[5]),
        "json: cannot unmarshal number into Go struct field PodSpec.spec.template.spec.containers of type v1.Container",
    ),
    (
        pod(containers=[{"image": 7}]),
        "json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.image "
        "of type string",
    ),
    (
        of("v1", "ConfigMap", data={"a.b": 5}),
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
    ),
    (
        of("v1", "ConfigMap", metadata="x"),
        "json: cannot unmarshal string into Go struct field ConfigMap.metadata of type v1.ObjectMeta",
    ),
    (
        of("v1", "ConfigMap", data=["a"]),
        "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string",
    ),
    (of("v1", "Secret", data={"a": "%%"}), "illegal base64 data at input byte 0"),
    (
        of("v1", "Secret", metadata={"labels": {"a": True}}),
        "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string",
    ),
    (
        of("v1", "Secret", metadata={"creationTimestamp": "yesterday"}),
        'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
    ),
    (
        of("v1", "Service", spec={"ports": [{"port": 80, "targetPort": True}]}),
        "json: cannot unmarshal bool into Go struct field ServicePort.spec.ports.targetPort of type int32",
    ),
    (
        of("v1", "ResourceQuota", spec={"hard": {"cpu": "abc"}}),
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
    (
        of("events.k8s.io/v1", "Event", eventTime="2026-01-02T03:04:05.5Z"),
        'parsing time "2026-01-02T03:04:05.5Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse ".5Z" as ".000000"',
    ),
)


@pytest.mark.parametrize(("obj", "message"), MISMATCHES, ids=[message for _, message in MISMATCHES])
def test_wrong_types_are_refused_in_the_words_of_a_real_server(obj: dict[str, Any], message: str) -> None:
    """Recorded from a real 1.36.2 API server."""
    with pytest.raises(DecodeError) as caught:
        normalizer.normalize(obj, SCHEMA)
    assert caught.value.what == message


def test_nulls_and_zero_values() -> None:
    """Nulls vanish, empty ``omitempty`` values too; what Go always writes is there."""
    obj = normalizer.normalize(of("v1", "Namespace", metadata={"name": "n", "labels": None, "annotations": {}}), SCHEMA)
    assert obj == of("v1", "Namespace", metadata={"name": "n"}, spec={}, status={})
    role = normalizer.normalize(of("rbac.authorization.k8s.io/v1", "Role", metadata={"name": "r"}), SCHEMA)
    assert role["rules"] is None


def test_normalising_twice_changes_nothing() -> None:
    """A normal form."""
    obj = pod(containers=[{"name": "a", "image": "b", "resources": {"limits": {"cpu": "1500m", "memory": "0.5Gi"}}}])
    once = normalizer.normalize(obj, SCHEMA)
    assert normalizer.normalize(once, SCHEMA) == once


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1500m", "1500m"),
        ("1000m", "1"),
        ("0.1", "100m"),
        ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"),
        ("1000Ki", "1000Ki"),
        ("1024Ki", "1Mi"),
        ("1e3", "1e3"),
        ("1500M", "1500M"),
        ("2000M", "2G"),
        ("0", "0"),
        ("-5k", "-5k"),
        ("0.0000000001", "1n"),
        ("512", "512"),
        ("3950m", "3950m"),
    ],
)
def test_quantities(text: str, canonical: str) -> None:
    """As ``resource.Quantity`` writes them."""
    assert quantities.canonical(text) == canonical


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    """And the canonical form is its own canonical form."""
    try:
        once = quantities.canonical(text)
    except DecodeError:
        return
    assert quantities.canonical(once) == once


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """No other exception than the declared one."""
    for read in (times.seconds_text, times.micro_text, times.parse_duration_ns):
        try:
            read(text)
        except DecodeError:
            continue


def test_times_are_written_in_utc() -> None:
    """Whole seconds for Time, six places for MicroTime."""
    assert times.seconds_text("2026-01-01T01:00:00.5+01:00") == "2026-01-01T00:00:00Z"
    assert times.micro_text("2026-01-01T01:00:00.123456+01:00") == "2026-01-01T00:00:00.123456Z"
