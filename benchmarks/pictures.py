"""Line charts as SVG, for a page that is looked at in a browser: what a run of the fleet was like.

Drawn by hand: three panels of lines do not earn a plotting library among the dependencies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 520, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 68, 16, 34, 62
_COLOURS = ("#1f6feb", "#d1481f", "#2da44e", "#8250df")
_TICKS = 5
#: The name of a line that is calculated, drawn thin and without dots.
STRAIGHT = "first step × n"
_GREY = "#8c959f"
_STYLE = "font-family:system-ui,sans-serif;font-size:12px"


@dataclass(frozen=True, slots=True)
class Panel:
    """A chart: named lines, ``dots`` for those that are few measurements. Axes begin at zero."""

    title: str
    x: str
    y: str
    lines: Mapping[str, Points]
    dots: bool = False


def ticks(largest: float) -> list[float]:
    """Round numbers from 0 on, the last at least ``largest``."""
    if largest <= 0:
        return [0.0, 1.0]
    rough = largest / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= rough * 0.999)
    return [step * number for number in range(math.ceil(largest / step - 1e-9) + 1)]


def svg(panels: Sequence[Panel]) -> str:
    """All panels side by side."""
    width = _WIDTH * len(panels)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" style="{_STYLE}">'
    parts = [head, f'<rect width="{width}" height="{_HEIGHT}" fill="#ffffff"/>']
    for number, panel in enumerate(panels):
        parts.append(f'<g transform="translate({number * _WIDTH},0)">{_panel(panel)}</g>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel) -> str:
    points = [point for line in panel.lines.values() for point in line]
    xs, ys = (ticks(max((point[axis] for point in points), default=0.0)) for axis in (0, 1))

    def place(x: float, y: float) -> tuple[float, float]:
        inner_w, inner_h = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return _LEFT + x / xs[-1] * inner_w, _TOP + inner_h - y / ys[-1] * inner_h

    parts = [_text(_LEFT, 20, panel.title, "start", "font-weight:600"), *_axes(panel, xs, ys, place)]
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = _GREY if name == STRAIGHT else _COLOURS[number % len(_COLOURS)]
        parts += _line([place(*point) for point in line], colour, panel.dots and name != STRAIGHT)
        parts += _legend(number, name, colour)
    return "".join(parts)


def _axes(
    panel: Panel, xs: Sequence[float], ys: Sequence[float], place: Callable[[float, float], tuple[float, float]]
) -> list[str]:
    parts = []
    for y in ys:
        left, at = place(0, y)
        right, _ = place(xs[-1], y)
        parts.append(f'<path d="M{left:.1f} {at:.1f}H{right:.1f}" stroke="#d8dee4"/>')
        parts.append(_text(left - 6, at + 4, _number(y), "end"))
    for x in xs:
        at, bottom = place(x, 0)
        parts.append(f'<path d="M{at:.1f} {bottom:.1f}v4" stroke="#57606a"/>')
        parts.append(_text(at, bottom + 17, _number(x), "middle"))
    middle, bottom = place(xs[-1] / 2, 0)
    parts.append(_text(middle, bottom + 34, panel.x, "middle"))
    parts.append(f'<g transform="translate(14,{_HEIGHT / 2:.0f}) rotate(-90)">{_text(0, 0, panel.y, "middle")}</g>')
    return parts


def _line(points: Sequence[tuple[float, float]], colour: str, dots: bool) -> list[str]:
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    out = [f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>']
    return out + [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points if dots]


def _legend(number: int, name: str, colour: str) -> list[str]:
    x, y = _LEFT + number * 110, _HEIGHT - 8
    return [f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>', _text(x + 15, y, name, "start")]


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="{style}" fill="#24292f">{escape(text)}</text>'


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2g}"


def of_fleet(found: Mapping[str, Any]) -> str:
    """The picture of a run: its ramp over time, memory and idle CPU over clusters."""
    series, steps = found["series"], found["steps"]
    start_s = series[0]["at_s"] if series else 0.0
    reached = {
        name: [((one["at_s"] - start_s) / 60, one[name]) for one in series]
        for name in ("created", "active", "imported")
    }
    memory = [(one["clusters"], _median(one["memory_bytes"]) * one["clusters"] / 1e9) for one in steps]
    cpu = [(one["clusters"], _median(one["idle_cpu_ms_per_s"]) * one["clusters"] / 1000) for one in steps]
    return svg(
        [
            Panel("Ramp, in steps", "minutes", "clusters", reached),
            Panel("Memory at rest", "clusters", "GB, all workers", _with_straight(memory), True),
            Panel("CPU at rest", "clusters", "cores, all workers", _with_straight(cpu), True),
        ]
    )


def of_churn(found: Mapping[str, Any]) -> str:
    """Memory over the time of steady churn."""
    points = [(at_s / 60, size / 1e6) for at_s, size in found["churn"]["points"]]
    return svg([Panel("Memory under steady churn", "minutes", "MB, all workers", {"resident": points})])


def _with_straight(points: Points) -> dict[str, Points]:
    """The measured points, under them the line on which they were if the others cost what the first step's did."""
    if not points or not points[0][0]:
        return {"measured": points}
    slope = points[0][1] / points[0][0]
    return {STRAIGHT: [(0.0, 0.0), (points[-1][0], slope * points[-1][0])], "measured": points}


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
