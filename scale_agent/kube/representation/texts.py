"""JSON and YAML texts → values, with the words of Go's readers for what is neither.

JSON: ``encoding/json``, which takes ill-formed UTF-8 and lone surrogates for U+FFFD. YAML: ``sigs.k8s.io/yaml``, the
first document of the text, limits on aliases included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson
import yaml

from scale_agent.kube.codec import gojson
from scale_agent.kube.codec.wire import DecodeError

_SHOWN_BYTES = 30
#: How deep a text is followed. Go's reader follows it ten times as deep, where no kind has anything.
_DEEPEST = 1000


_TOO_DEEP = "invalid character '{}' exceeded max depth"


def summary(body: bytes) -> str:
    """How a refusal shows a body (``summarizeData``): text if it looks like JSON, else hexadecimal."""
    if not body:
        return "<empty>"
    start = body[:_SHOWN_BYTES]
    shown = start.decode("utf-8", "replace") if body[:1] == b"{" else start.hex()
    return f"{shown} ..." if len(body) > _SHOWN_BYTES else shown


def from_json(body: bytes) -> Any:
    """The value of a JSON text. Raises :class:`DecodeError` with Go's words."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        problem = _too_deep(body) or gojson.syntax_error(body)
        if problem:
            raise DecodeError(problem) from error
    try:
        value = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise DecodeError(_TOO_DEEP.format("[")) from error
    return json.loads(json.dumps(value).encode(), object_hook=_without_surrogates)


def _too_deep(body: bytes) -> str:
    """What is said of the bracket that goes too deep, if one does; it is the last that is looked at.

    Those inside texts count too, which only long texts of them notice.
    """
    at = 0
    for found in _BRACKET.finditer(body):
        at += 1 if found[0] in b"[{" else -1
        if at > _DEEPEST:
            return _TOO_DEEP.format(found[0].decode())
    return ""


_BRACKET = re.compile(rb"[][{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _without_surrogates(obj: dict[str, Any]) -> dict[str, Any]:
    return {_SURROGATE.sub("\ufffd", name): _plain(value) for name, value in obj.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    return [_plain(one) for one in value] if isinstance(value, list) else value


class _Loader(yaml.SafeLoader):
    """YAML as JSON can say it: times are texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in rows if tag != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _boolean(loader: _Loader, node: yaml.ScalarNode) -> bool:
    return loader.bool_values[{"y": "yes", "n": "no"}.get(node.value.lower(), node.value.lower())]


#: YAML 1.1 has more booleans than PyYAML knows.
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))
_Loader.add_constructor("tag:yaml.org,2002:bool", _boolean)
#: PyYAML's words → goyaml's.
_WORDS = {
    "mapping values are not allowed here": "mapping values are not allowed in this context",
    "found character '\\t' that cannot start any token": "found character that cannot start any token",
    "could not find expected ':'": "could not find expected ':'",
    "expected alphabetic or numeric character, but found '\\x00'": "could not find expected directive name",
}


_UNFINISHED = re.compile(r"expected ',' or '([]}])', but got '<stream end>'")
_NO_ANCHOR = re.compile(r"found undefined alias '(.*)'")


def _yaml_problem(error: yaml.MarkedYAMLError) -> str:
    """What goyaml says of a mistake. Its lines count from nothing for the parser, from one for the scanner."""
    problem, line = str(error.problem), error.problem_mark.line if error.problem_mark else 0
    unfinished, no_anchor = _UNFINISHED.fullmatch(problem), _NO_ANCHOR.match(problem)
    if unfinished:
        return f"line {line + 1}: did not find expected ',' or '{unfinished[1]}'"
    if no_anchor:
        return f"unknown anchor '{no_anchor[1]}' referenced"
    if line and isinstance(error, yaml.scanner.ScannerError):
        line += 1
    place = f"line {line}: " if line else ""
    return f"{place}{_WORDS.get(problem, problem)}"


def from_yaml(body: bytes) -> Any:
    """The value of a YAML text's first document; keys are texts. Raises :class:`DecodeError` (``yaml: …``)."""
    if body.count(b"{") + body.count(b"[") > _DEEPEST and _too_deep(body):  # the parser's time is squared with depth
        raise DecodeError("yaml: exceeded max depth of 10000")
    try:
        loader = _Loader(body.decode("utf-8", "replace"))
    except yaml.YAMLError as error:
        raise DecodeError("yaml: control characters are not allowed") from error
    try:
        if not loader.check_node():
            return None
        node = loader.get_node()
        assert node is not None  # there is one
        _check_aliases(node)
        value = loader.construct_document(node)
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
    except yaml.MarkedYAMLError as error:
        raise DecodeError(f"yaml: {_yaml_problem(error)}") from error
    except DecodeError:
        raise
    except RecursionError as error:
        raise DecodeError("yaml: exceeded max depth of 10000") from error
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise DecodeError(f"yaml: {str(error).splitlines()[0]}") from error
    finally:
        loader.dispose()


_FEW_ALIASES, _FEW_NODES = 100, 1000
_SMALL, _LARGE = 400_000, 4_000_000
_RATIO_SMALL, _RATIO_LARGE = 0.99, 0.10


def _check_aliases(root: yaml.Node) -> None:
    """Refuse what contains itself, and texts that are mostly aliases (``allowedAliasRatio`` of goyaml)."""
    sizes: dict[int, int] = {}
    own = 0
    stack: list[tuple[yaml.Node, Iterator[yaml.Node]]] = [(root, _children(root))]
    open_nodes = {id(root)}
    while stack:
        node, rest = stack[-1]
        child = next(rest, None)
        if child is None:
            stack.pop()
            open_nodes.discard(id(node))
            own += 1
            sizes[id(node)] = 1 + sum(sizes[id(one)] for one in _children(node))
        elif id(child) in open_nodes:
            raise DecodeError(f"yaml: anchor '{_anchor(root, child)}' value contains itself")
        elif id(child) not in sizes:
            open_nodes.add(id(child))
            stack.append((child, _children(child)))
    total = sizes[id(root)]
    aliased = total - own
    if aliased > _FEW_ALIASES and total > _FEW_NODES and aliased / total > _allowed(total):
        raise DecodeError("yaml: document contains excessive aliasing")


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for one in node.value if isinstance(node, yaml.CollectionNode) else ():
        if isinstance(one, tuple):
            yield from one
        else:
            yield one


def _allowed(total: int) -> float:
    if total <= _SMALL:
        return _RATIO_SMALL
    if total >= _LARGE:
        return _RATIO_LARGE
    return _RATIO_SMALL - (_RATIO_SMALL - _RATIO_LARGE) * (total - _SMALL) / (_LARGE - _SMALL)


def _anchor(root: yaml.Node, node: yaml.Node) -> str:
    """The name of a node's anchor, which the node does not know: read where the node begins."""
    text = node.start_mark.buffer or root.start_mark.buffer or ""
    found = re.match(r"&([^\s,\[\]{}]+)", text[node.start_mark.pointer :])
    return found[1] if found else "?"
