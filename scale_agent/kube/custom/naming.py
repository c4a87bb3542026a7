"""Who gets which names: definitions of one group may not share any (``controller/status/naming_controller.go``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Names = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The names that a definition has from now on; ``reason`` and ``message`` of the first conflict from the end."""

    names: Names
    reason: str = "NoConflicts"
    message: str = "no conflicts found"

    @property
    def accepted(self) -> bool:
        """Whether all wanted names are there."""
        return self.reason == "NoConflicts"


def decide(wanted: Mapping[str, Any], accepted: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> Verdict:
    """Which of the wanted names a definition gets, given those that it and the others of its group have."""
    taken = [accepted, *others]
    resources = {one.get(part, "") for one in taken for part in ("plural", "singular")}
    resources |= {short for one in taken for short in one.get("shortNames") or ()}
    kinds = {one.get(part, "") for one in taken for part in ("kind", "listKind")}
    names = dict(accepted)
    conflict: tuple[str, str] | None = None
    for part, used in (("plural", resources), ("singular", resources), ("kind", kinds), ("listKind", kinds)):
        if part == "kind":
            conflict = _short_names(wanted, accepted, resources, names) or conflict
        asked = wanted.get(part, "")
        if asked != accepted.get(part, "") and asked in used:
            conflict = (f"{part[0].upper()}{part[1:]}Conflict", f'"{asked}" is already in use')
        else:
            names[part] = asked
    _set(names, "categories", wanted.get("categories"))
    ordered = {part: names[part] for part in _ORDER if part in names}
    return Verdict(ordered) if conflict is None else Verdict(ordered, *conflict)


def _short_names(
    wanted: Mapping[str, Any], accepted: Mapping[str, Any], used: set[str], names: Names
) -> tuple[str, str] | None:
    mine = accepted.get("shortNames") or ()
    clashes = [
        f'"{one}" is already in use' for one in wanted.get("shortNames") or () if one not in mine and one in used
    ]
    if not clashes:
        _set(names, "shortNames", wanted.get("shortNames"))
        return None
    clashes = list(dict.fromkeys(clashes))
    return "ShortNamesConflict", clashes[0] if len(clashes) == 1 else f"[{', '.join(clashes)}]"


def _set(names: Names, part: str, value: Any) -> None:
    if value:
        names[part] = value
    else:
        names.pop(part, None)


_ORDER = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
