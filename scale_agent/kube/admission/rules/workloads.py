"""Deployments, replica, daemon and stateful sets, replication controllers, revisions (``pkg/apis/apps/validation``)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import (
    IMMUTABLE,
    Change,
    at,
    filled,
    given,
    not_negative,
    one_of,
    required,
    struct,
    text,
    unchanged,
)
from scale_agent.kube.admission.rules.claims import claim_template
from scale_agent.kube.admission.rules.pods import template, template_metadata
from scale_agent.kube.admission.rules.report import Check, Literal, Path, Report, value_text
from scale_agent.kube.admission.rules.security import internal
from scale_agent.kube.admission.rules.selectors import label_selector, selects
from scale_agent.kube.codec import gonumbers

_MISMATCH = "`selector` does not match template `labels`"


def _selector(word: str, tail: str | None, *, needed: bool = True) -> Check:
    """A workload's selector: there, not empty, well-formed. ``tail``: what is said of one that cannot be read."""

    def check(value: Any, path: Path, report: Report) -> None:
        if value is None:
            if needed:
                report.required(path)
            return
        before = len(report.causes)
        label_selector(value, path, report)
        if not (value.get("matchLabels") or value.get("matchExpressions")):
            report.invalid(path, value, f"empty selector is invalid for {word}")
        elif tail is not None and len(report.causes) > before:
            report.add("FieldValueInvalid", path, f"Invalid value: {value_text(_trimmed(value))}{tail}")

    return check


def _trimmed(selector: Any) -> Any:
    return {name: value for name, value in selector.items() if value}


def _matches(selector: Any, labels: dict[str, str]) -> bool:
    """Whether a selector selects the labels; an absent one selects nothing, one that cannot be read is not asked."""
    if selector is None:
        return False
    probe = Report()
    label_selector(selector, (), probe)
    return bool(probe.causes) or selects(selector, labels)


def _template(restart: str = "Always") -> Check:
    """The template of a workload whose pods are started again and again."""

    def check(spec: Any, path: Path, report: Report) -> None:
        value, where = spec.get("template") or {}, (*path, "template")
        selector, labels = spec.get("selector"), at(value, "metadata", "labels")
        empty = selector is not None and not (selector.get("matchLabels") or selector.get("matchExpressions"))
        if not empty and not _matches(selector, labels or {}):
            report.invalid((*where, "metadata", "labels"), labels, _MISMATCH)
        template(value, where, report)
        policy = at(value, "spec", "restartPolicy")
        if policy != restart and policy:
            report.unsupported((*where, "spec", "restartPolicy"), policy, (restart,))
        if at(value, "spec", "activeDeadlineSeconds") is not None:
            report.forbidden(
                (*where, "spec", "activeDeadlineSeconds"), "activeDeadlineSeconds in ReplicaSet is not Supported"
            )

    return check


def whole_or_percent(value: Any, path: Path, report: Report) -> None:
    """``ValidatePositiveIntOrPercent``."""
    if isinstance(value, str):
        report.each_invalid(path, value, formats.percent(value))
    else:
        not_negative(value, path, report)


def at_most_100(value: Any, path: Path, report: Report) -> None:
    """``IsNotMoreThan100Percent``."""
    if not isinstance(value, str) or formats.percent(value):
        return
    share = gonumbers.whole(value[:-1])
    if share is None or share > 100:
        report.invalid(path, value, "must not be greater than 100%")


def _zero(value: Any) -> bool:
    return value in (0, "0%", "", None)


def _rolling_deployment(value: Any, path: Path, report: Report) -> None:
    unavailable, surge = value.get("maxUnavailable"), value.get("maxSurge")
    whole_or_percent(unavailable, (*path, "maxUnavailable"), report)
    whole_or_percent(surge, (*path, "maxSurge"), report)
    if _zero(unavailable) and _zero(surge):
        report.invalid((*path, "maxUnavailable"), unavailable or 0, "may not be 0 when `maxSurge` is 0")
    at_most_100(unavailable, (*path, "maxUnavailable"), report)


