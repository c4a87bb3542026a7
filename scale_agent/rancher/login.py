"""Becoming someone: the Authorization header of all later calls, and giving it back at the end."""

from __future__ import annotations

from scale_agent.errors import RancherError
from scale_agent.rancher.credentials import Credentials
from scale_agent.rancher.transport import ApiRequest, Transport, decode_nothing

_CREATED = frozenset({200, 201})
#: The first answers 503 in 2.12 and is not there in 2.10; the second will go in a later release (recordings, README).
_DOORS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/v1-public/login", {"type": "localProvider"}),
    ("/v3-public/localProviders/local?action=login", {}),
)
_NOT_THIS_DOOR = frozenset({404, 405, 501, 503})


class Login:
    """Owns the token: made by a password (then deleted by :meth:`log_out`) or given by the user (never deleted)."""

    def __init__(self, transport: Transport, credentials: Credentials) -> None:
        self._transport = transport
        self._credentials = credentials
        self._made = False
        if credentials.token:
            transport.authorization = f"Bearer {credentials.token}"

    def log_in(self) -> None:
        """Raises :class:`RancherError` (``unauthorized`` for a wrong password)."""
        if self._credentials.token or self._made:
            return
        self._transport.authorization = f"Bearer {self._token()}"
        self._made = True

    def log_out(self) -> None:
        """Delete the token that :meth:`log_in` made."""
        if not self._made:
            return
        self._made = False
        gone = frozenset({200, 204, 401, 404})  # 401: expired meanwhile
        request = ApiRequest(
            "logout", "POST", "/v3/tokens?action=logout", body={}, expected=gone, decode=decode_nothing
        )
        self._transport.send(request)

    def _token(self) -> str:
        refused: RancherError | None = None
        for path, more in _DOORS:
            body = {
                **more,
                "username": self._credentials.user,
                "password": self._credentials.password,
                "responseType": "json",
            }
            request = ApiRequest("login", "POST", path, body=body, expected=_CREATED, authenticated=False)
            try:
                token = self._transport.send(request).data.get("token")
            except RancherError as error:
                if error.status not in _NOT_THIS_DOOR:
                    raise
                refused = error
                continue
            if isinstance(token, str) and token:
                return token
            raise RancherError("body", "Rancher's answer cannot be used: login: no token in it")
        raise refused or RancherError("status", "Rancher knows no way to log in")
