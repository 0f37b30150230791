"""Rate sheets from file to force, on every kind of ledger; and what a call costs, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4, uuid5

import pytest
from sqlalchemy import func, select

from adapters.persistence.rate_sheets import StoredRateSheets, TariffDecks, names, rates, sheets
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tariff_views import LedgerTariffViews
from adapters.sheets.files import SheetFiles
from application import kinds
from application.administration import Chance
from application.ports import LedgerUnavailable
from application.price_explanation import PriceExplanations, sentences
from application.rate_files import Reading
from application.sheet_imports import ABANDONED
from application.tariffs import Tariffs
from domain.access_numbers import AccessTerms
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed
from domain.money import Money
from domain.rate_checks import PricedPrefix
from domain.rating import Band, RateTerms
from domain.tariffs import PublicationJustified, SheetImported
from tests.adapters.persistence.product import Product
from tests.support.story import TEN_CENTS, dollars, usd

USD = Reading("USD")
SHEET = "prefix,destination,rate,billing\n48,Poland,0.029,60/60\n4860,Poland mobile,0.079,30/6\n"


class Costs:
    """The port ``RouteCosts``: a list of costs by prefix."""

    def __init__(self) -> None:
        self.by_prefix: dict[str, int] = {}

    def cheapest(self, number_or_prefix: str, unit: str | None = None) -> int | None:
        return self.by_prefix.get(number_or_prefix)

    def costs_now(self, unit: str | None = None) -> Callable[[str], int | None]:
        return lambda prefix: self.cheapest(prefix, unit)


class Desk:
    """An operator's desk with a folder of rate sheets."""

    def __init__(self, recorder: EventRecorder, folder: Path) -> None:
        self.product = Product(recorder)
        self.folder = folder
        self.costs = Costs()
        self.store = StoredRateSheets(recorder)
        self.units = self.product.ledger
        self.tariffs = Tariffs(
            self.units,
            self.store,
            SheetFiles(),
            self.product.clock,
            Chance(self.product.random.randrange, self.product.random.randbytes),
            self.costs,
        )
        self.recorder = recorder

    def draft(self, text: str = SHEET, tariff: str = "retail") -> UUID:
        path = self.folder / "rates.csv"
        path.write_text(text)
        return self.tariffs.import_sheet(tariff, path, USD, "ann", "new prices").sheet_id

    def published(self, text: str = SHEET, **told: object) -> int:
        return self.tariffs.publish(self.draft(text), None, "ann", **told)[0]  # type: ignore[arg-type]

    def price(self, number: str) -> int | None:
        decks = TariffDecks(self.product.configuration, self.product.stored_sheets)
        found = decks.find("retail", number, self.product.clock.now())
        return found.terms.per_minute if found else None

    def count(self) -> int:
        with self.recorder.reading() as connection:
            return sum(
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (rates, names, sheets)
            )


@pytest.fixture
def desk(recorder: EventRecorder, tmp_path: Path) -> Desk:
    return Desk(recorder, tmp_path)


def test_a_draft_prices_no_call_until_it_is_published(desk: Desk) -> None:
    sheet_id = desk.draft()
    assert desk.price("+48221234567") is None
    assert [each.sheet_id for each in desk.tariffs.tariff("retail").drafts] == [sheet_id]
    version, report = desk.tariffs.publish(sheet_id, None, "ann")
    assert (version, report.counts) == (1, {})
    assert desk.price("+48221234567") == 29_000
    assert desk.tariffs.tariff("retail").drafts == ()


def test_a_sheet_with_a_bad_line_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(ValueError, match="line 4"):
        desk.draft(SHEET + "49,Germany,cheap,60/60\n")
    assert desk.count() == 0
    assert not [each for each in desk.product.log() if isinstance(each.fact, SheetImported)]


