"""Service-account token secrets: filled when they appear, deleted with their account.

Recorded: the answer to the POST has no token, the GET milliseconds later has.
"""

from __future__ import annotations

import base64

from scale_agent.kube import writes
from scale_agent.kube.controllers.common import actor, remove
from scale_agent.kube.core import Core
from scale_agent.kube.storage.history import EventType
from scale_agent.kube.storage.store import Change

TYPE = "kubernetes.io/service-account-token"
NAME = "kubernetes.io/service-account.name"
UID = "kubernetes.io/service-account.uid"
_NEEDLE = TYPE.encode()


def fill(core: Core, change: Change, now: float) -> None:
    """Give a token secret its token, ca.crt, namespace, and its account's uid; without an account it is deleted."""
    if change.event.type is EventType.DELETED or _NEEDLE not in change.event.after.json:
        return
    resource = core.builtin("", "v1", "secrets")
    version = core.store.get(resource.key, change.event.after.namespace, change.event.after.name)
    if version is None:
        return
    secret = version.object()
    meta = secret["metadata"]
    if secret.get("type") != TYPE or meta.get("deletionTimestamp"):
        return
    annotations = meta.get("annotations") or {}
    account = core.store.get(("", "serviceaccounts"), version.namespace, annotations.get(NAME, ""))
    if account is None:
        remove(core, resource, secret, now)
        return
    uid = account.uid
    if (secret.get("data") or {}).get("token") and annotations.get(UID) == uid:
        return
    token = core.identity.token(version.namespace, account.name, uid, version.name)
    filled = {"ca.crt": core.identity.ca_pem, "namespace": version.namespace.encode(), "token": token.encode()}
    encoded = {name: base64.b64encode(value).decode() for name, value in filled.items()}
    secret["data"] = {**(secret.get("data") or {}), **encoded}
    meta["annotations"] = {**annotations, UID: uid}
    writes.update(core, resource, version, secret, actor(now))


def revoke(core: Core, change: Change, now: float) -> None:
    """A deleted service account takes its token secrets along."""
    if change.event.type is not EventType.DELETED:
        return
    account = change.event.after
    uid = account.uid.encode()
    resource = core.builtin("", "v1", "secrets")
    for version in core.store.list(resource.key, account.namespace):
        if _NEEDLE in version.json and uid in version.json:
            remove(core, resource, core.seen(version), now)
