"""One simulated cluster's API by itself, without an agent or a Rancher: a door on loopback, and the way in."""

from __future__ import annotations

import secrets

from scale_agent.cluster import kubeconfig
from scale_agent.cluster.alarm import Alarm
from scale_agent.cluster.doors import ApiDoor
from scale_agent.cluster.identity import ClusterIdentity
from scale_agent.cluster.listener import Listener
from scale_agent.cluster.profile import Profile
from scale_agent.cluster.runtime import Runtime
from scale_agent.kube.server import ApiServer
from scale_agent.kube.users import MASTERS, User


class Standalone:
    """A served cluster. Listens once it is made, answers from :meth:`start` until :meth:`stop`.

    ``seed`` makes its ids, its authority and its token; an empty one is drawn, so that nobody can guess the token.
    ``port`` 0 takes any free port; :class:`~scale_agent.errors.InputError` when it cannot be listened on.
    """

    def __init__(self, profile: Profile, *, port: int, seed: str = "") -> None:
        seed = seed or secrets.token_hex(16)
        self._profile = profile
        self._runtime = Runtime(seed=seed)
        self._ca_pem = self._runtime.authority(seed, profile.host).ca_pem
        identity = ClusterIdentity(seed, self._ca_pem)
        self._token = identity.admin_token
        self.api = ApiServer(self._runtime.snapshot(profile), identity, rbac=profile.rbac)
        self.api.gate.tokens.register(self._token, User("kubernetes-admin", (MASTERS,)))
        self._alarm = Alarm(self.api, self._runtime)
        context = self._runtime.server_context(seed, profile.host)
        door = ApiDoor(self.api, "", context, self._runtime.clock, self._runtime.http_date)
        self._listener = Listener(door, port)

    @property
    def url(self) -> str:
        """``https://127.0.0.1:port``."""
        return f"https://{self._listener.address}"

    @property
    def kubeconfig(self) -> str:
        """The administrator's, YAML. Holds the token."""
        return kubeconfig.text(self._profile.name, self.url, self._ca_pem, self._token)

    def start(self) -> None:
        """Begin to answer, and let happen what is due."""
        self._runtime.start()
        self._alarm.start()
        self._listener.start()

    def stop(self) -> None:
        """End at once. Idempotent."""
        self._listener.stop()
        self._alarm.stop()
        self._runtime.stop()
