"""Query strings → options, with a real server's refusals. Pure and cached by text."""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

from scale_agent.kube import status
from scale_agent.kube.codec import gojson, gonumbers, times
from scale_agent.kube.codec.goquote import quote
from scale_agent.kube.codec.wire import DecodeError
from scale_agent.kube.errors import StatusError
from scale_agent.kube.status import Cause, forbidden_field, invalid_options, invalid_value, unsupported

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
    """How to list or watch. ``resource_version`` is ``None`` when unset, 0 means "any"; ``send_initial`` as asked."""

    label_selector: str = ""
    field_selector: str = ""
    watch: bool = False
    allow_bookmarks: bool = False
    send_initial: bool | None = None
    resource_version: int | None = None
    match: str = ""
    timeout_s: int | None = None
    limit: int = 0
    continue_token: str = ""


def _flag(text: str) -> bool:
    """Go's conversion of a query value to bool: everything but ``0`` and ``false`` is true, blank too."""
    return text.lower() not in ("0", "false")


def _number(query: Query, name: str) -> int:
    """A parameter that is a number if it is there."""
    text = query.get(name)
    if text is None:
        return 0
    try:
        return gonumbers.parse_int(text)
    except ValueError as error:
        raise status.bad_request(str(error)) from error


def resource_version(text: str, *, plain: bool = False) -> int | None:
    """A resourceVersion of a query; ``None`` if it is empty. Raises 500 in gets and watches, 400 in ``plain`` lists."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text):
        why = f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        if plain:
            raise status.bad_request(f"invalid resource version: {why}")
        raise StatusError(500, "", why)
    return int(text)


@lru_cache(maxsize=4096)
def list_options(raw: str) -> ListOptions:
    """The options of a GET of a collection, validated as ``ValidateListOptions`` does."""
    query = parse_query(raw)
    watch = "watch" in query and _flag(query["watch"])
    sends = _flag(query["sendInitialEvents"]) if "sendInitialEvents" in query else None
    timeout_s, limit = _number(query, "timeoutSeconds"), _number(query, "limit")
    _validate(query, watch, sends)
    version = resource_version(query.get("resourceVersion", ""), plain=not watch)
    if watch and sends is None and not version and not query.get("resourceVersionMatch"):
        sends = True  # what such a watch has always meant (``SetListOptionsDefaults``)
    return ListOptions(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        watch=watch,
        allow_bookmarks="allowWatchBookmarks" in query and _flag(query["allowWatchBookmarks"]),
        send_initial=sends,
        resource_version=version,
        match=query.get("resourceVersionMatch", ""),
        timeout_s=timeout_s or None,
        limit=0 if version == 0 else limit,  # the watch cache answers 0, and knows no limit
        continue_token=query.get("continue", ""),
    )


def _validate(query: Query, watch: bool, sends: bool | None) -> None:
    """The options' rules (``ValidateListOptions``). Raises 422 with every cause."""
    match, version, token = (query.get(name, "") for name in ("resourceVersionMatch", "resourceVersion", "continue"))
    rules = _watch_causes if watch else _list_causes
    causes = list(rules(match, version, token, sends))
    if causes:
        raise invalid_options("ListOptions", *causes)


_MATCH = "resourceVersionMatch"


