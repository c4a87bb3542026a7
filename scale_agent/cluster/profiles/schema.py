"""The JSON Schema of profiles, made of the fields that are read. Committed as ``profiles/profile.schema.json``."""

from __future__ import annotations

from typing import Any

import orjson

from scale_agent.cluster.profiles.format import PROFILE


def document() -> dict[str, Any]:
    """JSON Schema 2020-12. What is required may be inherited."""
    made = PROFILE.schema()
    required = made.pop("required")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A simulated cluster of scale-agent",
        "anyOf": [{"required": required}, {"required": ["extends"]}],
        **made,
    }


def text() -> str:
    """The document as it stands in the file."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