def test_what_a_tariff_refuses_leaves_nothing(desk: Desk) -> None:
    desk.published()
    before = desk.count()
    path = desk.folder / "rates.csv"
    with pytest.raises(SettingNotAllowed, match="USD, the unit of tariff"):
        desk.tariffs.import_sheet("retail", path, Reading("EUR"), "ann")
    with pytest.raises(SettingNotAllowed, match="at least one rate"):
        desk.draft("prefix,destination,rate\n")
    assert desk.count() == before


def test_an_import_of_which_nobody_knows_is_kept_and_an_abandoned_one_cleared(desk: Desk) -> None:
    desk.draft()
    lost = uuid4()
    desk.store.keep(lost, "USD", [PricedPrefix("1", "USA", TEN_CENTS)], desk.product.clock.now())
    known = desk.draft()
    row = {"sheet_id": known, "begun_at": desk.product.clock.now()}
    with desk.recorder.writing() as connection:
        connection.execute(sheets.insert(), row)
    desk.product.clock.time += ABANDONED + timedelta(seconds=1)
    desk.draft()
    assert desk.store.unfinished(datetime(2030, 1, 1, tzinfo=UTC)) == []
    assert list(desk.store.rows(lost)) == []
    assert len(list(desk.store.rows(known))) == 2


def test_publishing_is_refused_for_an_error_until_it_is_overridden_with_a_reason(
    desk: Desk,
) -> None:
    desk.published()
    dear = desk.draft(SHEET.replace("0.029", "0.9"))
    with pytest.raises(SettingNotAllowed, match=r"jump \(1\): three minutes to 48, Poland, cost"):
        desk.tariffs.publish(dear, None, "ann")
    with pytest.raises(SettingNotAllowed, match="a reason"):
        desk.tariffs.publish(dear, None, "ann", overridden=["jump"])
    with pytest.raises(SettingNotAllowed, match="one of below-cost, gap"):
        desk.tariffs.publish(dear, None, "ann", "why", overridden=["duplicate"])
    assert desk.price("+48221234567") == 29_000
    version, _ = desk.tariffs.publish(dear, None, "ann", "agreed", ["jump", "gap"])
    assert (version, desk.price("+48221234567")) == (2, 900_000)
    told = [e.fact for e in desk.product.log() if isinstance(e.fact, PublicationJustified)]
    assert told == [PublicationJustified(2, ("jump",), "ann", "agreed")]


def test_a_prefix_that_comes_twice_is_never_published(desk: Desk) -> None:
    twice = desk.draft(SHEET + "48,Poland,0.03,60/60\n")
    with pytest.raises(SettingNotAllowed, match="comes twice, in lines 2 and 4"):
        desk.tariffs.publish(twice, None, "ann")


def test_a_price_below_cost_is_found_by_the_routes(desk: Desk) -> None:
    desk.costs.by_prefix = {"48": 30_000, "4860": 79_000}
    report = desk.tariffs.lint(desk.draft())
    assert [each.prefix for each in report.examples["below-cost"]] == ["48"]


def test_rows_that_were_changed_since_the_import_are_not_published(desk: Desk) -> None:
    sheet_id = desk.draft()
    with desk.recorder.writing() as connection:
        connection.execute(names.update().where(names.c.number == 0).values(destination="x"))
    with pytest.raises(SettingNotAllowed, match="the rows that were imported"):
        desk.tariffs.publish(sheet_id, None, "ann")


def test_a_draft_is_compared_with_the_running_version_page_by_page(desk: Desk) -> None:
    desk.published()
    sheet_id = desk.draft(
        "prefix,destination,rate,billing\n48,Poland,0.03,60/60\n49,Germany,0.02,60/60\n"
    )
    counts = desk.tariffs.compare(sheet_id)
    assert (counts.against, counts.added, counts.removed, counts.changed) == (1, 1, 1, 1)
    told = [(each.prefix, each.what, each.percent) for each in desk.tariffs.changes(sheet_id)]
    assert told == [("48", "changed", 4), ("4860", "removed", None), ("49", "added", None)]
    after = desk.tariffs.changes(sheet_id, after="48", limit=1)
    assert [each.prefix for each in after] == ["4860"]
    assert [e.prefix for e in desk.tariffs.changes(sheet_id, only="added")] == ["49"]


