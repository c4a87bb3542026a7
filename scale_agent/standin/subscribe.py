"""``/v1/subscribe``: events of management clusters over a websocket, as steve sends them.

A client sends ``{"resourceType": "management.cattle.io.cluster", "selector": "..."}``; it gets ``resource.start``,
then ``resource.create``, ``resource.change`` and ``resource.remove`` with the object in ``data``, ``resource.stop``
when it says ``"stop": true``, ``resource.error`` for what is not known, and ``ping`` every 30 seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from scale_agent.standin.clusters import Cluster, matches
from scale_agent.standin.rest import render
from scale_agent.standin.rest.clusters_v1 import MANAGEMENT, PROVISIONING
from scale_agent.standin.rest.service import Service

PING_S = 30.0
_RENDER = {MANAGEMENT: render.steve, PROVISIONING: render.provisioning}
_CHANGES = "resource.changes"
#: The object in events that are about no object (seen with 2.15.0).
_NOTHING: dict[str, Any] = {"type": "subscribe", "links": {}}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one subscribe message asked for."""

    resource_type: str
    namespace: str
    id: str
    selector: str
    mode: str

    @classmethod
    def of(cls, message: dict[str, Any]) -> Subscription:
        """From the client's message."""
        keys = ("resourceType", "namespace", "id", "selector", "mode")
        return cls(*(str(message.get(key) or "") for key in keys))

    def named(self, name: str, **more: Any) -> dict[str, Any]:
        """An event about this subscription, empty parts left out."""
        parts = {"namespace": self.namespace, "id": self.id, "selector": self.selector, "mode": self.mode}
        return {"name": name, "resourceType": self.resource_type} | {k: v for k, v in parts.items() if v} | more


class Subscriber:
    """One subscribed websocket: messages in by :meth:`receive`, events out through ``send``."""

    def __init__(self, service: Service, send: Callable[[bytes], None]) -> None:
        self._service = service
        self._send = send
        self._subscriptions: dict[Subscription, Callable[[], None]] = {}
        self.events = 0

    def receive(self, message: bytes | str) -> None:
        """One message of the client."""
        try:
            asked = orjson.loads(message)
        except orjson.JSONDecodeError as error:
            self._tell({"name": "resource.error", "data": {"error": str(error)}})
            return
        if not isinstance(asked, dict):
            asked = {}
        subscription = Subscription.of(asked)
        if asked.get("stop"):
            self._stop(subscription)
        elif subscription not in self._subscriptions:
            self._start(subscription)

    def ping(self) -> None:
        """Tell the client that we live."""
        self._tell({"name": "ping", "data": _NOTHING | {"version": f"v{self._service.settings.version}"}})

    def close(self) -> None:
        """The client is gone."""
        for cancel in self._subscriptions.values():
            cancel()
        self._subscriptions.clear()

    def _start(self, one: Subscription) -> None:
        if one.resource_type not in _RENDER:
            error = f"failed to find schema {one.resource_type}"
            self._tell(one.named("resource.error", data={"error": error}))
            self._tell(one.named("resource.stop", data=dict(_NOTHING)))
            return
        self._subscriptions[one] = self._service.registry.listen(
            lambda event, cluster: self._changed(one, event, cluster)
        )
        self._tell(one.named("resource.start", data=dict(_NOTHING)))

    def _stop(self, one: Subscription) -> None:
        cancel = self._subscriptions.pop(one, None)
        if cancel is not None:
            cancel()
            self._tell(one.named("resource.stop", data=dict(_NOTHING)))

    def _changed(self, one: Subscription, event: str, cluster: Cluster) -> None:
        if not matches(cluster.labels, one.selector) or one.id not in ("", cluster.id, render.workspace_id(cluster)):
            return
        if one.mode == _CHANGES:
            self._tell(one.named(_CHANGES, revision=str(cluster.revision)))
            return
        data = _RENDER[one.resource_type](self._service, cluster)
        self._tell(one.named(event, revision=str(cluster.revision), data=data))

    def _tell(self, event: dict[str, Any]) -> None:
        self.events += 1
        self._send(orjson.dumps(event))
