"""Subresource and method → the function that answers."""

from __future__ import annotations

from collections.abc import Callable

from scale_agent.kube.http import Response
from scale_agent.kube.verbs import binding, connect, eviction, logs, special, token_request
from scale_agent.kube.verbs.call import Call
from scale_agent.kube.verbs.logs import LogStream

Subresource = Callable[[Call], Response | LogStream]

_PROXY = "proxy"
_PROXIED = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_TABLE: dict[tuple[str, str], Subresource] = {
    ("PUT", "finalize"): special.finalize,
    ("POST", "token"): token_request.create,
    ("POST", "binding"): binding.create,
    ("POST", "eviction"): eviction.create,
    ("GET", "log"): logs.read,
    ("GET", "exec"): connect.stream,
    ("POST", "exec"): connect.stream,
    ("GET", "attach"): connect.stream,
    ("POST", "attach"): connect.stream,
    ("GET", "portforward"): connect.forward,
    ("POST", "portforward"): connect.forward,
    **{(method, _PROXY): connect.proxy for method in _PROXIED},
}


def name_of(path: str) -> str:
    """The subresource of a path behind an object: proxies have paths of their own behind theirs."""
    return _PROXY if path.startswith(f"{_PROXY}/") else path


def find(method: str, path: str) -> Subresource | None:
    """The function; ``None`` if that method is not for it."""
    return _TABLE.get((method, name_of(path)))
