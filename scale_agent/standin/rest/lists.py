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
        base = f"{service.settings.url}{call.path}?limit={limit}&marker="
        last = key(items[(len(items) - 1) // limit * limit])
        after = key(items[start + limit])
        pagination |= {"first": base + key(items[0]), "next": base + after, "last": base + last, "partial": True}
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


def _selector(call: Call, version: str) -> str:
    """Since 2.12 lists come from a cache that knows ``filter=metadata.labels.x=y`` and ignores ``labelSelector``."""
    if not cached_lists(version):
        return call.one("labelSelector")
    found = [one for one in call.query.get("filter", []) if one.startswith("metadata.labels")]
    return ",".join(one.removeprefix("metadata.labels").strip(".").replace("[", "").replace("]", "") for one in found)


def cached_lists(version: str) -> bool:
    """Does ``/v1`` list from its SQL cache? Seen with 2.15.0; on by default since 2.12, not in 2.10."""
    return tuple(map(int, version.split(".")[:2])) >= (2, 12)


def steve_list(service: Service, call: Call, kind: str, clusters: list[Cluster], render: Render) -> Answer:
    """A list of ``/v1``: pages by ``pagesize`` and ``page`` since 2.12, by ``limit`` and ``continue`` before."""
    chosen = [one for one in clusters if matches(one.labels, _selector(call, service.settings.version))]
    url = f"{service.settings.url}{call.path}"
    body: dict[str, Any] = {"type": "collection", "links": {"self": url}, "actions": {}, "resourceType": kind}
    body |= {"revision": str(service.registry.revision), "count": len(chosen)}
    pages = _numbered_page if cached_lists(service.settings.version) else _continued_page
    page = pages(call, url, chosen, body)
    if page is None:
        return steve_error(410, "Expired", "The provided continue parameter is too old")
    return Answer(200, body | {"data": [render(service, one) for one in page]})


def _numbered_page(call: Call, url: str, chosen: list[Cluster], body: dict[str, Any]) -> list[Cluster] | None:
    size, number = call.number("pagesize", 0), max(call.number("page", 1), 1)
    if size <= 0:
        return chosen
    end = number * size
    if end < len(chosen):
        following = f"{url}?continue={end}&page={number}&pagesize={size}"
        body |= {"pagination": {"first": url, "next": following, "partial": True}, "continue": str(end)}
    start = call.number("continue", 0) if call.one("continue") else end - size
    return chosen[start : start + size]


def _continued_page(call: Call, url: str, chosen: list[Cluster], body: dict[str, Any]) -> list[Cluster] | None:
    del url
    size, token = call.number("limit", STEVE_DEFAULT), call.one("continue")
    if token and not token.isdigit():
        return None
    start = int(token or 0)
    if start + size < len(chosen):
        body["continue"] = str(start + size)
    return chosen[start : start + size]
