"""Joins the room to Locust: which of our objects hears which of Locust's events, in which kind of process.

Listeners live in :func:`register`, so that tests, and people who use Locust as a library with events of their own,
can attach the plugin to any environment; importing :mod:`scale_agent.load` attaches it to the command line's.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from flask import Response, jsonify, request
from locust.env import Environment
from locust.event import Events
from locust.runners import MasterRunner, WorkerRunner
from rich.console import Console

from scale_agent.errors import InputError, ScaleAgentError
from scale_agent.load import messages, sinks
from scale_agent.load.director import Director
from scale_agent.load.dispatcher import fix_topology, raise_open_files_limit
from scale_agent.load.doors import Doors
from scale_agent.load.options import STANDIN_FILE, RunOptions, add_arguments
from scale_agent.load.order import stop_the_least_first
from scale_agent.load.preflight import with_form
from scale_agent.load.process import Process
from scale_agent.load.standin_process import StandinProcess
from scale_agent.load.tables import wide_console
from scale_agent.load.worker import Worker

logger = logging.getLogger(__name__)

#: How long the workers that ``--processes`` forked may take to say that they are there.
_WORKERS_S = 10.0

_runs: weakref.WeakKeyDictionary[Environment, Run] = weakref.WeakKeyDictionary()


class Run:
    """The plugin in one environment: a :class:`Director` (local, master) or a :class:`Worker`."""

    def __init__(self, environment: Environment, doors: Doors, console: Console | None = None) -> None:
        self.worker: Worker | None = None
        self.director: Director | None = None
        if isinstance(environment.runner, WorkerRunner):
            self.worker = Worker(environment, doors)
        else:
            self.director = Director(environment, doors, console or wide_console())

    @property
    def process(self) -> Process | None:
        """What the users of this process share; ``None`` before a test, after it, and on a master."""
        side = self.worker or self.director
        return side.process if side is not None else None


def run_of(environment: Environment) -> Run:
    """The plugin of this environment. ``KeyError`` when :func:`register` was not called for it."""
    return _runs[environment]


def register(environment: Environment, doors: Doors, console: Console | None = None) -> Run:
    """Attach the plugin to an environment that has its runner already."""
    run = _runs[environment] = Run(environment, doors, console)
    fix_topology(environment)
    if environment.runner is not None and not isinstance(environment.runner, MasterRunner):
        stop_the_least_first(environment.runner)
    if run.worker is not None:
        _listen_as_worker(environment, run.worker)
    elif run.director is not None:
        _listen_as_director(environment, run.director)
    return run


def _listen_as_worker(environment: Environment, worker: Worker) -> None:
    events, runner = environment.events, environment.runner
    assert isinstance(runner, WorkerRunner)

    def on_spawning_complete(**_: Any) -> None:
        worker.spawned = True

    _hear(events.test_start, lambda **_: worker.begin())
    _hear(events.spawning_complete, on_spawning_complete)
    _hear(events.test_stopping, lambda **_: worker.note_stopping())
    _hear(events.report_to_master, lambda data, **_: worker.report(data))
    _hear(events.quitting, lambda **_: worker.quitting())
    runner.register_message(messages.CLOSE, lambda **_: worker.close(), concurrent=True)
    runner.register_message(messages.RELEASE, lambda **_: worker.release(), concurrent=True)


def _listen_as_director(environment: Environment, director: Director) -> None:
    events = environment.events

    def on_spawning_complete(**_: Any) -> None:
        director.spawned = True

    _hear(events.test_start, lambda **_: director.begin())
    _hear(events.spawning_complete, on_spawning_complete)
    _hear(events.test_stopping, lambda **_: director.note_stopping())
    _hear(events.test_stop, lambda **_: director.finish())
    _hear(events.quitting, lambda **_: director.quitting())
    _hear(events.quit, lambda **_: director.print_end())
    if isinstance(environment.runner, MasterRunner):
        _listen_to_workers(environment, environment.runner, director)
    if environment.web_ui is not None:
        _guard_start_form(environment, director)


def _listen_to_workers(environment: Environment, runner: MasterRunner, director: Director) -> None:
    def on_records(msg: Any, **_: Any) -> None:
        if director.options is not None and msg.data["run"] == director.options.run_id:
            director.store.take(msg.node_id, msg.data["lines"], msg.data["dropped"])

    def on_report(client_id: str, data: dict[str, Any], **_: Any) -> None:
        if messages.FEED_COSTS in data:
            director.costs[client_id] = data[messages.FEED_COSTS]

    for answer in (messages.CLOSED, messages.RELEASED):
        runner.register_message(answer, lambda msg, **_: director.workers.note(msg.node_id, msg.type))
    runner.register_message(messages.REFUSED, lambda msg, **_: director.refuse(f"a worker refused: {msg.data['line']}"))
    runner.register_message(sinks.MESSAGE, on_records)
    _hear(environment.events.worker_report, on_report)


def _guard_start_form(environment: Environment, director: Director) -> None:
    """Look before the web UI starts a test: a mistake is shown in the form, and two runs never overlap."""
    app = environment.web_ui.app if environment.web_ui is not None else None
    if app is None:
        return

    def check() -> Response | None:
        if not (request.endpoint or "").endswith("swarm") or request.method != "POST":
            return None
        try:
            if director.busy:
                raise InputError(
                    "the clusters of the last test are still being deleted", cure="wait until they are gone"
                )
            if director.running or environment.parsed_options is None:
                return None
            parsed = with_form(environment.parsed_options, request.form)
            director.prepare(parsed, request.form.get("host"))
        except ScaleAgentError as error:
            return jsonify({"success": False, "message": str(error), "host": environment.host})
        return None

    app.before_request(check)


def on_init(environment: Environment, doors: Doors) -> None:
    """What the command line's ``init`` event does: attach, start a stand-in if asked, look before a headless run."""
    raise_open_files_limit()
    _interrupt_the_main_greenlet()
    run = register(environment, doors)
    options = environment.parsed_options
    if run.director is None or options is None:
        return
    try:
        if options.standin:
            _start_standin(environment, options, run.director)
        if options.headless or options.autostart:
            run.director.prepare()
    except ScaleAgentError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up, and this is for a person
        _dismiss_workers(environment.runner, options.processes or 0)
        sys.exit(2 if isinstance(error, InputError) else 1)


