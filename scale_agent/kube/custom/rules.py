"""Rules in CEL (``x-kubernetes-validations``), as ``apiserver/schema/cel`` asks them of objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scale_agent.kube.custom import causes, cel, cel_values, field_paths
from scale_agent.kube.custom.correlation import Pair
from scale_agent.kube.custom.schema import Node
from scale_agent.kube.status import Cause

Rule = dict[str, Any]
_TEXTS = re.compile(r"""r?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")
_OLD = re.compile(r"\boldSelf\b")
_LONGEST_MESSAGE = 5 * 1024


def bare(text: str) -> str:
    """An expression with its texts blanked out: what is left can be searched for names."""
    return _TEXTS.sub(lambda found: " " * len(found[0]), text)


def uses_old(rule: Rule) -> bool:
    """Whether a rule is about a change."""
    return _OLD.search(bare(rule.get("rule") or "")) is not None


@dataclass(frozen=True, slots=True)
class At:
    """A value and what it was before: ``pair`` if it can be compared, ``parent`` the nearest that can."""

    path: str
    value: Any
    old: Any
    pair: Pair | None = None
    parent: Pair | None = None
    root: bool = False

    def calm(self) -> bool:
        """Whether what is wrong here was wrong before and nothing changed."""
        nearest = self.pair if self.pair is not None else self.parent
        return nearest is not None and nearest.same()

    def key(self, path: str, name: str, value: Any) -> At:
        """A member."""
        old = self.old.get(name) if isinstance(self.old, dict) else None
        if self.pair is None:
            return At(path, value, old, None, self.parent)
        if self.root and name in ("apiVersion", "kind"):
            return At(path, value, old)
        return At(path, value, old, self.pair.key(name), self.pair)

    def index(self, index: int, value: Any, old: Any) -> At:
        """An element."""
        path = f"{self.path}[{index}]"
        if self.pair is None:
            return At(path, value, old, None, self.parent)
        return At(path, value, old, self.pair.index(index), self.pair)


def problems(node: Node, value: Any, old: Any) -> Iterator[Cause]:
    """The causes of an object that breaks rules of its schema; ``old`` is ``None`` for a new one."""
    if cel.available():
        pair = Pair(value, old, node) if old is not None else None
        yield from _check(node, At("", value, old, pair, root=True))


def _check(node: Node, at: At) -> Iterator[Cause]:
    if at.value is None or not node.has_rules:
        return
    if node.rules:
        yield from _rules(node, at)
    if isinstance(at.value, list) and node.items is not None:
        before = Pair(at.value, at.old if isinstance(at.old, list) else [], node)
        for index, one in enumerate(at.value):
            found = before.index(index)
            yield from _check(node.items, at.index(index, one, found.old if found is not None else None))
    elif isinstance(at.value, dict):
        for name in sorted(at.value):
            below = node.member(name)
            if below is not None:
                make = causes.child if name in node.properties else causes.key
                yield from _check(below, at.key(make(at.path, name), name, at.value[name]))


def _rules(node: Node, at: At) -> Iterator[Cause]:
    root = at.root or node.embedded
    variables: dict[str, Any] = {"self": cel_values.of(at.value, node, root=root)}
    if at.old is not None:
        variables["oldSelf"] = cel_values.of(at.old, node, root=root)
    for rule in node.rules:
        if uses_old(rule) and (at.old is None or rule.get("optionalOldSelf")):
            continue
        yield from _rule(rule, node, at, variables)


def _rule(rule: Rule, node: Node, at: At, variables: dict[str, Any]) -> Iterator[Cause]:
    kind = node.kinds[0] if node.kinds else ""
    try:
        program = cel.compiled(rule["rule"])
        if program is None or program.run(variables) is True:
            return
    except cel.CompileError as error:
        yield causes.invalid(at.path, kind, f"rule compile error: {error}")
        return
    except cel.EvaluationError as error:
        yield causes.invalid(at.path, kind, f"{error} evaluating rule: {_shown(rule)}")
        return
    if not uses_old(rule) and at.calm():
        return
    yield _cause(rule, node, at, _message(rule, variables))


def _shown(rule: Rule) -> str:
    return str(rule.get("message") or rule["rule"]).strip()


def _message(rule: Rule, variables: dict[str, Any]) -> str:
    """The rule's message: computed, given, or the rule itself."""
    if rule.get("messageExpression"):
        try:
            program = cel.compiled(rule["messageExpression"])
            text = program.run(variables) if program is not None else None
        except (cel.CompileError, cel.EvaluationError):
            text = None
        if isinstance(text, str):
            text = text.strip()
            if text and "\n" not in text and len(text.encode()) <= _LONGEST_MESSAGE:
                return text
    return str(rule["message"]).strip() if rule.get("message") else f"failed rule: {_shown(rule)}"


def _cause(rule: Rule, node: Node, at: At, detail: str) -> Cause:
    path = at.path
    if rule.get("fieldPath"):
        path = causes.child(path, _field(rule["fieldPath"], node))
    reason = rule.get("reason")
    if reason == "FieldValueForbidden":
        return causes.forbidden(path, detail)
    if reason == "FieldValueRequired":
        return causes.required(path, detail)
    compound = bool(node.kinds) and node.kinds[0] in ("object", "array")
    if reason == "FieldValueDuplicate":
        return causes.without_value("FieldValueDuplicate", path) if compound else causes.duplicate(path, at.value)
    if compound:
        return causes.without_value("FieldValueInvalid", path, detail)
    return causes.invalid(path, at.value, detail)


def _field(path: str, node: Node) -> str:
    """A rule's field path as causes write it; the definition was checked, so it leads somewhere."""
    return field_paths.written(path, node)
