"""Webhooks and policies of admission (``pkg/apis/admissionregistration/validation``); expressions are not compiled."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import given, need, one_of, struct, text
from scale_agent.kube.admission.rules.report import Check, Path, Report
from scale_agent.kube.admission.rules.selectors import label_selector

_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")


def _operations(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
    if value and len(value) > 1 and "*" in value:
        report.invalid(path, list(value), "if '*' is present, must not specify other operations")
    for index, one in enumerate(value or ()):
        if one not in _OPERATIONS:
            report.unsupported((*path, index), one, _OPERATIONS)


def _texts(what: str) -> Check:
    def check(value: Any, path: Path, report: Report) -> None:
        if not value:
            report.required(path)
        if value and len(value) > 1 and "*" in value:
            report.invalid(path, list(value), f"if '*' is present, must not specify other API {what}")
        if what == "versions":
            for index, one in enumerate(value or ()):
                if not one:
                    report.required((*path, index))

    return check


def _resources(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
    every = value and ("*/*" in value or "*" in value)
    for index, one in enumerate(value or ()):
        if not one:
            report.required((*path, index))
    if every and "*/*" in value and len(value) > 1:
        report.invalid(path, list(value), "if '*/*' is present, must not specify other resources")


#: ``validateRuleWithOperations``.
rule = struct(
    ("operations", _operations),
    ("apiGroups", _texts("groups")),
    ("apiVersions", _texts("versions")),
    ("resources", _resources),
    ("scope", given(one_of("*", "Cluster", "Namespaced"))),
)


def _full_name(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
        return
    faults = formats.subdomain(value)
    if faults:
        report.invalid(path, value, ",".join(faults))
    elif value.count(".") < 2:
        report.invalid(path, value, "should be a domain with at least three segments separated by dots")


_URL = "; desired format: https://host[/path]"


def webhook_url(value: Any, path: Path, report: Report) -> None:
    """``ValidateWebhookURL``."""
    try:
        found = urlsplit(value)
    except ValueError as error:
        report.required(path, f"url must be a valid URL: {error}{_URL}")
        return
    if found.scheme != "https":
        report.invalid(path, found.scheme, f"'https' is the only allowed URL scheme{_URL}")
    if not found.netloc:
        report.invalid(path, found.netloc, f"host must be specified{_URL}")
    for wrong, words in (
        (found.username, "user information is not permitted in the URL"),
        (found.fragment, "fragments are not permitted in the URL"),
        (found.query, "query parameters are not permitted in the URL"),
    ):
        if wrong:
            report.invalid(path, wrong, words)


def webhook_service(value: Any, path: Path, report: Report) -> None:
    """``ValidateWebhookService``; the server hands it the two names in each other's place."""
    for shown, name in (("name", "namespace"), ("namespace", "name")):
        if not value.get(name):
            report.required((*path, shown))
    number = value.get("port")
    if number is not None and not 1 <= number <= 65535:
        report.invalid((*path, "port"), number, "port is not valid: must be between 1 and 65535, inclusive")
    found, here = value.get("path"), (*path, "path")
    if found is None or found in ("", "/"):
        return
    if not found.startswith("/"):
        report.invalid(here, found, "must start with a '/'")
    for index, step in enumerate(found.removeprefix("/").removesuffix("/").split("/")):
        if not step:
            report.invalid(here, found, f"segment[{index}] may not be empty")
        for fault in formats.subdomain(step) if step else ():
            report.invalid(here, found, f"segment[{index}]: {fault}")


def _client(value: Any, path: Path, report: Report) -> None:
    url, service = value.get("url"), value.get("service")
    if (url is None) == (service is None):
        report.required(path, "exactly one of url or service is required")
    elif url is not None:
        webhook_url(url, (*path, "url"), report)
    else:
        webhook_service(service, (*path, "service"), report)


