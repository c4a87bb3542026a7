"""The one who runs the run: Locust's local runner or its master. Opens the files, waits, cleans up, judges.

Clean-up is a phase of its own. It starts in ``test_stop`` and is waited for there (headless) or in ``quitting`` (web
UI, signals), so Locust tells workers to quit only after it: their agents stay connected while Rancher, which cleans up
through the tunnels, deletes their clusters.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_MISSING, MasterRunner
from rich.console import Console

from scale_agent.errors import ScaleAgentError
from scale_agent.load import messages, names
from scale_agent.load.doors import Client, Doors
from scale_agent.load.files import RunFiles, places
from scale_agent.load.labels import RunIdentity
from scale_agent.load.ledger import Ledger
from scale_agent.load.meter import Meter
from scale_agent.load.options import RunOptions, read_options, settle_run_id
from scale_agent.load.preflight import Inspection, inspect
from scale_agent.load.process import Process
from scale_agent.load.sinks import Store
from scale_agent.load.tables import Verdict, print_end, removal_line
from scale_agent.removal import Outcome, Removal

logger = logging.getLogger(__name__)

_TICK_S = 0.25
#: How long workers get to end their creations, and to ship their last records.
_WORKERS_S = 30.0


class Director:
    """One per environment; one run after the other. ``process`` carries clusters in local runs."""

    def __init__(self, environment: Environment, doors: Doors, console: Console) -> None:
        self._environment = environment
        self._doors = doors
        self._console = console
        self._prepared: tuple[RunOptions, Inspection] | None = None
        self._watcher: gevent.Greenlet | None = None
        self._job: gevent.Greenlet | None = None
        self._printed = True
        self._answers: dict[str, set[str]] = {}
        self.process: Process | None = None
        self.verdict: Verdict | None = None
        self._reset()

    def _reset(self) -> None:
        self.options: RunOptions | None = None
        self.client: Client | None = None
        self.meter: Meter | None = None
        self.store = Store(Ledger(), None)
        self.costs: dict[str, dict[str, object]] = {}
        self.problems: list[str] = []
        self.stopping = False
        self.stopped = Event()
        self.spawned = False
        self._expected = 0
        self._removal: Removal | None = None
        self._outcome: Outcome | None = None
        self._swept = 0

    # -- before the run ------------------------------------------------------------------------------------------

    def prepare(self, parsed: Any = None, host: str | None = None) -> Inspection:
        """Settle the run's id, check options and server. Raises :class:`ScaleAgentError`."""
        own = self._environment.parsed_options
        assert own is not None, "the plugin needs Locust's parsed options"
        parsed = parsed or own
        settle_run_id(parsed, dt.datetime.now(dt.UTC))
        options = read_options(parsed, host or self._environment.host)
        inspection = inspect(options, self._doors)
        vars(own).update({key: value for key, value in vars(parsed).items() if key.startswith("scale_")})
        self._prepared = (options, inspection)
        return inspection

    @property
    def running(self) -> bool:
        """A test has begun and was not stopped."""
        return not self._printed and not self.stopping

    @property
    def busy(self) -> bool:
        """Clean-up of the last run is under way."""
        return self._job is not None and not self._job.ready()

    # -- the run -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """The test starts: files, meter, and in local runs the process that carries the clusters."""
        self._reset()
        self._environment.process_exit_code = None
        self.verdict, self._job, self._printed = None, None, False
        try:
            self._open()
        except ScaleAgentError as error:
            self.refuse(str(error))

    def _open(self) -> None:
        if self._prepared is None:
            self.prepare()
        assert self._prepared is not None
        (self.options, inspection), self._prepared = self._prepared, None
        ledger = Ledger()
        self.store = Store(ledger, RunFiles(places(self.options.out, self.options.csv_prefix), ledger))
        self.identity = RunIdentity(self.options.run_id, self.options.name_prefix)
        self.meter = Meter(self._environment.events.request, self.store)
        self.meter.record("run", "start", run_id=self.options.run_id, host=self.options.host, rancher=inspection.version)
        logger.info(inspection.banner)
        if self._distributed:
            self.client = self._doors.client(self.options, self.meter.rest)
            self.client.login()
        else:
            site = self._doors.site(self.options, self.identity.labels, self.meter.rest)
            self.process = Process(self.options, self.identity, site, self.meter, self.store)
            self.client = site.client
            site.start()
        self._watcher = gevent.spawn(self._watch)

    @property
    def _distributed(self) -> bool:
        return isinstance(self._environment.runner, MasterRunner)

    def refuse(self, line: str) -> None:
        """The run cannot go on: say why, once, and end it."""
        logger.error(line)
        self.problems.append(line)
        gevent.spawn(self._end_run)

    def _end_run(self) -> None:
        runner, options = self._environment.runner, self._environment.parsed_options
        if runner is None:
            return
        if options is not None and options.headless:
            runner.quit()
        else:
            runner.stop()

    def _watch(self) -> None:
        """Write what was measured; end the run when every cluster is settled and was held long enough."""
        while not self.stopping:
            self._tick()
            if self.options is not None and self.options.hold_s >= 0 and self._all_settled():
                self.meter.record("run", "settled", active=self.store.ledger.active())
                self._hold(self.options.hold_s)
                if not self.stopping:
                    gevent.spawn(self._end_run)
                return
            gevent.sleep(_TICK_S)

    def _hold(self, hold_s: float) -> None:
        until_s = time.monotonic() + hold_s
        while not self.stopping and time.monotonic() < until_s:
            self._tick()
            gevent.sleep(min(_TICK_S, hold_s))

    def _tick(self) -> None:
        self._expected = max(self._expected, getattr(self._environment.runner, "target_user_count", 0))
        if self.process is not None:
            self.process.flush()
            self.process.freeze_when_settled(self.spawned)
        else:
            self._note_lost_workers()
            self.store.flush()

    def _all_settled(self) -> bool:
        runner = self._environment.runner
        if not self.spawned or runner is None:
            return False
        if not isinstance(runner, MasterRunner):
            return self.store.ledger.settled >= runner.user_count > 0
        live = frozenset(_label(runner, node.id) for node in runner.clients.all if node.state != STATE_MISSING)
        return bool(len(self.store.ledger)) and self.store.ledger.settled_of(live) >= runner.user_count

    def _note_lost_workers(self) -> None:
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return
        for node in runner.clients.missing:
            worker = _label(runner, node.id)
            lost = [row for row in self.store.ledger if row.worker == worker and not row.error]
            for row in lost:
                self.meter.record("life", "failed", row.name, error="worker-lost")
            if lost:
                self.problems.append(f"worker {worker} was lost with {len(lost)} clusters")

    # -- the end of the run --------------------------------------------------------------------------------------

    def note_stopping(self) -> None:
        """Users are about to be stopped: no new cluster begins."""
        self.stopping = True
        if self.process is not None:
            self.process.close()

    def finish(self, *, wait: bool) -> None:
        """The test stopped: begin to clean up, once."""
        self.stopped.set()
        if self._job is None and not self._printed:
            self._job = gevent.spawn(self._clean_up)
        if wait:
            self.join()

    def join(self) -> None:
        """Wait for clean-up; an impatient second interrupt ends it, and says what may be left."""
        if self._job is None:
            return
        try:
            self._job.join()
        except KeyboardInterrupt:
            run_id = self.options.run_id if self.options else "?"
            self.problems.append(f"clean-up was interrupted; this removes the rest: python -m scale_agent sweep --run-id {run_id}")
            if self._removal is not None:
                self._removal.cancel()
            self._job.kill()
            self._judge()

    def _clean_up(self) -> None:
        try:
            if self.options is not None and self.client is not None:
                self._ask_workers(messages.CLOSE, messages.CLOSED)
                if not self.options.keep_clusters:
                    self._remove(self.options, self.client)
            self._release()
        except Exception as error:  # noqa: BLE001 - whatever it was, the run must be judged and the files closed
            logger.exception("clean-up failed")
            self.problems.append(f"clean-up failed: {type(error).__name__}")
        finally:
            self._judge()

    def _remove(self, options: RunOptions, client: Client) -> None:
        logger.info("Deleting the clusters of run %s", options.run_id)
        self._removal = Removal(
            client,
            self.identity.run_labels,
            concurrency=options.delete_concurrency,
            on_deleting=lambda name: self._mark(name, "deleting"),
            on_gone=self._gone,
            sleep=self._flushing_sleep,
        )
        self._outcome = self._removal.run()
        if not self._outcome.clean:
            self.problems.append(
                f"{len(self._outcome.left)} clusters are left in Rancher ({self._outcome.error or 'not gone in time'}): "
                f"python -m scale_agent sweep --run-id {options.run_id}"
            )

    def _flushing_sleep(self, seconds: float) -> None:
        self.store.flush()
        gevent.sleep(seconds)

    def _gone(self, name: str) -> None:
        self._mark(name, "deleted")
        if self.process is not None and (life := self.process.lives.get(name)):
            life.end()

    def _mark(self, name: str, phase: str) -> None:
        """A phase that the clean-up sees; a cluster that an earlier start of the run left has no row of its own."""
        row = self.store.ledger.rows.get(name)
        if row is None:
            self._swept += phase == "deleted"
        elif phase not in row.phases:
            ms = (time.time() - row.started_s) * 1000
            self.meter.request(names.PHASE, phase, ms)
            self.meter.record("phase", phase, name, ms)

    def _release(self) -> None:
        if self.process is not None:
            self.costs["local"] = self.process.feed_costs()
            self.process.end()
            self.process = None
        self._ask_workers(messages.RELEASE, messages.RELEASED)

    def _ask_workers(self, question: str, answer: str) -> None:
        """Tell every worker, and wait until each that is alive has answered."""
        runner = self._environment.runner
        if not isinstance(runner, MasterRunner):
            return
        self._answers[answer] = set()
        runner.send_message(question, None)
        until_s = time.monotonic() + _WORKERS_S
        while time.monotonic() < until_s:
            awaited = {node.id for node in runner.clients.all if node.state != STATE_MISSING} - self._answers[answer]
            if not awaited:
                return
            gevent.sleep(0.05)
        self.problems.append(f"{len(awaited)} workers did not answer ({question})")

    def note_answer(self, worker: str, answer: str) -> None:
        """A worker has answered."""
        self._answers.setdefault(answer, set()).add(worker)

    def _judge(self) -> None:
        if self.verdict is not None:
            return
        ledger = self.store.ledger
        stuck = sum(map(len, ledger.failures().values()))
        if stuck:
            self.problems.append(f"{stuck} of {len(ledger)} clusters did not become active")
        if self._expected > len(ledger):
            self.problems.append(f"{self._expected - len(ledger)} users never began a cluster")
        if self.store.dropped or self.store.garbled:
            self.problems.append(f"{self.store.dropped + self.store.garbled} records were lost on their way from a worker")
        self.verdict = Verdict(tuple(dict.fromkeys(self.problems)))
        self._environment.process_exit_code = self.verdict.exit_code
        if self.meter is not None:
            self.meter.record("run", "end", problems=len(self.verdict.problems), active=ledger.active(), clusters=len(ledger))
        self.store.close()
        if self._environment.web_ui is not None:
            self.print_end()

    def print_end(self) -> None:
        """Tables and verdict, once per run."""
        if self._printed or self.verdict is None:
            return
        self._printed = True
        kept = len(self.store.ledger) if self.options and self.options.keep_clusters else 0
        line = removal_line(self._outcome, kept)
        if self._swept:
            line += f", {self._swept} of them from an earlier start of this run"
        print_end(self._console, self.store.ledger, self.verdict, self.costs.values(), line)

    def quitting(self) -> None:
        """Locust ends: stop the test if it runs, and wait for clean-up."""
        runner = self._environment.runner
        if runner is not None and not self._printed:
            self._stop(runner)
        self.join()

    def _stop(self, runner: Any) -> None:
        try:
            if self.stopping:
                self.stopped.wait(90)
            elif isinstance(runner, MasterRunner):
                runner.stop(send_stop_to_client=False)
            elif runner.state != STATE_INIT:
                runner.stop()
        except KeyboardInterrupt:
            logger.warning("interrupted again: going straight to clean-up")
        self.finish(wait=False)


def _label(runner: MasterRunner, client_id: str) -> str:
    return f"w{runner.get_worker_index(client_id)}"