def test_going_back_publishes_the_older_sheet_again(desk: Desk) -> None:
    desk.published()
    desk.product.clock.time += timedelta(hours=1)
    desk.published(SHEET.replace("0.029", "0.03"))
    assert desk.price("+48221234567") == 30_000
    desk.product.clock.time += timedelta(hours=1)
    assert desk.tariffs.rollback("retail", 1, None, "ann", "wrong prices") == 3
    assert desk.price("+48221234567") == 29_000


def test_a_discarded_draft_is_gone_and_a_published_sheet_is_not_discarded(desk: Desk) -> None:
    sheet_id = desk.draft()
    desk.tariffs.discard(sheet_id, "ann", "too dear")
    assert desk.count() == 0
    with pytest.raises(NotFound):
        desk.tariffs.publish(sheet_id, None, "ann")
    kept = desk.draft()
    desk.tariffs.publish(kept, None, "ann")
    with pytest.raises(AlreadyExists):
        desk.tariffs.discard(kept, "ann", "")
    assert desk.price("+48221234567") == 29_000


def test_an_answer_that_was_lost_leaves_the_draft(desk: Desk) -> None:
    insert = desk.recorder.insert_events

    def lost(*told: object, **more: object) -> None:
        insert(*told, **more)  # type: ignore[arg-type]
        desk.recorder.insert_events = insert  # type: ignore[method-assign]
        raise LedgerUnavailable("the answer was lost")

    desk.recorder.insert_events = lost  # type: ignore[assignment]
    with pytest.raises(LedgerUnavailable):
        desk.draft()
    (draft,) = Desk(desk.recorder, desk.folder).tariffs.tariff("retail").drafts
    assert len(list(desk.store.rows(draft.sheet_id))) == 2


def test_an_import_that_was_killed_is_done_when_it_is_asked_for_again(desk: Desk) -> None:
    path = desk.folder / "rates.csv"
    path.write_text(SHEET)
    asked = uuid4()
    half = [PricedPrefix("48", "Poland", TEN_CENTS)]
    killed = uuid5(asked, "0")
    desk.store.keep(killed, "USD", half, desk.product.clock.now())
    assert desk.tariffs.imported(asked) is None
    draft = desk.tariffs.import_sheet("retail", path, USD, "ann", asked=asked)
    assert (draft.rows, draft.sheet_id != killed) == (2, True)
    assert desk.tariffs.imported(asked) == draft.sheet_id
    assert desk.tariffs.import_sheet("retail", path, USD, "ann", asked=asked) == draft
    desk.product.clock.pass_by(seconds=(2 * ABANDONED).total_seconds())
    desk.draft()
    assert not desk.store.is_begun(killed)
    assert list(desk.store.rows(killed)) == []
    assert len(list(desk.store.rows(draft.sheet_id))) == 2


def test_one_request_that_is_answered_twice_at_once_makes_one_draft(desk: Desk) -> None:
    path = desk.folder / "rates.csv"
    path.write_text(SHEET)
    asked = uuid4()
    keep = desk.store.keep

    def first(*told: object, **more: object) -> tuple[int, str]:
        kept = keep(*told, **more)  # type: ignore[arg-type]
        desk.store.keep = keep  # type: ignore[method-assign]
        desk.tariffs.import_sheet("retail", path, USD, "ann", asked=asked)
        return kept

    desk.store.keep = first  # type: ignore[method-assign,assignment]
    draft = desk.tariffs.import_sheet("retail", path, USD, "ann", asked=asked)
    assert desk.tariffs.tariff("retail").drafts == (draft,)
    assert desk.tariffs.imported(asked) == draft.sheet_id
    assert desk.count() == 4  # two rates and two names


