"""From a call to its answer."""

from __future__ import annotations

from dataclasses import replace

from scale_agent.standin.rest import clusters_v1, clusters_v3, public
from scale_agent.standin.rest.calls import Answer, Call, find, text
from scale_agent.standin.rest.service import Service, authenticated, norman_error

ROUTES = (*public.ROUTES, *clusters_v1.ROUTES, *clusters_v3.ROUTES)
_API_HEADERS = ("X-Content-Type-Options", "nosniff")


def answer(service: Service, call: Call) -> Answer:
    """The answer of the route that takes ``call``: 401 without a token where one is needed, 404 without a route."""
    found = find(ROUTES, call.method, call.path)
    if found is None or found[0].authenticated:
        if not authenticated(service, call):
            return _with_headers(service, call, service.answer("unauthorized"))
        if found is None:
            return _with_headers(service, call, _no_route(call))
    one, params = found
    return _with_headers(service, call, one.handler(service, replace(call, params=params)))


def _no_route(call: Call) -> Answer:
    """What 2.15.0 answers for things it does not know: nothing on ``/v1``, a sentence on ``/v3``."""
    if call.path.startswith("/v3/"):
        return norman_error(404, "NotFound", f"failed to find schema {call.path.split('/')[2]}")
    return text(404, "")


def _with_headers(service: Service, call: Call, given: Answer) -> Answer:
    headers = (*given.headers, _API_HEADERS)
    if call.path.startswith(("/v1/", "/v3/")) and given.content_type == "application/json":
        headers = (*headers, ("X-Api-Schemas", f"{service.settings.url}/{call.path.split('/')[1]}/schemas"))
    return replace(given, headers=headers)
