"""``python -m scale_agent api`` as a process: a kubeconfig comes out, its server answers, it ends cleanly."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROFILE = str(Path(__file__).parents[2] / "profiles" / "small.yaml")
DEADLINE_S = 30.0
COMMAND = [sys.executable, "-m", "scale_agent", "api", "--profile", PROFILE]


@contextlib.contextmanager
def serving(*options: str, end: int = signal.SIGTERM) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process that serves, and the first line it printed; ended by a signal, cleanly."""
    with subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield process, process.stdout.readline().decode()
        finally:
            process.send_signal(end)
            rest = process.stderr.read().decode()
            process.stdout.close()
            assert process.wait(DEADLINE_S) == 0
        assert "Traceback" not in rest


def refused(*options: str) -> str:
    """What a command that cannot serve says: one line, exit code 2."""
    ended = subprocess.run([*COMMAND, *options], capture_output=True, timeout=DEADLINE_S, check=False)
    assert (ended.returncode, ended.stdout) == (2, b"")
    lines = ended.stderr.decode().splitlines()
    assert len(lines) == 1
    return lines[0]


class Client:
    """Asks as a kubeconfig says."""

    def __init__(self, text: str) -> None:
        config = yaml.safe_load(text)
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        self.server: str = cluster["server"]
        self.token: str = config["users"][0]["user"]["token"]

    def get(self, path: str, body: bytes | None = None) -> Any:
        """JSON; with a body it is a POST."""
        request = urllib.request.Request(self.server + path, body, {"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, context=self._context, timeout=DEADLINE_S) as answer:
            return json.loads(answer.read())


def test_the_kubeconfig_leads_to_a_verified_server_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    with serving("--kubeconfig", str(path)) as (process, line):
        assert line == f"kubeconfig: {path}\n"
        assert path.stat().st_mode & 0o777 == 0o600
        client = Client(path.read_text())
        assert client.get("/version")["gitVersion"] == "v1.36.2"
        assert [one["metadata"]["name"] for one in client.get("/api/v1/nodes")["items"]] == ["node-1"]
        assert client.token not in Path(f"/proc/{process.pid}/cmdline").read_text()
        assert client.token not in Path(f"/proc/{process.pid}/environ").read_text()


def test_nobody_without_the_token_gets_in(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    with serving("--kubeconfig", str(path)):
        client = Client(path.read_text())
        myself = client.get("/api/v1/namespaces/default")
        assert myself["kind"] == "Namespace"
        for client.token, status in (("wrong", 401), ("", 403)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                client.get("/api/v1/namespaces/default")
            with refused.value:
                assert refused.value.code == status


def test_a_body_above_the_limit_is_refused_in_kubernetes_words(tmp_path: Path) -> None:
    """Its end is never read: the answer is the connection's, recorded from a real 1.36.2."""
    path = tmp_path / "kubeconfig"
    with serving("--kubeconfig", str(path)):
        client = Client(path.read_text())
        with pytest.raises(urllib.error.HTTPError) as refused:
            client.get("/api/v1/namespaces/default/configmaps", b"x" * (3 << 20 | 1))
        with refused.value as answer:
            told = json.loads(answer.read())
    assert (answer.status, told["reason"], told["code"]) == (413, "RequestEntityTooLarge", 413)
    assert told["message"] == "Request entity too large: limit is 3145728"


def test_without_a_file_the_kubeconfig_is_printed_and_nothing_else() -> None:
    with serving() as (process, line):
        assert process.stdout is not None
        text = line
        while "token:" not in text:
            text += process.stdout.readline().decode()
        assert Client(text).get("/api/v1/namespaces/default")["metadata"]["name"] == "default"


def test_with_a_seed_every_start_is_the_same_cluster(tmp_path: Path) -> None:
    seen = []
    for number in range(2):
        path = tmp_path / str(number)
        with serving("--kubeconfig", str(path), "--seed", "s"):
            client = Client(path.read_text())
            seen.append((client.token, client.get("/api/v1/namespaces/default")["metadata"]["uid"]))
    assert seen[0] == seen[1]


def test_without_a_seed_nobody_can_know_the_token(tmp_path: Path) -> None:
    tokens = set()
    for number in range(2):
        path = tmp_path / str(number)
        with serving("--kubeconfig", str(path)):
            tokens.add(Client(path.read_text()).token)
    assert len(tokens) == 2


def test_what_is_due_happens_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    with serving("--kubeconfig", str(path)):
        client = Client(path.read_text())
        watch = "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=1&allowWatchBookmarks=true"
        request = urllib.request.Request(client.server + watch, headers={"Authorization": f"Bearer {client.token}"})
        with urllib.request.urlopen(request, context=client._context, timeout=DEADLINE_S) as answer:
            answer.read()  # comes to its end when the runtime's timer says so


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_a_watch_runs(tmp_path: Path, number: int) -> None:
    path = tmp_path / "kubeconfig"
    with contextlib.ExitStack() as stack, serving("--kubeconfig", str(path), end=number):
        client = Client(path.read_text())
        request = urllib.request.Request(
            client.server + "/api/v1/namespaces?watch=1", headers={"Authorization": f"Bearer {client.token}"}
        )
        answer = stack.enter_context(urllib.request.urlopen(request, context=client._context, timeout=DEADLINE_S))
        assert b"ADDED" in answer.readline()


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        expected = (
            f"error: cannot listen: Address already in use (127.0.0.1:{port}): choose another --port, or 0 for any"
        )
        assert refused("--port", str(port)) == expected


def test_a_kubeconfig_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "kubeconfig"
    expected = f"error: cannot write the kubeconfig: No such file or directory ({path}): choose another --kubeconfig"
    assert refused("--kubeconfig", str(path)) == expected


def test_a_kubeconfig_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\n")
    assert "will not replace" in refused("--kubeconfig", str(path))
    assert path.read_text() == "apiVersion: v1\n"


def test_an_output_that_takes_nothing_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE_S, check=False)
    assert ended.returncode == 2
    (line,) = ended.stderr.decode().splitlines()
    assert line.startswith("error: cannot write to standard output: No space left on device")


def test_a_bad_profile_is_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\nversion: v1.36.2\nnode: []\n")
    assert re.match(rf"error: .*{re.escape(str(bad))}:3", refused("--profile", str(bad)))
    assert "No such file" in refused("--profile", str(tmp_path / "none.yaml"))


def test_nothing_is_imported_that_serving_does_not_need() -> None:
    """It serves half a second after it was started: what is slow to import would double that."""
    code = "import sys, scale_agent.cli.main, scale_agent.cli.api; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=DEADLINE_S, check=True)
    loaded = set(done.stdout.decode().split())
    assert {"gevent", "scale_agent"} <= loaded
    assert not loaded & {"locust", "flask", "requests", "websocket", "geventwebsocket", "celpy", "lark", "pytest"}
