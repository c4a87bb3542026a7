"""Locust comes before anything else: importing it patches the process for gevent."""

from collections.abc import Iterator
from pathlib import Path

import locust  # noqa: F401 # isort: split
import pytest

from tests.load.fakes import FakeRancher
from tests.load.harness import Harness


@pytest.fixture
def rancher() -> FakeRancher:
    return FakeRancher()


@pytest.fixture
def harness(rancher: FakeRancher, tmp_path: Path) -> Iterator[Harness]:
    """A local Locust run against a fake Rancher."""
    made = Harness(rancher, tmp_path)
    yield made
    made.close()
