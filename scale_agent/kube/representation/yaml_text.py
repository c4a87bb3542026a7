"""YAML as a real server writes it: sorted keys, lists not indented, double quotes where a plain text would be no text.

Rule: ``sigs.k8s.io/yaml`` marshals the JSON by goyaml.v2; what the two libraries do alike is left to PyYAML.
"""

from __future__ import annotations

import re
from typing import Any

import orjson
import yaml

#: Plain scalars that goyaml.v2 would read as something else than text, besides those that PyYAML knows.
_OTHERWISE = re.compile(
    r"y|Y|n|N|~|<<|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0[xX][0-9a-fA-F_]+|0[bB][01_]+|0o?[0-7_]+"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9]*)?"
)


#: Ends of lines to YAML that a text cannot have outside double quotes.
_BREAKS = "\r\x85\u2028\u2029\ufeff"


class _Dumper(yaml.SafeDumper):
    """PyYAML's, with our texts."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    if any(one in value for one in _BREAKS):
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')
    if "\n" in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    plain = dumper.resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
    ambiguous = plain != "tag:yaml.org,2002:str" or not value or _OTHERWISE.fullmatch(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if ambiguous else None)


_Dumper.add_representer(str, _text)


def from_json(encoded: bytes) -> bytes:
    """A JSON document as YAML."""
    value: Any = orjson.loads(encoded)
    text: str = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=80, default_flow_style=False)
    return text.encode()
