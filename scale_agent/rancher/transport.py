"""HTTP to Rancher's REST API: one session, one TLS context, one report per attempt."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import orjson
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from scale_agent import __version__
from scale_agent.errors import RancherError
from scale_agent.rancher.calls import CALLS, Call
from scale_agent.rancher.causes import CURES, WHAT, reason_of, refusal, verify_message
from scale_agent.rancher.tls import TlsPolicy
from scale_agent.rancher.url import ServerUrl

#: Rancher demands CSRF tokens of user agents that contain "mozilla" (protocol 1.1): ours names the project.
USER_AGENT = f"scale-agent/{__version__}"
_CHUNK = 1 << 16

Query = Sequence[tuple[str, str]]


def decode_json(body: bytes) -> Any:
    """An object; ``ValueError`` for anything else."""
    data = orjson.loads(body)
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    return data


def decode_nothing(_body: bytes) -> Any:
    """For answers whose body does not matter."""
    return {}


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request. ``name`` is from :data:`CALLS`; statuses in ``expected`` are answers, all others refusals.

    ``decode`` turns the body of a status below 400 into data, ``ValueError`` if it cannot be used.
    """

    name: str
    method: str
    path: str
    query: Query = ()
    body: Any = None
    expected: frozenset[int] = frozenset({200})
    authenticated: bool = True
    decode: Callable[[bytes], Any] = decode_json


@dataclass(frozen=True, slots=True)
class Reply:
    """``data``: what ``decode`` made of the body, ``None`` for expected refusals; ``wire_bytes``: as received."""

    status: int
    data: Any
    wire_bytes: int


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: for connecting, between two reads, and for an answer altogether."""

    connect_s: float = 10.0
    read_s: float = 60.0
    total_s: float = 120.0


class Transport:
    """Sends :class:`ApiRequest`; any number of threads or greenlets may use one at a time.

    A GET whose kept connection turned out to be closed is sent once more, at once; each attempt is its own
    :class:`Call`. Nothing else is repeated here: repeating belongs to those who know what it measures.
    """

    def __init__(
        self,
        server: ServerUrl,
        tls: TlsPolicy,
        *,
        on_call: Callable[[Call], None] | None = None,
        timeouts: Timeouts | None = None,
        pool_size: int = 1000,
        max_body_bytes: int = 64 << 20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.server = server
        self.authorization = ""
        self._on_call = on_call
        self._timeouts = timeouts or Timeouts()
        self._max_body_bytes = max_body_bytes
        self._clock = clock
        self._session = _session(server, tls, pool_size)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def send(self, request: ApiRequest) -> Reply:
        """Send, wait, decode. Raises :class:`RancherError`; what happened was reported before."""
        try:
            return self._attempt(request)
        except RancherError as error:
            if request.method != "GET" or error.reason != "closed" or error.status:
                raise
        return self._attempt(request)

    def report(self, name: str, method: str, status: int, started: float, size: int, error: str) -> None:
        """Report a call that did not go through :meth:`send` (a websocket upgrade)."""
        if name not in CALLS:
            raise ValueError(f"{name} is not in the list of calls")
        if self._on_call is not None:
            self._on_call(Call(name, method, status, (self._clock() - started) * 1000, size, error))

    def _attempt(self, request: ApiRequest) -> Reply:
        started = self._clock()
        status, size, error = 0, 0, ""
        try:
            status, body, wire_bytes = self._exchange(request, started)
            size = len(body)
            return Reply(status, _data(request, status, body), wire_bytes)
        except RancherError as problem:
            error, status = problem.reason, problem.status or status
            raise
        finally:
            self.report(request.name, request.method, status, started, size, error)

    def _exchange(self, request: ApiRequest, started: float) -> tuple[int, bytes, int]:
        try:
            with self._open(request) as response:
                return response.status_code, self._read(request, response, started), int(response.raw.tell())
        except (requests.RequestException, HTTPError, OSError) as error:
            reason = reason_of(error)
            what = f"{WHAT[reason]}{verify_message(error)}"
        raise RancherError(reason, what, where=self._where(request), cure=CURES.get(reason, ""))

    def _open(self, request: ApiRequest) -> requests.Response:
        headers = {"Accept": "application/json"}
        if request.authenticated:
            headers["Authorization"] = self.authorization
        return self._session.request(
            request.method,
            f"{self.server}{request.path}",
            params=list(request.query),
            json=request.body,
            headers=headers,
            timeout=(self._timeouts.connect_s, self._timeouts.read_s),
            allow_redirects=False,
            stream=True,
        )

    def _read(self, request: ApiRequest, response: requests.Response, started: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(_CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_body_bytes:
                limit = self._max_body_bytes >> 20
                raise RancherError("body", f"Rancher's answer is larger than {limit} MiB", where=self._where(request))
            if self._clock() - started > self._timeouts.total_s:
                raise RancherError("timeout", WHAT["timeout"], where=self._where(request))
        return b"".join(chunks)

    def _where(self, request: ApiRequest) -> str:
        return f"{request.name} at {self.server}"


def _data(request: ApiRequest, status: int, body: bytes) -> Any:
    if status not in request.expected:
        raise refusal(request.name, status, body)
    if status >= 400:
        return None
    try:
        return request.decode(body)
    except ValueError as error:
        problem = f"Rancher's answer cannot be used: {request.name}: {type(error).__name__}"
        text = str(error) if type(error) is ValueError else "not JSON"
    raise RancherError("body", f"{problem}: {text}", status=status, cure="is this URL a Rancher server?")


class _HideTokens(logging.Filter):
    """urllib3 logs each path at DEBUG; a manifest's path contains the registration token."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple("/v3/import/…" if "/v3/import/" in str(one) else one for one in record.args)
        return True


_HIDE_TOKENS = _HideTokens()


def _session(server: ServerUrl, tls: TlsPolicy, pool_size: int) -> requests.Session:
    logging.getLogger("urllib3.connectionpool").addFilter(_HIDE_TOKENS)  # adding it again changes nothing
    session = requests.Session()
    # Proxies, netrc and REQUESTS_CA_BUNDLE of the environment would go around the policy (recordings, README).
    session.trust_env = False
    session.headers["User-Agent"] = USER_AGENT
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount("http://", HTTPAdapter(pool_maxsize=pool_size))
    if server.tls:
        session.mount("https://", _SharedContextAdapter(tls, pool_size))
    if tls.insecure:  # said once in the output (TlsPolicy.describe) instead of once per request
        urllib3.disable_warnings(InsecureRequestWarning)
    return session


class _SharedContextAdapter(HTTPAdapter):
    """Every connection uses the policy's one context: requests itself would load certifi's authorities into it."""

    def __init__(self, tls: TlsPolicy, pool_size: int) -> None:
        self._tls = tls
        tls.context()  # an unusable RANCHER_CACERT is found before the first request
        super().__init__(pool_maxsize=pool_size)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        required = "CERT_NONE" if self._tls.insecure else "CERT_REQUIRED"
        return host, {"ssl_context": self._tls.context(), "cert_reqs": required}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to do: the context decides."""
