"""Objects inside objects (``x-kubernetes-embedded-resource``): their metadata is a server's business too.

Rules: ``apiextensions-apiserver/pkg/apiserver/schema/objectmeta``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from scale_agent.kube import qualified
from scale_agent.kube.custom import causes, names
from scale_agent.kube.custom.schema import TYPE_META, Node
from scale_agent.kube.status import Cause

#: Types metadata: the known fields as they are written, the paths of unknown ones. Raises :class:`WrongMetadataError`.
CheckMetadata = Callable[[Any], tuple[dict[str, Any], list[str]]]


class WrongMetadataError(Exception):
    """Metadata that cannot be read: ``what`` is wrong with it, in Go's words."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class WrongObjectError(Exception):
    """An embedded object that cannot be read."""

    def __init__(self, cause: Cause) -> None:
        self.what = f"{cause.field}: {cause.message}"
        super().__init__(self.what)


def coerce(value: Any, node: Node | None, check: CheckMetadata, *, drop: bool = False) -> list[str]:
    """Type the metadata of every embedded object in place; the paths of unknown fields, sorted.

    Raises :class:`WrongObjectError`; with ``drop`` what is wrong is left out instead.
    """
    unknown: list[str] = []
    _Coercer(check, drop, unknown).coerce(value, node, "")
    return sorted(unknown)


class _Coercer:
    """Walks one value."""

    def __init__(self, check: CheckMetadata, drop: bool, unknown: list[str]) -> None:
        self.check = check
        self.drop = drop
        self.unknown = unknown

    def coerce(self, value: Any, node: Node | None, path: str) -> None:
        if node is None or not node.has_embedded:
            return
        if isinstance(value, list):
            for index, one in enumerate(value):
                self.coerce(one, node.items, f"{path}[{index}]")
        elif isinstance(value, dict):
            if node.embedded:
                self._meta(value, path)
            for name in list(value):
                place = causes.child(path, name) if name in node.properties else causes.key(path, name)
                self.coerce(value[name], node.member(name), place)

    def _meta(self, value: dict[str, Any], path: str) -> None:
        for name in TYPE_META:
            if name in value and not isinstance(value[name], str):
                if not self.drop:
                    raise WrongObjectError(causes.invalid(causes.child(path, name), value[name], "must be a string"))
                del value[name]
        if "metadata" not in value:
            return
        place = causes.child(path, "metadata")
        try:
            meta, unknown = self.check(value["metadata"])
        except WrongMetadataError as error:
            if self.drop:
                return
            raise WrongObjectError(causes.invalid(place, value["metadata"], error.what)) from error
        self.unknown += [f"{place}.{name}" for name in unknown]
        value["metadata"] = meta


def problems(value: Any, node: Node | None, path: str = "") -> Iterator[Cause]:
    """The causes of embedded objects that are none: without kind, with a wrong name."""
    if node is None or not node.has_embedded:
        return
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from problems(one, node.items, f"{path}[{index}]")
    elif isinstance(value, dict):
        if node.embedded:
            yield from _object(value, path)
        for name in sorted(value):
            place = causes.child(path, name) if name in node.properties else causes.key(path, name)
            yield from problems(value[name], node.member(name), place)


def _object(value: dict[str, Any], path: str) -> Iterator[Cause]:
    for name in TYPE_META:
        if name not in value:
            yield causes.required(causes.child(path, name))
    for name, check in (("apiVersion", _api_version), ("kind", _kind)):
        if name in value:
            problem = _text_problem(value[name], check)
            if problem:
                yield causes.invalid(causes.child(path, name), value[name], problem)
    if isinstance(value.get("metadata"), dict):
        yield from _metadata(value["metadata"], causes.child(path, "metadata"))


def _text_problem(text: Any, check: Callable[[str], str]) -> str:
    if not isinstance(text, str):
        return "must be a string"
    return check(text) if text else "must not be empty"


def _api_version(text: str) -> str:
    return f"unexpected GroupVersion string: {text}" if text.count("/") > 1 else ""


def _kind(text: str) -> str:
    return names.kind_problem(text)


def _metadata(meta: dict[str, Any], path: str) -> Iterator[Cause]:
    for name in ("generateName", "name"):
        text = meta.get(name) or ""
        for bad in ("/", "%"):
            if bad in text:
                yield causes.invalid(causes.child(path, name), text, f"may not contain '{bad}'")
        if name == "name" and text in (".", ".."):
            yield causes.invalid(causes.child(path, name), text, f"may not be '{text}'")
    if namespace := meta.get("namespace"):
        place = causes.child(path, "namespace")
        yield from (causes.invalid(place, namespace, one) for one in names.label_problems(namespace))
    yield from _labels(meta.get("labels") or {}, causes.child(path, "labels"))
    for key in sorted(meta.get("annotations") or {}):
        for problem in qualified.label_key_problems(key.lower()):
            yield causes.invalid(causes.child(path, "annotations"), key, problem)


def _labels(labels: dict[str, Any], path: str) -> Iterator[Cause]:
    for key in sorted(labels):
        for problem in qualified.label_key_problems(key):
            yield causes.invalid(path, key, problem)
        for problem in qualified.label_value_problems(labels[key]):
            yield causes.invalid(path, labels[key], problem)
