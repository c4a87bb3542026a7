"""Secrets are nowhere: not in logs, files, pages or command lines."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.integration.conftest import Locust, StandIn, wait_until


def command_lines() -> str:
    """What ``ps`` shows of every process."""
    shown = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            shown.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it ended meanwhile
    return "\n".join(shown)


def test_a_token_is_in_no_log_file_page_or_command_line(
    standin: StandIn, locust: Callable[..., Locust], tmp_path: Path
) -> None:
    port = 21_000 + os.getpid() % 20_000
    options = ("--autostart", "--web-host", "127.0.0.1", "--web-port", str(port), "-u", "2", "-r", "2", "-t", "30s")
    run = locust(standin.environment, "--loglevel", "DEBUG", "--csv", str(tmp_path / "csv" / "x"), *options)
    out = run.out / "records.jsonl"
    wait_until(lambda: out.exists() and out.read_text().count('"name":"active"') >= 2, "two clusters are active")
    secret = standin.ready["token"].split(":")[1]
    assert len(secret) > 20
    pages = "".join(
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10).read().decode()
        for path in ("/", "/stats/requests", "/stats/failures/csv", "/exceptions", "/logs", "/stats/report")
    )
    seen = command_lines()
    assert "locust" in seen
    run.process.terminate()
    assert run.wait() == 0, run.said
    texts = {"pages": pages, "command lines": seen, "log": run.said}
    for path in (*run.out.iterdir(), *(tmp_path / "csv").iterdir()):
        texts[path.name] = path.read_text(encoding="utf-8", errors="replace")
    assert {"records.jsonl", "clusters.csv", "x_stats.csv"} <= texts.keys()
    assert [where for where, text in texts.items() if secret in text] == []
    assert standin.names() == set()
