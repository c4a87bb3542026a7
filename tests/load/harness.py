"""Locust in the test's own process: an environment with fresh events, its options parsed as on the command line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments
from locust.env import Environment
from locust.event import Events
from rich.console import Console

from scale_agent.load import RancherClusterUser, register
from scale_agent.load import user as user_module
from scale_agent.load.options import add_arguments
from scale_agent.load.run import Run
from scale_agent.records import Reader, Record
from tests.load.fakes import FakeDoors, FakeRancher, FakeSimulated

DEADLINE_S = 15.0


class Cluster(RancherClusterUser):
    """The users of these tests."""


def parse(*arguments: str) -> Any:
    parser = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(parser)  # type: ignore[no-untyped-call]
    add_arguments(parser)
    return parser.parse_args(list(arguments))


def fresh_events() -> Any:
    return Events()  # type: ignore[no-untyped-call]


def wait_for(what: Callable[[], object], deadline_s: float = DEADLINE_S) -> None:
    """Let greenlets run until ``what()`` is true; fails after the deadline."""
    with gevent.Timeout(deadline_s, AssertionError(f"not within {deadline_s} s")):
        while not what():
            gevent.sleep(0.005)


class Harness:
    """A local run. ``options`` adds to the command line."""

    def __init__(self, rancher: FakeRancher, tmp_path: Path) -> None:
        self.rancher = rancher
        self.out = tmp_path / "out"
        self.said = io.StringIO()
        self.environment: Environment
        self.run: Run
        FakeSimulated.running.clear()
        user_module.BURST_S = 0.01
        self.configure()

    def configure(self, *options: str, web: bool = False) -> None:
        arguments = ("--headless", "--host", "https://rancher.example", "--run-id", "r1", "--out", str(self.out))
        parsed = parse(*arguments, *options)
        self.environment = Environment(
            events=fresh_events(),
            user_classes=[Cluster],
            host=parsed.host,
            parsed_options=parsed,
            catch_exceptions=False,
        )
        self.environment.create_local_runner()
        if web:
            parsed.headless = False
            self.environment.create_web_ui("127.0.0.1", 0, delayed_start=True)
        console = Console(file=self.said, width=200, force_terminal=False)
        self.run = register(self.environment, FakeDoors(self.rancher), console)

    @property
    def director(self) -> Any:
        return self.run.director

    @property
    def ledger(self) -> Any:
        return self.director.store.ledger

    def start(self, users: int, rate: float = 100) -> None:
        assert self.environment.runner is not None
        self.environment.runner.start(users, rate)

    def quit(self) -> int | None:
        """What Locust does at the end of a headless run; the exit code."""
        events: Any = self.environment.events
        assert self.environment.runner is not None
        self.environment.runner.quit()
        events.quitting.fire(environment=self.environment, reverse=True)
        events.quit.fire(exit_code=0)
        return self.environment.process_exit_code

    def wait_active(self, number: int) -> None:
        wait_for(lambda: self.ledger.active() == number)

    def rows(self) -> list[dict[str, str]]:
        with (self.out / "clusters.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def records(self) -> list[Record]:
        return list(Reader(self.out / "records.jsonl"))

    def failures(self) -> dict[tuple[str, str], int]:
        return {(e.method, e.name): e.occurrences for e in self.environment.stats.errors.values()}

    def requests(self, kind: str, name: str) -> int:
        return int(self.environment.stats.get(name, kind).num_requests)

    def close(self) -> None:
        if self.environment.runner is not None:
            self.environment.runner.quit()
            self.director.join()
