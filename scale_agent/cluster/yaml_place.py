"""Reading YAML so that every complaint names file, line and path inside the document, and the cure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn, TypeVar

import yaml

from scale_agent.errors import ProfileError

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: no dates (they stay text)."""

    def construct_scalar(self, node: Any) -> Any:
        """Text of a scalar; an escaped half of a surrogate pair (``"\\ud800"``) is none that any API could carry."""
        value = super().construct_scalar(node)
        if not str(value).isprintable() and any("\ud800" <= one <= "\udfff" for one in str(value)):
            raise yaml.constructor.ConstructorError(None, None, "half of a surrogate pair", node.start_mark)
        return value


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

_KINDS = {yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}


class Place:
    """One node of a document, and where it is."""

    __slots__ = ("_loader", "node", "path")

    def __init__(self, node: yaml.Node, path: str, loader: _Loader) -> None:
        self.node = node
        self.path = path
        self._loader = loader

    def fail(self, what: str, cure: str) -> NoReturn:
        """Raise :class:`ProfileError` about this place."""
        mark = self.node.start_mark
        raise ProfileError(what, where=f"{mark.name}:{mark.line + 1} {self.path}".rstrip(), cure=cure)

    def over(self, base: Place) -> Place:
        """This document laid over another: mappings field by field, everything else is replaced. Lines stay known."""
        return Place(self._laid(base, ""), self.path, self._loader)

    def _laid(self, base: Place, path: str) -> yaml.Node:
        if not (isinstance(self.node, yaml.MappingNode) and isinstance(base.node, yaml.MappingNode)):
            return self.node
        fields, others = self._keyed(path), base._keyed(path)
        made = [
            (key_node, place._laid(others[key][1], f"{path}.{key}".lstrip(".")) if key in others else place.node)
            for key, (key_node, place) in fields.items()
        ]
        kept = [(key_node, place.node) for key, (key_node, place) in others.items() if key not in fields]
        return yaml.MappingNode(self.node.tag, [*kept, *made], self.node.start_mark, self.node.end_mark)

    def _keyed(self, path: str) -> dict[str, tuple[yaml.Node, Place]]:
        """The members of a mapping; doubled ones are refused, as nobody could tell which is inherited."""
        found: dict[str, tuple[yaml.Node, Place]] = {}
        for key_node, value_node in self.node.value:
            key = str(key_node.value)
            inner = f"{path}.{key}".lstrip(".")
            if key in found:
                Place(key_node, inner, self._loader).fail(f"field {key!r} twice", "keep one of them")
            found[key] = (key_node, Place(value_node, inner, self._loader))
        return found

    def member(self, name: str) -> Place | None:
        """A field of a mapping, whatever else is wrong with it; ``None`` without it, or where no mapping is."""
        pairs = self.node.value if isinstance(self.node, yaml.MappingNode) else ()
        found = (value for key, value in pairs if key.value == name)
        return next((Place(value, f"{self.path}.{name}".lstrip("."), self._loader) for value in found), None)

    @property
    def file(self) -> str:
        """The file it stands in."""
        return str(self.node.start_mark.name)

    @property
    def nothing(self) -> bool:
        """Whether there is a name and no value, or null."""
        return isinstance(self.node, yaml.ScalarNode) and self.plain() is None

    def first(self) -> Place | None:
        """The first entry of a list; ``None`` without one, or where no list is."""
        return next(self.items(), None) if isinstance(self.node, yaml.SequenceNode) else None

    def names(self) -> list[str]:
        """The names of a mapping's fields."""
        return [str(key.value) for key, _ in self.node.value] if isinstance(self.node, yaml.MappingNode) else []

    def fields(self, known: Iterable[str], required: Iterable[str] = ()) -> dict[str, Place]:
        """The fields of a mapping; unknown, doubled and missing ones are refused."""
        self._expect(yaml.MappingNode)
        allowed = sorted(known)
        fields: dict[str, Place] = {}
        for key_node, value_node in self.node.value:
            key = str(key_node.value)
            place = Place(value_node, f"{self.path}.{key}".lstrip("."), self._loader)
            if key not in allowed:
                Place(key_node, place.path, self._loader).fail(
                    f"unknown field {key!r}", f"use one of {', '.join(allowed)}"
                )
            if key in fields:
                Place(key_node, place.path, self._loader).fail(f"field {key!r} twice", "keep one of them")
            fields[key] = place
        for key in required:
            if key not in fields:
                self.fail(f"field {key!r} is missing", f"add {key}")
        return fields

    def items(self) -> Iterator[Place]:
        """The entries of a list."""
        self._expect(yaml.SequenceNode)
        for number, node in enumerate(self.node.value):
            yield Place(node, f"{self.path}[{number}]", self._loader)

    def plain(self) -> Any:
        """The value as plain Python; what YAML allows and this does not (tags, keys that are lists) is refused."""
        value = None
        try:
            value = self._loader.construct_object(self.node, deep=True)
        except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: !!int abc, thousands of digits
            what = getattr(error, "problem", None) or str(error).partition("\n")[0]
            self.fail(f"no plain value: {what}", "write plain text, numbers, lists and mappings, without tags")
        return value

    def text(self, pattern: str = r"(?s).*", cure: str = "write text") -> str:
        """Text that matches ``pattern`` as a whole."""
        value = self.plain()
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            self.fail(f"{_shown(value)} cannot be used here", cure)
        return value

    def number(self, least: float, most: float) -> float:
        """A number of ``least`` … ``most``."""
        value = self.plain()
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
            self.fail(f"{_shown(value)} cannot be used here", f"write a number from {least:g} to {most:g}")
        return float(value)

    def boolean(self) -> bool:
        """``true`` or ``false``."""
        value = self.plain()
        if not isinstance(value, bool):
            self.fail("neither true nor false", "write true or false")
        return bool(value)

    def integer(self, least: int, most: int) -> int:
        """A whole number of ``least`` … ``most``."""
        value = self.plain()
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.fail(f"{_shown(value)} cannot be used here", f"write a whole number from {least} to {most}")
        return value

    def texts(self) -> dict[str, str]:
        """A mapping of text to text: labels, annotations, quantities."""
        self._expect(yaml.MappingNode)
        value = self.plain()
        for key, item in value.items():
            if not isinstance(key, str) or not isinstance(item, str):
                self.fail(f"{key}: {_shown(item)} is no text", f'put it in quotes: {key}: "{item}"')
        return dict(value)

    def choice(self, *choices: str) -> str:
        """One of ``choices``."""
        value = self.plain()
        if value not in choices:
            self.fail(f"{_shown(value)} cannot be used here", f"use one of {', '.join(choices)}")
        return str(value)

    def each(self, read: Callable[[Place], T]) -> tuple[T, ...]:
        """All entries of a list, read by ``read``."""
        return tuple(read(item) for item in self.items())

    def _expect(self, kind: type[yaml.Node]) -> None:
        if not isinstance(self.node, kind):
            found = "nothing" if self.node.value == "" else _KINDS[type(self.node)]
            self.fail(f"{found} where {_KINDS[kind]} is expected", f"write {_KINDS[kind]}")


def parse(text: str, file: str) -> Place:
    """The only document of ``text``. Raises :class:`ProfileError`."""
    try:
        loader = _Loader(text)
        loader.name = file  # what the marks of its nodes say
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise _not_yaml(error, file) from None
    except RecursionError:
        raise ProfileError("nested too deeply", where=file, cure="write a profile, as in profiles/small.yaml") from None
    if node is None:
        raise ProfileError("the file is empty", where=file, cure="write a profile, as in profiles/small.yaml")
    return Place(node, "", loader)


def _not_yaml(error: yaml.YAMLError, file: str) -> ProfileError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    where = f"{file}:{mark.line + 1}" if mark is not None else file
    return ProfileError(f"not YAML: {problem}", where=where, cure="correct the syntax")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
