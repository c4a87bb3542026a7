"""One simulated downstream cluster: its API server, its agent, and the few things its owner may ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gevent.event import Event as Signal

from scale_agent.cluster import deployment, manifest, writes
from scale_agent.cluster.alarm import Alarm
from scale_agent.cluster.crew import Crew
from scale_agent.cluster.doors import ApiDoor
from scale_agent.cluster.identity import ClusterIdentity
from scale_agent.cluster.life import Life
from scale_agent.cluster.ports import Connector, Observer
from scale_agent.cluster.profile import Profile
from scale_agent.cluster.runtime import Runtime
from scale_agent.cluster.steps import CleanupSeen, DeploymentSeen
from scale_agent.errors import InputError
from scale_agent.kube.errors import StatusError
from scale_agent.kube.local import LocalClient
from scale_agent.kube.server import ApiServer
from scale_agent.kube.storage.version import Version

_JOBS = "/apis/batch/v1/namespaces/default/jobs"
_NAMESPACES = "/api/v1/namespaces"


class SimulatedCluster:
    """A cluster that contains what ``profile`` says and is who ``seed`` says.

    It is silent until :meth:`apply_manifest`; then its agent lives by itself until :meth:`stop`. ``api`` and ``client``
    are the doors to its contents.
    """

    __slots__ = (
        "_alarm",
        "_cancels",
        "_context_seed",
        "_crew",
        "_ended",
        "_forgotten",
        "_generation",
        "_observer",
        "_profile",
        "_runtime",
        "_signal",
        "_stopped",
        "api",
        "client",
        "name",
    )

    def __init__(
        self,
        *,
        name: str,
        seed: str,
        profile: Profile,
        connector: Connector,
        observer: Observer,
        runtime: Runtime,
    ) -> None:
        self.name = name
        self._profile = profile
        self._runtime = runtime
        self._observer = observer
        self._context_seed = seed if profile.own_authority else runtime.seed
        ca_pem = runtime.authority(self._context_seed, profile.host).ca_pem
        identity = ClusterIdentity(seed, ca_pem)
        self.api = ApiServer(runtime.snapshot(profile), identity, rbac=profile.rbac)
        self.client = LocalClient(self.api, runtime.clock)
        self._alarm = Alarm(self.api, runtime)
        self._crew = Crew(
            life=Life(profile.timings, identity.number),
            client=self.client,
            api_door=self._door(),
            connector=connector,
            observer=observer,
            runtime=runtime,
            address=profile.address,
            ca_pem=ca_pem,
            replicas=profile.replicas,
            draw=identity.number,
            on_end=self._on_end,
        )
        self._cancels: list[Callable[[], None]] = []
        self._generation = -1
        self._signal: Signal | None = None
        self._ended = self._forgotten = self._stopped = False

    def apply_manifest(self, text: str, *, rejoin: bool = False) -> None:
        """Apply Rancher's import manifest as kubectl would; the agent's life begins.

        ``rejoin``: Rancher imported this cluster before, and it was lost with its process. Rancher then believes that
        it has given the agent its features, and never does again (seen with 2.15.0): the Deployment gets them here.
        Raises :class:`~scale_agent.errors.InputError` when the manifest lacks something an agent needs.
        """
        objects = manifest.parse(text)
        if rejoin:
            deployment.give_features(next(obj for obj in objects if obj["kind"] == "Deployment"))
        if not self._cancels:
            self._watch()
        for obj in objects:
            self._apply(obj)
        self._observer.phase("applied")
        self._alarm.ring()

    def _apply(self, obj: dict[str, Any]) -> None:
        try:
            self.client.apply(obj)
        except (StatusError, LookupError, KeyError) as error:
            what = (
                f"the cluster refused {obj.get('kind')} {obj['metadata'].get('name')} of the import manifest: {error}"
            )
            raise InputError(what, where=manifest.WHERE, cure="import into a newer Rancher, or report it") from None

    def stop(self) -> None:
        """End everything at once: websockets are cut, nothing is due any more. Never blocks, idempotent."""
        self._stopped = True
        self._alarm.stop()
        for cancel in self._cancels:
            cancel()
        self._cancels.clear()
        self._crew.stop()
        if self._profile.own_authority:
            self._runtime.forget_context(self._context_seed, self._profile.host)
        if self._signal is not None:
            self._signal.set()

    def wait_ended(self, timeout_s: float | None) -> bool:
        """Wait until the agent removed itself or Rancher forgot the cluster; False on time-out and on ``stop``."""
        if not self.ended and not self._stopped:
            if self._signal is None:
                self._signal = Signal()
            self._signal.clear()
            self._signal.wait(timeout_s)
        return self.ended

    @property
    def ended(self) -> bool:
        """True when the agent removed itself, or Rancher answered that it knows no such cluster.

        A Rancher that has just started may say the latter wrongly: it is no longer true once a tunnel is open again.
        """
        return self._ended or (self._forgotten and not self.tunnels.get("main"))

    @property
    def tunnels(self) -> dict[str, int]:
        """Open tunnels by name (``main``, ``stv``), for gauges."""
        counts: dict[str, int] = {}
        for tunnel in self._crew.tunnels:
            counts[tunnel.name] = counts.get(tunnel.name, 0) + 1
        return counts

    @property
    def connections(self) -> int:
        """Tunnelled connections that are open now."""
        return sum(tunnel.connections for tunnel in self._crew.tunnels)

    def _door(self) -> ApiDoor:
        context = self._runtime.server_context(self._context_seed, self._profile.host)
        return ApiDoor(self.api, self._profile.address, context, self._runtime.clock, self._runtime.http_date)

    def _watch(self) -> None:
        self._alarm.start()
        seen = (
            (deployment.PATH, self._on_deployment),
            (_JOBS, self._on_job),
            (_NAMESPACES, self._on_namespace),
        )
        self._cancels = [self.client.observe(path, callback) for path, callback in seen]

    # -- what the cluster's own objects tell the agent ----------------------------------------------------------------

    def _on_deployment(self, kind: str, version: Version) -> None:
        generation = -1 if kind == "DELETED" else deployment.generation(version.json)
        if generation == self._generation:  # as with every status that a rollout's controllers write
            return
        self._generation = generation
        found = None if kind == "DELETED" else deployment.read(version.object())
        template, replicas = found or (None, 0)
        self._crew.post(DeploymentSeen(template=template, replicas=replicas))

    def _on_job(self, kind: str, version: Version) -> None:
        if kind == "ADDED" and version.name.startswith("cattle-cleanup-"):
            self._crew.post(CleanupSeen())

    def _on_namespace(self, kind: str, version: Version) -> None:
        if kind == "DELETED" or not self.tunnels.get("stv"):
            return
        obj = version.object()
        if not obj["metadata"].get("deletionTimestamp"):
            self._runtime.spawn(self._follow, obj)

    def _follow(self, namespace: dict[str, Any]) -> None:
        try:
            writes.follow_namespace(self.client, namespace)
        except StatusError as error:
            self._observer.error("write", f"the agent's own write was refused: {error.code} {error.reason}")

    def _on_end(self, forgotten: bool) -> None:
        if forgotten:
            self._forgotten = True
        else:
            self._ended = True
        if self._signal is not None:
            self._signal.set()