def _dismiss_workers(runner: Any, forked: int) -> None:
    """Send home the workers that ``--processes`` made: without a word they would wait for their master for minutes."""
    if not isinstance(runner, MasterRunner):
        return
    until_s = time.monotonic() + _WORKERS_S
    while len(runner.clients) < forked and time.monotonic() < until_s:
        gevent.sleep(0.05)
    runner.quit()


def _interrupt_the_main_greenlet() -> None:
    """Python raises KeyboardInterrupt wherever it happens to be: when busy, in the middle of some cluster's work.

    Locust's main greenlet is the one that waits for it.
    """
    main = gevent.get_hub().parent
    assert main is not None, "the hub's parent is the main greenlet"
    gevent.signal_handler(signal.SIGINT, lambda: gevent.kill(main, KeyboardInterrupt()))


def _start_standin(environment: Environment, options: Any, director: Director) -> None:
    standin = StandinProcess()
    ready = standin.wait_ready()
    environment.host = options.host = ready.url
    setattr(options, STANDIN_FILE, standin.ready_file)
    _hear(environment.events.quit, lambda **_: standin.stop())
    director.before_cleanup = lambda run: _note_report(standin, run)
    logger.info("A stand-in Rancher serves at %s: it is not Rancher, see its limits", ready.url)


def _hear(hook: Any, listener: Callable[..., None]) -> None:
    hook.add_listener(listener)


def _note_report(standin: StandinProcess, options: RunOptions) -> list[str]:
    """Keep the stand-in's report beside the run's files; lines for the terminal: what it is not, what it rejects."""
    try:
        report = standin.report()
        Path(options.out, "standin.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        return [f"The stand-in's report could not be kept: {type(error).__name__}"]
    lines = [f"Against a stand-in: {limit}" for limit in report["limits"][:2]]
    for entry in report["clusters"]:
        lines += [f"The stand-in rejects {entry['name']}: {problem}" for problem in entry["problems"][:1]]
    return lines[:6]


def attach_to_command_line(events: Events, doors: Doors) -> None:
    """Let Locust's own start-up find us: options and ``init``."""
    _hear(events.init_command_line_parser, lambda parser, **_: add_arguments(parser))
    _hear(events.init, lambda environment, **_: on_init(environment, doors))


__all__ = ["Run", "attach_to_command_line", "register", "run_of"]