def _deployment_strategy(value: Any, path: Path, report: Report) -> None:
    kind, rolling = value.get("type") or "", value.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            words = "may not be specified when strategy `type` is 'Recreate'"
            report.forbidden((*path, "rollingUpdate"), words)
    elif kind == "RollingUpdate":
        if rolling is None:
            report.required((*path, "rollingUpdate"), "this should be defaulted and never be nil")
        else:
            _rolling_deployment(rolling, (*path, "rollingUpdate"), report)
    else:
        shown = _strategy_shown(value, ("MaxUnavailable", "MaxSurge"))
        report.unsupported(path, shown, ("Recreate", "RollingUpdate"))


def _deadline(spec: Any, path: Path, report: Report) -> None:
    seconds = spec.get("progressDeadlineSeconds")
    if seconds is None:
        return
    here = (*path, "progressDeadlineSeconds")
    not_negative(seconds, here, report)
    if seconds <= (spec.get("minReadySeconds") or 0):
        report.invalid(here, seconds, "must be greater than minReadySeconds")


deployment = struct(
    (
        "spec",
        struct(
            ("replicas", not_negative),
            ("selector", _selector("deployment", ": invalid label selector")),
            _template(),
            ("strategy", struct(_deployment_strategy)),
            ("minReadySeconds", not_negative),
            ("revisionHistoryLimit", given(not_negative)),
            _deadline,
        ),
    )
)
replica_set = struct(
    (
        "spec",
        struct(
            ("replicas", not_negative),
            ("minReadySeconds", not_negative),
            ("selector", _selector("deployment", ": invalid label selector")),
            _template(),
        ),
    )
)


def _rolling_daemon(value: Any, path: Path, report: Report) -> None:
    unavailable, surge = value.get("maxUnavailable"), value.get("maxSurge")
    whole_or_percent(unavailable, (*path, "maxUnavailable"), report)
    at_most_100(unavailable, (*path, "maxUnavailable"), report)
    whole_or_percent(surge, (*path, "maxSurge"), report)
    at_most_100(surge, (*path, "maxSurge"), report)
    if not _zero(unavailable) and not _zero(surge):
        report.invalid((*path, "maxSurge"), surge, "may not be set when maxUnavailable is non-zero")
    elif _zero(unavailable) and _zero(surge):
        report.required((*path, "maxUnavailable"), "cannot be 0 when maxSurge is 0")


def _daemon_strategy(value: Any, path: Path, report: Report) -> None:
    kind, rolling = value.get("type") or "", value.get("rollingUpdate")
    if kind == "RollingUpdate":
        if rolling is None:
            report.required((*path, "rollingUpdate"))
        else:
            _rolling_daemon(rolling, (*path, "rollingUpdate"), report)
    elif kind != "OnDelete":
        report.unsupported(path, _strategy_shown(value, ("MaxUnavailable", "MaxSurge")), ("RollingUpdate", "OnDelete"))


def _strategy_shown(value: Any, names: tuple[str, ...]) -> Literal:
    rolling = value.get("rollingUpdate")
    inner = None if rolling is None else internal(rolling, tuple((name, name[0].lower() + name[1:]) for name in names))
    return internal(
        {"type": value.get("type") or "", "rollingUpdate": inner},
        (("Type", "type"), ("RollingUpdate", "rollingUpdate")),
    )


daemon_set = struct(
    (
        "spec",
        struct(
            ("selector", _selector("daemonset", None, needed=False)),
            _template(),
            ("minReadySeconds", not_negative),
            ("updateStrategy", struct(_daemon_strategy)),
            ("revisionHistoryLimit", given(not_negative)),
        ),
    )
)


def _stateful_strategy(value: Any, path: Path, report: Report) -> None:
    kind, rolling = value.get("type") or "", value.get("rollingUpdate")
    if not kind:
        report.required(path)
    elif kind == "OnDelete":
        if rolling is not None:
            words = "only allowed for updateStrategy 'RollingUpdate'"
            report.invalid((*path, "rollingUpdate"), _strategy_shown(value, ("Partition", "MaxUnavailable")), words)
    elif kind == "RollingUpdate":
        not_negative((rolling or {}).get("partition"), (*path, "rollingUpdate", "partition"), report)
    else:
        shown = _strategy_shown(value, ("Partition", "MaxUnavailable"))
        report.invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")


