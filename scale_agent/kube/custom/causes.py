"""Field errors of the machinery behind custom resources (``k8s.io/apimachinery``'s field package)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.custom import gotext
from scale_agent.kube.status import Cause

#: How a path that is nil is written.
NO_PATH = "<nil>"


def _cause(reason: str, field: str, text: str, detail: str = "") -> Cause:
    return Cause(reason, f"{text}: {detail}" if detail else text, field or NO_PATH)


def invalid(field: str, value: Any, detail: str) -> Cause:
    """A wrong value; it is shown as Go shows it."""
    return _cause("FieldValueInvalid", field, f"Invalid value: {gotext.shown(value)}", detail)


def type_invalid(field: str, value: Any, detail: str) -> Cause:
    """A value of the wrong type."""
    return _cause("FieldValueTypeInvalid", field, f"Invalid value: {gotext.shown(value)}", detail)


def required(field: str, detail: str = "") -> Cause:
    """A missing value."""
    return _cause("FieldValueRequired", field, "Required value", detail)


def forbidden(field: str, detail: str) -> Cause:
    """A value that must not be there."""
    return _cause("FieldValueForbidden", field, "Forbidden", detail)


def duplicate(field: str, value: Any) -> Cause:
    """A value that is there already."""
    return _cause("FieldValueDuplicate", field, f"Duplicate value: {gotext.shown(value)}")


def unsupported(field: str, value: Any, allowed: Sequence[str]) -> Cause:
    """A value that is none of the allowed ones."""
    detail = f"supported values: {', '.join(map(quote, allowed))}" if allowed else ""
    return _cause("FieldValueNotSupported", field, f"Unsupported value: {gotext.shown(value)}", detail)


def too_long(field: str, most: int) -> Cause:
    """A text of more than ``most`` characters."""
    unit = "byte" if most == 1 else "bytes"
    return _cause("FieldValueTooLong", field, "Too long", f"may not be more than {most} {unit}")


def too_many(field: str, actual: int, most: int) -> Cause:
    """More than ``most`` members."""
    unit = "item" if most == 1 else "items"
    return _cause("FieldValueTooMany", field, f"Too many: {actual}", f"must have at most {most} {unit}")


#: Reasons after which rules in CEL are not looked at (registry/customresource: hasBlockingErr).
BLOCKING = frozenset(
    f"FieldValue{reason}" for reason in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid")
)


def child(path: str, name: str) -> str:
    """``path.name``."""
    return f"{path}.{name}" if path else name


def key(path: str, name: str) -> str:
    """``path[name]``."""
    return f"{path}[{name}]"


def without_value(reason: str, field: str, detail: str = "") -> Cause:
    """A wrong value that is not shown: objects and lists that break a rule."""
    words = {"FieldValueDuplicate": "Duplicate value", "FieldValueInvalid": "Invalid value"}
    return _cause(reason, field, words[reason], detail)
