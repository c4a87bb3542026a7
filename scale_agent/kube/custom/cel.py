"""The Common Expression Language, by a library if there is one: ``cel-expr-python``, Google's own evaluator.

It is loaded when the first definition with a rule comes (2 ms). Without it no rule is compiled or asked. What rules see
is typed loosely here, so what a real server's type checker refuses is partly let through, and times and durations are
texts; functions of Kubernetes' own libraries (quantities, addresses, URLs) are not there. Rules that need either are
not asked. See docs/fidelity.md.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_LIBRARY = "cel_expr_python"
_EXTENSIONS = (("ext_optional", "ExtOptional"), ("ext_strings", "ExtStrings"))
#: Functions that a real server has besides the language's own: rules that need one are not asked.
_KUBERNETES = frozenset(
    (
        *("isSorted", "sum", "min", "max", "indexOf", "lastIndexOf", "find", "findAll", "url", "isURL", "getScheme"),
        *("getHost", "getHostname", "getPort", "getEscapedPath", "getQuery", "quantity", "isQuantity", "sign", "add"),
        *("isInteger", "asInteger", "asApproximateFloat", "sub", "isGreaterThan", "isLessThan", "compareTo", "ip"),
        *("isIP", "family", "isUnspecified", "isLoopback", "isLinkLocalMulticast", "isLinkLocalUnicast", "cidr"),
        *("isGlobalUnicast", "isCIDR", "containsIP", "containsCIDR", "prefixLength", "masked", "format", "validate"),
        *("named", "sets", "contains", "equivalent", "intersects", "semver", "isSemver", "major", "minor", "patch"),
        *("transformList", "transformMap", "transformMapEntry", "flatten", "distinct", "slice", "reverse", "sort"),
        *("authorizer", "jsonpatch", "bind", "cel", "math", "base64", "optional", "none", "of", "ofNonZeroValue"),
    )
)
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
#: The library's words for what goes wrong, and Go's.
_ERRORS = (
    (re.compile(r'Key not found in map : "?([^"]*)"?'), r"no such key: \1"),
    (re.compile(r"divide by zero", re.IGNORECASE), "division by zero"),
    (re.compile(r"modulus by zero", re.IGNORECASE), "modulus by zero"),
    (re.compile(r"Index error: index=(-?\d+).*"), r"index out of bounds: \1"),
)


class CompileError(Exception):
    """A rule that no server takes; ``str()`` says why, in a real server's words."""


class EvaluationError(Exception):
    """A rule that fails on a value; ``str()`` says why."""


class Program:
    """A compiled expression."""

    __slots__ = ("_expression",)

    def __init__(self, expression: Any) -> None:
        self._expression = expression

    def run(self, variables: Mapping[str, Any]) -> Any:
        """The expression's value; true if it cannot be told here. Raises :class:`EvaluationError`."""
        try:
            result = self._expression.eval(data=dict(variables))
            if result.type().name() != "ERROR":
                return result.plain_value()
            words = str(result.value())
        except RuntimeError as error:
            words = str(error)
        if "No matching overloads" in words:  # times and durations are texts here
            return True
        raise EvaluationError(_go_words(words))


@lru_cache(maxsize=1)
def _library() -> Any:
    """The library's module; ``None`` where it is not installed."""
    try:
        return importlib.import_module(f"{_LIBRARY}.cel")
    except ImportError:
        return None


def available() -> bool:
    """Whether rules are asked."""
    return _library() is not None


@lru_cache(maxsize=1)
def _environment() -> Any:
    library = _library()
    anything = library.Type.DYN
    extensions = []
    for module, name in _EXTENSIONS:
        extensions.append(getattr(importlib.import_module(f"{_LIBRARY}.ext.{module}"), name)())
    return library.NewEnv(variables={"self": anything, "oldSelf": anything}, extensions=extensions)


@lru_cache(maxsize=4096)
def compiled(text: str) -> Program | None:
    """An expression; ``None`` if it cannot be asked here. Raises :class:`CompileError` for what no server takes."""
    if _library() is None:
        return None
    try:
        return Program(_environment().compile(text))
    except RuntimeError as error:
        words = re.sub(r"^[A-Z_]+: ", "", str(error)).replace(" [INVALID_ARGUMENT]", "")
        missing = set(_UNDECLARED.findall(words))
        if "Syntax error" in words or (missing and not missing & _KUBERNETES):
            raise CompileError(f"compilation failed: {words}") from error
        return None


def _go_words(text: str) -> str:
    text = re.sub(r"^[A-Z_]+: ", "", text)
    for known, words in _ERRORS:
        if known.search(text):
            return known.sub(words, text)
    return text
