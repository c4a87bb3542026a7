"""Lists in pages: steve's ``limit``/``continue`` and norman's ``marker`` (protocol 1.8: at most 1,000 by default)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scale_agent.errors import RancherError
from scale_agent.rancher.transport import ApiRequest, Query, Reply

PAGE = 500
#: More pages than any Rancher can fill: a server that goes on for ever is not believed.
MAX_PAGES = 1000


@dataclass(slots=True)
class Cost:
    """What a list cost Rancher: requests, and bytes on the wire."""

    requests: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Pages:
    """Iterates over the items of all pages; ``token_of`` finds the query that leads to the next page."""

    send: Callable[[ApiRequest], Reply]
    name: str
    path: str
    query: Query
    token_of: Callable[[dict[str, Any]], tuple[str, str] | None]
    cost: Cost = field(default_factory=Cost)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        token: tuple[str, str] | None = None
        for _ in range(MAX_PAGES):
            page = self._page(token)
            yield from page["data"]
            following = self.token_of(page)
            if following is None:
                return
            if following == token:
                raise RancherError("body", f"Rancher's pages do not go on: {self.name}")
            token = following
        raise RancherError("body", f"Rancher's list has more than {MAX_PAGES} pages: {self.name}")

    def _page(self, token: tuple[str, str] | None) -> dict[str, Any]:
        query = [*self.query, *([token] if token else [])]
        reply = self.send(ApiRequest(self.name, "GET", self.path, query=query))
        self.cost.requests += 1
        self.cost.bytes += reply.wire_bytes
        page: dict[str, Any] = reply.data
        items = page.get("data")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            what = f"Rancher's answer is not a list: {self.name}"
            raise RancherError("body", what, cure="is this URL a Rancher server?")
        return page


def steve_token(page: dict[str, Any]) -> tuple[str, str] | None:
    """Steve names the continuation itself."""
    token = page.get("continue")
    return ("continue", token) if isinstance(token, str) and token else None


def norman_token(page: dict[str, Any]) -> tuple[str, str] | None:
    """Norman sends a whole URL in ``pagination.next``; only its marker is used, so that no other host is asked."""
    pagination = page.get("pagination")
    following = pagination.get("next") if isinstance(pagination, dict) else None
    if not isinstance(following, str) or not following:
        return None
    markers = parse_qs(urlsplit(following).query).get("marker")
    return ("marker", markers[0]) if markers else None
