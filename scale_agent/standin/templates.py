"""Recorded text with placeholders ``${name}``, and the data files that hold it.

A data file is gzipped JSON under ``standin/data``, made by :mod:`scale_agent.standin.condense` from recordings.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from scale_agent.errors import InputError

_PLACEHOLDER = re.compile(r"\$\{([^${}]+)\}")
_WHOLE = re.compile(r"\$\{((?:[^${}]|\$\{[^${}]+\})+)\}")

Lookup = Callable[[str], str]


@cache
def load(name: str) -> Any:
    """The JSON of data file ``name`` (without ``.json.gz``); shared, never to be changed. ``InputError`` if absent."""
    file = resources.files("scale_agent.standin").joinpath("data").joinpath(f"{name}.json.gz")
    if not file.is_file():
        raise InputError(f"the stand-in has no recording {name}", cure="use one of the recorded Rancher versions")
    return json.loads(gzip.decompress(file.read_bytes()))


def names(text: str) -> list[str]:
    """Names of the placeholders in ``text``, repeated ones repeated; one inside another's name is named too."""
    outer = _WHOLE.findall(text)
    return outer + [name for one in outer for name in _PLACEHOLDER.findall(one)]


def fill_text(text: str, lookup: Lookup) -> str:
    """``text`` with every placeholder replaced, inner ones first; ``KeyError`` of ``lookup`` passes through."""
    while "${" in text:
        filled = _PLACEHOLDER.sub(lambda match: lookup(match.group(1)), text)
        if filled == text:
            break
        text = filled
    return text


def fill(value: Any, lookup: Lookup) -> Any:
    """A deep copy of a JSON value with every placeholder in keys and strings replaced."""
    if isinstance(value, str):
        return fill_text(value, lookup)
    if isinstance(value, dict):
        return {fill_text(key, lookup): fill(item, lookup) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, lookup) for item in value]
    return value


def fill_json(text: str, values: Mapping[str, str]) -> Any:
    """A template kept as JSON text, filled and parsed; values are escaped for JSON strings."""
    return json.loads(fill_text(text, lambda name: json.dumps(values[name])[1:-1]))
