"""Definitions in Kubernetes' own groups must say that they are approved (``apihelpers.GetAPIApprovalState``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CONDITION = "KubernetesAPIApprovalPolicyConformant"
ANNOTATION = "api-approved.kubernetes.io"
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` is that of the condition; ``valid`` whether a server takes such a definition."""

    approved: bool
    valid: bool
    reason: str
    message: str


def judge(group: str, annotations: Mapping[str, str]) -> Verdict | None:
    """The approval of a definition; ``None`` in groups that need none."""
    if not f".{group}".endswith((".k8s.io", ".kubernetes.io")):
        return None
    text = annotations.get(ANNOTATION, "")
    if not text:
        message = f'protected groups must have approval annotation "{ANNOTATION}", {_SEE}'
        return Verdict(False, False, "MissingAnnotation", message)
    if text.startswith("unapproved"):
        return Verdict(False, True, "UnapprovedAnnotation", f'not approved: "{text}"')
    if _is_url(text):
        return Verdict(True, True, "ApprovedAnnotation", f"approved in {text}")
    message = (
        f'protected groups must have approval annotation "{ANNOTATION}" with either a URL or a reason starting with '
        f'"unapproved", {_SEE}'
    )
    return Verdict(False, False, "InvalidAnnotation", message)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)
