"""The pictures of the reports: which figures of which lines are drawn, and how they are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from adapters.http.pages.charts import Bar, Figure, Picture, Series, bars, by_day
from adapters.http.pages.formats import duration, money, number
from adapters.http.wire import MoneyTold
from domain.money import MICROS, MINUTES, Money

MOST_BARS = 12
"""Routes or lots in a picture; the table of the report has all."""

_AGE_TONES = ("green", "accent", "accent", "blue", "amber", "red")


def days_of(last: date, count: int) -> list[date]:
    return [last - timedelta(days=n) for n in range(count)][::-1]


def units_of(lines: Iterable[Any], name: str) -> list[str]:
    """The units in the lines: currencies first, the one with the most lines in front."""
    counted: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        counted[getattr(line, name).unit] += 1
    return sorted(counted, key=lambda unit: (unit == MINUTES, -counted[unit], unit))


def sales(lines: Sequence[Any], unit: str, days: Sequence[date]) -> Picture:
    """What came in: face values of activated cards, and top-ups."""
    mine = [line for line in lines if line.calls.unit == unit]
    figures = [
        Series("Cards activated", "bar", "pale", _money(mine, days, "activated_value", unit)),
        Series("Topped up", "line", "accent", _money(mine, days, "topped_up", unit)),
    ]
    count = sum(line.activated for line in mine)
    note = f"{number(count)} cards activated, {number(sum(line.sold for line in mine))} sold"
    return by_day(f"sales-{unit}", f"Sales, {_name(unit)}", days if mine else [], figures, note)


def minutes(lines: Sequence[Any], days: Sequence[date]) -> Picture:
    """Minutes talked, whatever they are paid in: time is time."""
    seconds: defaultdict[date, int] = defaultdict(int)
    for line in lines:
        seconds[line.day] += line.seconds
    figures = [Figure(seconds[day] / 60, f"{seconds[day] // 60:,} min") for day in days]
    series = [Series("Minutes", "area", "blue", figures)]
    return by_day("minutes", "Minutes talked", days if lines else [], series)


def revenue(lines: Sequence[Any], unit: str, days: Sequence[date]) -> Picture:
    mine = [line for line in lines if line.revenue.unit == unit]
    figures = [Series("Revenue", "bar", "pale", _money(mine, days, "revenue", unit))]
    unknown = sum(line.unknown_costs for line in mine)
    note = f"Margin without {number(unknown)} calls whose cost is unknown" if unknown else ""
    title = f"Revenue and margin of calls, {_name(unit)}"
    if all(line.revenue == line.uncosted for line in mine):
        title, note = f"Revenue of calls, {_name(unit)}", "No cost is known in this unit"
    else:
        figures.append(Series("Margin", "line", "amber", _money(mine, days, "margin", unit)))
    return by_day(f"revenue-{unit}", title, days if mine else [], figures, note)


def answers(lines: Sequence[Any]) -> Picture:
    """Answer rate and average duration, busiest routes first."""
    routes: defaultdict[tuple[str | None, str | None], list[int]] = defaultdict(lambda: [0] * 4)
    for line in lines:
        if line.name is None and line.detail is None:
            continue
        sums = routes[line.name, line.detail]
        tried = (line.attempts + line.passed_over, line.answered, line.seconds, line.attempts)
        for place, amount in enumerate(tried):
            sums[place] += amount
    busiest = sorted(routes.items(), key=lambda each: -each[1][0])[:MOST_BARS]
    drawn = []
    for (provider, trunk), (tried_, answered, seconds, _) in busiest:
        asr = 100 * answered / tried_ if tried_ else 0.0
        acd = duration(seconds // answered) if answered else "—"
        tone = "green" if asr >= 50 else "amber" if asr >= 30 else "red"
        label = " ".join(filter(None, (provider, trunk))) or "no route known"
        figure = Figure(asr, f"{asr:.1f} %")
        drawn.append(Bar(label, figure, tone, f"ACD {acd}"))
    return bars(
        "answers",
        "Answer rate and average duration by route",
        drawn,
        ("Route", "Answer rate (ASR)", "Average duration"),
        whole=100.0,
    )


def liability(lines: Sequence[Any], unit: str) -> Picture:
    """What is owed by age, youngest first as the report has it."""
    mine = [line for line in lines if line.owed.unit == unit]
    drawn = [
        Bar(line.name or "", _figure(line.owed), tone, f"{number(line.accounts)} accounts")
        for line, tone in zip(mine, _AGE_TONES, strict=False)
    ]
    owed = Money(sum(line.owed.money().micros for line in mine), unit)
    return bars(
        f"liability-{unit}",
        f"Card liability by age, {_name(unit)}",
        drawn,
        ("Since money last came", "Owed", "Accounts"),
        f"{money(owed)} can still be spent or is held",
    )


def named(name: str, title: str, lines: Sequence[Any], figure: Callable[[Any], Figure]) -> Picture:
    """The largest figures of a report without days."""
    drawn = [
        Bar(" ".join(filter(None, (line.name, getattr(line, "detail", None)))) or "none known", f)
        for line, f in ((line, figure(line)) for line in lines)
    ]
    drawn.sort(key=lambda bar: -bar.figure.size)
    return bars(name, title, drawn[:MOST_BARS], ("Name", "Figure"))


def kept(lines: Sequence[Any], days: Sequence[date]) -> Picture:
    """Announced and delivered minutes of all groups."""
    told: defaultdict[date, list[int]] = defaultdict(lambda: [0, 0])
    for line in lines:
        told[line.day][0] += line.announced_seconds
        told[line.day][1] += line.short_seconds
    series = [
        Series(
            "Announced",
            "area",
            "blue",
            [Figure(told[day][0] / 60, f"{told[day][0] // 60:,} min") for day in days],
        ),
        Series(
            "Announced and cut off",
            "bar",
            "red",
            [Figure(told[day][1] / 60, f"{told[day][1] // 60:,} min") for day in days],
        ),
    ]
    return by_day("kept", "Announced minutes", days if lines else [], series)


def counted(
    name: str, title: str, lines: Sequence[Any], days: Sequence[date], attribute: str
) -> Picture:
    sums: defaultdict[date, int] = defaultdict(int)
    for line in lines:
        sums[line.day] += getattr(line, attribute)
    figures = [Figure(float(sums[day]), number(sums[day])) for day in days]
    return by_day(name, title, days if lines else [], [Series(title, "bar", "accent", figures)])


def _money(
    lines: Sequence[Any], days: Sequence[date], attribute: str, unit: str
) -> Sequence[Figure]:
    """One figure for each day, also for those on which nothing was."""
    sums: defaultdict[date, int] = defaultdict(int)
    for line in lines:
        sums[line.day] += getattr(line, attribute).money().micros
    return [Figure(sums[day] / MICROS, money(Money(sums[day], unit))) for day in days]


def _figure(amount: MoneyTold) -> Figure:
    return Figure(amount.money().micros / MICROS, money(amount))


def _name(unit: str) -> str:
    return "minutes" if unit == MINUTES else unit
