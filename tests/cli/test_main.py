"""The command group: help without loading commands, one line for errors."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scale_agent.cli.main import COMMANDS, group, main

DEADLINE_S = 30.0


def test_help_names_every_command() -> None:
    given = CliRunner().invoke(group, ["--help"])
    assert given.exit_code == 0
    assert all(name in given.output for name in COMMANDS)


def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scale_agent.errors import InputError

    def refuse(**arguments: object) -> None:
        raise InputError("no such thing", where="here", cure="do this")

    monkeypatch.setattr(group, "main", refuse)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: no such thing (here): do this\n"


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A stand-in in a process of its own, ready to serve; stopped by SIGTERM."""
    file, pipe = tmp_path / "ready.json", tmp_path / "out"
    command = [sys.executable, "-m", "scale_agent", "standin", "--ready-file", str(file), "--directory", str(tmp_path)]
    with pipe.open("wb") as out, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline().decode() for _ in range(4)]  # it prints when it serves, the file is there
        try:
            yield {**json.loads(file.read_text()), "printed": printed, "process": process}
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.close()
            assert process.wait(DEADLINE_S) == 0
    assert pipe.read_text() == ""


def get(ready: dict[str, Any], path: str, token: str = "") -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=ready["cacert"])
    request = urllib.request.Request(ready["url"] + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=context, timeout=DEADLINE_S) as answer:
        return answer.status, answer.read()


def test_the_process_serves_verified_https(ready: dict[str, Any]) -> None:
    assert get(ready, "/ping") == (200, b"pong")
    assert json.loads(get(ready, "/v3/clusters", ready["token"])[1])["data"] == []
    assert ready["url"] in ready["printed"][0]
    assert f"RANCHER_CACERT={ready['cacert']}" in ready["printed"][2]
    assert ready["token"] not in "".join(ready["printed"])
    assert "not Rancher" in json.loads(get(ready, "/standin/report")[1])["what"]
    settings = json.loads(get(ready, "/v3/settings/cacerts")[1])
    assert settings["value"] == Path(ready["cacert"]).read_text().rstrip("\n")


def test_only_its_owner_reads_the_ready_file(ready: dict[str, Any], tmp_path: Path) -> None:
    assert os.stat(tmp_path / "ready.json").st_mode & 0o077 == 0


def test_a_port_that_is_taken_is_one_line(ready: dict[str, Any]) -> None:
    port = ready["url"].rsplit(":", 1)[1]
    command = [sys.executable, "-m", "scale_agent", "standin", "--port", port]
    ended = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
    assert ended.returncode == 2
    assert ended.stderr.decode().splitlines() == [
        f"error: cannot listen: Address already in use (127.0.0.1:{port}): choose another --port, or 0 for any"
    ]


def test_a_ready_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "ready.json"
    command = [sys.executable, "-m", "scale_agent", "standin", "--ready-file", str(file)]
    ended = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)
    assert ended.returncode == 2
    expected = f"error: cannot write: No such file or directory ({file}): choose another place"
    assert ended.stderr.decode().splitlines() == [expected]
