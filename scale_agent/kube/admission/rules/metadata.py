"""Rules of every object's metadata (``ValidateObjectMeta``, ``ValidateObjectMetaUpdate`` of apimachinery)."""

from __future__ import annotations

from typing import Any

from scale_agent.kube.admission.rules import formats
from scale_agent.kube.admission.rules.checks import IMMUTABLE
from scale_agent.kube.admission.rules.formats import Format
from scale_agent.kube.admission.rules.report import Path, Report
from scale_agent.kube.codec.goquote import quote

Obj = dict[str, Any]
#: Bytes of all annotations of an object together.
ANNOTATIONS_LIMIT = 256 * 1024
_META: Path = ("metadata",)
#: Finalizers without a domain that are fine.
STANDARD_FINALIZERS = frozenset(("kubernetes", "orphan", "foregroundDeletion"))


def labels(value: Any, path: Path, report: Report) -> None:
    """``ValidateLabels``; in the order of keys (Go's is random)."""
    for key in sorted(value or ()):
        report.each_invalid(path, key, formats.qualified_name(key))
        report.each_invalid(path, value[key], formats.label_value(value[key]))


def notes(value: Any, path: Path, report: Report) -> None:
    """``ValidateAnnotations``."""
    if not value:
        return
    size = 0
    for key, text in value.items():
        report.each_invalid(path, key, formats.qualified_name(key.lower()))
        size += len(key) + len(text)
    if size > ANNOTATIONS_LIMIT // 4 and _size(value) > ANNOTATIONS_LIMIT:
        report.too_long(path, ANNOTATIONS_LIMIT)


def _size(value: dict[str, str]) -> int:
    return sum(len(key.encode()) + len(text.encode()) for key, text in value.items())


def owners(value: Any, path: Path, report: Report) -> None:
    """``ValidateOwnerReferences``: paths name the list, not its elements."""
    first = ""
    for reference in value or ():
        _owner(reference, path, report)
        if reference.get("controller"):
            name = f"{reference.get('kind', '')}/{reference.get('name', '')}"
            if first:
                both = f'Found "true" in references for {first} and {name}'
                words = f"Only one reference can have Controller set to true. {both}"
                report.invalid(path, value, words)
            first = first or name


def _owner(reference: Obj, path: Path, report: Report) -> None:
    version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
    for name, wrong, words in (
        ("apiVersion", not version.rpartition("/")[2] or version.count("/") > 1, "version must not be empty"),
        ("kind", not kind, "must not be empty"),
        ("name", not reference.get("name"), "must not be empty"),
        ("uid", not reference.get("uid"), "must not be empty"),
    ):
        if wrong:
            report.invalid((*path, name), reference.get(name, ""), words)
    if (version, kind) == ("v1", "Event"):
        report.invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner")


def finalizers(value: Any, path: Path, report: Report) -> None:
    """``ValidateFinalizers``."""
    for name in value or ():
        report.each_invalid(path, name, formats.qualified_name(name))
    if value and "orphan" in value and "foregroundDeletion" in value:
        report.invalid(path, value, "finalizer orphan and foregroundDeletion cannot be both set")


def _known_finalizers(value: Any, report: Report) -> None:
    """What built-in kinds ask besides (``validateKubeFinalizerName``)."""
    for index, name in enumerate(value):
        if "/" not in name and name not in STANDARD_FINALIZERS:
            words = "name is neither a standard finalizer name nor is it fully qualified"
            report.invalid((*_META, "finalizers", index), name, words)


def whole(meta: Obj, name_form: Format, report: Report, *, built_in: bool = False) -> None:
    """``ValidateObjectMetaAccessor``, namespaces aside (the path gave them)."""
    prefix, name = meta.get("generateName"), meta.get("name")
    if prefix:
        report.each_invalid((*_META, "generateName"), prefix, name_form(_as_prefix(prefix)))
    if not name:
        report.required((*_META, "name"), "name or generateName is required")
    else:
        report.each_invalid((*_META, "name"), name, name_form(name))
    _common(meta, report)
    if meta.get("finalizers"):
        finalizers(meta["finalizers"], (*_META, "finalizers"), report)
        if built_in:
            _known_finalizers(meta["finalizers"], report)


def _as_prefix(prefix: str) -> str:
    """A name's prefix may end with a dash: something follows."""
    return f"{prefix[:-1]}a" if prefix.endswith("-") else prefix


def _common(meta: Obj, report: Report) -> None:
    if meta.get("labels"):
        labels(meta["labels"], (*_META, "labels"), report)
    if meta.get("annotations"):
        notes(meta["annotations"], (*_META, "annotations"), report)
    if meta.get("ownerReferences"):
        owners(meta["ownerReferences"], (*_META, "ownerReferences"), report)


#: What the rules look at.
_LOOKED_AT = (
    *("name", "generateName", "namespace", "uid", "creationTimestamp", "deletionTimestamp"),
    *("deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers"),
)


def differs(new: Obj, old: Obj) -> bool:
    """Whether there is anything to look at: what is stored already has been looked at."""
    for name in _LOOKED_AT:  # noqa: SIM110 - a generator takes longer
        if new.get(name) != old.get(name):
            return True
    return False


def updated(new: Obj, old: Obj, report: Report, *, built_in: bool = False) -> None:
    """``ValidateObjectMetaAccessorUpdate``: what stays, and labels, annotations and owners once more."""
    if old.get("deletionTimestamp"):
        extra = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if extra:
            listed = "[]string{" + ", ".join(quote(one) for one in extra) + "}"
            words = f"no new finalizers can be added if the object is being deleted, found new finalizers {listed}"
            report.forbidden((*_META, "finalizers"), words)
    for name in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if new.get(name) != old.get(name):
            report.invalid((*_META, name), new.get(name), IMMUTABLE)
    _common(new, report)
    if built_in and new.get("finalizers"):
        _known_finalizers(new["finalizers"], report)
