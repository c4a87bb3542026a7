"""The arithmetic of "memory does not grow"."""

from __future__ import annotations

import math
import random

import pytest

from benchmarks.slope import slope_of, student_t


def _noisy(slope: float, seed: int, points: int = 200, memory: float = 0.0) -> list[tuple[float, float]]:
    """A line with noise of 1, of which each point keeps a part of its neighbour's."""
    chance, rest, out = random.Random(seed), 0.0, []
    for number in range(points):
        rest = memory * rest + chance.gauss(0, 1)
        out.append((float(number), 100 + slope * number + rest))
    return out


def test_a_straight_line_has_its_slope_and_no_error() -> None:
    found = slope_of([(float(x), 3.0 + 2.0 * x) for x in range(20)])
    assert found.value == pytest.approx(2.0)
    assert found.error == pytest.approx(0.0, abs=1e-9)
    assert not found.holds_zero


def test_a_leak_is_told_from_noise() -> None:
    assert not slope_of(_noisy(0.05, 1)).holds_zero
    assert slope_of(_noisy(0.0, 1)).holds_zero


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    inside = sum((found := slope_of(_noisy(0.01, seed))).low <= 0.01 <= found.high for seed in range(400))
    assert 365 <= inside <= 395  # 380 of 400 are 95 %


def test_noise_that_remembers_makes_the_interval_wider() -> None:
    """Without the correction half of these would be called leaks."""
    holding = sum(slope_of(_noisy(0.0, seed, memory=0.9)).holds_zero for seed in range(200))
    assert holding >= 170
    assert slope_of(_noisy(0.0, 3, memory=0.9)).worth < 60


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(1.0, float(y)) for y in range(9)]])
def test_too_little_says_nothing(points: list[tuple[float, float]]) -> None:
    found = slope_of(points)
    assert (found.value, found.holds_zero, found.low) == (0.0, True, -math.inf)
    assert set(found.told()) == {"value", "points", "worth"}


@pytest.mark.parametrize(("degrees", "expected"), [(1, 12.706), (4, 2.776), (10, 2.228), (30, 2.042), (1000, 1.962)])
def test_student_t_is_the_tables(degrees: int, expected: float) -> None:
    assert student_t(degrees) == pytest.approx(expected, rel=0.01)
