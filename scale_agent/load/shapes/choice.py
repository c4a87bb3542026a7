"""Whether a run has a shape, and which; Locust is told before each test, because the web UI's form can change it."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from typing import Any

from locust.env import Environment

from scale_agent.errors import InputError
from scale_agent.load.ledger import Ledger
from scale_agent.load.shapes.planned import Calm, PlannedShape
from scale_agent.load.shapes.settings import read_shape

_CHATTY = logging.getLogger("locust.runners")


class Choice:
    """One per environment. ``shape`` is that of the run that goes on or was last, ``None`` if it has none of ours.

    ``begun`` says whether the run that was started is open; see :class:`PlannedShape` for the others.
    """

    def __init__(
        self,
        environment: Environment,
        ledger: Callable[[], Ledger],
        begun: Callable[[], bool],
        record: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._environment = environment
        self._locustfiles = environment.shape_class
        self._ledger = ledger
        self._begun = begun
        self._record = record
        self._calm = Calm()
        self.shape: PlannedShape | None = None

    @property
    def searches(self) -> bool:
        """Clusters that fail are what the run looks for."""
        return self.shape is not None and self.shape.searches

    def make(self, parsed: argparse.Namespace) -> PlannedShape | None:
        """The shape that the options ask for. Raises :class:`InputError`."""
        options = read_shape(vars(parsed))
        if options is None:
            return None
        web_ui = self._environment.web_ui
        if self._locustfiles is not None:
            raise InputError("the locustfile has a shape of its own", where="--shape", cure="use one of the two")
        if web_ui is not None and web_ui.userclass_picker_is_active:
            raise InputError("Locust's class picker chooses shapes itself", where="--shape", cure="leave it out")
        return PlannedShape(options, self._ledger, self._begun, self._record, self._run_time_s)

    def use(self, shape: PlannedShape | None) -> None:
        """From the next test on Locust asks ``shape``, or the locustfile's own, or none."""
        self.shape, environment = shape, self._environment
        environment.shape_class = shape or self._locustfiles
        if environment.shape_class is not None:
            environment.shape_class.runner = environment.runner
        _CHATTY.removeFilter(self._calm)
        if shape is not None:
            _CHATTY.addFilter(self._calm)

    def _run_time_s(self) -> float | None:
        """``--run-time``: Locust does not look at it while a shape goes on."""
        parsed = self._environment.parsed_options
        run_time = parsed.run_time if parsed is not None else None
        return float(run_time) if isinstance(run_time, int | float) and run_time > 0 else None
