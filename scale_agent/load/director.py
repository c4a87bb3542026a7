"""The one who runs the run: Locust's local runner or its master. Opens the files, waits, cleans up, judges.

Clean-up is a phase of its own. It starts when the test stops, and Locust's runner may quit (and tell its workers to)
only after it, so the agents stay connected while Rancher deletes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_INIT, STATE_MISSING, MasterRunner
from rich.console import Console

from scale_agent.errors import ScaleAgentError
from scale_agent.load.cleanup import Cleanup, Workers, sweep_command
from scale_agent.load.doors import Client, Doors
from scale_agent.load.files import RunFiles, places
from scale_agent.load.labels import RunIdentity
from scale_agent.load.ledger import Ledger
from scale_agent.load.meter import Meter
from scale_agent.load.options import RunOptions, read_options, settle_run_id
from scale_agent.load.preflight import Inspection, inspect
from scale_agent.load.process import Process, open_site
from scale_agent.load.shapes.choice import Choice
from scale_agent.load.sinks import Store
from scale_agent.load.tables import Verdict, print_end, removal_line

logger = logging.getLogger(__name__)

_TICK_S = 0.25
#: How long Locust may take to stop users before clean-up begins without waiting for it.
_STOP_S = 90.0


class Director:
    """One per environment; one run after the other. ``process`` carries clusters in local runs."""

    def __init__(self, environment: Environment, doors: Doors, console: Console) -> None:
        self._environment = environment
        self._doors = doors
        self._console = console
        self._prepared: tuple[RunOptions, Inspection] | None = None
        self._job: gevent.Greenlet[[], None] | None = None
        self._printed = True
        self._choice = Choice(
            environment, lambda: self.store.ledger, lambda: self._cleanup is not None, self._record_shape
        )
        self.workers = Workers(environment)
        self._quit = self._guard_quit()
        #: Called when users have stopped and clusters still stand; its lines are printed at the end.
        self.before_cleanup: Callable[[RunOptions], list[str]] = lambda options: []
        self._reset()

    def _reset(self) -> None:
        self.options: RunOptions | None = None
        self.store = Store(Ledger(), None)
        self.process: Process | None = None
        self.verdict: Verdict | None = None
        self.costs: dict[str, Any] = {}
        self.problems: list[str] = []
        self.spawned = False
        self.stopping = False
        self._stopped = Event()
        self._meter: Meter | None = None
        self._cleanup: Cleanup | None = None
        self._job = None
        self._expected = 0
        self._notes: list[str] = []

    # -- before the run ------------------------------------------------------------------------------------------

    def prepare(self, parsed: argparse.Namespace | None = None, host: str | None = None) -> Inspection:
        """Settle the run's id, check options and server. Raises :class:`ScaleAgentError`."""
        own = self._environment.parsed_options
        if own is None:
            raise RuntimeError("the plugin needs Locust's parsed options")
        parsed = parsed or own
        settle_run_id(parsed, dt.datetime.now(dt.UTC))
        options = read_options(parsed, host or self._environment.host)
        shape = self._choice.make(parsed)
        inspection = inspect(options, self._doors, self._environment.user_classes)
        vars(own).update({key: value for key, value in vars(parsed).items() if key.startswith("scale_")})
        self._prepared = (options, inspection)
        self._choice.use(shape)
        return inspection

    def _record_shape(self, name: str, detail: dict[str, Any]) -> None:
        if self._meter is not None:
            self._meter.record("run", name, detail=detail)

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
        self._printed = False
        self._environment.process_exit_code = None
        try:
            if self._prepared is None:
                self.prepare()
            prepared, self._prepared = self._prepared, None
            if prepared is not None:
                self._open(*prepared)
        except ScaleAgentError as error:
            self.refuse(str(error))

    def _open(self, options: RunOptions, inspection: Inspection) -> None:
        ledger = Ledger()
        self.options = options
        self.store = Store(ledger, RunFiles(places(options.out, options.csv_prefix), ledger))
        self._meter = meter = Meter(self._environment.events.request, self.store)
        start = {
            "run_id": options.run_id,
            "host": options.host,
            "rancher": inspection.version,
            "profile": options.profile,
        }
        meter.record("run", "start", detail=start)
        logger.info(inspection.banner)
        client = self._open_client(options, meter)
        self._cleanup = Cleanup(options, client, self.store, meter, self.process, self.workers)
        gevent.spawn(self._watch, options, meter)

    def _open_client(self, options: RunOptions, meter: Meter) -> Client:
        """The client that cleans up; a local run shares it with its users."""
        if isinstance(self._environment.runner, MasterRunner):
            client = self._doors.client(options, meter.rest)
            client.login()
            return client
        identity = RunIdentity(options.run_id, options.name_prefix)
        site = self._doors.site(options, identity.labels, meter.rest)
        open_site(site, options, self._environment.user_classes)
        self.process = Process(options, identity, site, meter, self.store)
        return site.client

    def refuse(self, line: str) -> None:
        """The run cannot go on: say why, and end it."""
        logger.error(line)
        self.problems.append(line)
        gevent.spawn(self._end_run)

    def _end_run(self) -> None:
        if self._headless:
            self._quit()
        elif self._environment.runner is not None:
            self._environment.runner.stop()

    @property
    def _headless(self) -> bool:
        options = self._environment.parsed_options
        return options is not None and bool(options.headless)

    def _guard_quit(self) -> Callable[[], None]:
        """Let the runner quit only after clean-up, whoever asks: ``-t``, a shape, an exception, a signal, the UI."""
        runner = self._environment.runner
        if runner is None:
            return lambda: None
        original = runner.quit

        def quit_after_cleanup() -> None:
            self.quitting()
            original()

        runner.quit = quit_after_cleanup  # type: ignore[method-assign]
        return quit_after_cleanup

    def _watch(self, options: RunOptions, meter: Meter) -> None:
        """Write what was measured; end the run when every cluster is settled and was held long enough."""
        held_until_s: float | None = None
        while not self.stopping:
            self._tick()
            holds = options.hold_s >= 0 and self._choice.shape is None  # a shape holds, and ends, by itself
            if held_until_s is None and holds and self._all_settled():
                meter.record("run", "settled", detail={"active": self.store.ledger.active()})
                held_until_s = time.monotonic() + options.hold_s
            if held_until_s is not None and time.monotonic() >= held_until_s:
                gevent.spawn(self._end_run)
                return
            gevent.sleep(_TICK_S)

    def _tick(self) -> None:
        runner = self._environment.runner
        self._expected = max(self._expected, runner.target_user_count if runner is not None else 0)
        if isinstance(runner, MasterRunner):
            self._note_lost_workers(runner)
            self.store.flush()
        elif self.process is not None:
            self.process.flush()
            self.process.tidy(spawned=self.spawned)

    def _all_settled(self) -> bool:
        runner, ledger = self._environment.runner, self.store.ledger
        if not self.spawned or runner is None or not len(ledger):
            return False
        if not isinstance(runner, MasterRunner):
            return ledger.settled >= runner.user_count
        live = frozenset(_label(runner, node.id) for node in runner.clients.all if node.state != STATE_MISSING)
        return ledger.settled_of(live) >= runner.user_count

    def _note_lost_workers(self, runner: MasterRunner) -> None:
        for node in runner.clients.missing:
            worker = _label(runner, node.id)
            lost = [row for row in self.store.ledger if row.worker == worker and not row.error]
            for row in lost:
                self.store.put(row.lost_with_worker(time.time()))
            if lost:
                self.problems.append(f"worker {worker} was lost with {len(lost)} clusters")

    # -- the end of the run --------------------------------------------------------------------------------------

    def note_stopping(self) -> None:
        """Users are about to be stopped: no new cluster begins."""
        self.stopping = True
        if self.process is not None:
            self.process.close()

    def finish(self) -> None:
        """The test stopped: begin to clean up, once."""
        self._stopped.set()
        if self._job is None and not self._printed:
            self._job = gevent.spawn(self._clean_up)

    def join(self) -> None:
        """Wait for clean-up; an impatient second interrupt ends it, and says what may be left."""
        if self._job is None:
            return
        try:
            self._job.join()
        except KeyboardInterrupt:
            if self._cleanup is not None and self.options is not None:
                self._cleanup.cancel()
                self.problems.append(f"clean-up was interrupted; to remove the rest: {sweep_command(self.options)}")
            self._job.kill()
            self._judge()

    def _clean_up(self) -> None:
        try:
            if self._cleanup is not None and self.options is not None:
                self._notes = self.before_cleanup(self.options)
                self._cleanup.run()
        except Exception as error:
            logger.exception("clean-up failed")
            self.problems.append(f"clean-up failed: {type(error).__name__}")
        finally:
            self._judge()
            if self._headless:
                gevent.spawn(self._quit)

    def _judge(self) -> None:
        if self.verdict is not None:
            return
        ledger, store = self.store.ledger, self.store
        if self._cleanup is not None:
            self.problems += self._cleanup.problems
            self.process = None
        success = self._judge_shape()
        if not self._choice.searches:
            self._judge_clusters(ledger)
        if lost := store.dropped + store.garbled:
            self.problems.append(f"{lost} records were lost on their way from a worker")
        self.verdict = Verdict(tuple(dict.fromkeys(self.problems)), success)
        self._environment.process_exit_code = self.verdict.exit_code
        if self._meter is not None:
            end = {"active": ledger.active(), "clusters": len(ledger), "problems": list(self.verdict.problems)}
            self._meter.record("run", "end", detail=end | store.totals.as_detail())
        store.close()
        if store.unwritten:
            self.verdict = Verdict((*self.verdict.problems, store.unwritten))
            self._environment.process_exit_code = self.verdict.exit_code
        if self._environment.web_ui is not None:
            self.print_end()

    def _judge_clusters(self, ledger: Ledger) -> None:
        if stuck := sum(map(len, ledger.failures().values())):
            self.problems.append(f"{stuck} of {len(ledger)} clusters did not become active")
        if self._expected > len(ledger):
            self.problems.append(f"{self._expected - len(ledger)} users never began a cluster")

    def _judge_shape(self) -> str:
        """Say what a shape has to say; the line of its success if it has one of its own."""
        shape = self._choice.shape
        if shape is None or self._cleanup is None:
            return ""
        self._notes += shape.conclude()
        self.problems += shape.problems
        return shape.found.line if shape.searches else ""

    def print_end(self) -> None:
        """Tables and verdict, once per run."""
        if self._printed or self.verdict is None:
            return
        self._printed = True
        costs, outcome, swept = dict(self.costs), None, 0
        if self._cleanup is not None:
            outcome, swept = self._cleanup.outcome, self._cleanup.swept
            costs |= {"local": self._cleanup.costs} if self._cleanup.costs else {}
        removal = removal_line(outcome, len(self.store.ledger), swept)
        store, lines = self.store, [removal, *self._notes]
        print_end(self._console, store.ledger, store.totals, self.verdict, costs.values(), lines)

    def quitting(self) -> None:
        """Locust ends: stop the test if it runs, and wait for clean-up."""
        runner = self._environment.runner
        if runner is not None and not self._printed:
            self._stop(runner)
        self.join()

    def _stop(self, runner: Any) -> None:
        try:
            if self.stopping:
                self._stopped.wait(_STOP_S)
            elif isinstance(runner, MasterRunner):
                runner.stop(send_stop_to_client=False)
            elif runner.state != STATE_INIT:
                runner.stop()
        except KeyboardInterrupt:
            logger.warning("interrupted again: going straight to clean-up")
        self.finish()


def _label(runner: Any, client_id: str) -> str:
    return f"w{runner.get_worker_index(client_id)}"
