from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube import catalog, field_selectors
from scale_agent.kube.errors import StatusError
from scale_agent.kube.field_selectors import parse_fields
from scale_agent.kube.schema.resources import ResourceType
from tests.kube.testbed import VERSION, refusal


def resource(group: str, plural: str) -> ResourceType:
    found = catalog.for_version(VERSION).find(group, "v1", plural)
    assert found is not None
    return found


PODS = resource("", "pods")
EVENTS = resource("events.k8s.io", "events")
WIDGETS = ResourceType("x.io", "v1", "widgets", "Widget", True, frozenset(), typed=False, selectable_fields=("spec.a",))


def test_terms_read_fields_as_text() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    fields = parse_fields("spec.nodeName=n,status.phase!=Failed,spec.hostNetwork=false", PODS)
    assert field_selectors.field_matches(fields, lambda path: field_selectors.read_field(pod, path))
    other = parse_fields(r"spec.nodeName=a\,b", PODS)
    assert other[0].value == "a,b"
    assert not field_selectors.field_matches(other, lambda path: field_selectors.read_field(pod, path))


def test_the_other_groups_events_have_names_of_their_own() -> None:
    event = {"involvedObject": {"name": "a"}, "reportingComponent": "kubelet"}
    fields = parse_fields("regarding.name=a,reportingController=kubelet", EVENTS)
    assert field_selectors.field_matches(fields, lambda path: field_selectors.read_field(event, path))
    with pytest.raises(StatusError, match=r"field label not supported: involvedObject\.name"):
        parse_fields("involvedObject.name=a", EVENTS)


def test_an_event_without_a_source_is_selected_by_its_controller() -> None:
    assert field_selectors.read_field({"reportingComponent": "c"}, "source") == "c"
    assert field_selectors.read_field({"source": {"component": "s"}, "reportingComponent": "c"}, "source") == "s"


@pytest.mark.parametrize(
    ("of", "text", "message"),
    [
        (PODS, "spec.x=1", "field label not supported: spec.x"),
        (resource("batch", "jobs"), "x=1", 'field label "x" not supported for Job'),
        (
            resource("apps", "deployments"),
            "x=1",
            '"x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (resource("", "nodes"), "metadata.namespace=x", "field label not supported: metadata.namespace"),
        (WIDGETS, "spec.b=1", "field label not supported: spec.b"),
        (PODS, "metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
        (PODS, "metadata.name=a\\", "invalid field selector: invalid escape sequence: \\"),
        (PODS, "metadata.name,x=1", "invalid selector: 'metadata.name,x=1'; can't understand 'metadata.name'"),
    ],
)
def test_refusals_say_what_a_real_server_says(of: ResourceType, text: str, message: str) -> None:
    """Observed from 1.36.2."""
    with pytest.raises(StatusError) as caught:
        parse_fields(text, of)
    assert (caught.value.code, caught.value.message) == (400, message)


def test_definitions_name_fields_to_select_by() -> None:
    assert parse_fields("spec.a=1", WIDGETS)[0].path == "spec.a"


@given(st.text(alphabet="metadata.nm=!\\,x", max_size=30))
def test_the_field_parser_only_refuses(text: str) -> None:
    assert refusal(lambda: parse_fields(text, PODS)) in (0, 400)
