"""How values are written: JSON as Go does, YAML, tokens, page tokens, times."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

ESCAPE = re.compile(r"\\u[0-9a-f]{4}")


def form(text: str, found: Any) -> str:
    """As Go writes a value: with that, nothing is left that could differ."""
    if text == _go(json.dumps(found, ensure_ascii=False, separators=(",", ":"))):
        return "compact"
    if text == _go(json.dumps(found, ensure_ascii=False, indent=2)):
        return "indented"
    return f"of another form, {len(ESCAPE.findall(text))} escapes"


def _go(text: str) -> str:
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def time_of(found: re.Match[str]) -> str:
    """How exact it is."""
    return "<time>" if not found[1] else f"<time with {len(found[1]) - 1} digits>"


def _decoded(text: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return None


def page(text: str) -> str:
    """Where a page token goes on."""
    found = _decoded(text)
    return f"<from {found.get('v')} {found.get('start')!r}>" if isinstance(found, dict) else text


def claims(text: str) -> str:
    """The names of a token's claims."""
    claims = _decoded(text.split(".")[1])
    inside = claims.get("kubernetes.io") or {} if isinstance(claims, dict) else {}
    return f"<token: {sorted(claims or ())} {sorted(inside)}>"


def yaml_form(raw: bytes) -> str:
    """Everything about the text but its values: keys, indentation, quotes."""
    if b"columnDefinitions:" in raw:
        return "yaml"  # how the prose of columns is folded depends on what stands there
    lines = raw.decode("utf-8", "replace").splitlines()
    return "yaml:" + "|".join(re.sub(r"(:|-) .*", r"\1", line) for line in lines)
