"""The exception tree. Every error says what happened, where, and what cures it.

::

    ScaleAgentError
    ├── InputError            bad flags, YAML, URLs, tokens: one line, exit code 2
    │   └── ProfileError      a profile file: path of the file, line, path inside the document
    ├── ProtocolError
    │   ├── LocalProtocolError    our own caller broke the contract of a state machine
    │   └── RemoteProtocolError   the peer sent what the protocol forbids
    ├── DialError             an HTTPS request or a websocket to Rancher could not be opened
    └── RancherError          Rancher's REST API refused, or answered what we cannot use

Nothing here imports anything: every room may use it.
"""

from __future__ import annotations


class ScaleAgentError(Exception):
    """Base of all errors that this package raises on purpose.

    ``str(error)`` is one line: ``what (where): cure``. Secrets never belong in any of the three.
    """

    def __init__(self, what: str, *, where: str = "", cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.cure = cure

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        cure = f": {self.cure}" if self.cure else ""
        return f"{self.what}{place}{cure}".replace("\n", " ")


class InputError(ScaleAgentError):
    """Something that a person gave us cannot be used; commands exit with code 2."""


class ProfileError(InputError):
    """A profile cannot be used; ``where`` is ``file:line path.inside.document``."""


class ProtocolError(ScaleAgentError):
    """A protocol was broken; the subclass says by whom."""


class LocalProtocolError(ProtocolError):
    """Our own code called a state machine in a state where that is forbidden."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; ``reply`` is what is still to be sent before closing, if anything."""

    def __init__(self, what: str, *, where: str = "", cure: str = "", reply: bytes = b"") -> None:
        super().__init__(what, where=where, cure=cure)
        self.reply = reply


class DialError(ScaleAgentError):
    """A connection to Rancher could not be opened.

    ``reason`` is one word of a closed list (``REASONS``), fit for a metric's name;
    ``status`` is the HTTP status of a refused request or upgrade, 0 if there was none.
    """

    REASONS = ("refused", "timeout", "unresolved", "certificate", "tls", "status", "closed", "protocol")

    def __init__(self, reason: str, what: str, *, status: int = 0, where: str = "", cure: str = "") -> None:
        super().__init__(what, where=where, cure=cure)
        self.reason = reason
        self.status = status


class RancherError(ScaleAgentError):
    """Rancher's REST API refused a call, or could not be reached.

    ``reason`` is one word of a closed list (``REASONS``); ``status`` the HTTP status, 0 without one;
    ``code`` Rancher's own code (``NotUnique``, ``Unauthorized``), empty if it sent none.
    """

    REASONS = (
        *DialError.REASONS,
        "unauthorized",
        "forbidden",
        "not-found",
        "conflict",
        "invalid",
        "server",
        "no-server-url",
        "body",
    )

    def __init__(
        self, reason: str, what: str, *, status: int = 0, code: str = "", where: str = "", cure: str = ""
    ) -> None:
        super().__init__(what, where=where, cure=cure)
        self.reason = reason
        self.status = status
        self.code = code
