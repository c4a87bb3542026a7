"""JSON for people: indented when they say ``pretty``, and for tools that people hold in their hands.

Rule: ``isPrettyPrint`` of k8s.io/apiserver.
"""

from __future__ import annotations

from dataclasses import replace

from scale_agent.kube import query
from scale_agent.kube.codec import gojson
from scale_agent.kube.http import Request, Response

_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_TOOLS = ("curl", "Wget", "Mozilla/5.0")
#: Documents that are served as they are.
_AS_THEY_ARE = ("/openapi/", "/version")


def wanted(request: Request) -> bool:
    """Whether an answer of JSON is to be indented."""
    if "pretty" in request.query:
        asked = query.parse_query(request.query).get("pretty")
        if asked:
            return asked in _TRUE
    headers = request.headers
    return headers.get("user-agent", "").startswith(_TOOLS) or "pretty=1" in headers.get("accept", "")


def indented(request: Request, answer: Response) -> Response:
    """The answer with its JSON indented; any other answer as it is."""
    media = next((value for name, value in answer.headers if name == "Content-Type"), "")
    if not media.startswith("application/json") or not answer.body or request.path.startswith(_AS_THEY_ARE):
        return answer
    return replace(answer, body=gojson.indented(answer.body))
