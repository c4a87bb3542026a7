"""Status lines and heads."""

from __future__ import annotations

import pytest

from scale_agent.tunnel.http_answers import has_body, head, status_line


@pytest.mark.parametrize(
    ("status", "minor", "line"),
    [
        (200, 1, "HTTP/1.1 200 OK\r\n"),
        (404, 0, "HTTP/1.0 404 Not Found\r\n"),
        (413, 1, "HTTP/1.1 413 Request Entity Too Large\r\n"),
        (422, 1, "HTTP/1.1 422 Unprocessable Entity\r\n"),
        (429, 1, "HTTP/1.1 429 Too Many Requests\r\n"),
        (799, 1, "HTTP/1.1 799 status code 799\r\n"),
    ],
)
def test_status_line(status: int, minor: int, line: str) -> None:
    assert status_line(status, minor) == line


def test_line_ends_in_values_cannot_make_headers() -> None:
    assert (
        head("S\r\n", iter([("A", "b\r\nEvil: 1"), ("C", "\u00e9")]), "")
        == "S\r\nA: b  Evil: 1\r\nC: \u00e9\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [(200, "GET", True), (200, "HEAD", False), (204, "GET", False), (304, "GET", False)],
)
def test_has_body(status: int, method: str, expected: bool) -> None:
    assert has_body(status, method) is expected
