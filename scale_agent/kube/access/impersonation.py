"""Acting as somebody else: the ``Impersonate-*`` headers, and who may use them.

Rules: apiserver's WithConstrainedImpersonation (1.36): five modes are tried in their order, the last is the only
one of older servers; the refusal is the first mode's that applies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

import orjson

from scale_agent.kube import status
from scale_agent.kube.access.attributes import Attributes, forbidden
from scale_agent.kube.errors import StatusError
from scale_agent.kube.users import (
    ANONYMOUS,
    AUTHENTICATED,
    MASTERS,
    NODE_NAME,
    NODES,
    UNAUTHENTICATED,
    User,
    account_groups,
    account_of,
    node_of,
)

#: How the names of all these headers begin.
PREFIX = "impersonate-"
_EXTRA = "impersonate-extra-"
#: Several headers of one name are one, joined by this; no header's value can hold it.
JOINT = "\n"
_AUTHENTICATION = "authentication.k8s.io"
#: From so many groups or extra values on, a right to all of them is looked for first.
_MANY = 4

#: Whether somebody may do something.
May = Callable[[User, Attributes], bool]


def wanted(headers: Mapping[str, str]) -> User | None:
    """Whom the headers name, as they name it; ``None`` if nobody. Raises 400 if they name no user."""
    if PREFIX not in "\n".join(headers):
        return None
    groups = headers.get("impersonate-group")
    extra: dict[str, tuple[str, ...]] = {}
    for name, value in headers.items():
        if name.startswith(_EXTRA):
            extra[unquote(name.removeprefix(_EXTRA))] = tuple(value.split(JOINT))
    asked = User(
        headers.get("impersonate-user", ""),
        tuple(groups.split(JOINT)) if groups is not None else (),
        headers.get("impersonate-uid", ""),
        extra,
    )
    if asked.name:
        return asked
    if not (asked.groups or asked.uid or extra):
        return None
    raise status.bad_request(f"requested {_go_text(asked)} without impersonating a user name")


def impersonated(who: User, asked: User, request: Attributes, may: May) -> User:
    """The user to go on with. Raises 403."""
    refused: StatusError | None = None
    for mode in _MODES:
        if mode.applies(who, asked):
            try:
                return mode.user(who, asked, request, may)
            except StatusError as error:
                refused = refused or error
    raise refused or status.bad_request("all impersonation modes failed")


def assumed(who: User, asked: User) -> User:
    """The same for somebody who may do everything."""
    mode = next(mode for mode in _MODES if mode.applies(who, asked))
    return _completed(mode.grouped(asked))


@dataclass(frozen=True, slots=True)
class _Mode:
    """A way to impersonate. ``name`` is empty for the way of older servers."""

    name: str
    applies: Callable[[User, User], bool]

    def user(self, who: User, asked: User, request: Attributes, may: May) -> User:
        if self.name:
            _check(who, replace(request, verb=f"impersonate-on:{self.name}:{request.verb}"), may)
        found = self._named(who, asked, may)
        verb = self.verb
        if asked.uid:
            _check(who, Attributes(verb, _AUTHENTICATION, "uids", name=asked.uid), may)
        self._check_groups(who, asked.groups, may)
        self._check_extra(who, asked.extra, may)
        return _completed(found)

    @property
    def verb(self) -> str:
        return f"impersonate:{self.name}" if self.name else "impersonate"

    @property
    def group(self) -> str:
        """The API group of users and groups."""
        return _AUTHENTICATION if self.name else ""

    def _named(self, who: User, asked: User, may: May) -> User:
        about = Attributes(self.verb, self.group, "users", name=asked.name)
        account, node = account_of(asked.name), node_of(asked.name)
        if self.name and node:
            about = replace(about, resource="nodes", name="*" if self.name == "associated-node" else node)
        if account:
            about = replace(about, resource="serviceaccounts", namespace=account[0], name=account[1])
        _check(who, about, may)
        return self.grouped(asked)

    def grouped(self, asked: User) -> User:
        """With the groups that follow from the name."""
        if self.name and node_of(asked.name):
            return replace(asked, groups=(NODES,))
        account = account_of(asked.name)
        return replace(asked, groups=account_groups(account[0])) if account and not asked.groups else asked

    def _check_groups(self, who: User, groups: tuple[str, ...], may: May) -> None:
        about = Attributes(self.verb, self.group, "groups")
        if self.name and "" in groups:
            raise forbidden(who, about, "impersonating the empty string group is not allowed")
        if self.name and MASTERS in groups:
            why = "impersonating the system:masters group is not allowed"
            raise forbidden(who, replace(about, name=MASTERS), why)
        if self.name and len(groups) >= _MANY and may(who, replace(about, name="*")):
            return
        for group in groups:
            _check(who, replace(about, name=group), may)

    def _check_extra(self, who: User, extra: Mapping[str, tuple[str, ...]], may: May) -> None:
        about = Attributes(self.verb, _AUTHENTICATION, "userextras")
        values = [(key, value) for key, listed in extra.items() for value in listed]
        if self.name and any(not value for _, value in values):
            raise forbidden(who, about, "impersonating the empty string value in extra is not allowed")
        if self.name and len(values) >= _MANY and may(who, replace(about, subresource="*", name="*")):
            return
        for key, value in values:
            _check(who, replace(about, subresource=key, name=value), may)


def _check(who: User, about: Attributes, may: May) -> None:
    if not may(who, about):
        raise forbidden(who, about)


def _completed(user: User) -> User:
    """With the group that tells whether somebody vouched for it."""
    if user.name == ANONYMOUS.name:
        missing = UNAUTHENTICATED
    else:
        missing = "" if UNAUTHENTICATED in user.groups else AUTHENTICATED
    return replace(user, groups=(*user.groups, missing)) if missing and missing not in user.groups else user


def _only_name(asked: User) -> bool:
    return not (asked.groups or asked.uid or asked.extra)


def _own_node(who: User, asked: User) -> bool:
    node = node_of(asked.name)
    return bool(node) and account_of(who.name) is not None and who.extra.get(NODE_NAME) == (node,)


_MODES = (
    _Mode("associated-node", lambda who, asked: _only_name(asked) and _own_node(who, asked)),
    _Mode("arbitrary-node", lambda who, asked: _only_name(asked) and bool(node_of(asked.name))),
    _Mode("serviceaccount", lambda who, asked: _only_name(asked) and account_of(asked.name) is not None),
    _Mode("user-info", lambda who, asked: not node_of(asked.name) and account_of(asked.name) is None),
    _Mode("", lambda who, asked: True),
)


def _go_text(user: User) -> str:
    """A user as Go's ``%#v`` writes it."""
    groups, extra = "(nil)", "(nil)"
    if user.groups:
        groups = _listed(user.groups)
    if user.extra:
        extra = ", ".join(f"{_text(key)}:[]string{_listed(values)}" for key, values in sorted(user.extra.items()))
        extra = "{" + extra + "}"
    name, uid = _text(user.name), _text(user.uid)
    return f"&user.DefaultInfo{{Name:{name}, UID:{uid}, Groups:[]string{groups}, Extra:map[string][]string{extra}}}"


def _listed(values: tuple[str, ...]) -> str:
    return "{" + ", ".join(_text(value) for value in values) + "}"


def _text(value: str) -> str:
    return orjson.dumps(value).decode()