def _management(value: Any, path: Path, report: Report) -> None:
    if not value:
        report.required(path)
    elif value not in ("OrderedReady", "Parallel"):
        report.invalid(path, value, "must be 'OrderedReady' or 'Parallel'")


_retention = given(
    struct(("whenDeleted", one_of("Retain", "Delete")), ("whenScaled", one_of("Retain", "Delete"))),
)


def _set_template(spec: Any, path: Path, report: Report) -> None:
    """The template with the claims' volumes in it (``ValidatePodTemplateSpecForStatefulSet``)."""
    value = spec.get("template") or {}
    names = [(one.get("metadata") or {}).get("name") or "" for one in spec.get("volumeClaimTemplates") or ()]
    pod = value.get("spec") or {}
    own = [one for one in pod.get("volumes") or () if one.get("name") not in names]
    claimed = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
    _set_pods({**spec, "template": {**value, "spec": {**pod, "volumes": [*claimed, *own]}}}, path, report)
    template_metadata(value, (*path, "template"), report)


_set_pods = _template()


def _claims(value: Any, path: Path, report: Report) -> None:
    for index, one in enumerate(value or ()):
        claim_template({**one, "metadata": None}, (*path, index), report)


new_stateful_set = struct(("spec", struct(("serviceName", filled(text(formats.label))))))
stateful_set = struct(
    (
        "spec",
        struct(
            ("podManagementPolicy", _management),
            ("updateStrategy", struct(_stateful_strategy)),
            ("persistentVolumeClaimRetentionPolicy", _retention),
            ("replicas", not_negative),
            ("minReadySeconds", not_negative),
            ("ordinals", given(struct(("start", not_negative)))),
            ("volumeClaimTemplates", _claims),
            ("selector", _selector("statefulset", "")),
            _set_template,
        ),
    )
)


def _controller_template(spec: Any, path: Path, report: Report) -> None:
    selector, value, where = spec.get("selector") or {}, spec.get("template"), (*path, "template")
    if value is None:
        report.required(where)
        return
    labels = at(value, "metadata", "labels")
    if selector and any((labels or {}).get(name) != wanted for name, wanted in selector.items()):
        report.invalid((*where, "metadata", "labels"), labels, _MISMATCH)
    template(value, where, report)
    policy = at(value, "spec", "restartPolicy")
    if policy and policy != "Always":
        report.unsupported((*where, "spec", "restartPolicy"), policy, ("Always",))


replication_controller = struct(
    (
        "spec",
        struct(
            ("minReadySeconds", not_negative),
            ("selector", required()),
            ("replicas", not_negative),
            _controller_template,
        ),
    )
)


def _mandatory(value: Any, path: Path, report: Report) -> None:
    if value is None:
        report.required(path, "data is mandatory")


controller_revision = struct(("data", _mandatory), ("revision", not_negative))
same_selector: Change = unchanged("spec.selector", shown_as=lambda value: None if value is None else _trimmed(value))
_STATEFUL_MUTABLE = frozenset(
    (
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    )
)
_STATEFUL_WORDS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def stateful_update(new: Any, old: Any, report: Report) -> None:
    """``ValidateStatefulSetUpdate``."""
    now, before = new.get("spec") or {}, old.get("spec") or {}
    names = (now.keys() | before.keys()) - _STATEFUL_MUTABLE
    if any((now.get(name) or None) != (before.get(name) or None) for name in names):
        report.forbidden(("spec",), _STATEFUL_WORDS)


def same_data(new: Any, old: Any, report: Report) -> None:
    """A revision's data never changes."""
    if new.get("data") != old.get("data"):
        report.invalid(("data",), new.get("data"), IMMUTABLE)