def _list_causes(match: str, version: str, token: str, sends: bool | None) -> Iterator[Cause]:
    if match and not version:
        yield forbidden_field(_MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match and token:
        yield forbidden_field(_MATCH, "resourceVersionMatch is forbidden when continue is provided")
    if match not in ("", "Exact", "NotOlderThan"):
        yield unsupported(_MATCH, f'"{match}"', ("Exact", "NotOlderThan", ""))
    if match == "Exact" and version == "0":
        yield forbidden_field(_MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    if sends is not None:
        yield forbidden_field("sendInitialEvents", "sendInitialEvents is forbidden for list")


def _watch_causes(match: str, version: str, token: str, sends: bool | None) -> Iterator[Cause]:
    if sends is None and not match and version in ("", "0"):
        match, sends = "NotOlderThan", True  # ``SetListOptionsDefaults``
    if sends is not None and match != "NotOlderThan":
        yield forbidden_field(_MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
    if match and sends is None:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        yield forbidden_field(_MATCH, why)
    if match not in ("", "NotOlderThan"):
        yield unsupported(_MATCH, f'"{match}"', ("NotOlderThan",))
    if match and token:
        yield forbidden_field(_MATCH, "resourceVersionMatch is forbidden when continue is provided")


@lru_cache(maxsize=1024)
def check_timeout(raw: str) -> None:
    """``timeout`` bounds a request that ends by itself (``WithRequestDeadline``); ours take no time. Raises 400."""
    query = parse_query(raw)
    text = query.get("timeout", "")
    if not text or ("watch" in query and _flag(query["watch"])) or _is_duration(text):
        return
    problem = "invalid duration"
    if number := re.fullmatch(r"[-+]?[0-9.]+([^0-9.]*)", text):
        problem = f'unknown unit "{number[1]}" in duration' if number[1] else "missing unit in duration"
    raise status.bad_request(f'invalid timeout specified in the request URL - time: {problem} "{text}"')


def _is_duration(text: str) -> bool:
    try:
        times.parse_duration_ns(text)
    except DecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write. ``validation`` is ``Strict``, ``Warn`` or ``Ignore``."""

    dry_run: bool = False
    validation: str = "Warn"
    manager: str = ""
    force: bool = False


@lru_cache(maxsize=1024)
def write_options(raw: str, kind: str, also: tuple[Cause, ...] = ()) -> WriteOptions:
    """The options of a write; ``kind`` (``CreateOptions``…) is for the refusal's words.

    ``also`` is what is wrong besides. Raises 422 with all that is wrong (apimachinery ``meta/v1/validation``).
    """
    query = parse_query(raw)
    manager, dry_run = query.get("fieldManager", ""), query.get("dryRun")
    validation = query.get("fieldValidation", "")
    causes = [*also, *manager_problems("fieldManager", manager)]
    if dry_run not in (None, "All"):
        causes.append(unsupported("dryRun", f'["{dry_run}"]', ("All",)))
    if validation not in ("", "Ignore", "Warn", "Strict"):
        causes.append(unsupported("fieldValidation", f'"{validation}"', ("", "Ignore", "Strict", "Warn")))
    if causes:
        raise invalid_options(kind, *causes)
    return WriteOptions(dry_run == "All", validation or "Warn", manager, _flag(query.get("force", "false")))


#: A field manager's name may be this long (bytes).
LONGEST_MANAGER = 128


def manager_problems(field: str, manager: str) -> list[Cause]:
    """What is wrong with a field manager's name: too long, or characters that nobody can print."""
    if manager.isascii() and manager.isprintable() and len(manager) <= LONGEST_MANAGER:
        return []
    found = []
    if len(manager.encode()) > LONGEST_MANAGER:
        found.append(Cause("FieldValueTooLong", f"Too long: may not be more than {LONGEST_MANAGER} bytes", field))
    for at, one in enumerate(manager):
        if not one.isprintable():
            why = f"invalid character U+{ord(one):04X} (at position {at})"
            found.append(invalid_value(field, quote(manager), why))
    return found


#: The resourceVersion of a token that goes on from the present, not from where its list began.
INCONSISTENT = -1


def encode_continue(rv: int, start: str) -> str:
    """The token for the page that starts after the storage key ``start`` (relative to the collection)."""
    token = json.dumps({"v": "meta.k8s.io/v1", "rv": rv, "start": start + "\0"}, separators=(",", ":"))
    return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def decode_continue(token: str) -> tuple[int, str]:
    """``(rv, start)`` of a token. Raises a 400 :class:`StatusError` (words of ``storage.DecodeContinue``)."""
    try:
        text = base64.urlsafe_b64decode((token + "=" * (-len(token) % 4)).encode())
    except binascii.Error as error:
        raise _no_token(f"illegal base64 data at input byte {_first_wrong(token)}") from error
    try:
        raw: Any = json.loads(text)
    except ValueError as error:
        raise _no_token(gojson.syntax_error(text)) from error
    if not isinstance(raw, dict) or raw.get("v") != "meta.k8s.io/v1":
        version = raw.get("v", "") if isinstance(raw, dict) else ""
        raise _no_token(f"server does not recognize this encoded version {version}")
    rv, start = raw.get("rv", 0), raw.get("start", "")
    if not isinstance(rv, int) or not isinstance(start, str) or rv == 0:
        raise _no_token("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise _no_token("encoded start key empty (version meta.k8s.io/v1)")
    key = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(key) != key:
        raise _no_token(start)
    return rv, key.rstrip("\0")


def _first_wrong(token: str) -> int:
    return next((at for at, one in enumerate(token) if not (one.isalnum() or one in "-_")), len(token))


def _no_token(why: str) -> StatusError:
    return status.bad_request(f"invalid continue token: continue key is not valid: {why}")
