"""Query strings → options, with a real server's refusals. Pure and cached by text."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from scale_agent.kube import status
from scale_agent.kube.status import forbidden_field, invalid_options, unsupported

Query = MappingProxyType[str, str]


@lru_cache(maxsize=4096)
def parse_query(raw: str) -> Query:
    """Names and first values; blank values are kept."""
    out: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        out.setdefault(name, value)
    return MappingProxyType(out)


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How to list or watch. ``resource_version`` is ``None`` when unset; 0 means "any"."""

    label_selector: str = ""
    field_selector: str = ""
    watch: bool = False
    allow_bookmarks: bool = False
    send_initial: bool = False
    resource_version: int | None = None
    match: str = ""
    timeout_s: float | None = None
    limit: int = 0
    continue_token: str = ""


def _flag(text: str) -> bool:
    """Go's conversion of a query value to bool: everything but ``0`` and ``false`` is true, blank too."""
    return text.lower() not in ("0", "false")


def _int(text: str) -> int:
    if not text:
        return 0
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    value = int(text)
    if abs(value) >= 1 << 63:
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value


def resource_version(text: str) -> int | None:
    """A resourceVersion of a query; ``None`` if it is empty."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text):
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise status.bad_request(f"invalid resource version: {why}")
    return int(text)


@lru_cache(maxsize=4096)
def list_options(raw: str) -> ListOptions:
    """The options of a GET of a collection, validated as ``ValidateListOptions`` does."""
    query = parse_query(raw)
    timeout = query.get("timeoutSeconds")
    options = ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        watch="watch" in query and _flag(query["watch"]),
        allow_bookmarks="allowWatchBookmarks" in query and _flag(query["allowWatchBookmarks"]),
        send_initial="sendInitialEvents" in query and _flag(query["sendInitialEvents"]),
        resource_version=resource_version(query.get("resourceVersion", "")),
        match=query.get("resourceVersionMatch", ""),
        timeout_s=float(_int(timeout)) if timeout else None,
        limit=_int(query.get("limit", "")),
        continue_token=query.get("continue", ""),
    )
    _validate(options, "sendInitialEvents" in query, query.get("resourceVersion", ""))
    return options


def _validate(options: ListOptions, sends: bool, version: str) -> None:
    match = options.match
    field = "resourceVersionMatch"
    if options.watch and sends:
        if match != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise invalid_options("ListOptions", forbidden_field(field, why))
        return
    if sends:
        why = "sendInitialEvents is forbidden for list"
        raise invalid_options("ListOptions", forbidden_field("sendInitialEvents", why))
    if not match:
        return
    if options.watch:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        raise invalid_options("ListOptions", forbidden_field(field, why))
    if not version:
        why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise invalid_options("ListOptions", forbidden_field(field, why))
    if options.continue_token:
        raise invalid_options(
            "ListOptions", forbidden_field(field, "resourceVersionMatch is forbidden when continue is provided")
        )
    if match not in ("Exact", "NotOlderThan"):
        raise invalid_options("ListOptions", unsupported(field, f'"{match}"', ("Exact", "NotOlderThan", "")))
    if match == "Exact" and options.resource_version == 0:
        why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        raise invalid_options("ListOptions", forbidden_field(field, why))


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write. ``validation`` is ``Strict``, ``Warn`` or ``Ignore``."""

    dry_run: bool = False
    validation: str = "Warn"
    manager: str = ""
    force: bool = False


@lru_cache(maxsize=1024)
def write_options(raw: str, kind: str) -> WriteOptions:
    """The options of a write; ``kind`` (``CreateOptions``…) is for the refusal's words."""
    query = parse_query(raw)
    validation = query.get("fieldValidation", "")
    if validation not in ("", "Ignore", "Warn", "Strict"):
        bad = unsupported("fieldValidation", f'"{validation}"', ("", "Ignore", "Strict", "Warn"))
        raise invalid_options(kind, bad)
    dry_run = query.get("dryRun", "")
    if dry_run not in ("", "All"):
        raise invalid_options(kind, unsupported("dryRun", f'["{dry_run}"]', ("All",)))
    manager = query.get("fieldManager", "")
    return WriteOptions(dry_run == "All", validation or "Warn", manager, _flag(query.get("force", "false")))


def encode_continue(rv: int, start: str) -> str:
    """The token for the page that starts after the storage key ``start``."""
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": rv, "start": start + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def decode_continue(token: str) -> tuple[int, str]:
    """``(rv, start)`` of a token. Raises a 400 :class:`StatusError`."""
    try:
        raw: Any = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        rv, start = raw["rv"], raw["start"]
        if raw["v"] != "meta.k8s.io/v1" or not isinstance(rv, int) or not isinstance(start, str) or rv < 0:
            raise ValueError("not a token of this server")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        why = "invalid continue token: continue key is not valid: it was not made by this server"
        raise status.bad_request(why) from error
    return rv, start.rstrip("\0")
