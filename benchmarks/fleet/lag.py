"""The generator's loop lag, from what its processes told of themselves each second."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.fleet.books import quantile_ms


def health(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The detail of each ``health`` record, with its ``at_s``."""
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if '"health"' in line and (record := json.loads(line))["kind"] == "health":
                    yield {"at_s": record["at_s"], **record["detail"]}


def lag_p99_ms(
    seconds: Iterable[Mapping[str, Any]],
    clusters: tuple[int, int],
    during: Sequence[tuple[float, float]],
) -> list[float]:
    """The 99th percentile per worker, milliseconds, of the seconds of a ramp with so many clusters in the process.

    ``during``: the times in which clusters were added, Unix seconds.
    """
    found: dict[str, Counter[int]] = {}
    for second in seconds:
        ramping = any(began <= second["at_s"] <= ended for began, ended in during)
        if ramping and clusters[0] <= second["clusters"] <= clusters[1]:
            counts = found.setdefault(str(second["worker"]), Counter())
            counts.update({int(bucket): count for bucket, count in second["lag"].items()})
    return [quantile_ms(counts, 0.99) for counts in found.values()]
