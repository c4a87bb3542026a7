"""Names that the API server made up (``generateName``): each later mention becomes ``${name:<step>}``."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from scale_agent.standin import codec


class Generated:
    """Finds, for every POST with a generateName, the name it got, and replaces that name in later steps."""

    def __init__(self, rows: list[dict[str, Any]], steps: list[dict[str, Any]]) -> None:
        self._rows = rows
        self._steps = steps

    def apply(self) -> None:
        """Replace in place."""
        names = self._names()
        for step in self._steps:
            text = json.dumps([step["path"], step["query"], step["body"]])
            for name, maker in names.items():
                if step["id"] != maker:
                    text = text.replace(name, f"${{name:{maker}}}")
            step["path"], step["query"], step["body"] = json.loads(text)

    def _names(self) -> dict[str, int]:
        makers = [step for step in self._steps if self._prefix(step)]
        known = {name: step["id"] for step in makers if (name := self._answered(step))}
        for step in makers:
            if step["id"] in known.values():
                continue
            name = self._first_unknown(step, known)
            if name:
                known[name] = step["id"]
        return known

    @staticmethod
    def _prefix(step: dict[str, Any]) -> str:
        if step["method"] != "POST" or not isinstance(step["body"], dict):
            return ""
        metadata = step["body"].get("metadata", {})
        return "" if metadata.get("name") else str(metadata.get("generateName") or "")

    def _answered(self, step: dict[str, Any]) -> str:
        row = self._rows[step["id"]]
        if row.get("response_base64"):
            return str(codec.decode_protobuf(base64.b64decode(row["response_base64"]))["metadata"]["name"])
        if isinstance(row.get("response"), dict):
            return str(row["response"]["metadata"]["name"])
        return ""

    def _first_unknown(self, maker: dict[str, Any], known: dict[str, int]) -> str:
        """Without a recorded answer: the first such name in a path of the maker's collection, or anywhere at all."""
        pattern = re.escape(self._prefix(maker)) + r"[a-z0-9]{5}\b"
        paths = " ".join(step["path"] for step in self._steps if step["path"].startswith(maker["path"] + "/"))
        everything = json.dumps([[step["path"], step["body"]] for step in self._steps])
        for name in re.findall(pattern, paths) + re.findall(pattern, everything):
            if name not in known:
                return str(name)
        return ""
