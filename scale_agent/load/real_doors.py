"""The doors to the real rooms: Rancher's REST API, its state feed, and simulated clusters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scale_agent.cluster.ports import Observer
from scale_agent.errors import InputError
from scale_agent.load.doors import Client, Feed, Simulated, Site
from scale_agent.load.meter import RestCall
from scale_agent.load.options import RunOptions
from scale_agent.load.standin_process import read_ready
from scale_agent.rancher import Credentials, RancherClient, RancherConnector, StateFeed, TlsPolicy

if TYPE_CHECKING:
    from scale_agent.cluster.profile import Profile


class RealSite:
    """One process's rooms, joined: everything that dials Rancher does it under one TLS policy."""

    client: Client
    feed: Feed

    def __init__(self, options: RunOptions, client: RancherClient, labels: Mapping[str, str], tls: TlsPolicy) -> None:
        from scale_agent.cluster.runtime import Runtime  # a master carries no clusters and is spared their room

        self.client = client
        self.feed = StateFeed(client, labels)
        self._connector = RancherConnector(options.host, tls)
        self._runtime = Runtime(seed=options.run_id)
        self.counts = self._runtime.counts
        self._profiles: dict[str, Profile] = {}

    def prepare(self, profile: str) -> None:
        """Compile a profile (a second of CPU) before a cluster's life waits for it; raises like :meth:`simulate`."""
        self._runtime.snapshot(self._profile(profile))

    def _profile(self, path: str) -> Profile:
        from scale_agent.cluster.profile import load

        if path not in self._profiles:
            self._profiles[path] = load(path)
        return self._profiles[path]

    def simulate(self, name: str, seed: str, profile: str, observer: Observer) -> Simulated:
        """A cluster that was not told anything yet. Raises :class:`~scale_agent.errors.ProfileError`."""
        from scale_agent.cluster.simulated import SimulatedCluster

        return SimulatedCluster(
            name=name,
            seed=seed,
            profile=self._profile(profile),
            connector=self._connector,
            observer=observer,
            runtime=self._runtime,
        )

    def start(self) -> None:
        """Log in, start the timer and the feed. Raises :class:`~scale_agent.errors.RancherError`."""
        self.client.login()
        self._runtime.start()
        self.feed.start()

    def stop(self) -> None:
        """Stop the feed and the timer, and give back the token if logging in made one. Idempotent."""
        self.feed.stop()
        self._runtime.stop()


class RealDoors:
    """What the ``locust`` command uses."""

    def describe_tls(self, options: RunOptions) -> str:
        """How Rancher's certificate is verified."""
        return tls_policy(options).describe(options.host)

    def check_profile(self, path: str) -> None:
        """Raises :class:`~scale_agent.errors.ProfileError`."""
        from scale_agent.cluster.profile import load

        load(path)

    def client(self, options: RunOptions, on_call: Callable[[RestCall], None] | None) -> RancherClient:
        """A client that has not logged in."""
        return RancherClient(options.host, credentials(options), tls_policy(options), on_call=on_call)

    def site(self, options: RunOptions, labels: Mapping[str, str], on_call: Callable[[RestCall], None]) -> Site:
        """Everything that a process with clusters needs."""
        return RealSite(options, self.client(options, on_call), labels, tls_policy(options))


def credentials(options: RunOptions) -> Credentials:
    """From the stand-in's ready file, the token file, or the environment. Raises :class:`InputError`."""
    if options.standin_file:
        ready = read_ready(options.standin_file)
        return Credentials(token=ready.token, user=ready.user, password=ready.password)
    if options.token_file:
        try:
            return Credentials(token=Path(options.token_file).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            kind = type(error).__name__
            raise InputError(
                f"the token file cannot be read: {kind}",
                where=options.token_file,
                cure="give a file with the token in it",
            ) from None
    return Credentials.from_environment(os.environ)


def tls_policy(options: RunOptions) -> TlsPolicy:
    """The stand-in's own authority, or what the environment says. Raises :class:`InputError`."""
    policy = TlsPolicy.from_environment(os.environ)
    if options.standin_file and not policy.insecure:
        return TlsPolicy(cacert=read_ready(options.standin_file).cacert)
    return policy
