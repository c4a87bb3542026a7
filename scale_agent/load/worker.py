"""A worker's side of a run: carries clusters, ships records, and stays until the master says that Rancher let go."""

from __future__ import annotations

import logging
import time
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import WorkerRunner

from scale_agent.errors import ScaleAgentError
from scale_agent.load import messages, sinks
from scale_agent.load.doors import Doors
from scale_agent.load.labels import RunIdentity
from scale_agent.load.meter import Meter
from scale_agent.load.options import read_options
from scale_agent.load.process import Process, open_site
from scale_agent.load.sinks import Shipper

logger = logging.getLogger(__name__)

_TICK_S = 0.5
#: A worker that is asked to quit while the master is not cleaning up waits that long for it to begin.
_GRACE_S = 5.0
#: A creation that is under way may take that long after the run was closed.
_CREATIONS_S = 20.0
#: A master that was not heard for that long is gone.
_MASTER_S = 20.0


class Worker:
    """One per environment of a Locust worker."""

    def __init__(self, environment: Environment, doors: Doors) -> None:
        self._environment = environment
        self._doors = doors
        self._released = Event()
        self._cleaning = Event()
        self.process: Process | None = None
        self.spawned = False

    @property
    def _runner(self) -> WorkerRunner:
        runner = self._environment.runner
        assert isinstance(runner, WorkerRunner)
        return runner

    def begin(self) -> None:
        """The test starts: options have arrived from the master."""
        self._released.clear()
        self._cleaning.clear()
        self.spawned = False
        parsed = self._environment.parsed_options
        assert parsed is not None
        try:
            options = read_options(parsed, self._environment.host)
            identity = RunIdentity(options.run_id, options.name_prefix, self._runner.worker_index)
            shipper = Shipper(options.run_id, lambda data: self._runner.send_message(sinks.MESSAGE, data))
            meter = Meter(self._environment.events.request, shipper)
            site = self._doors.site(options, identity.labels, meter.rest)
            open_site(site, options, self._environment.user_classes)
            self.process = Process(options, identity, site, meter, shipper)
        except ScaleAgentError as error:
            self._runner.send_message(messages.REFUSED, {"line": str(error)})
            return
        gevent.spawn(self._tick_for, self.process)

    def _tick_for(self, process: Process) -> None:
        while self.process is process and not self._released.is_set():
            self._flush(process)
            process.tidy(spawned=self.spawned)
            gevent.sleep(_TICK_S)

    def _flush(self, process: Process, *, everything: bool = False) -> None:
        try:
            process.flush(everything=everything)
        except RPCError as error:
            process.complain("master", f"records wait: the master cannot be reached ({type(error).__name__})")

    def close(self) -> None:
        """The master begins to clean up: answer when nothing is being created any more."""
        self._cleaning.set()
        if self.process is not None:
            self.process.close()
            until_s = time.monotonic() + _CREATIONS_S
            while self.process.creating and time.monotonic() < until_s:
                gevent.sleep(0.05)
            self._flush(self.process, everything=True)
        self._runner.send_message(messages.CLOSED, None)

    def release(self) -> None:
        """Rancher has forgotten the clusters: end them, ship the rest."""
        process, self.process = self.process, None
        if process is not None:
            process.end()
        self._released.set()
        self._runner.send_message(messages.RELEASED, None)

    def note_stopping(self) -> None:
        """Users are about to be stopped."""
        if self.process is not None:
            self.process.close()

    def report(self, data: dict[str, Any]) -> None:
        """Put what waiting costs into the report to the master."""
        if self.process is not None:
            data[messages.FEED_COSTS] = self.process.feed_costs()

    def quitting(self) -> None:
        """Stay until released, while the master lives: Rancher cleans up through our tunnels.

        A process group gets its interrupt together, so the workers' own ends come before the master's clean-up.
        """
        if self.process is None:
            return
        try:
            if self._cleaning.wait(_GRACE_S):
                while not self._released.wait(1.0) and self._master_lives():
                    pass
        except KeyboardInterrupt:
            logger.warning("interrupted again: this worker's clusters lose their agents")
        if self.process is not None:
            self.process.end()

    def _master_lives(self) -> bool:
        heard_s = self._runner.last_heartbeat_timestamp
        return heard_s is None or time.time() - heard_s < _MASTER_S
