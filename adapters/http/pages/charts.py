"""Pictures of figures, drawn on the server: no script, readable aloud, with their table behind.

A picture is an SVG with a title and a description (WAI-ARIA Graphics: ``role="img"``). Colours and
fonts are classes of ``static/charts.css``. Floats are pixels only: every figure that is told comes
as the text it was given as.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import ceil, floor, log10

from attrs import frozen
from markupsafe import Markup

WIDTH, HEIGHT = 640, 232
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 14, 26
_TICKS = 4
_ROW = 30


@frozen
class Figure:
    """A value in a picture: how large it is drawn, and how it is told."""

    size: float
    told: str


@frozen
class Series:
    """``shape`` is bar, line or area; ``tone`` one of the colours of ``charts.css``."""

    label: str
    shape: str
    tone: str
    figures: Sequence[Figure]


@frozen
class Picture:
    """``rows`` are the table behind the picture, under the names of ``columns``."""

    name: str
    title: str
    svg: Markup
    legend: Sequence[tuple[str, str]]
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    note: str = ""


@frozen
class Bar:
    """A line of a picture of bars; ``aside`` is told at its end, ``mark`` a value beside it."""

    label: str
    figure: Figure
    tone: str = "accent"
    aside: str = ""


def by_day(
    name: str, title: str, days: Sequence[date], series: Sequence[Series], note: str = ""
) -> Picture:
    """Figures of many days, side by side; those of all series share one axis. No days: nothing."""
    if not days:
        return Picture(name, title, Markup(""), (), (), ())
    sizes = [figure.size for each in series for figure in each.figures]
    ticks = _ticks(min([0.0, *sizes]), max([0.0, *sizes]))
    scale = _Scale(len(days), ticks[0], ticks[-1])
    parts = [_axis(ticks, scale), _day_labels(days, scale)]
    for each in sorted(series, key=lambda one: one.shape != "bar"):
        parts.append(_bars(each, scale, days) if each.shape == "bar" else _line(each, scale))
    if any(each.shape != "bar" for each in series):
        parts.append(_hovers(series, scale, days))
    desc = _described(days, series)
    rows = [
        [day.strftime("%-d %b %Y"), *(each.figures[place].told for each in series)]
        for place, day in enumerate(days)
    ]
    columns = [("Day", "text"), *((each.label, "number") for each in series)]
    legend = [(each.label, each.tone) for each in series]
    return Picture(name, title, _svg(name, title, desc, parts, HEIGHT), legend, columns, rows, note)


def bars(
    name: str,
    title: str,
    lines: Sequence[Bar],
    columns: Sequence[str],
    note: str = "",
    *,
    whole: float | None = None,
) -> Picture:
    """Named figures under one another; ``columns`` names the line, its figure and what is aside.

    The longest bar is the largest figure, or ``whole`` where it is a part of something.
    """
    most = whole or max([each.figure.size for each in lines if each.figure.size > 0], default=1.0)
    left, room = 172, WIDTH - 172 - (230 if any(each.aside for each in lines) else 130)
    parts: list[Markup] = []
    for place, each in enumerate(lines):
        y = 6 + place * _ROW
        width = max(2.0, room * each.figure.size / most) if each.figure.size > 0 else 0.0
        told = f"{each.label}: {each.figure.told}{', ' + each.aside if each.aside else ''}"
        parts.append(
            Markup(
                '<g><title>{}</title><text class="tt-c-name" x="{}" y="{}">{}</text>'
                '<rect class="tt-c-track" x="{}" y="{}" width="{}" height="14" rx="4"/>'
                '<rect class="tt-c-{}" x="{}" y="{}" width="{:.1f}" height="14" rx="4"/>'
                '<text class="tt-c-value" x="{}" y="{}">{}</text>'
                '<text class="tt-c-aside" x="{}" y="{}">{}</text></g>'
            ).format(
                told,
                left - 12,
                y + 12,
                _short(each.label),
                left,
                y,
                room,
                each.tone,
                left,
                y,
                width,
                left + room + 10,
                y + 12,
                each.figure.told,
                WIDTH - 2,
                y + 12,
                each.aside,
            )
        )
    desc = "; ".join(f"{each.label} {each.figure.told}" for each in lines[:12])
    height = max(1, len(lines)) * _ROW + 4
    rows = [[each.label, each.figure.told, each.aside][: len(columns)] for each in lines]
    named = [(label, "text" if place == 0 else "number") for place, label in enumerate(columns)]
    return Picture(name, title, _svg(name, title, desc, parts, height), (), named, rows, note)


# ---- how it is drawn


@frozen
class _Scale:
    days: int
    low: float
    high: float

    @property
    def step(self) -> float:
        return (WIDTH - _LEFT - _RIGHT) / max(1, self.days)

    def x(self, place: float) -> float:
        """The middle of a day."""
        return _LEFT + (place + 0.5) * self.step

    def y(self, size: float) -> float:
        share = (size - self.low) / (self.high - self.low)
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - share)


def _svg(name: str, title: str, desc: str, parts: Sequence[Markup], height: int) -> Markup:
    return Markup(
        '<svg class="tt-c" viewBox="0 0 {w} {h}" role="img" aria-labelledby="{n}-t {n}-d">'
        '<title id="{n}-t">{title}</title><desc id="{n}-d">{desc}</desc>{parts}</svg>'
    ).format(w=WIDTH, h=height, n=name, title=title, desc=desc, parts=Markup("").join(parts))


def _axis(ticks: Sequence[float], scale: _Scale) -> Markup:
    lines = []
    for tick in ticks:
        y, kind = scale.y(tick), "tt-c-zero" if tick == 0 else "tt-c-grid"
        lines.append(
            Markup(
                '<line class="{}" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                '<text class="tt-c-tick" x="{}" y="{:.1f}">{}</text>'
            ).format(kind, _LEFT, WIDTH - _RIGHT, y, y, _LEFT - 8, y + 4, compact(tick))
        )
    return Markup("").join(lines)


def _day_labels(days: Sequence[date], scale: _Scale) -> Markup:
    every = max(1, ceil(len(days) / 8))
    labels = [
        Markup('<text class="tt-c-day" x="{:.1f}" y="{}">{}</text>').format(
            scale.x(place), HEIGHT - 8, day.strftime("%-d %b")
        )
        for place, day in enumerate(days)
        if (len(days) - 1 - place) % every == 0
    ]
    return Markup("").join(labels)


def _bars(series: Series, scale: _Scale, days: Sequence[date]) -> Markup:
    width = max(1.5, min(26.0, scale.step * 0.68))
    zero = scale.y(0)
    drawn = []
    for place, figure in enumerate(series.figures):
        top, bottom = sorted((zero, scale.y(figure.size)))
        told = f"{days[place].strftime('%-d %b %Y')}: {series.label} {figure.told}"
        drawn.append(
            Markup(
                '<rect class="tt-c-{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2">'
                "<title>{}</title></rect>"
            ).format(
                series.tone, scale.x(place) - width / 2, top, width, max(bottom - top, 0.0), told
            )
        )
    return Markup("").join(drawn)


def _line(series: Series, scale: _Scale) -> Markup:
    points = [(scale.x(place), scale.y(figure.size)) for place, figure in enumerate(series.figures)]
    if not points:
        return Markup("")
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = Markup("")
    if series.shape == "area":
        zero = scale.y(0)
        edge = f"{points[0][0]:.1f},{zero:.1f} {line} {points[-1][0]:.1f},{zero:.1f}"
        area = Markup('<polygon class="tt-c-{}-area" points="{}"/>').format(series.tone, edge)
    alone = Markup("")
    if len(points) == 1:
        x, y = points[0]
        alone = Markup('<circle class="tt-c-{}" cx="{:.1f}" cy="{:.1f}" r="4"/>').format(
            series.tone, x, y
        )
    drawn = Markup('<polyline class="tt-c-{}-line" points="{}"/>').format(series.tone, line)
    return area + drawn + alone


def _hovers(series: Sequence[Series], scale: _Scale, days: Sequence[date]) -> Markup:
    """A column over each day that tells its figures to whoever points at it."""
    drawn = []
    for place, day in enumerate(days):
        told = "\n".join(f"{each.label} {each.figures[place].told}" for each in series)
        drawn.append(
            Markup(
                '<rect class="tt-c-over" x="{:.1f}" y="{}" width="{:.1f}" height="{}">'
                "<title>{}</title></rect>"
            ).format(
                scale.x(place) - scale.step / 2,
                _TOP,
                scale.step,
                HEIGHT - _TOP - _BOTTOM,
                f"{day.strftime('%-d %b %Y')}\n{told}",
            )
        )
    return Markup("").join(drawn)


def _described(days: Sequence[date], series: Sequence[Series]) -> str:
    told = [f"{len(days)} days from {days[0]:%-d %b %Y} to {days[-1]:%-d %b %Y}."]
    for each in series:
        most = max(range(len(days)), key=lambda place: each.figures[place].size)
        told.append(
            f"{each.label}: most on {days[most]:%-d %b} with {each.figures[most].told},"
            f" {each.figures[-1].told} on the last day."
        )
    return " ".join(told)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from one at or below the lowest figure to one at or above the highest."""
    spread = (high - low) or 1.0
    rough = spread / _TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    ticks = [place * step for place in range(first, max(last, first + 1) + 1)]
    assert all(one < other for one, other in pairwise(ticks)), "ticks rise"
    return ticks


def compact(value: float) -> str:
    """``1,200`` as 1.2k: for the few letters beside an axis."""
    for limit, letter in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}".replace("-", "−")
    return f"{value:.3g}".replace("-", "−")


def _short(label: str) -> str:
    return label if len(label) <= 24 else label[:23] + "…"
