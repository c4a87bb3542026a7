"""The JSON Schema of profiles is made of what is read: both take and refuse the same documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scale_agent.cluster.profile import loads
from scale_agent.cluster.profiles import schema, table
from scale_agent.errors import ProfileError

ROOT = Path(__file__).parents[2]
SCHEMA = schema.document()
FULL: dict[str, Any] = {
    "name": "x",
    "version": "v1.36.2",
    "api": {"address": "10.43.0.1:443", "authority": "run"},
    "rbac": False,
    "controllers": {"kubelet": False},
    "metrics_server": True,
    "agent": {"replicas": 1, "first_start_s": 0.3, "second_tunnel_s": [5, 20]},
    "nodes": [{"name": "n-{n}", "count": 2, "roles": ["worker"], "labels": {"a": "b"}, "capacity": {"cpu": "4"}}],
    "namespaces": [{"name": "a", "annotations": {"a": "b"}}],
    "workloads": [{"kind": "Deployment", "namespace": "a", "name": "b", "image": "c", "replicas": 2}],
    "secrets": [{"namespace": "a", "name": "s-{n}", "count": 2, "keys": 3, "size": "2Ki", "type": "Opaque"}],
    "config_maps": [{"namespace": "a", "name": "m", "size": 512}],
    "custom_resources": [{"group": "e.com", "kind": "T{n}", "count": 2, "scope": "Cluster", "objects": 3, "size": 64}],
    "objects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "o", "namespace": "a"}}],
}
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def holds(value: Any, rule: dict[str, Any]) -> bool:
    """Whether a value is valid: the keywords of JSON Schema that ours uses, any other is an error."""
    return all(RULES[word](value, wanted, rule) for word, wanted in rule.items())


def _typed(value: Any, wanted: str, rule: dict[str, Any]) -> bool:
    return isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _properties(value: Any, wanted: dict[str, Any], rule: dict[str, Any]) -> bool:
    return not isinstance(value, dict) or all(holds(value[key], wanted[key]) for key in value if key in wanted)


def _others(value: Any, wanted: Any, rule: dict[str, Any]) -> bool:
    others = [key for key in value if key not in rule.get("properties", {})] if isinstance(value, dict) else []
    return not others if wanted is False else all(holds(value[key], wanted) for key in others)


RULES: dict[str, Any] = {
    "$schema": lambda *_: True,
    "title": lambda *_: True,
    "description": lambda *_: True,
    "default": lambda *_: True,
    "type": _typed,
    "properties": _properties,
    "additionalProperties": _others,
    "required": lambda value, wanted, _: not isinstance(value, dict) or set(wanted) <= set(value),
    "anyOf": lambda value, wanted, _: any(holds(value, one) for one in wanted),
    "enum": lambda value, wanted, _: value in wanted,
    "pattern": lambda value, wanted, _: not isinstance(value, str) or re.search(wanted, value) is not None,
    "minimum": lambda value, wanted, _: not isinstance(value, (int, float)) or value >= wanted,
    "maximum": lambda value, wanted, _: not isinstance(value, (int, float)) or value <= wanted,
    "items": lambda value, wanted, _: not isinstance(value, list) or all(holds(one, wanted) for one in value),
    "minItems": lambda value, wanted, _: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda value, wanted, _: not isinstance(value, list) or len(value) <= wanted,
}
WRONG: tuple[Any, ...] = (7, -1, 10**9, 1.5, True, "", "Some Text!", [], ["x"], {}, {"unknown": "x"}, None)


def refusal(document: Any) -> str:
    """Why the reader refuses a document; ``""`` if it takes it."""
    try:
        loads(yaml.safe_dump(document))
    except ProfileError as error:
        return str(error)
    return ""


def changed(value: Any) -> Iterator[Any]:
    """The value with each of its parts put wrong, one at a time, and with a field too many."""
    yield from WRONG
    if isinstance(value, dict):
        yield {**value, "unknown": "x"}
        for key, inner in value.items():
            yield {name: one for name, one in value.items() if name != key}
            yield from ({**value, key: one} for one in changed(inner))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from ([*value[:index], one, *value[index + 1 :]] for one in changed(inner))


def test_the_committed_schema_is_that_of_the_reader() -> None:
    found = (ROOT / "profiles" / "profile.schema.json").read_text()
    assert found == schema.text(), "write it anew: python -m scale_agent profile schema > profiles/profile.schema.json"


def test_the_documented_table_is_that_of_the_reader() -> None:
    assert table.markdown() in (ROOT / "docs" / "profiles.md").read_text()


def test_a_full_document_is_valid_and_read() -> None:
    assert holds(FULL, SCHEMA)
    assert refusal(FULL) == ""


@pytest.mark.parametrize("path", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_profiles_are_valid_and_say_so_to_editors(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=profile.schema.json\n")
    assert holds(yaml.safe_load(text), SCHEMA)


#: What the reader refuses and a schema cannot: what only other parts of the document, or the API, make wrong.
BEYOND = re.compile(
    r"no range|times the same|twice|no quantity|none of this cluster's|unknown field '[a-z.]*(unknown|x)'|use a kind|"
    r"correct the value|not in this package|out of range|no object|an object needs|JSON|more than the API|no namespace"
)


def test_reader_and_schema_refuse_the_same() -> None:
    both = 0
    for document in changed(FULL):
        valid, error = holds(document, SCHEMA), refusal(document)
        both += bool(error) and not valid
        assert valid or error, f"only the schema refuses {document}"
        assert not valid or not error or BEYOND.search(error), f"only the reader refuses: {error}"
    assert both > 500
