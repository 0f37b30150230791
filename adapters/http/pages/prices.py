"""What does a call cost, and why: asked as an operator is asked on the telephone."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from adapters.http.access_numbers import AccessNumberShown
from adapters.http.pages.forms import Choices
from adapters.http.pages.groups import choices as groups
from adapters.http.pages.visits import Page, Reply, Shown, Visit, refused
from adapters.http.prices import LineShown, PriceShown
from adapters.http.problems import Problem
from adapters.http.refusals import problem_of
from application.permissions import Action
from application.views import MOST_ROWS
from domain.rating import LONGEST_CALL

_AMOUNT = re.compile(r"([0-9]{1,13}(\.[0-9]{1,6})?)?", re.ASCII)
_SEPARATORS = str.maketrans("", "", " -()./\u00a0")


def access_numbers(visit: Visit) -> Choices:
    """The numbers that customers dial in, for forms."""
    if not visit.may(Action.SEE_ACCESS_NUMBERS):
        return ()
    found: list[AccessNumberShown] = visit.ask(
        "GET", "/v1/access-numbers", given={"limit": MOST_ROWS}
    ).items
    return sorted((each.number, each.number) for each in found)


def digits(told: str) -> str:
    """A number as people write it, without what stands between its digits."""
    return told.translate(_SEPARATORS)


def show(visit: Visit) -> Reply:
    """Without a number it is the empty form; what is wrong is told above it."""
    query = visit.query
    numbers, names = access_numbers(visit), groups(visit)
    now = visit.services.clock.now()
    filled = {
        "access_number": query.get("access_number") or (numbers[0][0] if numbers else ""),
        "group": query.get("group") or (names[0][0] if names else ""),
        "number": query.get("number", ""),
        "at": query.get("at", "") or now.strftime("%Y-%m-%dT%H:%M"),
        "zone": query.get("zone", "") or "UTC",
        "minutes": query.get("minutes", "1" if "seconds" not in query else "0"),
        "seconds": query.get("seconds", "0"),
        "amount": query.get("amount", ""),
        "first_call": "first_call" in query,
    }
    price: PriceShown | None = None
    problem: Problem | None = None
    if filled["number"]:
        try:
            price = _asked(visit, filled)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
    context = {
        "filled": filled,
        "numbers": numbers,
        "groups": names,
        "zones": _zones(),
        "price": price,
        "wrong": problem,
        "talk": _talk(price) if price is not None else (),
        "told_time": told_time,
        "fees": [each for each in price.lines if each.what != "talk"] if price else (),
        "ways": f"/route-preview?{_ways(price)}"
        if price is not None and visit.may(Action.SEE_ROUTES)
        else "",
    }
    return Shown("price.html", "What does a call cost?", context)


def _ways(price: PriceShown) -> str:
    return urlencode(
        {
            "number": price.number.removeprefix("+"),
            "group": price.group,
            "access_number": price.access_number,
        }
    )


def _asked(visit: Visit, filled: dict[str, object]) -> PriceShown:
    seconds = _whole("Minutes", filled["minutes"]) * 60 + _whole("Seconds", filled["seconds"])
    if seconds > LONGEST_CALL:
        raise refused(f"a call lasts {LONGEST_CALL // 60:,} minutes at most", "minutes")
    if not _AMOUNT.fullmatch(str(filled["amount"])):
        raise refused("an amount is a plain decimal such as 5.00", "amount")
    given = {
        "access_number": digits(str(filled["access_number"])),
        "group": filled["group"],
        "number": digits(str(filled["number"])),
        "at": _moment(str(filled["at"]), str(filled["zone"])),
        "seconds": seconds,
        "amount": filled["amount"],
        "first_call": "true" if filled["first_call"] else None,
    }
    price: PriceShown = visit.ask("GET", "/v1/price", given=given)
    return price


def _whole(label: str, value: object) -> int:
    text = str(value).strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise refused(f"{label}: a whole number, not {text[:40]!r}", label.lower())
    return int(text)


def _moment(text: str, zone: str) -> str:
    """The moment that a clock on a wall of the zone shows, as RFC 3339."""
    try:
        wall = datetime.fromisoformat(text)
        return wall.replace(tzinfo=ZoneInfo(zone)).isoformat()
    except (ZoneInfoNotFoundError, OSError) as error:
        raise refused(
            f"there is no time zone {zone[:40]!r}: choose one, as Europe/Warsaw", "zone"
        ) from error
    except ValueError as error:
        raise refused(f"a day and a time, not {text[:40]!r}", "at") from error


@cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(name for name in available_timezones() if "/" in name or name == "UTC"))


def _talk(price: PriceShown) -> list[tuple[LineShown, int]]:
    """The lines of talk with their share of the billed seconds, in percent."""
    lines = [each for each in price.lines if each.what == "talk"]
    together = sum(each.seconds for each in lines) or 1
    return [(each, max(1, 100 * each.seconds // together)) for each in lines]


def told_time(moment: str | None) -> str:
    """``Sun 22:00:00``, by the clock of the tariff."""
    return f"{datetime.fromisoformat(moment):%a %H:%M:%S}" if moment else ""


PRICE = Page(
    "/price",
    Action.SEE_TARIFFS,
    show,
    label="Price of a call",
    icon="fa-solid fa-calculator",
)
