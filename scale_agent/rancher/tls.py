"""Whom we trust: one policy and one ``SSLContext`` per process, for REST and for every tunnel.

A context that loaded the system's authorities takes 830 KB and 21 ms; clusters share one, whatever their number.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scale_agent.errors import InputError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """``cacert`` is the path of a PEM file (empty: the system's authorities); ``insecure`` verifies nothing at all.

    With ``cacert`` only the authorities in that file are trusted. A certificate that Rancher offers about itself
    (``/v3/settings/cacerts``) is never trusted on first use: whoever can answer for Rancher could offer their own.
    """

    cacert: str = ""
    insecure: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> TlsPolicy:
        """``RANCHER_CACERT`` and ``RANCHER_INSECURE``. :class:`InputError` for what is neither yes nor no."""
        raw = environment.get("RANCHER_INSECURE", "").strip().lower()
        if raw not in _TRUE | _FALSE:
            raise InputError("RANCHER_INSECURE is neither 1 nor 0", cure="set it to 1 to verify nothing, or unset it")
        return cls(cacert=environment.get("RANCHER_CACERT", "").strip(), insecure=raw in _TRUE)

    def context(self) -> ssl.SSLContext:
        """The one context of this policy in this process. Raises :class:`InputError` for an unusable ``cacert``."""
        with _lock:
            context = _contexts.get(self)
            if context is None:
                context = _contexts[self] = _build(self)
            return context

    def describe(self, url: str = "") -> str:
        """One phrase for the output: what is verified, and how."""
        if url.startswith("http://"):
            return "NOT ENCRYPTED: plain http"
        if self.insecure:
            return "TLS NOT VERIFIED (RANCHER_INSECURE=1)"
        if self.cacert:
            return f"TLS verified by {self.cacert}"
        return "TLS verified by the system's authorities"


_lock = threading.Lock()
_contexts: dict[TlsPolicy, ssl.SSLContext] = {}


def _build(policy: TlsPolicy) -> ssl.SSLContext:
    context = _unverified() if policy.insecure else _verified(policy.cacert)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The agent's dialer offers http/1.1 only (websockets cannot upgrade an HTTP/2 connection).
    context.set_alpn_protocols(["http/1.1"])
    return context


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _verified(cacert: str) -> ssl.SSLContext:
    context = _from_file(cacert) if cacert else ssl.create_default_context()
    # Python 3.13 turns on checks that Go does not make and that Rancher's self-made authorities need not pass.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _from_file(cacert: str) -> ssl.SSLContext:
    try:
        # Bundles carry comments in any encoding; certificates are ASCII, and OpenSSL takes nothing else.
        pem = Path(cacert).read_text(encoding="ascii", errors="ignore")
    except OSError as error:
        raise InputError(
            f"RANCHER_CACERT cannot be read: {error.strerror}", where=cacert, cure="give the path of a PEM file"
        ) from None
    try:
        return ssl.create_default_context(cadata=pem)
    except (ssl.SSLError, ValueError):
        raise InputError(
            "RANCHER_CACERT holds no usable certificate", where=cacert, cure="it must be a file of PEM certificates"
        ) from None
