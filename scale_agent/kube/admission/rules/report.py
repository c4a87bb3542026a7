"""What validation found: causes in the order in which a real server names them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.status import Cause

#: Steps into an object: names of members, indices of lists, keys of maps (:class:`Key`).
Path = tuple[Any, ...]
#: Looks at one value (``None``: absent) and reports what is wrong with it.
Check = Callable[[Any, Path, "Report"], None]
_ESCAPES = re.compile(r"[<>&\u2028\u2029]")


class Key(str):
    """A step to a map's element: shown in brackets."""

    __slots__ = ()


def shown(path: Path) -> str:
    """``spec.ports[0].name``, ``data[k]``."""
    out = ""
    for step in path:
        if isinstance(step, int | Key):
            out += f"[{step}]"
        else:
            out += f".{step}" if out else str(step)
    return out


def value_text(value: Any) -> str:
    """A value as Go's error messages have it: texts quoted, numbers plain, structs as JSON."""
    if isinstance(value, Literal):
        return value
    if isinstance(value, str):
        return quote(value)
    return escaped(orjson.dumps(value).decode())


def escaped(text: str) -> str:
    """JSON with the characters that Go escapes for browsers."""
    return _ESCAPES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class Literal(str):
    """A value that is already written as Go does."""

    __slots__ = ()


class Report:
    """Collects causes; ``options`` say what the kind at hand allows."""

    __slots__ = ("causes",)

    def __init__(self) -> None:
        self.causes: list[Cause] = []

    def add(self, reason: str, path: Path, message: str) -> None:
        """Any cause."""
        self.causes.append(Cause(reason, message, shown(path)))

    def required(self, path: Path, detail: str = "") -> None:
        """Nothing is there."""
        self.add("FieldValueRequired", path, f"Required value: {detail}" if detail else "Required value")

    def invalid(self, path: Path, value: Any, detail: str) -> None:
        """Something else should be there."""
        self.add("FieldValueInvalid", path, f"Invalid value: {value_text(value)}: {detail}")

    def each_invalid(self, path: Path, value: Any, details: Iterable[str]) -> None:
        """One cause for each reason why a value is wrong."""
        for detail in details:
            self.invalid(path, value, detail)

    def unsupported(self, path: Path, value: Any, allowed: Sequence[str]) -> None:
        """None of the allowed texts."""
        listed = ", ".join(quote(one) for one in allowed)
        tail = f": supported values: {listed}" if allowed else ""
        self.add("FieldValueNotSupported", path, f"Unsupported value: {value_text(value)}{tail}")

    def duplicate(self, path: Path, value: Any) -> None:
        """It is there already."""
        self.add("FieldValueDuplicate", path, f"Duplicate value: {value_text(value)}")

    def forbidden(self, path: Path, detail: str) -> None:
        """Nothing may be there."""
        self.add("FieldValueForbidden", path, f"Forbidden: {detail}")

    def not_found(self, path: Path, value: Any) -> None:
        """It names something that is not there."""
        self.add("FieldValueNotFound", path, f"Not found: {value_text(value)}")

    def too_long(self, path: Path, limit: int) -> None:
        """More bytes than allowed."""
        self.add("FieldValueTooLong", path, f"Too long: may not be more than {limit} bytes")

    def too_many(self, path: Path, actual: int, limit: int) -> None:
        """More elements than allowed."""
        many = f"must have at most {limit} item{'s' if limit != 1 else ''}"
        self.add("FieldValueTooMany", path, f"Too many: {actual}: {many}")
