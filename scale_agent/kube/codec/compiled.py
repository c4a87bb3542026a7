"""Tables made once per struct, by encoders, decoders and normalisers alike; structs may refer to themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from scale_agent.kube.schema.types import Type


class Compiled(Protocol):
    """What is made empty and then filled, so that what refers to it meanwhile has it already."""

    def compile(self) -> None:
        """Fill the table."""


_T = TypeVar("_T", bound=Compiled)


def once(make: Callable[[Type], _T]) -> Callable[[Type], _T]:
    """A function that gives every struct its one table, made at the first call."""
    made: dict[Type, _T] = {}

    def of(kind: Type) -> _T:
        found = made.get(kind)
        if found is None:
            found = made[kind] = make(kind)
            found.compile()
        return found

    return of
