"""A rate sheet on its way: sent, read, checked, compared, and published or discarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from adapters.http.asking import Page as Rows
from adapters.http.files import MIB
from adapters.http.pages.forms import Choices, Field, Kind, form, limited, read
from adapters.http.pages.tariffs import name_of, title
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit, refused
from adapters.http.problems import AskedWrongly
from adapters.http.publications import PublicationWanted
from adapters.http.rate_sheets import MOST_BYTES, ChangeShown, SheetSent, SheetShown
from adapters.http.rate_work import SMALL_ROWS, ReportShown, WorkShown
from adapters.http.tariffs import TariffShown
from application.overrides import OVERRIDABLE
from application.permissions import Action
from application.views import MOST_ROWS
from domain.rate_checks import KINDS

CHANGES_SHOWN = 50

_HOW: Choices = (("utf-8", "UTF-8"), ("utf-16", "UTF-16"), ("latin-1", "Latin-1"))
_DIVIDED: Choices = (("comma", "commas"), ("semicolon", "semicolons"), ("tab", "tabs"))

_SEND = limited(
    SheetSent,
    (
        Field("tariff", "Tariff", hint="A new name makes a new one.", limits={"list": "tariffs"}),
        Field("unit", "Unit", hint="ISO 4217, such as USD; MIN for talk minutes.", default="USD",
              limits={"maxlength": 3}),
        Field("file", "Rate sheet", Kind.FILE, required=True, wide=True,
              hint="CSV or XLSX, with the columns prefix, destination, rate; at most 256 MB.",
              limits={"accept": ".csv,.xlsx", "maxlength": None}),
        Field("why", "Why", hint="For the record.", wide=True),
        Field("encoding", "Encoding", Kind.CHOICE, choices=_HOW, hint="Else it is found out.",
              heading="If the file needs explaining"),
        Field("delimiter", "Divided by", Kind.CHOICE, choices=_DIVIDED,
              hint="Else it is found out."),
        Field("worksheet", "Worksheet", hint="Of a workbook; else the first."),
        Field("ignore", "Columns not to look at", hint="Divided by commas; * for all unknown."),
        Field("decimal_comma", "Amounts are written 0,05", Kind.TICK),
    ),
)  # fmt: skip

_PUBLISH = limited(
    PublicationWanted,
    (
        Field("overridden", "Publish in spite of", Kind.CHOICES, wide=True),
        Field("since", "In force from", Kind.MOMENT, hint="UTC. Empty: at once.", wide=True),
        Field("why", "Why", hint="Needed where something is overridden.", wide=True),
    ),
)


# ---- sending


def show_new(visit: Visit) -> Reply:
    name = visit.query.get("tariff", "")
    known: list[TariffShown] = visit.ask("GET", "/v1/tariffs", given={"limit": MOST_ROWS}).items
    unit = next((each.unit for each in known if each.name == name), "USD")
    if name not in {each.name for each in known} and name.startswith("provider:"):
        unit = visit.query.get("unit", unit)
    made = form(
        visit,
        _SEND,
        source={"tariff": name, "unit": unit},
        submit="Send and read it",
        cancel="/tariffs",
    )
    context = {
        "form": made,
        "names": sorted(each.name for each in known),
        "crumbs": [("/tariffs", "Tariffs")],
    }
    return Shown("sheet_new.html", "Send a rate sheet", context)


def send(visit: Visit) -> Reply:
    given = read(_SEND, visit.sent)
    upload = visit.sent.get("file")
    given["file"] = getattr(upload, "filename", "") or "rates"
    given["decimal_comma"] = "true" if given.get("decimal_comma") else None
    done: WorkShown = visit.ask("POST", "/v1/rate-sheets", given=given, file="file")
    return _to(done)


def work(visit: Visit) -> Reply:
    """How far a large one is; the page looks again by itself."""
    found: WorkShown = visit.ask("GET", "/v1/rate-work/{id}", id=visit.here("id"))
    if found.state == "done":
        return _to(found)
    context = {"work": found, "name": title(found.tariff), "crumbs": [("/tariffs", "Tariffs")]}
    return Shown("sheet_work.html", found.what.capitalize(), context)


def _to(done: WorkShown) -> Gone:
    """Where to go on: to the work while it lasts, then to what came of it."""
    if done.state != "done":
        return Gone(f"/rate-work/{done.work_id}")
    if done.version is not None:
        message = f"Version {done.version} of {title(done.tariff)} is published."
        return Gone(f"/rate-sheets/{done.sheet_id}", message)
    if done.report is not None:
        return Gone(f"/rate-sheets/{done.sheet_id}?check={done.work_id}")
    return Gone(f"/rate-sheets/{done.sheet_id}", "All rows were read. No call is priced by them.")


# ---- looking


def show(visit: Visit) -> Reply:
    sheet: SheetShown = visit.ask("GET", "/v1/rate-sheets/{id}", id=visit.here("id"))
    tariff: TariffShown = visit.ask("GET", "/v1/tariffs/{id}", id=sheet.tariff_id)
    context: dict[str, object] = {
        "sheet": sheet,
        "tariff": tariff,
        "name": title(sheet.tariff),
        "may_change": visit.may(Action.CHANGE_TARIFFS),
        "crumbs": [(f"/tariffs/{sheet.tariff_id}", title(sheet.tariff))],
    }
    if sheet.state == "draft":
        context |= _draft(visit, sheet, tariff)
    return Shown("sheet.html", name_of(sheet), context)


def _draft(visit: Visit, sheet: SheetShown, tariff: TariffShown) -> Mapping[str, object]:
    only = visit.query.get("only", "")
    after = visit.query.get("after", "")
    only = only if only in ("added", "removed", "changed") else ""
    given = {"only": only, "after": after, "limit": CHANGES_SHOWN}
    changes: Rows[ChangeShown] = visit.ask(
        "GET", "/v1/rate-sheets/{id}/changes", given=given, id=sheet.sheet_id
    )
    rules = {
        "since": _moment(_told(visit, "since")),
        "most_rise_percent": _whole(_told(visit, "most_rise_percent"), 50),
        "most_fall_percent": _whole(_told(visit, "most_fall_percent"), 50),
    }
    found = _check(visit, sheet, tariff, rules) if visit.may(Action.CHANGE_TARIFFS) else None
    report = found.report if found is not None else None
    publish = None
    if report is not None:
        wrong = [kind for kind in report.errors if kind in OVERRIDABLE]
        choices = [(kind, _counted(kind, report)) for kind in wrong]
        fields = tuple(
            Field(each.name, each.label, each.kind, each.hint, choices, wide=True)
            if each.name == "overridden"
            else each
            for each in _PUBLISH
            if each.name != "overridden" or choices
        )
        publish = form(visit, fields, source={"since": rules["since"]}, submit="Publish it",
                       to=f"/rate-sheets/{sheet.sheet_id}/publish",
                       seen=str(tariff.last_version))  # fmt: skip
    return {
        "found": found,
        "report": report,
        "findings": _by_kind(report) if report is not None else (),
        "never": [k for k in report.errors if k not in OVERRIDABLE] if report is not None else (),
        "changes": changes.items,
        "next": _cursor(changes.next),
        "only": only,
        "after": after,
        "rules": rules,
        "check": _told(visit, "check"),
        "publish": publish,
        "discard": form(
            visit, (_WHY,), submit="Discard the draft", danger=True,
            to=f"/rate-sheets/{sheet.sheet_id}/discard",
        ) if visit.may(Action.CHANGE_TARIFFS) else None,
    }  # fmt: skip


_WHY = Field("discard_why", "Why", required=True, wide=True, limits={"maxlength": 200})


def _check(
    visit: Visit, sheet: SheetShown, tariff: TariffShown, rules: Mapping[str, object]
) -> WorkShown | None:
    """A small draft is checked whenever somebody looks; a large one when somebody asks for it."""
    if asked := _told(visit, "check"):
        found: WorkShown = visit.ask("GET", "/v1/rate-work/{id}", id=asked)
        return found if found.sheet_id == sheet.sheet_id else None
    running = sum(each.rows for each in tariff.schedule if each.version == tariff.in_force)
    if sheet.rows + running > SMALL_ROWS:
        return None
    path = "/v1/rate-sheets/{id}/checks"
    checked: WorkShown = visit.ask("POST", path, sent=rules, once=str(uuid4()), id=sheet.sheet_id)
    return checked


def check(visit: Visit) -> Reply:
    sent = {
        "since": _moment(visit.filled("since")),
        "most_rise_percent": _whole(visit.filled("most_rise_percent"), 50),
        "most_fall_percent": _whole(visit.filled("most_fall_percent"), 50),
    }
    return _to(visit.ask("POST", "/v1/rate-sheets/{id}/checks", sent=sent, **visit.path))


def publish(visit: Visit) -> Reply:
    sent = read(_PUBLISH, visit.sent)
    sent["after_version"] = _whole(visit.filled("seen"), -1)
    for name in ("most_rise_percent", "most_fall_percent"):
        sent[name] = _whole(visit.filled(name), 50)
    try:
        done = visit.ask("POST", "/v1/rate-sheets/{id}/publication", sent=sent, **visit.path)
    except AskedWrongly as error:
        named = error.problem.fields.get("name")
        if named == "rate sheet":
            told = "there are errors that nobody takes upon himself: tick what you publish it in"
            raise refused(f"{told} spite of, or put the file right", "overridden") from error
        if named == "why":
            raise refused("say why, because errors are overridden", "why") from error
        raise
    return _to(done)


def discard(visit: Visit) -> Reply:
    sheet: SheetShown = visit.ask("GET", "/v1/rate-sheets/{id}", id=visit.here("id"))
    given = {"why": read((_WHY,), visit.sent)["discard_why"]}
    visit.ask("DELETE", "/v1/rate-sheets/{id}", given=given, **visit.path)
    return Gone(f"/tariffs/{sheet.tariff_id}", "The draft is discarded.")


def _cursor(url: str | None) -> str | None:
    """Where the next page begins, which may be behind rows that are not shown."""
    return parse_qs(urlsplit(url).query)["after"][0] if url else None


def _told(visit: Visit, name: str) -> str:
    """What was filled in, or what the address says."""
    return visit.filled(name) or visit.query.get(name, "")


def _moment(text: str) -> str | None:
    """As the field of a browser has it; it means UTC."""
    if not text:
        return None
    return text if text.endswith("Z") else text + (":00Z" if len(text) == 16 else "Z")


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _counted(kind: str, report: ReportShown) -> str:
    count = report.counts[kind]
    return f"{kind.replace('-', ' ')} ({count:,} finding{'' if count == 1 else 's'})"


def _by_kind(report: ReportShown) -> list[dict[str, Any]]:
    """The findings, kind by kind, errors first, with how many there are of each."""
    return [
        {
            "kind": kind,
            "severity": severity,
            "count": report.counts[kind],
            "findings": [each for each in report.findings if each.kind == kind],
        }
        for wanted in ("error", "warning")
        for kind, (severity, _) in KINDS.items()
        if severity == wanted and kind in report.counts
    ]


PAGES = (
    Page("/rate-sheets/new", Action.CHANGE_TARIFFS, show_new, send, most_body=MOST_BYTES + MIB),
    Page("/rate-sheets/{id}", Action.SEE_TARIFFS, show),
    Page("/rate-sheets/{id}/check", Action.CHANGE_TARIFFS, show, check),
    Page("/rate-sheets/{id}/publish", Action.CHANGE_TARIFFS, show, publish),
    Page("/rate-sheets/{id}/discard", Action.CHANGE_TARIFFS, show, discard),
    Page("/rate-work/{id}", Action.SEE_TARIFFS, work),
)
