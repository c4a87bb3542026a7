"""The fields of a profile as the table in docs/profiles.md."""

from __future__ import annotations

from collections.abc import Iterator

from scale_agent.cluster.profiles.fields import (
    Anything,
    Checked,
    Choice,
    Each,
    Field,
    Flag,
    Kind,
    Number,
    Quantities,
    Range,
    Record,
    Size,
    Switches,
    Texts,
    Whole,
)
from scale_agent.cluster.profiles.format import PROFILE

_WORDS: dict[type, str] = {
    Anything: "mapping",
    Flag: "true, false",
    Quantities: "names and quantities",
    Range: "two numbers",
    Size: "bytes",
    Switches: "names and true or false",
    Texts: "names and texts",
}


def rows(record: Record = PROFILE, path: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Path, kind, default and meaning of each field, those inside a field right after it."""
    for name, field in record.fields.items():
        inside = field.kind.of if isinstance(field.kind, Each) else field.kind
        listed = "[]" if isinstance(field.kind, Each) and isinstance(inside, Record) else ""
        yield f"{path}{name}{listed}", _kind(field.kind), _default(field), field.says
        if isinstance(inside, Record):
            yield from rows(inside, f"{path}{name}{listed}.")


def markdown() -> str:
    """The table, a line a field."""
    lines = ["| field | value | without it | |", "|---|---|---|---|"]
    lines += [f"| `{path}` | {kind} | {default} | {says} |" for path, kind, default, says in rows()]
    return "\n".join(lines) + "\n"


def _kind(kind: Kind) -> str:
    if isinstance(kind, Checked):
        return _kind(kind.kind)
    if isinstance(kind, Each):
        return f"list of {_kind(kind.of)}" if not isinstance(kind.of, (Record, Anything)) else "list"
    if isinstance(kind, Record):
        return "mapping"
    if isinstance(kind, Choice):
        return ", ".join(f"`{word}`" for word in kind.words)
    if isinstance(kind, (Whole, Number)):
        return f"{kind.least:,} to {kind.most:,}" if isinstance(kind, Whole) else "number"
    return _WORDS.get(type(kind), "text")


def _default(field: Field) -> str:
    if field.required:
        return "must be there"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if isinstance(field.default, tuple) and field.default:
        return f"[{', '.join(f'{one:g}' for one in field.default)}]"
    return f"{field.default}" if field.default not in (None, (), {}) else ""
