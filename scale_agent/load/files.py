"""The files of a run: ``records.jsonl``, appended and flushed, and ``clusters.csv``, replaced as a whole.

Whatever kills the process: ``records.jsonl`` loses at most the line that was being written, ``clusters.csv`` is always
a complete table, at most some seconds old. Records of an earlier start of the same run into the same directory stay.
"""

from __future__ import annotations

import contextlib
import csv
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from scale_agent.errors import InputError
from scale_agent.load.ledger import COLUMNS, Ledger

#: A table is rewritten no sooner than this many times the time that writing it took.
_CALM = 20
_SHORTEST_INTERVAL_S = 1.0


def places(out: str, csv_prefix: str | None) -> list[tuple[Path, Path]]:
    """Where the two files go: into ``out``, and beside Locust's own files when ``--csv`` was given."""
    found = [(Path(out) / "records.jsonl", Path(out) / "clusters.csv")]
    if csv_prefix:
        found.append((Path(f"{csv_prefix}_records.jsonl"), Path(f"{csv_prefix}_clusters.csv")))
    return found


class RunFiles:
    """Open files of one run. Raises :class:`InputError` when a directory cannot be written."""

    def __init__(
        self, locations: Iterable[tuple[Path, Path]], ledger: Ledger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._next_table_s = 0.0
        self._records: list[IO[str]] = []
        self._tables: list[Path] = []
        for records, table in locations:
            try:
                records.parent.mkdir(parents=True, exist_ok=True)
                self._records.append(_open_whole_lines(records))
            except OSError as error:
                raise InputError(
                    f"cannot write: {error.strerror}", where=str(records), cure="choose another --out"
                ) from None
            self._tables.append(table)

    def add(self, lines: list[str]) -> None:
        """Append record lines and hand them to the operating system."""
        for file in self._records:
            file.writelines(lines)
            file.flush()

    def refresh(self, *, force: bool = False) -> None:
        """Rewrite the table if something changed and the last time is long enough ago."""
        now_s = self._clock()
        if not force and (not self._ledger.dirty or now_s < self._next_table_s):
            return
        self._ledger.dirty = 0
        for path in self._tables:
            _replace(path, self._ledger)
        done_s = self._clock()
        self._next_table_s = done_s + max(_SHORTEST_INTERVAL_S, _CALM * (done_s - now_s))

    def close(self) -> None:
        """Write what is missing and close; idempotent."""
        if not self._records:
            return
        self.refresh(force=True)
        for file in self._records:
            file.close()
        self._records = []

    def abandon(self) -> None:
        """Let go of files that cannot be written."""
        for file in self._records:
            with contextlib.suppress(OSError):  # the same failure again, for what is still in the buffer
                file.close()
        self._records = []


def _open_whole_lines(path: Path) -> IO[str]:
    """Open for appending; a last line without an end (a crash) gets one, so that it spoils only itself."""
    file = path.open("a", encoding="utf-8")
    if file.tell() > 0:
        with path.open("rb") as end:
            end.seek(-1, os.SEEK_END)
            if end.read(1) != b"\n":
                file.write("\n")
    return file


def _replace(path: Path, ledger: Ledger) -> None:
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for row in sorted(ledger, key=lambda row: row.name):
            writer.writerow(row.cells())
    os.replace(temporary, path)
