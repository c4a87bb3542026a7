"""A process of the run: its output, what it takes, and that it ends when we do."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: ``prctl``: the kernel's signal to a process whose parent died, however it died.
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(slots=True)
class Child:
    """One process of the run and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(
        cls, name: str, command: Sequence[str], out: Path, cwd: Path, environment: Mapping[str, str] | None = None
    ) -> Child:
        """Start it; its output goes to ``NAME.log`` in ``out``."""
        log = out / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=cwd,
                env=environment and dict(environment),
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - nobody here has threads
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def cpu_s(self) -> float:
        """CPU time so far, in steps of a clock tick; 0 for a process that is gone."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def resident_bytes(self) -> int:
        """Resident memory; 0 for a process that is gone."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0

    def last_lines(self, count: int = 8) -> str:
        """The end of what it said."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "\n".join(lines[-count:])

    def ask_to_end(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal if it lives."""
        if self.alive:
            self.process.send_signal(number)

    def stop(self, wait_s: float) -> int:
        """End it, by force when it takes longer; its exit code."""
        self.ask_to_end()
        try:
            return self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
