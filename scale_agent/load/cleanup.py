"""The last phase of a run: no cluster begins any more, Rancher deletes them, then their agents end.

In that order, because Rancher cleans up through the tunnels: an agent that left early costs it minutes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

import gevent
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner

from scale_agent.errors import RancherError
from scale_agent.load import messages, names
from scale_agent.load.doors import Client
from scale_agent.load.labels import RunIdentity
from scale_agent.load.meter import Meter
from scale_agent.load.options import RunOptions
from scale_agent.load.process import Process
from scale_agent.load.sinks import Store
from scale_agent.removal import Outcome, Removal

logger = logging.getLogger(__name__)

#: How long workers get to end their creations, and to ship their last records.
_WORKERS_S = 30.0


class Workers:
    """The master's questions to its workers, and who has answered; a local run has none."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._answers: dict[str, set[str]] = {}

    def note(self, worker: str, answer: str) -> None:
        """A worker has answered."""
        self._answers.setdefault(answer, set()).add(worker)

    def ask(self, question: str, answer: str, timeout_s: float = _WORKERS_S) -> int:
        """Tell every worker, and wait until each that is alive has answered; how many have not."""
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return 0
        self._answers[answer] = set()
        runner.send_message(question, None)
        until_s = time.monotonic() + timeout_s
        while (
            awaited := {node.id for node in runner.clients.all if node.state != STATE_MISSING} - self._answers[answer]
        ):
            if time.monotonic() > until_s:
                return len(awaited)
            gevent.sleep(0.05)
        return 0


class Cleanup:
    """One per run; :meth:`run` once. ``outcome`` and ``problems`` say how it went, also when it was cut short."""

    def __init__(
        self, options: RunOptions, client: Client, store: Store, meter: Meter, process: Process | None, workers: Workers
    ) -> None:
        self._options = options
        self._client = client
        self._store = store
        self._meter = meter
        self._process = process
        self._workers = workers
        self._removal: Removal | None = None
        self.problems: list[str] = []
        self.costs: Mapping[str, object] | None = None
        self.swept = 0

    @property
    def outcome(self) -> Outcome | None:
        """What the removal did so far; ``None`` if the clusters are kept."""
        return self._removal.outcome if self._removal is not None else None

    def run(self) -> None:
        """Everything, in order. Raises nothing that Rancher causes."""
        self._ask(messages.CLOSE, messages.CLOSED)
        if not self._options.keep_clusters:
            self._remove()
        if self._process is not None:
            self.costs = self._process.feed_costs()
            self._process.end()
        self._ask(messages.RELEASE, messages.RELEASED)
        self._log_out()

    def cancel(self) -> None:
        """Leave as soon as possible."""
        if self._process is not None:
            self.costs = self._process.feed_costs()
        if self._removal is not None:
            self._removal.cancel()

    def _ask(self, question: str, answer: str) -> None:
        if silent := self._workers.ask(question, answer):
            self.problems.append(f"{silent} workers did not answer ({question})")

    def _remove(self) -> None:
        logger.info("Deleting the clusters of run %s", self._options.run_id)
        self._removal = Removal(
            self._client,
            RunIdentity(self._options.run_id, self._options.name_prefix).run_labels,
            concurrency=self._options.delete_concurrency,
            on_deleting=lambda name: self._mark(name, "deleting"),
            on_gone=self._gone,
            sleep=self._flushing_sleep,
        )
        outcome = self._removal.run()
        if not outcome.clean:
            why = outcome.error or next(iter(outcome.refused.values()), "not gone in time")
            left = f"{len(outcome.left)} clusters are left in Rancher ({why})"
            self.problems.append(f"{left}; to remove them: {sweep_command(self._options)}")

    def _flushing_sleep(self, seconds: float) -> None:
        self._store.flush()
        gevent.sleep(seconds)

    def _gone(self, name: str) -> None:
        self._mark(name, "deleted")
        if self._process is not None and (life := self._process.lives.get(name)):
            life.end()

    def _mark(self, name: str, phase: str) -> None:
        """A phase that the clean-up sees; a cluster that an earlier start of the run left has no row of its own."""
        row = self._store.ledger.rows.get(name)
        if row is None:
            self.swept += phase == "deleted"
        elif phase not in row.phases:
            ms = (time.time() - row.started_s) * 1000
            self._meter.request(names.PHASE, phase, ms)
            self._meter.record("phase", phase, name, ms)

    def _log_out(self) -> None:
        try:
            self._client.logout()
        except RancherError as error:
            self.problems.append(f"the token that logging in made could not be deleted ({error.reason})")
        self._client.close()


def sweep_command(options: RunOptions) -> str:
    """What removes the rest of a run."""
    return f"python -m scale_agent sweep --run-id {options.run_id}"