def test_many_rows_come_back_in_order_and_are_discarded_in_parts(desk: Desk) -> None:
    rows = [
        PricedPrefix(str(20_000 + n * 7_919 % 25_000), f"area {n % 90}", TEN_CENTS, n)
        for n in range(25_000)
    ]
    sheet_id = uuid4()
    told: list[int] = []
    count, digest = desk.store.keep(
        sheet_id, "USD", rows, desk.product.clock.now(), lambda what, done, of: told.append(done)
    )
    assert (count, told[-1]) == (25_000, 25_000)
    assert desk.store.digest(sheet_id) == digest
    assert list(desk.store.rows(sheet_id)) == sorted(rows, key=lambda row: row.prefix)
    assert next(desk.store.rows(sheet_id, "30000")).prefix == "30001"
    desk.store.discard(sheet_id)
    assert desk.count() == 0


def test_the_tariffs_are_listed(desk: Desk) -> None:
    desk.draft()
    desk.draft(tariff="wholesale")
    desk.product.catch_up()
    views = LedgerTariffViews(desk.recorder)
    listed = views.tariffs(None, 10)
    assert {name for _, name, _ in listed} == {"retail", "wholesale"}
    assert views.tariffs(listed[0][0], 10) == listed[1:]
    assert kinds.tariff_id("retail") in {each for each, _, _ in listed}


# ---- what a call costs, and why

SUNDAY = datetime(2026, 11, 22, 20, 58, tzinfo=UTC)  # 21:58 in Warsaw


def test_a_price_is_explained_step_by_step(desk: Desk) -> None:
    evenings = RateTerms(
        "USD",
        30_000,
        connect_fee=10_000,
        initial_block=60,
        increment=60,
        bands=(Band((7,), 22 * 60, 24 * 60, 20_000),),
        time_zone="Europe/Warsaw",
    )
    rows = [
        PricedPrefix("48", "Poland", TEN_CENTS),
        PricedPrefix("4877", "Poland, Opole", evenings),
        PricedPrefix("4878", "Poland, elsewhere", TEN_CENTS),
    ]
    since = desk.product.clock.now()
    desk.product.access_numbers.add("18005550199", AccessTerms(surcharge=usd(5_000)))
    desk.product.group(setup_fee=usd(1_000))
    desk.product.tariffs.publish_rows("retail", "USD", rows, since, "ann")
    told = PriceExplanations(desk.units, desk.store).explain(
        "Gold", "18005550199", "+48774417880", SUNDAY, 420, setup_due=True
    )
    assert (told.number, told.version, told.matched.prefix) == ("+48774417880", 1, "4877")
    assert [each.prefix for each in told.passed_over] == ["48"]
    lines = [(each.line.what, each.line.seconds, each.line.micros) for each in told.lines]
    assert lines == [
        ("connect fee", 0, 10_000),
        ("surcharge", 0, 5_000),
        ("talk", 120, 60_000),
        ("talk", 300, 100_000),
        ("setup fee", 0, 1_000),
    ]
    assert told.charge.total == usd(176_000)
    talk = told.lines[3]
    assert talk.since is not None
    assert talk.since.isoformat() == "2026-11-22T22:00:00+01:00"
    assert told.hold <= told.balance == dollars(10)
    assert told.connects
    text = " ".join(sentences(told))
    for part in ("version 1", "4877, Poland, Opole", "48 (Poland)", "from Sun 2026-11-22 21:58:00",
                 "Together: 0.176 USD", "would be held"):  # fmt: skip
        assert part in text


def test_a_balance_that_does_not_connect_is_told(desk: Desk) -> None:
    desk.published()
    desk.product.group()
    explain = PriceExplanations(desk.units, desk.store).explain
    at = desk.product.clock.now()
    told = explain("Gold", "18005550100", "48221234567", at, 60, balance=Money(1, "USD"))
    assert (told.connects, told.talk_seconds, told.hold) == (False, 0, usd(0))
    assert "0.029 USD are needed" in sentences(told)[-1]
    with pytest.raises(NotFound):
        explain("Tin", "18005550100", "48221234567", at, 60)
    with pytest.raises(NotFound):
        explain("Gold", "1", "48221234567", at, 60)
    with pytest.raises(Exception, match="390612345678"):
        explain("Gold", "18005550100", "390612345678", at, 60)
