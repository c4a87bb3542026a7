"""The scale subresource of custom objects: their definition says where the replicas are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scale_agent.kube.custom import objects
from scale_agent.kube.custom.definition import Obj, ScalePaths
from scale_agent.kube.errors import StatusError

#: What a Scale says whose object has no replicas: nobody asks for so many.
UNSET = -(1 << 31)


@dataclass(frozen=True, slots=True)
class Replicas:
    """What an object's Scale says; ``replicas`` is ``None`` where the object has none."""

    replicas: int | None
    status_replicas: int
    selector: str


def read(obj: Obj, paths: ScalePaths) -> Replicas:
    """The replicas of an object. Raises 500 for values that are none."""
    replicas, problem = objects.replicas(obj, paths.replicas)
    state, state_problem = objects.replicas(obj, paths.status_replicas)
    selector, selector_problem = objects.selector(obj, paths.selector)
    wrong = problem or state_problem or selector_problem
    if wrong:
        raise StatusError(500, "", wrong)
    return Replicas(replicas, state or 0, selector)


def missing(paths: ScalePaths) -> StatusError:
    """500: an object without replicas was asked for its Scale."""
    what = f'the spec replicas field ".{".".join(paths.replicas)}" does not exist'
    return StatusError(500, "InternalError", f"Internal error occurred: {what}", {"causes": [{"message": what}]})


def unset(paths: ScalePaths) -> StatusError:
    """400: a Scale was written that does not say how many."""
    return StatusError(400, "BadRequest", f'the spec replicas field ".{".".join(paths.replicas)}" cannot be empty')


def write(obj: Obj, paths: ScalePaths, replicas: int) -> None:
    """Set the replicas of an object, in place. Raises 500 where something else stands in the way."""
    at: Any = obj
    for name in paths.replicas[:-1]:
        at = at.setdefault(name, {})
        if not isinstance(at, dict):
            where = ".".join(paths.replicas)
            raise StatusError(500, "", f"value cannot be set because .{where} is not a map[string]interface{{}}")
    at[paths.replicas[-1]] = replicas
