"""From exceptions and statuses to the closed list of reasons, and texts without ids."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any

from scale_agent.errors import RancherError

#: Most specific first: the first kind that is found anywhere in the chain of an exception names its reason.
_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "certificate"),
    (socket.gaierror, "unresolved"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "refused"),
    (ssl.SSLEOFError, "closed"),
    (ssl.SSLZeroReturnError, "closed"),
    (ssl.SSLError, "tls"),
    (http.client.IncompleteRead, "closed"),
    (OSError, "closed"),
)

WHAT = {
    "certificate": "Rancher's certificate does not verify",
    "unresolved": "the host name of Rancher cannot be resolved",
    "timeout": "Rancher did not answer in time",
    "refused": "the connection to Rancher was refused",
    "closed": "the connection to Rancher was closed",
    "tls": "TLS with Rancher failed",
    "protocol": "Rancher's answer is not HTTP as it should be",
}

CURES = {
    "certificate": "set RANCHER_CACERT to the PEM file of its authority (or RANCHER_INSECURE=1 to verify nothing)",
    "unresolved": "check RANCHER_URL",
    "refused": "check RANCHER_URL, and whether Rancher runs",
    "tls": "check that RANCHER_URL is an https address",
    "unauthorized": "check RANCHER_TOKEN, or user and password; the token may have expired or been deleted",
    "forbidden": "the user needs the right to create, see and delete clusters",
    "no-server-url": "set it in Rancher: Global Settings, server-url",
}

_STATUS = {401: "unauthorized", 403: "forbidden", 404: "not-found", 409: "conflict", 400: "invalid", 422: "invalid"}
_CODES = {"NotUnique": "conflict", "AlreadyExists": "conflict"}

#: What must not be in a text that may become a metric's label: quoted names, ids, tokens, uids, addresses in URLs.
_IDS = re.compile(
    r'"[^"]*"|(?<=invalid value )\S+|https?://\S+|\bc-m-[a-z0-9]{8}\b|\bc-[a-z0-9]{5}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b'
    r"|\bstv-cluster-\S+|\b[a-z]+-[a-z0-9]{5}:\S+|\b[A-Za-z0-9_-]{24,}\b"
)
_TEXT_LIMIT = 160


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything it wraps, in whatever way."""
    queue: list[Any] = [error]
    seen: set[int] = set()
    while queue:
        one = queue.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            queue += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]


def reason_of(error: BaseException) -> str:
    """The reason (one of ``DialError.REASONS``) of a failed connection; ``protocol`` if nothing fits."""
    links = list(chain(error))
    for kind, reason in _KINDS:
        if any(isinstance(link, kind) for link in links):
            return reason
    return "protocol"


def verify_message(error: BaseException) -> str:
    """What OpenSSL says about a certificate that does not verify, else nothing."""
    for link in chain(error):
        if isinstance(link, ssl.SSLCertVerificationError):
            return f": {link.verify_message}"
    return ""


def without_ids(text: str) -> str:
    """The text in one line, ids and secrets replaced by ``…``, not longer than a line."""
    return _IDS.sub("…", " ".join(text.split()))[:_TEXT_LIMIT]


def refusal(call: str, status: int, body: bytes) -> RancherError:
    """The error for a status that was not wanted, with Rancher's own code and text where it sent them."""
    code, text = _rancher_text(body)
    reason = _CODES.get(code) or _STATUS.get(status) or ("server" if status >= 500 or status == 429 else "status")
    what = f"Rancher refused: {call}: {status} {code} {text}"
    return RancherError(reason, " ".join(what.split()), status=status, code=code, cure=CURES.get(reason, ""))


def _rancher_text(body: bytes) -> tuple[str, str]:
    """Code and text of an error body: norman's, steve's and Kubernetes' JSON, or plain text."""
    try:
        data = json.loads(body)
    except ValueError:
        text = body[:1000].decode("utf-8", "replace")
        return "", "" if text.lstrip().startswith("<") else without_ids(text)
    if not isinstance(data, dict):
        return "", ""
    code = str(data.get("code") or data.get("reason") or "")
    text = data.get("message") or data.get("fieldName") or ""
    return (code if code.isalpha() else ""), without_ids(str(text))  # Kubernetes' code is the status again
