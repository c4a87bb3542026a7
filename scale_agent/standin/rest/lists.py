"""Lists of both APIs: paging, selectors, sorting as a client that counts clusters uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scale_agent.standin.clusters import Cluster, matches
from scale_agent.standin.rest.calls import Answer, Call
from scale_agent.standin.rest.service import Service, steve_error

#: Norman gives at most so many items by default, and at most so many at all (protocol section 1.8).
NORMAN_DEFAULT = 1000
NORMAN_MOST = 10000
STEVE_DEFAULT = 100000

Render = Callable[[Service, Cluster], dict[str, Any]]


def norman_limit(call: Call) -> int:
    """How many items one page of ``/v3`` has."""
    asked = call.number("limit", NORMAN_DEFAULT)
    return NORMAN_MOST if asked < 0 or asked > NORMAN_MOST else max(asked, 1)


def norman_page(
    service: Service, call: Call, items: Sequence[Any], key: Callable[[Any], str]
) -> tuple[list[Any], dict[str, Any]]:
    """The page that ``marker`` and ``limit`` choose, and the ``pagination`` object that leads to the next."""
    limit, marker = norman_limit(call), call.one("marker")
    start = next((number for number, item in enumerate(items) if key(item) == marker), 0) if marker else 0
    page = list(items[start : start + limit])
    pagination: dict[str, Any] = {"limit": limit, "total": len(items)}
    if start + limit < len(items):
        after = key(items[start + limit])
        pagination |= {"next": f"{service.settings.url}{call.path}?limit={limit}&marker={after}", "partial": True}
    return page, pagination


def norman_collection(service: Service, call: Call, kind: str, data: list[Any], pagination: dict[str, Any]) -> Answer:
    """The envelope around a page of ``/v3``."""
    url = f"{service.settings.url}{call.path}"
    body = {
        "type": "collection",
        "links": {"self": url},
        "createTypes": {kind: url},
        "actions": {},
        "pagination": pagination,
        "sort": {"order": "asc", "reverse": f"{url}?order=desc", "links": {}},
        "filters": {},
        "resourceType": kind,
        "data": data,
    }
    return Answer(200, body)


def _selector(call: Call) -> str:
    """``labelSelector``, or the label filters of 2.12 and later (``filter=metadata.labels.x=y``)."""
    parts = [call.one("labelSelector")]
    for one in call.query.get("filter", []):
        if one.startswith("metadata.labels"):
            parts.append(one.removeprefix("metadata.labels").strip(".").replace("[", "").replace("]", ""))
    return ",".join(filter(None, parts))


def _start(call: Call, size: int, revision: int) -> tuple[int, str] | Answer:
    token = call.one("continue")
    if token:
        number, _, at = token.partition(".")
        if not (number.isdigit() and at.isdigit()):
            return steve_error(410, "Expired", "The provided continue parameter is too old")
        return int(number), at
    return max(call.number("page", 1) - 1, 0) * size, str(revision)


def steve_list(service: Service, call: Call, kind: str, clusters: list[Cluster], render: Render) -> Answer:
    """A page of ``/v1/<kind>``: ``limit`` and ``continue``, or ``pagesize`` and ``page``; ``labelSelector``."""
    chosen = [one for one in clusters if matches(one.labels, _selector(call))]
    size = max(call.number("limit", call.number("pagesize", STEVE_DEFAULT)), 1)
    start = _start(call, size, service.registry.revision)
    if isinstance(start, Answer):
        return start
    at, revision = start
    page = chosen[at : at + size]
    body: dict[str, Any] = {
        "type": "collection",
        "links": {"self": f"{service.settings.url}{call.path}"},
        "createTypes": {kind: f"{service.settings.url}{call.path}"},
        "actions": {},
        "resourceType": kind,
        "revision": revision,
        "count": len(chosen),
        "data": [render(service, one) for one in page],
    }
    if "pagesize" in call.query:
        body["pages"] = -(-len(chosen) // size)
    if "limit" in call.query and at + size < len(chosen):
        body["continue"] = f"{at + size}.{revision}"
    return Answer(200, body)
