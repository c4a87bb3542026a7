"""Field selectors: which fields a kind can be selected by, and how a term is read.

Grammar: ``fields.ParseSelector`` of k8s.io/apimachinery; supported fields: the field label conversions of
``pkg/apis/*/conversion.go`` and the selectable fields of a registry. Words of the refusals: observed from 1.36.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from scale_agent.kube import status
from scale_agent.kube.errors import StatusError
from scale_agent.kube.schema.resources import ResourceType

_NAME, _NAMESPACE = "metadata.name", "metadata.namespace"
_UNSUPPORTED = "field label not supported: {}"


@dataclass(frozen=True, slots=True)
class FieldTerm:
    """``path=value`` or ``path!=value``; ``path`` is where the stored object has the field."""

    path: str
    value: str
    equal: bool


Fields = tuple[FieldTerm, ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """The fields of one kind: label → path in the stored object, and how an unknown label is refused."""

    paths: Mapping[str, str]
    refusal: str = _UNSUPPORTED


def _labels(*names: str, namespaced: bool = True, refusal: str = _UNSUPPORTED, **renamed: str) -> Labels:
    metadata = (_NAME, _NAMESPACE) if namespaced else (_NAME,)
    paths = {name: name for name in (*metadata, *names)}
    return Labels({**paths, **{name.replace("_", "."): path for name, path in renamed.items()}}, refusal)


_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_CORE_EVENTS = _labels(
    *(f"involvedObject.{name}" for name in _INVOLVED), "reason", "source", "type", "reportingComponent"
)
_EVENTS = Labels(
    {
        _NAME: _NAME,
        _NAMESPACE: _NAMESPACE,
        "reason": "reason",
        "type": "type",
        "reportingController": "reportingComponent",
        **{f"regarding.{name}": f"involvedObject.{name}" for name in _INVOLVED},
    }
)
_SIGNING = _labels("spec.signerName", namespaced=False)
#: By group and plural; all versions of a group take the same labels.
SUPPORTED: dict[tuple[str, str], Labels] = {
    ("", "pods"): _labels(
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
        status_podIPs="",
        spec_host="spec.nodeName",
    ),
    ("", "events"): _CORE_EVENTS,
    ("events.k8s.io", "events"): _EVENTS,
    ("", "secrets"): _labels("type"),
    ("", "namespaces"): _labels("status.phase", namespaced=False),
    ("", "nodes"): _labels("spec.unschedulable", namespaced=False),
    ("", "services"): _labels("spec.clusterIP", "spec.type"),
    ("", "replicationcontrollers"): _labels("status.replicas"),
    ("batch", "jobs"): _labels("status.successful", refusal='field label "{}" not supported for Job'),
    ("certificates.k8s.io", "certificatesigningrequests"): _SIGNING,
    ("certificates.k8s.io", "clustertrustbundles"): _SIGNING,
    ("resource.k8s.io", "resourceslices"): _labels("spec.nodeName", "spec.driver", namespaced=False),
}
_OTHERS = _labels(refusal='"{}" is not a known field selector: only "metadata.name", "metadata.namespace"')


def _supported(resource: ResourceType) -> Labels:
    """What objects of a type can be selected by; a custom type's definition says it."""
    if resource.typed:
        return SUPPORTED.get((resource.group, resource.plural), _OTHERS)
    return _labels(*resource.selectable_fields, namespaced=resource.namespaced)


@lru_cache(maxsize=4096)
def parse_fields(text: str, resource: ResourceType) -> Fields:
    """The terms of a field selector. Raises a 400 :class:`StatusError`."""
    labels = _supported(resource)
    raw = [_field_term(term, text) for term in sorted(_split_fields(text)) if term]
    said = [(path, operator, value) for path, operator, value in raw if path or value]
    return tuple(FieldTerm(_path(labels, path), value, operator != "!=") for path, operator, value in said)


def _path(labels: Labels, label: str) -> str:
    if label not in labels.paths:
        raise status.bad_request(labels.refusal.format(label))
    return labels.paths[label]


def _split_fields(text: str) -> list[str]:
    """Split at commas that no backslash escapes."""
    return re.findall(r"(?:\\.|[^,\\]|\\$)+", text)


def _field_term(term: str, text: str) -> tuple[str, str, str]:
    found = re.match(r"^((?:(?!!=)[^=])*)(==|!=|=)(.*)$", term, re.DOTALL)
    if found is None:
        raise status.bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
    path, operator, value = found.groups()
    return path, operator, _unescaped(value)


def _unescaped(value: str) -> str:
    """``\\\\``, ``\\,`` and ``\\=`` stand for their last character; bare ones are refused."""
    out: list[str] = []
    characters = iter(value)
    for one in characters:
        if one == "\\":
            escaped = next(characters, "")
            if escaped not in ("\\", ",", "="):
                raise _refused(f"invalid escape sequence: \\{escaped}")
            out.append(escaped)
        elif one in ",=":
            raise _refused(f"unescaped character in value: {ord(one)}")
        else:
            out.append(one)
    return "".join(out)


def _refused(why: str) -> StatusError:
    return status.bad_request(f"invalid field selector: {why}")


def field_matches(fields: Fields, read: Callable[[str], str]) -> bool:
    """Whether all terms hold; ``read`` gives a field's text by its path (``""`` when unset)."""
    return all((read(term.path) == term.value) == term.equal for term in fields)


def read_field(obj: Mapping[str, object], path: str) -> str:
    """A field of an object as selectors see it: text, ``""`` when unset, ``true``/``false`` for booleans."""
    if path == "source":
        return read_field(obj, "source.component") or read_field(obj, "reportingComponent")
    at: object = obj
    for part in path.split("."):
        if not isinstance(at, Mapping):
            return _DEFAULTS.get(path, "")
        at = at.get(part)
    if path in _DEFAULTS and at is None:
        return _DEFAULTS[path]
    if isinstance(at, bool):
        return "true" if at else "false"
    return "" if at is None else str(at)


#: What an unset field reads as; all others read as "".
_DEFAULTS = {
    "spec.unschedulable": "false",
    "spec.hostNetwork": "false",
    "status.replicas": "0",
    "status.successful": "0",
}
