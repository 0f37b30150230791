"""Rate sheets: whole or not at all, sealed, and in force from their moment on."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from adapters.persistence.connecting import connect
from adapters.persistence.rate_sheets import StoredRateSheets, TariffDecks, names, rates
from adapters.persistence.recorder import EventRecorder
from application import kinds
from domain.errors import SettingNotAllowed
from domain.rate_checks import PricedPrefix as Row
from domain.rating import Band, RateTerms
from domain.tariffs import TariffPublished
from tests.adapters.persistence.product import Product
from tests.support.story import CENT_A_SECOND, NOON, TEN_CENTS

POLAND = Row("48", "Poland", TEN_CENTS)
MOBILE = Row("486", "Poland, mobile", CENT_A_SECOND)
EVENINGS = RateTerms("USD", 1, bands=(Band((1, 7), 0, 60, 2),), time_zone="Europe/Warsaw")


@pytest.fixture
def sheets(recorder: EventRecorder) -> StoredRateSheets:
    return StoredRateSheets(recorder)


@pytest.fixture
def product(recorder: EventRecorder) -> Product:
    return Product(recorder)


def keep(
    sheets: StoredRateSheets, sheet_id: UUID, unit: str, rows: Iterable[Row]
) -> tuple[int, str]:
    return sheets.keep(sheet_id, unit, rows, NOON)


def rows(recorder: EventRecorder) -> int:
    with recorder.reading() as connection:
        return connection.execute(select(func.count()).select_from(rates)).scalar_one()


def test_a_sheet_comes_back_as_it_was_stored(sheets: StoredRateSheets) -> None:
    sheet_id = uuid4()
    night = Row("1", "USA, nights: “special”", EVENINGS)
    assert keep(sheets, sheet_id, "USD", [MOBILE, POLAND, night])[0] == 3
    deck = sheets.load(sheet_id)
    for row in (POLAND, MOBILE, night):
        match = deck.find(row.prefix + "0")
        assert match is not None
        assert (match.prefix, match.rate.destination, match.rate.terms) == (
            row.prefix,
            row.destination,
            row.terms,
        )
    assert deck.find("999") is None


def test_sheets_do_not_mix(sheets: StoredRateSheets) -> None:
    first, second = uuid4(), uuid4()
    keep(sheets, first, "USD", [POLAND])
    keep(sheets, second, "USD", [Row("48", "Poland", CENT_A_SECOND)])
    match = sheets.load(first).find("48221234567")
    assert match is not None
    assert match.rate.terms == TEN_CENTS


def test_a_sheet_in_two_orders_has_one_digest_and_any_change_another(
    sheets: StoredRateSheets,
) -> None:
    _, digest = keep(sheets, uuid4(), "USD", [POLAND, MOBILE])
    assert keep(sheets, uuid4(), "USD", [MOBILE, POLAND])[1] == digest
    for changed in (
        Row("487", "Poland, mobile", CENT_A_SECOND),
        Row("486", "Poland mobile", CENT_A_SECOND),
        Row("486", "Poland, mobile", TEN_CENTS),
    ):
        assert keep(sheets, uuid4(), "USD", [POLAND, changed])[1] != digest
    assert keep(sheets, uuid4(), "USD", [POLAND])[1] != digest


def test_what_was_sealed_can_be_checked_later(
    sheets: StoredRateSheets, recorder: EventRecorder
) -> None:
    sheet_id = uuid4()
    _, digest = keep(sheets, sheet_id, "USD", [POLAND, MOBILE])
    assert sheets.digest(sheet_id) == digest
    with recorder.writing() as connection:
        connection.execute(names.update().where(names.c.number == 0).values(destination="x"))
    assert sheets.digest(sheet_id) != digest


def test_a_discarded_sheet_is_gone_and_no_other(
    sheets: StoredRateSheets, recorder: EventRecorder
) -> None:
    kept, gone = uuid4(), uuid4()
    keep(sheets, kept, "USD", [POLAND])
    keep(sheets, gone, "USD", [POLAND, MOBILE])
    sheets.discard(gone)
    sheets.discard(uuid4())
    assert rows(recorder) == 1
    assert sheets.load(gone).find("48221234567") is None


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (Row("", "Everywhere", TEN_CENTS), "a prefix is 1 to 15 digits, not ''"),
        (Row("+48", "Poland", TEN_CENTS), "a prefix is 1 to 15 digits"),
        (Row("٤٨", "Poland", TEN_CENTS), "a prefix is 1 to 15 digits"),
        (Row("1" * 16, "Far", TEN_CENTS), "a prefix is 1 to 15 digits"),
        (
            Row("49", "Germany", RateTerms("EUR", 1)),
            "prefix 49 is in EUR, the tariff in USD",
        ),
        (Row("49", "", TEN_CENTS), "prefix 49: a destination is a name of 1 to 200"),
        (
            Row("49", "x" * 201, TEN_CENTS),
            "prefix 49: a destination is a name of 1 to 200",
        ),
        (Row("49", "Ger\x00many", TEN_CENTS), "prefix 49: a destination is printable"),
        (Row("49", "Ger\nmany", TEN_CENTS), "prefix 49: a destination is printable"),
    ],
)
def test_a_bad_row_is_refused_by_name_and_nothing_of_its_sheet_stays(
    sheets: StoredRateSheets, recorder: EventRecorder, bad: Row, says: str
) -> None:
    many = [Row(f"9{number:05d}", "Filler", TEN_CENTS) for number in range(5_001)]
    with pytest.raises(ValueError, match=says):
        keep(sheets, uuid4(), "USD", [POLAND, *many, bad])
    assert rows(recorder) == 0


def test_a_leading_zero_makes_another_prefix(sheets: StoredRateSheets) -> None:
    sheet = [Row("1", "USA", TEN_CENTS), Row("01", "Odd", TEN_CENTS)]
    assert keep(sheets, uuid4(), "USD", sheet)[0] == 2


def test_a_sheet_that_is_refused_publishes_nothing(product: Product) -> None:
    now = product.clock.now()
    with pytest.raises(SettingNotAllowed, match="comes twice, in lines 1 and 2"):
        product.tariffs.publish_rows("retail", "USD", [POLAND, POLAND], now, "ann")
    with pytest.raises(Exception, match="at least one rate"):
        product.tariffs.publish_rows("retail", "USD", [], now, "ann")
    assert rows(product.recorder) == 0
    assert [each for each in product.log() if isinstance(each.fact, TariffPublished)] == []


def test_a_new_version_is_in_force_from_its_moment_on(product: Product) -> None:
    now = product.clock.now()
    later = now + timedelta(days=1)
    decks = TariffDecks(product.configuration, product.stored_sheets)
    assert decks.find("retail", "+48221234567", now) is None
    dearer = Row("48", "Poland", CENT_A_SECOND)
    assert product.tariffs.publish_rows("retail", "USD", [POLAND], now, "ann") == 1
    told = ("agreed with sales", ("jump",))
    assert product.tariffs.publish_rows("retail", "USD", [dearer], later, "ann", *told) == 2
    for moment, terms in (
        (now, TEN_CENTS),
        (later - timedelta(microseconds=1), TEN_CENTS),
        (later, CENT_A_SECOND),
        (now, TEN_CENTS),
        (later + timedelta(days=900), CENT_A_SECOND),
    ):
        price = decks.find("retail", "+48221234567", moment)
        assert price is not None
        assert (price.prefix, price.destination, price.terms) == ("48", "Poland", terms)
    assert decks.find("retail", "+48221234567", now - timedelta(seconds=1)) is None
    assert decks.find("wholesale", "+48221234567", now) is None


def test_tariffs_keep_their_decks_apart(product: Product) -> None:
    now = product.clock.now()
    for name, terms in (("retail", CENT_A_SECOND), ("wholesale", TEN_CENTS)):
        product.tariffs.publish_rows(name, "USD", [Row("48", name, terms)], now, "ann")
    decks = TariffDecks(product.configuration, product.stored_sheets)
    for name in ("retail", "wholesale", "retail"):
        price = decks.find(name, "+48221234567", now)
        assert price is not None
        assert price.destination == name


def test_two_who_publish_at_once_make_two_versions(product: Product, ledger_url: str) -> None:
    now = product.clock.now()
    begins = threading.Barrier(2)
    told = ("both at once", ("gap", "jump"))
    versions: list[int] = []

    def publish() -> None:
        with connect(ledger_url) as own:
            other = Product(own)
            begins.wait()
            versions.append(
                other.tariffs.publish_rows("retail", "USD", [POLAND], now, "ann", *told)
            )

    # Two programs that would otherwise choose the same random ids: theirs come from the clock.
    first = threading.Thread(target=publish)
    first.start()
    product.random.seed(8)
    begins.wait()
    versions.append(product.tariffs.publish_rows("retail", "USD", [MOBILE], now, "bob", *told))
    first.join(60)
    assert sorted(versions) == [1, 2]
    published = [each.fact for each in product.log() if isinstance(each.fact, TariffPublished)]
    assert [fact.version for fact in published] == [1, 2]
    assert all(
        product.stored_sheets.digest(fact.sheet_id) == fact.sheet_digest for fact in published
    )
    tariff = product.configuration.get(kinds.TARIFFS, kinds.tariff_id("retail"))
    assert tariff is not None
    assert tariff.last_version == 2


def test_callers_that_ask_at_once_share_one_deck(product: Product) -> None:
    now = product.clock.now()
    product.tariffs.publish_rows("retail", "USD", [POLAND], now, "ann")
    loads: list[UUID] = []

    class Counting(StoredRateSheets):
        def _rows(self, sheet_id: UUID) -> Iterator[tuple[str, str, str]]:
            loads.append(sheet_id)
            return super()._rows(sheet_id)

    decks = TariffDecks(product.configuration, Counting(product.recorder))
    threads = [
        threading.Thread(target=decks.find, args=("retail", "+48221234567", now)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(loads) == 1


def test_a_sheet_of_fifty_thousand_rows_is_stored_and_found_whole(
    sheets: StoredRateSheets,
) -> None:
    sheet_id = uuid4()
    sheet = (Row(f"{number:05d}", f"Area {number % 500}", TEN_CENTS) for number in range(50_000))
    assert keep(sheets, sheet_id, "USD", sheet)[0] == 50_000
    deck = sheets.load(sheet_id)
    match = deck.find("49999123")
    assert match is not None
    assert match.rate.destination == "Area 499"


@pytest.fixture(scope="module")
def stored(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[StoredRateSheets]:
    """One store for many sheets."""
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("deck") / "ledger.db")
    with connect(f"sqlite:///{file}") as recorder:
        yield StoredRateSheets(recorder)


@settings(max_examples=100, deadline=None)
@forall(
    prefixes=st.dictionaries(
        st.text("0123456789", min_size=1, max_size=6), st.integers(0, 99), min_size=1, max_size=40
    ),
    number=st.text("0123456789", min_size=5, max_size=12),
)
def test_the_longest_prefix_that_fits_sets_the_price(
    stored: StoredRateSheets, prefixes: dict[str, int], number: str
) -> None:
    sheet_id = uuid4()
    sheet = [Row(p, f"to {p}", RateTerms("USD", rate)) for p, rate in prefixes.items()]
    keep(stored, sheet_id, "USD", sheet)
    match = stored.load(sheet_id).find(number)
    fits = [prefix for prefix in prefixes if number.startswith(prefix)]
    assert (match.prefix if match else None) == max(fits, key=len, default=None)
    if match is not None:
        assert match.rate.terms.per_minute == prefixes[match.prefix]
