"""A ledger of any older shape becomes one of today, and nothing that was in it is lost."""

from __future__ import annotations

import itertools
from uuid import UUID, uuid4

import msgspec
import pytest
import sqlalchemy as sa

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.rate_sheets import StoredRateSheets
from adapters.persistence.read_models import ALL
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import events
from application import kinds
from application.rate_files import Seal
from domain.decks import LONGEST_PREFIX
from domain.pin_spaces import PinSpace
from domain.rating import Band, RateTerms
from tests.adapters.persistence import worker
from tests.adapters.persistence.older_ledgers import (
    copy_log,
    copy_read_models,
    migrate_to,
    revisions,
)
from tests.adapters.persistence.product import History, NewLedger, Product, new_ledger
from tests.adapters.persistence.test_read_models import rows
from tests.support.story import ALICE, CENT_A_SECOND, TEN_CENTS, WARSAW

__all__ = ["new_ledger"]

OLDER = revisions()[:-1]
TAKES_TIME = pytest.mark.processes
EVENINGS = RateTerms("USD", 1, bands=(Band((1, 7), 0, 60, 2),), time_zone="Europe/Warsaw")

older_rates = sa.table(
    "rates",
    sa.column("sheet_id", sa.Uuid),
    sa.column("prefix", sa.String),
    sa.column("destination", sa.String),
    sa.column("terms", sa.String),
)


def later(recorder: EventRecorder, seed: str = "later") -> Product:
    """The program begun again, which makes other cards than before and takes other calls."""
    product = Product(recorder)
    product.random.seed(seed)
    product._calls = itertools.count(10_000)
    return product


@pytest.mark.parametrize(
    "revision",
    # Two of them for those who wait, all of them in the suite.
    [each if each in ("0003", "0007") else pytest.param(each, marks=TAKES_TIME) for each in OLDER],
)
def test_what_an_older_ledger_knew_is_what_its_facts_say_and_calls_go_on(
    empty_url: str, new_ledger: NewLedger, revision: str
) -> None:
    with connect(empty_url) as older, new_ledger() as of_today:
        product = Product(of_today)
        History(product).play(range(0, 700, 17))
        product.catch_up()
        migrate_to(older, revision)
        copy_log(of_today, older)
        copy_read_models(of_today, older)
    with connect(empty_url) as recorder:
        upgrade(recorder)
        product = later(recorder)
        product.catch_up()
        found = rows(recorder)
        product.projections.rebuild(*ALL)
        assert rows(recorder) == found
        assert len(found["view_cards"]) > 1
        card = product.card()
        call = product.call(ALICE)
        product.login(call, card)
        assert product.dialling.dial(call, WARSAW).limit_seconds > 0


@pytest.mark.parametrize("revision", OLDER[1:4])
def test_rates_that_were_stored_before_drafts_price_calls_as_before(
    empty_url: str, revision: str
) -> None:
    prices = {
        "48": ("Poland", TEN_CENTS),
        "486": ("Poland, mobile", CENT_A_SECOND),
        "4860": ("Poland, mobile", EVENINGS),
        "49": ("Germany", TEN_CENTS),
        "1" * LONGEST_PREFIX: ("Ułan Bator", EVENINGS),
    }
    stored = {prefix: (name, _json(terms)) for prefix, (name, terms) in prices.items()}
    seals: dict[UUID, str] = {}
    with connect(empty_url) as recorder:
        migrate_to(recorder, revision)
        for left_out in ("", "49"):
            sheet_id, seal = uuid4(), Seal()
            for prefix, (name, terms) in sorted(stored.items()):
                if prefix != left_out:
                    seal.add(prefix, name, terms)
                    _store(recorder, sheet_id, prefix, name, terms)
            seals[sheet_id] = seal.digest
        upgrade(recorder)
        sheets = StoredRateSheets(recorder)
        assert {each: sheets.digest(each) for each in seals} == seals
        whole, part = (sheets.load(each) for each in seals)
        for prefix, (name, terms) in prices.items():
            match = whole.find(prefix)
            assert match is not None
            assert (match.rate.destination, match.rate.terms) == (name, terms)
        assert part.find("49") is None
        assert len(part) == len(whole) - 1


@pytest.mark.parametrize("counted_since", ["the first card", "the tenth card", "a lot", "never"])
def test_pins_that_nobody_counted_are_counted_once(empty_url: str, counted_since: str) -> None:
    with connect(empty_url) as recorder:
        migrate_to(recorder, "0009")
        product = Product(recorder)
        product.group("Gold")
        product.group("Short", pin_length=4)
        for _ in range(9):
            product.new_card("Gold")
            product.new_card("Short")
        product.change("Short", pin_length=5)
        product.new_card("Short")
        if counted_since != "the first card":
            with recorder.writing() as connection:
                connection.execute(sa.delete(events).where(events.c.name == "pins-reserved"))
        product = later(recorder)
        in_use = {4: 9, 5: 1, 8: 9}
        if counted_since == "the tenth card":
            product.new_card("Gold")
            product.new_card("Gold")
            in_use[8] += 2
        if counted_since == "a lot":
            _reserve(product, 8, 30)
            product.new_card("Gold")
            in_use[8] += 31
        upgrade(recorder)
        upgrade(recorder)
        product = later(recorder, "last")
        assert {length: _in_use(product, length) for length in in_use} == in_use
        product.new_card("Gold")
        assert _in_use(product, 8) == in_use[8] + 1
        product.catch_up()


@TAKES_TIME
@pytest.mark.parametrize("revision", ["nothing", *OLDER[::3]])
def test_processes_that_start_together_on_an_older_ledger_or_none_all_work(
    empty_url: str, revision: str
) -> None:
    before = 0
    if revision != "nothing":
        with connect(empty_url) as recorder:
            migrate_to(recorder, revision)
        before = 2
        worker.write(empty_url, str(before), "1")
    running = [worker.start("migrate", empty_url) for _ in range(4)]
    for each in running:
        each.communicate(timeout=60)
    assert [each.returncode for each in running] == [0] * 4
    with connect(empty_url) as recorder:
        assert len(recorder.select_notifications(None, 10)) == before + 4


def _json(terms: RateTerms) -> str:
    return msgspec.json.encode(terms).decode()


def _store(recorder: EventRecorder, sheet_id: UUID, prefix: str, name: str, terms: str) -> None:
    row = {"sheet_id": sheet_id, "prefix": prefix, "destination": name, "terms": terms}
    with recorder.writing() as connection:
        connection.execute(sa.insert(older_rates), row)


def _reserve(product: Product, length: int, count: int) -> None:
    space_id = kinds.pin_space_id(length)
    product.ledger.run(
        lambda unit: unit.record(
            kinds.PIN_SPACES, space_id, PinSpace(length).reserve(count, "lot spring")
        ),
        writes=(space_id,),
    )


def _in_use(product: Product, length: int) -> int:
    space_id = kinds.pin_space_id(length)
    space = product.ledger.run(
        lambda unit: unit.get(kinds.PIN_SPACES, space_id), writes=(), reads=(space_id,)
    )
    return space.in_use if space else 0
