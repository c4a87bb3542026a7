"""Roles and bindings (``pkg/apis/rbac/validation``), certificate requests."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import each, given, struct
from scale_agent.kube.admission.rules.report import Check, Literal, Path, Report
from scale_agent.kube.admission.rules.security import internal
from scale_agent.kube.admission.rules.selectors import label_selector

GROUP = "rbac.authorization.k8s.io"


def _rule(namespaced: bool) -> Check:
    def check(rule: Any, path: Path, report: Report) -> None:
        if not rule.get("verbs"):
            report.required((*path, "verbs"), "verbs must contain at least one value")
        urls = rule.get("nonResourceURLs")
        if urls:
            if namespaced:
                words = "namespaced rules cannot apply to non-resource URLs"
                report.invalid((*path, "nonResourceURLs"), urls, words)
            if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
                words = "rules cannot apply to both regular resources and non-resource URLs"
                report.invalid((*path, "nonResourceURLs"), urls, words)
            return
        if not rule.get("apiGroups"):
            report.required((*path, "apiGroups"), "resource rules must supply at least one api group")
        if not rule.get("resources"):
            report.required((*path, "resources"), "resource rules must supply at least one resource")

    return check


role = struct(("rules", each(_rule(True))))


def _aggregation(value: Any, path: Path, report: Report) -> None:
    selectors, here = value.get("clusterRoleSelectors") or (), (*path, "clusterRoleSelectors")
    if not selectors:
        report.required(here, "at least one clusterRoleSelector required if aggregationRule is non-nil")
    for index, one in enumerate(selectors):
        before = len(report.causes)
        label_selector(one, (*here, index), report)
        if len(report.causes) > before:
            report.invalid((*here, index), None, "invalid label selector.")


cluster_role = struct(("rules", each(_rule(False))), ("aggregationRule", given(_aggregation)))


def _subject(namespaced: bool) -> Check:
    def check(subject: Any, path: Path, report: Report) -> None:
        name, kind, group = (subject.get(one) or "" for one in ("name", "kind", "apiGroup"))
        if not name:
            report.required((*path, "name"))
        wanted = "" if kind == "ServiceAccount" else GROUP
        if kind not in ("ServiceAccount", "User", "Group"):
            report.unsupported((*path, "kind"), kind, ("ServiceAccount", "User", "Group"))
            return
        if kind == "ServiceAccount" and name:
            report.each_invalid((*path, "name"), name, formats.subdomain(name))
        if group != wanted:
            report.unsupported((*path, "apiGroup"), group, (wanted,))
        if kind == "ServiceAccount" and not namespaced and not subject.get("namespace"):
            report.required((*path, "namespace"))

    return check


def binding(namespaced: bool) -> Check:
    """A role binding (in a namespace) or a cluster role binding."""
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    subject = each(_subject(namespaced))

    def check(value: Any, path: Path, report: Report) -> None:
        reference = value.get("roleRef") or {}
        if (reference.get("apiGroup") or "") != GROUP:
            report.unsupported(("roleRef", "apiGroup"), reference.get("apiGroup") or "", (GROUP,))
        if reference.get("kind") not in kinds:
            report.unsupported(("roleRef", "kind"), reference.get("kind") or "", kinds)
        name = reference.get("name")
        if not name:
            report.required(("roleRef", "name"))
        else:
            report.each_invalid(("roleRef", "name"), name, formats.path_segment(name))
        subject(value.get("subjects"), ("subjects",), report)

    return check


_REFERENCE = (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))


def same_role(new: Any, old: Any, report: Report) -> None:
    """A binding's role never changes."""
    if (new.get("roleRef") or {}) != (old.get("roleRef") or {}):
        empty = {name: "" for _, name in _REFERENCE}
        report.invalid(
            ("roleRef",), internal({**empty, **(new.get("roleRef") or {})}, _REFERENCE), "cannot change roleRef"
        )


USAGES = tuple(
    sorted(
        (
            "any",
            "cert sign",
            "client auth",
            "code signing",
            "content commitment",
            "crl sign",
            "data encipherment",
            "decipher only",
            "digital signature",
            "email protection",
            "encipher only",
            "ipsec end system",
            "ipsec tunnel",
            "ipsec user",
            "key agreement",
            "key encipherment",
            "microsoft sgc",
            "netscape sgc",
            "ocsp signing",
            "s/mime",
            "server auth",
            "signing",
            "timestamping",
        )
    )
)


def _certificate_request(value: Any, path: Path, report: Report) -> None:
    text = value.get("request") or ""
    try:
        content = base64.b64decode(text)
    except binascii.Error:
        content = b""
    if b"-----BEGIN CERTIFICATE REQUEST-----" not in content:
        shown = Literal("null") if value.get("request") is None else text
        report.invalid((*path, "request"), shown, "PEM block type must be CERTIFICATE REQUEST")
    usages = value.get("usages") or ()
    if not usages:
        report.required((*path, "usages"))
    for index, one in enumerate(usages):
        if one not in USAGES:
            report.unsupported((*path, "usages", index), one, USAGES)
        if one in usages[:index]:
            report.duplicate((*path, "usages", index), one)
    _signer(value.get("signerName") or "", (*path, "signerName"), report)
    seconds = value.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        words = "may not specify a duration less than 600 seconds (10 minutes)"
        report.invalid((*path, "expirationSeconds"), seconds, words)


def _signer(name: str, path: Path, report: Report) -> None:
    if not name:
        report.required(path)
        return
    domain, slash, rest = name.partition("/")
    if not slash or not domain or not rest:
        words = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        report.invalid(path, name, words)
        return
    for fault in formats.subdomain(domain):
        report.invalid(path, domain, f'validating label "{domain}": {fault}')
    if "." not in domain:
        report.invalid(path, name, "should be a domain with at least two segments separated by dots")


signing_request = struct(("spec", struct(_certificate_request)))
account = struct()
