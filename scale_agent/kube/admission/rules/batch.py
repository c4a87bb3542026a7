"""Jobs and cron jobs (``pkg/apis/batch/validation``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import (
    AT_LEAST_0,
    Change,
    at,
    changes,
    given,
    need,
    not_negative,
    one_of,
    struct,
    unchanged,
)
from scale_agent.kube.admission.rules.containers import shown_names
from scale_agent.kube.admission.rules.goform import CORE, form
from scale_agent.kube.admission.rules.pods import template
from scale_agent.kube.admission.rules.report import Key, Path, Report
from scale_agent.kube.admission.rules.schedules import schedule, zone
from scale_agent.kube.admission.rules.selectors import key, label_selector, selects
from scale_agent.kube.codec import gonumbers

_GROUP = "k8s.io/api/batch/v1."
MOST_PARALLEL = 100_000
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_HANDLED_RESTARTS = ("OnFailure", "Never")


def _exit_codes(value: Any, path: Path, report: Report, names: set[str]) -> None:
    operator, values = value.get("operator") or "", value.get("values")
    if operator not in ("In", "NotIn"):
        if operator:
            report.unsupported((*path, "operator"), operator, ("In", "NotIn"))
        else:
            report.required((*path, "operator"), f"valid values: {shown_names(['In', 'NotIn'])}")
    name = value.get("containerName")
    if name is not None and name not in names:
        words = "must be one of the container or initContainer names in the pod template"
        report.invalid((*path, "containerName"), name, words)
    if not values:
        report.invalid((*path, "values"), values, "at least one value is required")
        return
    seen: set[int] = set()
    for index, one in enumerate(values):
        if one in seen:
            report.duplicate((*path, "values", index), one)
        seen.add(one)
        if operator == "In" and one == 0:
            report.invalid((*path, "values", index), 0, "must not be 0 for the In operator")
    if list(values) != sorted(values):
        report.invalid((*path, "values"), values, "must be ordered")


def _pattern(value: Any, path: Path, report: Report) -> None:
    key(value.get("type"), (*path, "type"), report)
    status = value.get("status") or ""
    if status not in ("True", "False", "Unknown"):
        if status:
            report.unsupported((*path, "status"), status, ("False", "True", "Unknown"))
        else:
            report.required((*path, "status"), f"valid values: {shown_names(['False', 'True', 'Unknown'])}")


def _failure_rule(value: Any, path: Path, report: Report, spec: Any, names: set[str]) -> None:
    action, codes, conditions = value.get("action") or "", value.get("onExitCodes"), value.get("onPodConditions") or ()
    if action not in _ACTIONS:
        if action:
            report.unsupported((*path, "action"), action, _ACTIONS)
        else:
            report.required((*path, "action"), f"valid values: {shown_names(list(_ACTIONS))}")
    elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        report.invalid((*path, "action"), action, "requires the backoffLimitPerIndex to be set")
    if codes is not None:
        _exit_codes(codes, (*path, "onExitCodes"), report, names)
    for index, one in enumerate(conditions):
        _pattern(one, (*path, "onPodConditions", index), report)
    if codes is not None and conditions:
        report.add(
            "FieldValueInvalid", path, "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported"
        )
    if codes is None and not conditions:
        report.add(
            "FieldValueInvalid", path, "Invalid value: specifying one of OnExitCodes and OnPodConditions is required"
        )


def _failure_policy(spec: Any, path: Path, report: Report) -> None:
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return
    pod, here = at(spec, "template", "spec") or {}, (*path, "podFailurePolicy")
    names = {one.get("name") or "" for kind in ("containers", "initContainers") for one in pod.get(kind) or ()}
    for index, rule in enumerate(policy.get("rules") or ()):
        _failure_rule(rule, (*here, "rules", index), report, spec, names)


def _indexes(text: str, completions: int) -> tuple[int, str]:
    """How many indexes a list of ranges names, and what is wrong with it."""
    total = 0
    for one in text.split(",") if text else ():
        for number in one.split("-"):
            value = gonumbers.integer(number)
            if value is None:
                return 0, f'cannot convert string to integer for index: "{number}"'
            if value >= completions:
                return 0, f'too large index: "{number}"'
        first, _, last = one.partition("-")
        if last and int(last) <= int(first):
            return 0, f"non-increasing order, previous: {first}, current: {last}"
        total += int(last) - int(first) + 1 if last else 1
    return total, ""


def _success_rule(rule: Any, path: Path, report: Report, completions: int) -> None:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        report.required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = 0
    if indexes is not None:
        total, fault = _indexes(indexes, completions)
        if fault:
            report.invalid((*path, "succeededIndexes"), indexes, f"error parsing succeededIndexes: {fault}")
    if count is None:
        return
    here = (*path, "succeededCount")
    if count < 0:
        report.invalid(here, count, AT_LEAST_0)
    if count > completions:
        report.invalid(
            here, count, f"must be less than or equal to {completions} (the number of specified completions)"
        )
    if indexes is not None and count > total:
        tail = f"{total} (the number of indexes in the specified succeededIndexes field)"
        report.invalid(here, count, f"must be less than or equal to {tail}")


def _success_policy(spec: Any, path: Path, report: Report) -> None:
    policy, here = spec.get("successPolicy"), (*path, "successPolicy")
    if policy is None:
        return
    rules = policy.get("rules")
    if not rules:
        report.required((*here, "rules"), "at least one rules must be specified when the successPolicy is specified")
    for index, rule in enumerate(rules or ()):
        _success_rule(rule, (*here, "rules", index), report, spec.get("completions") or 0)


def _indexed(spec: Any, path: Path, report: Report) -> None:
    """Numbers that only make sense when pods are numbered."""
    if spec.get("completionMode") == "Indexed":
        if spec.get("completions") is None:
            report.required((*path, "completions"), "when completion mode is Indexed")
        for name in ("parallelism", "maxFailedIndexes"):
            if (spec.get(name) or 0) > MOST_PARALLEL and (
                name == "parallelism" or (spec.get("completions") or 0) > MOST_PARALLEL
            ):
                tail = " when completion mode is Indexed" if name == "parallelism" else ""
                report.invalid((*path, name), spec[name], f"must be less than or equal to {MOST_PARALLEL}{tail}")
        failed = spec.get("maxFailedIndexes")
        if failed is not None:
            if failed > (spec.get("completions") or 0):
                report.invalid((*path, "maxFailedIndexes"), failed, "must be less than or equal to completions")
            if failed > MOST_PARALLEL:
                report.invalid((*path, "maxFailedIndexes"), failed, f"must be less than or equal to {MOST_PARALLEL}")
        return
    for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if spec.get(name) is not None and spec.get("completionMode") in (None, "NonIndexed"):
            report.invalid((*path, name), spec[name], "requires indexed completion mode")


def _mode(spec: Any, path: Path, report: Report) -> None:
    mode = spec.get("completionMode")
    if mode is not None and mode not in ("NonIndexed", "Indexed"):
        report.unsupported((*path, "completionMode"), mode, ("NonIndexed", "Indexed"))
    _indexed(spec, path, report)
    if mode != "Indexed" and spec.get("successPolicy") is not None:
        shown = form(f"{_GROUP}SuccessPolicy", spec["successPolicy"])
        report.invalid((*path, "successPolicy"), shown, "requires indexed completion mode")


def _replacement(spec: Any, path: Path, report: Report) -> None:
    value, here = spec.get("podReplacementPolicy"), (*path, "podReplacementPolicy")
    if value is None:
        return
    allowed = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    if value not in allowed:
        report.unsupported(here, value, allowed)


def _manager(value: Any, path: Path, report: Report) -> None:
    if "/" not in value:
        report.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')


def _per_index(spec: Any, path: Path, report: Report) -> None:
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        report.required((*path, "backoffLimitPerIndex"), "when maxFailedIndexes is specified")


def _template(spec: Any, path: Path, report: Report) -> None:
    value, here = spec.get("template") or {}, (*path, "template")
    template(value, here, report)
    policy = at(value, "spec", "restartPolicy") or ""
    if policy == "Always":
        report.required((*here, "spec", "restartPolicy"), 'valid values: "OnFailure", "Never"')
    elif policy and policy not in _HANDLED_RESTARTS:
        report.unsupported((*here, "spec", "restartPolicy"), policy, _HANDLED_RESTARTS)
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        report.invalid(
            (*here, "spec", "restartPolicy"), policy, 'only "Never" is supported when podFailurePolicy is specified'
        )


job_spec = struct(
    ("parallelism", given(not_negative)),
    ("completions", given(not_negative)),
    ("activeDeadlineSeconds", given(not_negative)),
    ("backoffLimit", given(not_negative)),
    ("ttlSecondsAfterFinished", given(not_negative)),
    ("managedBy", given(_manager)),
    _per_index,
    ("backoffLimitPerIndex", given(not_negative)),
    ("maxFailedIndexes", given(not_negative)),
    _mode,
    _failure_policy,
    _success_policy,
    _replacement,
    _template,
)


_GENERATED_LABELS = frozenset(
    ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
)


def _generated(job: Any, path: Path, report: Report) -> None:
    """``validateGeneratedSelector`` and the selector itself."""
    spec, meta = job.get("spec") or {}, job.get("metadata") or {}
    selector = spec.get("selector")
    labels, here = at(spec, "template", "metadata", "labels"), ("spec", "template", "metadata", "labels")
    if selector is None:
        report.required(("spec", "selector"))
    else:
        label_selector(selector, ("spec", "selector"), report)
    if not spec.get("manualSelector") and meta.get("uid") and selector is not None:
        for name, wanted in (
            ("controller-uid", meta["uid"]),
            ("job-name", meta.get("name", "")),
            ("batch.kubernetes.io/controller-uid", meta["uid"]),
            ("batch.kubernetes.io/job-name", meta.get("name", "")),
        ):
            value = (labels or {}).get(name)
            if value is None:
                report.required((*here, Key(name)), f"must be '{wanted}'")
            elif value != wanted:
                report.invalid((*here, Key(name)), value, f"must be '{wanted}'")
    ours = {name: value for name, value in (labels or {}).items() if name in _GENERATED_LABELS}
    if selector is not None and not spec.get("manualSelector") and meta.get("uid") and not selects(selector, ours):
        report.invalid(("spec", "selector"), selector, "`selector` not auto-generated")
    if selector is None or not selects(selector, labels or {}):
        report.invalid(here, labels, "`selector` does not match template `labels`")


def _pod_names(job: Any, path: Path, report: Report) -> None:
    """Pods of a numbered job are called after it: their names must be host names."""
    spec, name = job.get("spec") or {}, (job.get("metadata") or {}).get("name") or ""
    if spec.get("completionMode") == "Indexed" and (spec.get("completions") or 0) > 0:
        last = f"{name}-{spec['completions'] - 1}"
        if formats.label(last):
            report.invalid(("metadata", "name"), name, f"will not able to create pod with invalid DNS label: {last}")


job = struct(("spec", job_spec), _generated)
new_job = struct(_pod_names)


def _name_fits(obj: Any, path: Path, report: Report) -> None:
    name = (obj.get("metadata") or {}).get("name") or ""
    if len(name) > 52:
        report.invalid(("metadata", "name"), name, "must be no more than 52 characters")


def _template_selector(spec: Any, path: Path, report: Report) -> None:
    inner = at(spec, "jobTemplate", "spec") or {}
    here = (*path, "jobTemplate", "spec")
    if inner.get("selector") is not None:
        report.invalid((*here, "selector"), inner["selector"], "`selector` will be auto-generated")
    if inner.get("manualSelector"):
        report.unsupported((*here, "manualSelector"), True, ("nil", "false"))


cron_job = struct(
    _name_fits,
    (
        "spec",
        struct(
            ("schedule", need(schedule)),
            ("startingDeadlineSeconds", given(not_negative)),
            ("timeZone", given(zone)),
            ("concurrencyPolicy", need(one_of("Allow", "Forbid", "Replace"))),
            ("jobTemplate", struct(("spec", job_spec))),
            _template_selector,
            ("successfulJobsHistoryLimit", given(not_negative)),
            ("failedJobsHistoryLimit", given(not_negative)),
        ),
    ),
)
_plain: Change = changes(
    unchanged("spec.completionMode"),
    unchanged("spec.podFailurePolicy", shown_as=lambda value: value and form(f"{_GROUP}PodFailurePolicy", value)),
    unchanged("spec.backoffLimitPerIndex", "spec.managedBy"),
    unchanged("spec.successPolicy", shown_as=lambda value: value and form(f"{_GROUP}SuccessPolicy", value)),
)


def job_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateJobUpdate``."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    _completions(now, before, report)
    unchanged("spec.selector")(new, old, report)
    if _fixed_template(now) != _fixed_template(before) and not _may_change(now, before):
        shown = form(f"{CORE}PodSpec", at(now, "template", "spec"))
        report.invalid(("spec", "template", "spec"), shown, "field is immutable")
    _plain(new, old, report)


def _completions(now: Any, before: Any, report: Report) -> None:
    new, old, here = now.get("completions"), before.get("completions"), ("spec", "completions")
    if new == old:
        return
    if now.get("completionMode") == "Indexed" and new is not None and old is not None:
        if new != now.get("parallelism"):
            report.invalid(here, new, "can only be modified in tandem with spec.parallelism")
        return
    report.invalid(here, new, "field is immutable")


_SCHEDULING = ("nodeSelector", "tolerations", "schedulingGates", "affinity")


def _fixed_template(spec: Any) -> Any:
    pod = at(spec, "template", "spec") or {}
    return {
        **(spec.get("template") or {}),
        "spec": {name: value for name, value in pod.items() if name not in _SCHEDULING},
    }


def _may_change(now: Any, before: Any) -> bool:
    """Templates of suspended jobs that never started may get other labels; their pods' rest stays."""
    left, right = _fixed_template(now), _fixed_template(before)
    return bool(before.get("suspend")) and left.get("spec") == right.get("spec")
