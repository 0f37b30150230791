"""Tariffs: their versions and drafts, the way back, and the rates of each sheet."""

from __future__ import annotations

from adapters.http.asking import Page as Rows
from adapters.http.files import CSV
from adapters.http.pages.forms import Field, Kind, form, limited, read
from adapters.http.pages.lists import Button, Column, ListPage
from adapters.http.pages.visits import Download, Gone, Page, Reply, Shown, Visit
from adapters.http.rate_sheets import SheetShown
from adapters.http.rates import BandShown, RateShown
from adapters.http.tariffs import RollbackWanted, TariffShown, VersionShown
from application.permissions import Action
from domain.providers import provider_of

ROWS_SHOWN = 100

LIST = ListPage(
    "tariffs",
    "Tariffs",
    "/v1/tariffs",
    Action.SEE_TARIFFS,
    "tariff_id",
    (
        Column("name", "Tariff", link="/tariffs/{tariff_id}", value=lambda row: title(row.name)),
        Column("kind", "Prices", value=lambda row: "bought" if provider_of(row.name) else "sold"),
        Column("unit", "Unit"),
        Column("in_force", "In force", value=lambda row: _running(row)),
        Column("rows", "Prefixes", "number", value=lambda row: _rows(row)),
        Column("coming", "To come", "number", value=lambda row: len(_coming(row)) or None),
        Column("drafts", "Drafts", "number", value=lambda row: len(row.drafts) or None),
    ),
    icon="fa-solid fa-tags",
    search="name",
    search_label="Exact name",
    buttons=(Button("Send a rate sheet", "/rate-sheets/new", Action.CHANGE_TARIFFS),),
    intro="What calls cost, by prefix. A sheet is sent, checked, compared, and then published.",
    empty="Send a first rate sheet: a CSV or XLSX file with prefix, destination and rate.",
    csv=False,
)

_BACK = limited(
    RollbackWanted,
    (
        Field("version", "Version to go back to", Kind.CHOICE, required=True),
        Field("since", "From when on", Kind.MOMENT, hint="UTC. Empty: at once."),
        Field("why", "Why", hint="It stays on the record, with your name.", wide=True),
    ),
)


def title(name: str) -> str:
    provider = provider_of(name)
    return f"Rates of {provider}" if provider else name


def _coming(row: TariffShown) -> list[VersionShown]:
    before = [each.version for each in row.schedule]
    place = before.index(row.in_force) + 1 if row.in_force is not None else 0
    return row.schedule[place:]


def _running(row: TariffShown) -> str | None:
    return f"version {row.in_force}" if row.in_force is not None else None


def _rows(row: TariffShown) -> int | None:
    return next((each.rows for each in row.schedule if each.version == row.in_force), None)


def states(tariff: TariffShown) -> dict[int, str]:
    """What each version is: past, in force or to come."""
    coming = {each.version for each in _coming(tariff)}
    return {
        each.version: "in force"
        if each.version == tariff.in_force
        else "to come"
        if each.version in coming
        else "past"
        for each in tariff.schedule
    }


def show(visit: Visit) -> Reply:
    tariff: TariffShown = visit.ask("GET", "/v1/tariffs/{id}", id=visit.here("id"))
    known = states(tariff)
    back = None
    older = [each for each in reversed(tariff.schedule) if known[each.version] != "in force"]
    if visit.may(Action.CHANGE_TARIFFS) and older:
        choices = [(str(each.version), f"{each.version} ({each.rows:,} rows)") for each in older]
        fields = (Field("version", "Version", Kind.CHOICE, choices=choices, required=True),)
        back = form(
            visit,
            (*fields, *_BACK[1:]),
            submit="Publish it again",
            to=f"/tariffs/{tariff.tariff_id}/back",
            seen=str(tariff.last_version),
        )
    running = next((each for each in tariff.schedule if each.version == tariff.in_force), None)
    facts = visit.services.views.latest(tariff.tariff_id, 50)
    context = {
        "tariff": tariff,
        "provider": provider_of(tariff.name),
        "states": known,
        "running": running,
        "coming": _coming(tariff),
        "versions": list(reversed(tariff.schedule)),
        "back": back,
        "may_change": visit.may(Action.CHANGE_TARIFFS),
        "reasons": [
            (each.recorded_at, each.fact)
            for each in facts
            if type(each.fact).__name__ == "PublicationJustified"
        ],
        "crumbs": [("/tariffs", "Tariffs")],
    }
    return Shown("tariff.html", title(tariff.name), context)


def go_back(visit: Visit) -> Reply:
    sent = read(_BACK, visit.sent)
    sent["version"] = _number(str(sent["version"]))
    sent["after_version"] = _number(visit.filled("seen"))
    made: VersionShown = visit.ask("POST", "/v1/tariffs/{id}/versions", sent=sent, **visit.path)
    told = f"Version {made.version} has the rates of version {sent['version']}."
    return Gone(f"/tariffs/{visit.here('id')}", told)


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


# ---- the rates of a sheet


def rates(visit: Visit) -> Reply:
    """One page of a sheet; ``from`` is a prefix to begin at, ``after`` the last one seen."""
    sheet: SheetShown = visit.ask("GET", "/v1/rate-sheets/{id}", id=visit.here("id"))
    sought = "".join(each for each in visit.query.get("from", "") if each in "0123456789")[:15]
    after = visit.query.get("after", "")
    if sought and not after:
        after = _before(sought)
    given = {"after": after, "limit": ROWS_SHOWN}
    found: Rows[RateShown] = visit.ask(
        "GET", "/v1/rate-sheets/{id}/rates", given=given, id=visit.here("id")
    )
    context = {
        "sheet": sheet,
        "sought": sought,
        "rows": found.items,
        "next": found.items[-1].prefix if found.next else None,
        "after": after,
        "hours": hours,
        "crumbs": [(f"/tariffs/{sheet.tariff_id}", title(sheet.tariff))],
    }
    return Shown("rates.html", f"Rates of {name_of(sheet)}", context)


def _before(prefix: str) -> str:
    """The last text in front of a prefix and all that begins with it: ``4821`` begins behind
    ``482099999999999``."""
    digits = prefix.rstrip("0")
    if not digits:
        return ""
    return (digits[:-1] + str(int(digits[-1]) - 1) + "9" * 15)[:15]


def hours(band: BandShown) -> str:
    """``Sat, Sun 22:00–24:00``."""
    days = ", ".join(_DAYS[each - 1] for each in band.weekdays)
    days = "every day" if len(band.weekdays) == len(_DAYS) else days
    return f"{days} {_clock(band.start_minute)}–{_clock(band.end_minute)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def name_of(sheet: SheetShown) -> str:
    if sheet.versions:
        return f"{title(sheet.tariff)}, version {sheet.versions[-1]}"
    return f"{title(sheet.tariff)}, draft"


def file(visit: Visit) -> Reply:
    sheet: SheetShown = visit.ask("GET", "/v1/rate-sheets/{id}", id=visit.here("id"))
    content = visit.ask("GET", "/v1/rate-sheets/{id}/file", id=visit.here("id"))
    version = f"v{sheet.versions[-1]}" if sheet.versions else "draft"
    return Download(content, CSV, f"{title(sheet.tariff)} {version}.csv")


PAGES = (
    Page("/tariffs/{id}", Action.SEE_TARIFFS, show),
    Page("/tariffs/{id}/back", Action.CHANGE_TARIFFS, show, go_back),
    Page("/rate-sheets/{id}/rates", Action.SEE_TARIFFS, rates),
    Page("/rate-sheets/{id}/file", Action.SEE_TARIFFS, file),
)
