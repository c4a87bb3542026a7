"""A stand-in Rancher as a child process: started on a free port, ended with us, whatever ends us.

Its address, authority and credentials come from the ready file that it writes, readable by this user only; no secret
is in a command line.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from scale_agent.errors import InputError

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True, slots=True)
class Ready:
    """What a stand-in says when it is ready."""

    url: str
    cacert: str
    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)


def read_ready(path: str) -> Ready:
    """Read a ready file. Raises :class:`InputError`."""
    try:
        raw: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        known = {key: str(raw[key]) for key in ("url", "cacert", "token", "user", "password") if raw.get(key)}
        return Ready(**known)
    except (OSError, ValueError, TypeError) as error:
        kind = type(error).__name__
        raise InputError(
            f"the stand-in's ready file cannot be used: {kind}", where=path, cure="start it again"
        ) from None


class StandinProcess:
    """Starts when made, and is ready when :meth:`wait_ready` returns."""

    def __init__(self, arguments: tuple[str, ...] = ()) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="scale-agent-standin-")
        self.ready_file = os.path.join(self._directory.name, "ready.json")
        self.ready: Ready | None = None
        self.log_file = os.path.join(self._directory.name, "standin.log")
        command = [
            sys.executable,
            "-m",
            "scale_agent",
            "standin",
            "--port",
            "0",
            "--ready-file",
            self.ready_file,
            "--directory",
            self._directory.name,
            *arguments,
        ]
        with open(self.log_file, "wb") as log:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - one call of the C library, and no threads yet
                start_new_session=True,
            )
        atexit.register(self.stop)

    def wait_ready(
        self,
        timeout_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Ready:
        """Block until it serves. Raises :class:`InputError` with the last line that it wrote if it does not."""
        deadline_s = clock() + timeout_s
        while not os.path.exists(self.ready_file):
            if self._child.poll() is not None or clock() > deadline_s:
                said = self._last_line()
                self.stop()
                raise InputError(
                    f"the stand-in did not start: {said}", where="--standin", cure="try python -m scale_agent standin"
                )
            sleep(0.05)
        self.ready = read_ready(self.ready_file)
        return self.ready

    def report(self) -> dict[str, Any]:
        """What the stand-in has seen and found wrong; :class:`OSError` or ``ValueError`` if it does not say."""
        if self.ready is None:
            raise ValueError("the stand-in was never ready")
        with requests.Session() as session:
            session.trust_env = False  # a proxy or another bundle of authorities must not come between us
            answer = session.get(f"{self.ready.url}/standin/report", verify=self.ready.cacert, timeout=20)
            found: dict[str, Any] = answer.json()
            return found

    def stop(self) -> None:
        """End it and forget its files; idempotent."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._directory.cleanup()
        atexit.unregister(self.stop)

    def _last_line(self) -> str:
        lines = Path(self.log_file).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"exit code {self._child.poll()}"


def _die_with_parent() -> None:
    """In the child: get SIGTERM when the parent dies, even by SIGKILL (Linux; elsewhere the exit handler must do)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