def _conditions(value: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    if value and len(value) > 64:
        report.too_many(path, len(value), 64)
    for index, one in enumerate(value or ()):
        here, name = (*path, index), one.get("name") or ""
        if not (one.get("expression") or "").strip():
            report.required((*here, "expression"))
        if not name:
            report.required((*here, "name"))
        else:
            report.each_invalid((*here, "name"), name, formats.qualified_name(name))
            if name in seen:
                report.duplicate((*here, "name"), name)
        seen.add(name)


def _side_effects(value: Any, path: Path, report: Report) -> None:
    if value is None:
        report.required(path, "must specify one of None, NoneOnDryRun")
    elif value not in ("None", "NoneOnDryRun"):
        report.unsupported(path, value, ("None", "NoneOnDryRun"))


def _timeout(value: Any, path: Path, report: Report) -> None:
    if not 1 <= value <= 30:
        report.invalid(path, value, "the timeout value must be between 1 and 30 seconds")


def _rules(value: Any, path: Path, report: Report) -> None:
    for index, one in enumerate(value or ()):
        rule(one, (*path, index), report)


_hook = struct(
    ("name", _full_name),
    ("rules", _rules),
    ("failurePolicy", given(one_of("Fail", "Ignore"))),
    ("matchPolicy", given(one_of("Equivalent", "Exact"))),
    ("sideEffects", _side_effects),
    ("timeoutSeconds", given(_timeout)),
    ("namespaceSelector", label_selector),
    ("objectSelector", label_selector),
    ("reinvocationPolicy", given(one_of("IfNeeded", "Never"))),
    ("clientConfig", lambda value, path, report: _client(value or {}, path, report)),
    ("matchConditions", _conditions),
)


def _versions(value: Any, path: Path, report: Report) -> None:
    here = (*path, "admissionReviewVersions")
    versions = value.get("admissionReviewVersions") or ()
    if not versions:
        report.required(here, "must specify one of v1, v1beta1")
        return
    for index, one in enumerate(versions):
        if one in versions[:index]:
            report.invalid((*here, index), one, "duplicate version")
        report.each_invalid((*here, index), one, formats.dns1035_label(one))
    if not {"v1", "v1beta1"} & set(versions):
        report.invalid(here, list(versions), "must include at least one of v1, v1beta1")


def _hooks(value: Any, path: Path, report: Report) -> None:
    names: set[Any] = set()
    for index, one in enumerate(value or ()):
        _hook(one, (*path, index), report)
        _versions(one, (*path, index), report)
        if one.get("name"):
            if one["name"] in names:
                report.duplicate((*path, index, "name"), one["name"])
            names.add(one["name"])


#: Both kinds of webhook configurations.
configuration = struct(("webhooks", _hooks))


def _constraints(value: Any, path: Path, report: Report) -> None:
    label_selector(value.get("namespaceSelector"), (*path, "namespaceSelector"), report)
    label_selector(value.get("objectSelector"), (*path, "objectSelector"), report)
    for name in ("resourceRules", "excludeResourceRules"):
        _rules(value.get(name), (*path, name), report)
    if value.get("matchPolicy") not in ("Equivalent", "Exact", None):
        report.unsupported((*path, "matchPolicy"), value["matchPolicy"], ("Equivalent", "Exact"))
    if not value.get("resourceRules"):
        report.required((*path, "resourceRules"))


def _expressions(value: Any, path: Path, report: Report) -> None:
    for index, one in enumerate(value or ()):
        if not (one.get("expression") or "").strip():
            report.required((*path, index, "expression"), "expression is not specified")
        reason = one.get("reason")
        if reason is not None and reason not in ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"):
            allowed = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
            report.unsupported((*path, index, "reason"), reason, allowed)


def _variables(value: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    for index, one in enumerate(value or ()):
        here, name = (*path, index), one.get("name") or ""
        if not name:
            report.required((*here, "name"), "name is not specified")
        elif not name.isidentifier():
            report.invalid((*here, "name"), name, "must be a valid CEL identifier")
        elif name in seen:
            report.duplicate((*here, "name"), name)
        seen.add(name)
        if not (one.get("expression") or "").strip():
            report.required((*here, "expression"), "expression is not specified")


def _audits(policy: Any, path: Path, report: Report) -> None:
    seen: set[Any] = set()
    owner = (policy.get("metadata") or {}).get("name") or ""
    for index, one in enumerate((policy.get("spec") or {}).get("auditAnnotations") or ()):
        here, name = ("spec", "auditAnnotations", index), one.get("key") or ""
        whole = f"{owner}/{name}" if owner else name
        if not owner:
            report.invalid((*here, "key"), name, "requires metadata.name be non-empty")
        else:
            report.each_invalid((*here, "key"), whole, formats.qualified_name(whole))
        if not (one.get("valueExpression") or "").strip():
            report.required((*here, "valueExpression"), "valueExpression is not specified")
        if name in seen:
            report.duplicate((*here, "key"), name)
        seen.add(name)


def _matching(spec: Any, report: Report) -> None:
    """What both kinds of admission policies say before their rules."""
    if spec.get("failurePolicy") not in ("Fail", "Ignore"):
        report.unsupported(("spec", "failurePolicy"), spec.get("failurePolicy") or "", ("Fail", "Ignore"))
    if spec.get("matchConstraints") is None:
        report.required(("spec", "matchConstraints"))
    else:
        _constraints(spec["matchConstraints"], ("spec", "matchConstraints"), report)
    _conditions(spec.get("matchConditions"), ("spec", "matchConditions"), report)
    _variables(spec.get("variables"), ("spec", "variables"), report)


def _policy(policy: Any, path: Path, report: Report) -> None:
    spec = policy.get("spec") or {}
    _matching(spec, report)
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        for name in ("validations", "auditAnnotations"):
            report.required(("spec", name), "validations or auditAnnotations must contain at least one item")
        return
    _expressions(spec.get("validations"), ("spec", "validations"), report)
    _audits(policy, path, report)


policy = struct(_policy)
_MUTATIONS = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}


def _mutation(value: Any, path: Path, report: Report) -> None:
    kind = value.get("patchType") or ""
    if not kind:
        report.required((*path, "patchType"))
        return
    if kind not in _MUTATIONS:
        report.unsupported((*path, "patchType"), kind, tuple(_MUTATIONS))
        return
    name = _MUTATIONS[kind]
    if value.get(name) is None:
        report.required((*path, name), f"must be specified when patchType is {kind}")
    elif not (value[name].get("expression") or "").strip():
        report.required((*path, name, "expression"))


def _mutating(policy_: Any, path: Path, report: Report) -> None:
    spec = policy_.get("spec") or {}
    _matching(spec, report)
    if not spec.get("mutations"):
        report.required(("spec", "mutations"), "mutations must contain at least one item")
    for index, one in enumerate(spec.get("mutations") or ()):
        _mutation(one, ("spec", "mutations", index), report)
    need(one_of("IfNeeded", "Never"))(spec.get("reinvocationPolicy"), ("spec", "reinvocationPolicy"), report)


mutating_policy = struct(_mutating)


def _parameter(value: Any, path: Path, report: Report) -> None:
    if value.get("name") and value.get("selector") is not None:
        words = "name and selector are mutually exclusive"
        report.forbidden((*path, "name"), words)
    if value.get("name"):
        report.each_invalid((*path, "name"), value["name"], formats.path_segment(value["name"]))
    if not value.get("name") and value.get("selector") is None:
        report.required(path, "one of name or selector must be specified")
    label_selector(value.get("selector"), (*path, "selector"), report)
    action = value.get("parameterNotFoundAction")
    if action is None:
        report.required((*path, "parameterNotFoundAction"))
    elif action not in ("Deny", "Allow"):
        report.unsupported((*path, "parameterNotFoundAction"), action, ("Deny", "Allow"))


def _actions(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path, "at least one validation action is required")
    for index, one in enumerate(value or ()):
        if one not in ("Audit", "Deny", "Warn"):
            report.unsupported((*path, index), one, ("Audit", "Deny", "Warn"))
        elif one in value[:index]:
            report.duplicate((*path, index), one)
    if value and {"Deny", "Warn"} <= set(value):
        report.invalid(
            path,
            list(value),
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)",
        )


_name = need(text(formats.subdomain))
binding = struct(
    ("spec", struct(("policyName", _name), ("paramRef", given(_parameter)), ("validationActions", _actions))),
)
mutating_binding = struct(("spec", struct(("policyName", _name), ("paramRef", given(_parameter)))))
