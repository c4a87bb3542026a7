from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scale_agent.kube.controllers import cron


def _next(schedule: str, after: str, zone: str = "UTC") -> str:
    start = datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone)).timestamp()
    found = cron.parse(schedule).next_after(start, cron.zone(zone))
    return "never" if found is None else datetime.fromtimestamp(found, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-11-21T10:00:30", "2026-11-21 10:01"),
        ("*/15 * * * *", "2026-11-21T10:15:00", "2026-11-21 10:30"),
        ("5-10/2 3 * * *", "2026-11-21T10:00:00", "2026-11-22 03:05"),
        ("0 0 31 * *", "2026-11-21T10:00:00", "2026-12-31 00:00"),
        ("0 0 29 feb *", "2026-11-21T10:00:00", "2028-02-29 00:00"),
        ("0 12 * * mon-fri", "2026-11-21T10:00:00", "2026-11-23 12:00"),
        ("0 12 13 * 5", "2026-11-21T10:00:00", "2026-11-27 12:00"),  # the 13th, or a Friday
        ("0 12 13 * *", "2026-11-21T10:00:00", "2026-12-13 12:00"),
        ("0 12 ? 1,6 0", "2026-11-21T10:00:00", "2027-01-03 12:00"),
        ("10/20 * * * *", "2026-11-21T10:31:00", "2026-11-21 10:50"),
        ("0 0 30 2 *", "2026-11-21T10:00:00", "never"),
        ("@hourly", "2026-11-21T10:00:00", "2026-11-21 11:00"),
        ("@yearly", "2026-11-21T10:00:00", "2027-01-01 00:00"),
        ("@every 1h30m", "2026-11-21T10:00:00", "2026-11-21 11:30"),
    ],
)
def test_next(schedule: str, after: str, expected: str) -> None:
    assert _next(schedule, after) == expected


def test_time_zones() -> None:
    assert _next("30 2 * * *", "2026-03-28T12:00:00", "Europe/Berlin") == "2026-03-30 02:30"  # put forward on the 29th
    assert _next("0 9 * * *", "2026-11-21T08:00:00", "Asia/Tokyo") == "2026-11-21 09:00"
    assert cron.zone("Nowhere/Land") is UTC


@pytest.mark.parametrize(
    "schedule",
    ["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "a * * * *", "@never", "١ * * * *"],
)
def test_what_is_no_schedule(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        cron.parse(schedule)


@given(
    st.sampled_from(["* * * * *", "7 */3 * * *", "0 0 1 */2 *", "59 23 * * 6", "0 4 8-14 * 1"]),
    st.integers(1_700_000_000, 1_900_000_000),
)
def test_the_next_time_fits_and_none_before_it_does(schedule: str, start: int) -> None:
    parsed = cron.parse(schedule)
    found = parsed.next_after(start)
    assert found is not None
    assert found > start
    assert parsed.next_after(found - 60) == found
    assert found % 60 == 0


@given(st.text(alphabet="0123456789*/,-? @monjaeveryh", max_size=20))
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    try:
        cron.parse(text)
    except ValueError:
        return
