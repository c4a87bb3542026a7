"""What a real server orders by chance, or says when its clock says so."""

from __future__ import annotations

import json
from typing import Any

#: Lists without an order: roles and other managers are found in the order of a hash.
UNORDERED = {"resourceRules", "nonResourceRules", "causes"}
#: The groups of the corpus's own resources.
CUSTOM = ".example.com"


def by_manager(entry: Any) -> tuple[str, ...]:
    """Not by time, as a server does: whether two writes fall into one second is chance."""
    parts = ("operation", "manager", "apiVersion", "subresource")
    return tuple(str(entry.get(part, "")) for part in parts) if isinstance(entry, dict) else (str(entry),)


def passing_bookmark(event: Any) -> bool:
    """Bookmarks come when a server's clock says so; those that end an initial list are events like others."""
    if not isinstance(event, dict) or event.get("type") != "BOOKMARK":
        return False
    return "initial-events-end" not in json.dumps(event)


def by_chance(details: dict[str, Any]) -> bool:
    """Whether the causes of a refusal come in no order: other managers' and those of a custom resource's schema."""
    return "FieldManagerConflict" in str(details["causes"]) or str(details.get("group", "")).endswith(CUSTOM)


def sorted_reasons(text: str) -> str:
    """The message of a refused custom resource with what is wrong in alphabetical order."""
    head, opening, rest = text.partition(" is invalid: [")
    if not opening or CUSTOM not in head:
        return text
    return f"{head}{opening}{', '.join(sorted(rest.removesuffix(']').split(', ')))}]"


def made_up(item: Any) -> bool:
    """Whether chance says where in a list an item stands."""
    return name_of(item).endswith(("<hash>", "<generated>"))


def name_of(item: Any) -> str:
    """Of an item of a list or a row of a table."""
    inside = item.get("object", item) if isinstance(item, dict) else None
    meta = inside.get("metadata") if isinstance(inside, dict) else None
    return str(meta.get("name", "")) if isinstance(meta, dict) else ""
