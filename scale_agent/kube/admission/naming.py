"""Which names objects may have: RFC 1123 subdomains, labels, and path segments for RBAC."""

from __future__ import annotations

import re

from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.status import Cause, invalid_value

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SUBDOMAIN_RE = re.compile(_SUBDOMAIN)
_LABEL_RE = re.compile(_LABEL)
_SERVICE_RE = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SERVICE_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
#: Names are labels here (63 characters), not subdomains (253).
_LABEL_NAMED = frozenset((("", "namespaces"),))


def name_problem(resource: ResourceType, name: str) -> Cause | None:
    """Why an object of that type may not have that name; ``None`` if it may."""
    problem = _problem(resource, name)
    return None if problem is None else invalid_value("metadata.name", f'"{name}"', problem)


def _problem(resource: ResourceType, name: str) -> str | None:
    if resource.group == "rbac.authorization.k8s.io":
        return _path_segment(name)
    if resource.key == ("", "services"):
        return _by_rule(name, _SERVICE_RE, 63, _SERVICE_TEXT)
    if resource.key in _LABEL_NAMED:
        return _by_rule(name, _LABEL_RE, 63, _LABEL_TEXT)
    return _by_rule(name, _SUBDOMAIN_RE, 253, _SUBDOMAIN_TEXT)


def _by_rule(name: str, rule: re.Pattern[str], longest: int, text: str) -> str | None:
    if len(name) > longest:
        return f"must be no more than {longest} bytes"
    return None if rule.fullmatch(name) else text


def _path_segment(name: str) -> str | None:
    if name in (".", ".."):
        return f"may not be '{name}'"
    for bad in "/%":
        if bad in name:
            return f"may not contain '{bad}'"
    return None
