"""YAML bodies → JSON values, as the real server's YAML library reads them (``sigs.k8s.io/yaml``: goyaml.v2).

It is YAML 1.1: ``y``, ``n``, ``yes``, ``on``… are booleans. Unlike PyYAML it leaves times as texts, and keys are texts.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import yaml

_BOOLEANS = {"y": True, "Y": True, "n": False, "N": False}
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc] # one of two classes, whichever the installation has
    """PyYAML's safe loader with the differences."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name and shape
        first: [(tag, rule) for tag, rule in rules if tag != _TIMESTAMP]
        for first, rules in _Base.yaml_implicit_resolvers.items()
    }


def _boolean(loader: Any, node: Any) -> bool:
    text = loader.construct_scalar(node)
    return _BOOLEANS[text] if text in _BOOLEANS else bool(_Base.bool_values[text.lower()])


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))
_Loader.add_constructor("tag:yaml.org,2002:bool", _boolean)


def load(body: bytes) -> Any:
    """The value of a YAML document. Raises ``yaml.YAMLError``, ``ValueError``, ``TypeError``, ``RecursionError``."""
    return yaml.load(body, Loader=_Loader)


def as_json(body: bytes) -> Any:
    """The same with what JSON has: keys are texts. Raises as :func:`load` does."""
    return orjson.loads(orjson.dumps(load(body), option=orjson.OPT_NON_STR_KEYS))
