"""What can go wrong inside the API server: every refusal is a Kubernetes Status on its way to the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scale_agent.errors import ScaleAgentError


class StatusError(ScaleAgentError):
    """A request was refused; the client gets ``status()`` as its answer.

    ``code`` is the HTTP status, ``reason`` a Kubernetes StatusReason (``NotFound``, ``Conflict``), ``details`` the
    Status's details or ``None`` where a real server sends none. ``continue_token``: how a list may go on nevertheless.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        continue_token: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.continue_token = continue_token
        #: Said at the gate, where real servers forbid browsers to guess at the content's type.
        self.sniffed = False

    def status(self) -> dict[str, Any]:
        """The Status object, fields in the order of a real server's JSON."""
        out: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continue_token} if self.continue_token else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            out["reason"] = self.reason
        if self.details is not None:
            out["details"] = dict(self.details)
        out["code"] = self.code
        return out


class PlainError(ScaleAgentError):
    """A refusal in plain text, as for paths that no API group serves: ``404 page not found``."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
