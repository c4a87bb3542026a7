"""What a server does to a custom object before it is stored: prune, default, validate, by its definition's schema.

The order and the words are those of ``apiextensions-apiserver/pkg/registry/customresource``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.custom import causes, embedded, gotext, lists, rules, values
from scale_agent.kube.custom.correlation import Pair
from scale_agent.kube.custom.definition import Obj, ScalePaths, ServedVersion
from scale_agent.kube.custom.embedded import CheckMetadata, WrongMetadataError, WrongObjectError
from scale_agent.kube.custom.schema import Node
from scale_agent.kube.status import Cause

_LARGEST_INT32 = (1 << 31) - 1


def read(version: ServedVersion, obj: Obj, check_metadata: CheckMetadata) -> list[str]:
    """Bring what a client sent into the version's schema, in place; the paths of unknown fields, which are gone.

    Raises :class:`~scale_agent.kube.custom.embedded.WrongObjectError` for metadata of embedded objects that is none.
    """
    unknown = version.coerce(obj)
    if version.node is not None:
        check_metadata = _refusing(check_metadata)
        unknown += embedded.coerce(obj, version.node, check_metadata)
        version.default(obj)
    return unknown


def _refusing(check: CheckMetadata) -> CheckMetadata:
    def checked(meta: Any) -> tuple[Obj, list[str]]:
        try:
            return check(meta)
        except DecodeError as error:
            raise WrongMetadataError(error.what) from error

    return checked


def problems_of_new(version: ServedVersion, obj: Obj) -> list[Cause]:
    """The causes for which a new object is refused (``customResourceStrategy.Validate``)."""
    node = version.node
    found = [*values.check(obj, node)] if node is not None else []
    found += [*_replicas(obj, version.scale), *_status_replicas(obj, version.scale)]
    if node is None:
        return found
    found += [*embedded.problems(obj, node), *lists.duplicates(obj, node)]
    return _with_rules(found, node, obj, None)


def _with_rules(found: list[Cause], node: Node, obj: Obj, old: Obj | None) -> list[Cause]:
    """What the rules in CEL have to say, unless something is so wrong that they are not asked."""
    if not node.has_rules:
        return found
    if any(one.reason in causes.BLOCKING for one in found):
        return [*found, causes.invalid("", None, _NOT_CHECKED)]
    return [*found, *rules.problems(node, obj, old)]


_NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)


def problems_of_update(version: ServedVersion, old: Obj, new: Obj, *, status: bool) -> list[Cause]:
    """The causes for which a change is refused; what was wrong before and is as it was is let through."""
    node = version.node
    found = list(_schema_problems(version, old, new, status=status))
    if not status:
        found += _replicas(new, version.scale)
    found += _status_replicas(new, version.scale)
    if node is None:
        return found
    if not status:
        found += embedded.problems(new, node)
    repeated = list(lists.duplicates(new, node))
    if repeated and not any(lists.duplicates(old, node)):
        found += repeated
    return _with_rules(found, node, new, old)


def _schema_problems(version: ServedVersion, old: Obj, new: Obj, *, status: bool) -> Iterator[Cause]:
    node = version.node
    if node is None:
        return
    pair = Pair(new, old, node)
    if not status:
        yield from values.check(new, node, "", pair)
    elif "status" in new and version.status_node is not None:
        yield from values.check(new["status"], version.status_node, "status", pair.key("status"))


def _at(obj: Obj, path: tuple[str, ...]) -> tuple[Any, str]:
    """A value by its path, and why it cannot be reached (``unstructured.NestedFieldNoCopy``); missing ones are None."""
    at: Any = obj
    for name in path:
        if not isinstance(at, dict):
            return None, _wrong(path, at, "map[string]interface{}")
        if name not in at:
            return None, ""
        at = at[name]
    return at, ""


def _wrong(path: tuple[str, ...], value: Any, wanted: str) -> str:
    """``unstructured``'s words for a value of another type."""
    is_now = gotext.type_of(value)
    return f".{'.'.join(path)} accessor error: {gotext.plain(value)} is of the type {is_now}, expected {wanted}"


def replicas(obj: Obj, path: tuple[str, ...]) -> tuple[int | None, str]:
    """A number of replicas by its path, and what is wrong with it."""
    value, problem = _at(obj, path)
    if problem or value is None:
        return None, problem
    if isinstance(value, bool) or not isinstance(value, int):
        return None, _wrong(path, value, "int64")
    return value, ""


def selector(obj: Obj, path: tuple[str, ...]) -> tuple[str, str]:
    """A selector's text by its path, and what is wrong with it."""
    value, problem = _at(obj, path) if path else (None, "")
    if problem or value is None:
        return "", problem
    if not isinstance(value, str):
        return "", _wrong(path, value, "string")
    return value, ""


def _count_problem(obj: Obj, path: tuple[str, ...]) -> Iterator[Cause]:
    count, problem = replicas(obj, path)
    field = f".{'.'.join(path)}"
    if problem:
        yield causes.invalid(field, 0, problem)
    elif (count or 0) < 0:
        yield causes.invalid(field, count, "should be a non-negative integer")
    elif (count or 0) > _LARGEST_INT32:
        yield causes.invalid(field, count, f"should be less than or equal to {_LARGEST_INT32}")


def _replicas(obj: Obj, scale: ScalePaths | None) -> Iterator[Cause]:
    if scale is not None:
        yield from _count_problem(obj, scale.replicas)


def _status_replicas(obj: Obj, scale: ScalePaths | None) -> Iterator[Cause]:
    if scale is None:
        return
    yield from _count_problem(obj, scale.status_replicas)
    _, problem = selector(obj, scale.selector)
    if problem:
        yield causes.invalid(f".{'.'.join(scale.selector)}", "", problem)


__all__ = ["WrongObjectError", "problems_of_new", "problems_of_update", "read", "replicas", "selector"]
