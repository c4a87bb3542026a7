"""The way into the API server: who asks (401), as whom (400, 403), and whether that one may (403).

Order as apiserver's handler chain has it: authentication, impersonation, authorization, and only then what is asked
for.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from scale_agent.kube import status, writes
from scale_agent.kube.access import escalation, impersonation
from scale_agent.kube.access.attributes import Attributes, attributes_of, forbidden
from scale_agent.kube.access.bindings import GROUP
from scale_agent.kube.access.rbac import Decision, Rbac
from scale_agent.kube.access.tokens import Bearer, TokenError, Tokens
from scale_agent.kube.core import Core
from scale_agent.kube.errors import StatusError
from scale_agent.kube.http import Request
from scale_agent.kube.schema.resources import ResourceType
from scale_agent.kube.storage.version import Obj, Version
from scale_agent.kube.users import ANONYMOUS, AUTHENTICATED, User

_LOG = logging.getLogger(__name__)
_BEARER = "bearer"
#: Where the server notes on which day a token of a secret was last used, and as whom it does.
LAST_USED = "kubernetes.io/legacy-token-last-used"
_MANAGER = "kube-apiserver"
_DAY_S = 86400


class Gate:
    """Access to one cluster. Without ``rbac`` everybody whom somebody vouched for may do everything."""

    __slots__ = ("_core", "_rbac", "enforces", "tokens")

    def __init__(self, core: Core, *, rbac: bool = False) -> None:
        self._core = core
        self.enforces = rbac
        self._rbac: Rbac | None = None
        self.tokens = Tokens(core)

    @property
    def rbac(self) -> Rbac:
        """The roles and bindings; made when first asked for, which most clusters never are."""
        if self._rbac is None:
            self._rbac = Rbac(self._core.store)
        return self._rbac

    def admit(self, request: Request, now: float) -> User:
        """The user as whom the request goes on. Raises 400, 401, 403."""
        headers = request.headers
        credentials = headers.get("authorization")
        user = request.user if credentials is None else self._authenticated(credentials, now)
        try:
            asked = impersonation.wanted(headers) if impersonation.PREFIX in "\n".join(headers) else None
            if asked is not None:
                user = self._impersonated(user, asked, request)
            if self.enforces or AUTHENTICATED not in user.groups:
                self._authorize(user, attributes_of(request))
        except StatusError as refusal:
            refusal.sniffed = True
            raise
        return user

    def _impersonated(self, user: User, asked: User, request: Request) -> User:
        if user.authenticated and not self.enforces:
            found = impersonation.assumed(user, asked)
        else:
            found = impersonation.impersonated(user, asked, attributes_of(request), self.may)
        _LOG.debug("%s is impersonating %s", user.name, found.name)
        return found

    def may(self, user: User, asked: Attributes) -> bool:
        """Whether a user may do something here."""
        return (user.authenticated and not self.enforces) or self.rbac.decide(user, asked).allowed

    def decide(self, user: User, asked: Attributes) -> Decision:
        """The same with the reason."""
        found = self.rbac.decide(user, asked)
        open_to_all = user.authenticated and not self.enforces
        return Decision(True) if open_to_all and not found.allowed else found

    def guard_for(self, user: User, resource: ResourceType) -> writes.Guard | None:
        """Who refuses a user's writes of roles and bindings that give more than the user has (403, 404)."""
        if not self.enforces or resource.group != GROUP:
            return None

        def check(resource: ResourceType, obj: Obj, before: Version | None) -> None:
            old = before.object() if before is not None else None
            escalation.check(self.rbac, user, resource.key, obj, old)

        return check

    def _authorize(self, user: User, asked: Attributes) -> None:
        found = self.decide(user, asked)
        if not found.allowed:
            raise forbidden(user, asked, found.reason)

    def _authenticated(self, credentials: str, now: float) -> User:
        """Whose a bearer token is. Raises 401; other kinds of credentials are as none at all."""
        known = self.tokens.known(credentials, now)
        if known is not None:
            return known
        scheme, _, rest = credentials.strip().partition(" ")
        token = rest.partition(" ")[0]
        if scheme.lower() != _BEARER or not token:
            return ANONYMOUS
        try:
            user, fresh = self.tokens.user_of(token, now)
        except TokenError as error:
            raise status.unauthorized() from error
        if fresh is not None:
            self._note_use(credentials, fresh, now)
        return user

    def _note_use(self, credentials: str, bearer: Bearer, now: float) -> None:
        """Once a day a secret is labelled with the day of its token's use (recorded with Rancher 2.10)."""
        secret = bearer.secret
        today, tomorrow = (_day(now + days * _DAY_S) for days in (0, 1))
        if secret is None or secret.labels.get(LAST_USED) in (today, tomorrow):
            self.tokens.remember(credentials, bearer)
            return
        obj = secret.object()
        obj["metadata"].setdefault("labels", {})[LAST_USED] = today
        resource = self._core.builtin("", "v1", "secrets")
        writes.update(self._core, resource, secret, obj, writes.Actor(_MANAGER, now))


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")
