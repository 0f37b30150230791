"""A stored ledger is verified: each planted defect is named with the fact that is wrong."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve as changed
from attrs import frozen
from sqlalchemy import delete, insert, select, update

from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.connecting import connect
from adapters.persistence.correction_views import LedgerCallPages
from adapters.persistence.log_audit import LedgerAuditor
from adapters.persistence.migrations import upgrade
from adapters.persistence.read_models import tables
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import events
from application import kinds
from application.approvals import Approvals
from application.auditing import Verification
from application.exchange import ExchangeRates
from application.margins import MarginGuard
from application.ports import LedgerUnavailable
from domain.audit_rules import Rule
from domain.cards import Status
from domain.corrections import Pricing, Selected
from tests.adapters.persistence.product import Product, mapper
from tests.support.corrections import CHEAP, DEAR, EVER, Corrector
from tests.support.history import PRICE, Routed
from tests.support.postgres import PostgresServer
from tests.support.story import ALICE, BOB, NOON, ROME, WARSAW, dollars

Fields = dict[str, Any]


@frozen
class Stored:
    """One row of the log."""

    position: int
    stream_id: UUID
    version: int
    name: str
    data: Fields

    @property
    def fact(self) -> Fields:
        fields: Fields = self.data["fact"]
        return fields


class Ledger:
    """What two cards did, in a stored ledger that a test may edit."""

    def __init__(self, recorder: EventRecorder, url: str, now: datetime = NOON) -> None:
        self.recorder = recorder
        self.product = product = Product(recorder)
        product.clock.time = now
        # Calls of a copy are others than those of the story that it is a copy of.
        product._calls = itertools.count(1 + int((now - NOON).total_seconds()))
        product.prices.by_prefix[""] = PRICE
        product.dialling = changed(
            product.dialling,
            routes=Routed(),
            margins=MarginGuard(ExchangeRates({("EUR", "USD"): 1_100_000})),
        )
        self.auditor = LedgerAuditor(url, recorder, mapper(), product.clock)

    def begin(self) -> datetime:
        """Sells two cards, makes three calls, charges two days, voids a card; gives the time."""
        product = self.product
        product.group("Gold", simultaneous_calls=2, setup_fee=dollars(0, 5), longest_call=600)
        product.group("Tin", valid_days=3)
        card, void = product.card(), product.card("Tin")
        product.top_up(card, dollars(5))
        for number, (caller, seconds) in enumerate(((ALICE, 61), (ALICE, 125), (BOB, None))):
            product.clock.pass_by(hours=1)
            call = product.call(caller)
            if product.calls.login_by_caller_id(call) is None:
                product.login(call, card)
            if number == 0 and call.payer is not None:
                product.bindings.toggle(call, call.payer)
            product.dialling.dial(call, (WARSAW, ROME)[number % 2])
            if seconds is None:
                product.settlement.not_connected(call.reference, 1, 17)
            else:
                product.settlement.record_leg(product.leg(call, seconds))
            product.settlement.call_ended(call.reference)
        self.fee(card)
        product.clock.pass_by(days=1)
        self.fee(card)
        product.admin.change_status(void.card_id, Status.VOID, "ann", "stolen")
        product.catch_up()
        product.breakage.run()
        product.catch_up()
        return product.clock.now()

    def fee(self, card: Any) -> None:
        """Charges the daily fee of today."""
        account_id = self.product.admin.card(card.card_id).account_id

        def decide(unit: Any) -> None:
            account = unit.get(kinds.ACCOUNTS, account_id)
            day = self.product.clock.now().date()
            facts = account.charge_daily_fee(day, dollars(0, 25))
            unit.record(kinds.ACCOUNTS, account_id, facts)

        self.product.ledger.run(decide, writes=(account_id,))

    # Editing

    def rows(self, name: str) -> list[Stored]:
        with self.recorder.reading() as connection:
            query = select(events).where(events.c.name == name).order_by(events.c.position)
            return [
                Stored(row.position, row.stream_id, row.version, row.name, json.loads(row.data))
                for row in connection.execute(query)
            ]

    def write(self, row: Stored) -> int:
        with self.recorder.writing() as connection:
            statement = update(events).where(events.c.position == row.position)
            connection.execute(
                statement.values(
                    stream_id=row.stream_id,
                    version=row.version,
                    name=row.name,
                    data=json.dumps(row.data, separators=(",", ":")).encode(),
                )
            )
        return row.position

    def edit(self, name: str, which: int = 0, **fields: Any) -> int:
        """Changes fields of a stored fact; gives its position."""
        row = self.rows(name)[which]
        row.data["fact"].update(fields)
        return self.write(row)

    def raise_by(self, name: str, field: str, micros: int, which: int = 0) -> int:
        row = self.rows(name)[which]
        row.fact[field]["micros"] += micros
        return self.write(row)

    def drop(self, position: int) -> None:
        with self.recorder.writing() as connection:
            connection.execute(delete(events).where(events.c.position == position))

    def append(self, stream_id: UUID, name: str, fact: Fields) -> int:
        """A fact that nobody decided, behind the others of its stream."""
        with self.recorder.writing() as connection:
            own = select(events).where(events.c.stream_id == stream_id)
            last = max(connection.execute(own), key=lambda row: row.version)
            position = max(row.position for row in connection.execute(select(events))) + 1
            told = {"v": 1, "at": json.loads(last.data)["at"], "fact": fact}
            connection.execute(
                insert(events).values(
                    position=position,
                    stream_id=stream_id,
                    version=last.version + 1,
                    name=name,
                    data=json.dumps(told, separators=(",", ":")).encode(),
                )
            )
        return position

    def verify(self, processes: int = 1) -> Verification:
        return self.auditor.verify(processes=processes, progress=lambda *_: None)


@pytest.fixture(scope="session")
def _sqlite_story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime]:
    file = tmp_path_factory.mktemp("audit") / "ledger.db"
    with connect(f"sqlite:///{file}") as recorder:
        upgrade(recorder)
        return file, Ledger(recorder, "").begin()


@pytest.fixture(scope="session")
def _postgres_story(
    postgres_server: PostgresServer, _postgres_template: str
) -> tuple[str, datetime]:
    name = postgres_server.create_database(_postgres_template)
    with connect(postgres_server.url(name)) as recorder:
        return name, Ledger(recorder, "").begin()


@pytest.fixture
def ledger(tmp_path: Path, _sqlite_story: tuple[Path, datetime]) -> Iterator[Ledger]:
    """The story once, and a copy of it for each test."""
    template, now = _sqlite_story
    url = f"sqlite:///{shutil.copy(template, tmp_path / 'ledger.db')}"
    with connect(url) as recorder:
        yield Ledger(recorder, url, now)


@pytest.fixture
def stored(store_kind: str, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """The same in a store of each kind, where it is the store that matters."""
    if store_kind == "sqlite":
        yield request.getfixturevalue("ledger")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    template, now = request.getfixturevalue("_postgres_story")
    name = server.create_database(template)
    with connect(server.url(name)) as recorder:
        yield Ledger(recorder, server.url(name), now)
    server.drop_database(name)


def money(dollars_: float) -> Fields:
    return {"micros": int(dollars_ * 1_000_000), "unit": "USD"}


def test_what_the_product_wrote_keeps_every_rule(stored: Ledger) -> None:
    told = stored.verify()
    assert (told.clean, list(told.found)) == (True, [])
    assert told.facts == len(stored.product.log())
    assert set(told.models.values()) == {told.until}


# Each defect is planted so that the first rule it breaks is this one; gives the position to name.


def _unreadable(ledger: Ledger) -> int:
    row = ledger.rows("top-up-received")[0]
    return ledger.write(changed(row, data={"v": 1, "at": "yesterday", "fact": row.fact}))


def _unknown_name(ledger: Ledger) -> int:
    return ledger.write(changed(ledger.rows("call-ended")[0], name="call-finished"))


def _gap(ledger: Ledger) -> int:
    first, second = ledger.rows("daily-fee-charged")
    ledger.drop(first.position)
    return second.position


def _another_thing(ledger: Ledger) -> int:
    return ledger.append(
        ledger.rows("call-started")[0].stream_id, "card-sold", {"by": "x", "why": "y"}
    )


def _more_than_available(ledger: Ledger) -> int:
    return ledger.edit("daily-fee-charged", 1, amount=money(9_000))


def _negative(ledger: Ledger) -> int:
    return ledger.edit("daily-fee-charged", 1, amount=money(-1))


def _other_unit(ledger: Ledger) -> int:
    return ledger.edit("daily-fee-charged", 1, amount={"micros": 1, "unit": "EUR"})


def _above_its_hold(ledger: Ledger) -> int:
    row = ledger.rows("hold-captured")[0]
    placed = next(
        each for each in ledger.rows("hold-placed") if each.fact["hold_id"] == row.fact["hold_id"]
    )
    row.fact["charge"]["micros"] = placed.fact["amount"]["micros"] + 1
    return ledger.write(row)


def _hold_too_small(ledger: Ledger) -> int:
    return ledger.edit("attempt-started", 1, limit_seconds=900)


def _captured_twice(ledger: Ledger) -> int:
    row = ledger.rows("hold-captured")[0]
    return ledger.append(row.stream_id, row.name, row.fact)


def _hold_never_ended(ledger: Ledger) -> int:
    """The last fact of the account: the release, dropped with all behind it."""
    fees = ledger.rows("daily-fee-charged")
    for row in fees:
        ledger.drop(row.position)
    release = ledger.rows("hold-released")[0]
    ledger.drop(release.position)
    settled = ledger.rows("attempt-settled")[2]
    return settled.position


def _hold_of_nobody(ledger: Ledger) -> int:
    fact = {"hold_id": str(UUID(int=77)), "amount": money(0.01)}
    return ledger.append(ledger.rows("hold-placed")[0].stream_id, "hold-placed", fact)


def _wrong_price(ledger: Ledger) -> int:
    ledger.raise_by("hold-captured", "charge", 1, 1)
    return ledger.raise_by("attempt-settled", "charge", 1, 1)


def _captured_otherwise(ledger: Ledger) -> int:
    return ledger.raise_by("hold-captured", "charge", -1, 1)


def _other_terms(ledger: Ledger) -> int:
    row = ledger.rows("attempt-started")[0]
    row.fact["terms"]["per_minute"] -= 1_000
    ledger.write(row)
    return ledger.rows("attempt-settled")[0].position


def _wrong_cost(ledger: Ledger) -> int:
    return ledger.raise_by("attempt-routed", "cost", 5)


def _settled_twice(ledger: Ledger) -> int:
    row = ledger.rows("attempt-settled")[0]
    return ledger.append(row.stream_id, row.name, row.fact)


def _setup_twice(ledger: Ledger) -> int:
    """The second call of the card pays the fee of the first once more, everywhere."""
    second = ledger.rows("attempt-started")[1]
    second.fact["first_use"] = True
    second.fact["held"]["micros"] += 50_000
    ledger.write(second)
    ledger.raise_by("hold-placed", "amount", 50_000, 1)
    ledger.raise_by("hold-captured", "charge", 50_000, 1)
    row = ledger.rows("attempt-settled")[1]
    row.fact["charge"]["micros"] += 50_000
    row.fact["setup_due"] = True
    return ledger.write(row)


def _day_twice(ledger: Ledger) -> int:
    row = ledger.rows("daily-fee-charged")[1]
    return ledger.append(row.stream_id, row.name, row.fact)


def _top_up_twice(ledger: Ledger) -> int:
    row = ledger.rows("funds-added")[-1]
    return ledger.append(row.stream_id, row.name, row.fact)


def _top_up_of_nobody(ledger: Ledger) -> int:
    fact = {"top_up_id": str(UUID(int=78)), "amount": money(1)}
    return ledger.append(ledger.rows("funds-added")[0].stream_id, "funds-added", fact)


def _top_up_that_was_more(ledger: Ledger) -> int:
    ledger.raise_by("funds-added", "amount", 1_000_000, 2)
    return ledger.rows("top-up-received")[2].position


def _back_from_the_void(ledger: Ledger) -> int:
    row = ledger.rows("card-status-changed")[-1]
    assert row.fact["status"] == "empty" or row.fact["status"] == "void"
    return ledger.append(row.stream_id, row.name, row.fact | {"status": "active"})


def _forfeited_by_a_card_in_use(ledger: Ledger) -> int:
    account = ledger.rows("daily-fee-charged")[0].stream_id
    fact = {"amount": money(0.01), "reason": "expired"}
    return ledger.append(account, "balance-forfeited", fact)


def _a_number_again(ledger: Ledger) -> int:
    first = ledger.rows("card-generated")[0]
    return ledger.edit("card-generated", 1, number=first.fact["number"])


def _two_owners(ledger: Ledger) -> int:
    row = ledger.rows("caller-id-bound")[0]
    other = str(ledger.rows("card-generated")[1].stream_id)
    return ledger.append(row.stream_id, row.name, row.fact | {"card_id": other})


def _bound_after_it_was_erased(ledger: Ledger) -> int:
    row = ledger.rows("caller-id-bound")[0]
    fact = {"person_id": str(row.stream_id), "by": "ann", "why": "asked by letter"}
    ledger.append(row.stream_id, "person-erased", fact)
    return ledger.append(row.stream_id, row.name, row.fact)


def _erased_and_still_bound(ledger: Ledger) -> int:
    row = ledger.rows("caller-id-bound")[0]
    ledger.append(row.stream_id, row.name, row.fact)
    fact = {"person_id": str(row.stream_id), "by": "ann", "why": "asked by letter"}
    return ledger.append(row.stream_id, "person-erased", fact)


def _balance_row(ledger: Ledger) -> int:
    account = ledger.rows("balance-forfeited")[0]
    with ledger.recorder.writing() as connection:
        row = tables.accounts.c.account_id == account.stream_id
        connection.execute(tables.accounts.update().where(row).values(balance=5))
    return account.position


def _missing_row(ledger: Ledger) -> int:
    row = ledger.rows("call-ended")[0]
    with ledger.recorder.writing() as connection:
        own = tables.calls.c.session_id == row.stream_id
        connection.execute(tables.calls.delete().where(own))
    return row.position


def _corrected(ledger: Ledger) -> None:
    """The calls of the story are priced again, and a part of the first one is given back."""
    product, recorder = ledger.product, ledger.recorder
    units, clock, chance = product.ledger, product.clock, product.admin.chance
    bulk = LedgerBulkAppends(recorder, mapper(), clock)
    corrector = Corrector(
        units, bulk, LedgerCallPages(recorder), Approvals(units, clock, chance), clock
    )
    cheap = Pricing(CHEAP, "retail version 2")
    corrector.corrections.run("CORR-1", Selected(*EVER), cheap, "ann", "wrong sheet")
    reference = ledger.rows("call-started")[0].fact["reference"]
    corrector.refunds.refund(reference, 1, dollars(0, 1), UUID(int=7), "ann", "bad line")
    dear = Pricing(DEAR, "retail version 3", charge_more=True)
    corrector.corrections.run("CORR-2", Selected(*EVER), dear, "ann", "wrong again")
    product.catch_up()


def _correction_of_other_terms(ledger: Ledger) -> int:
    _corrected(ledger)
    row = ledger.rows("attempt-rerated")[0]
    row.fact["terms"]["per_minute"] -= 1_000
    return ledger.write(row)


def _correction_beyond_its_terms(ledger: Ledger) -> int:
    _corrected(ledger)
    ledger.raise_by("charge-corrected", "charge", -1)
    return ledger.raise_by("attempt-rerated", "charge", -1)


def _correction_from_nowhere(ledger: Ledger) -> int:
    _corrected(ledger)
    ledger.raise_by("charge-corrected", "charge_before", 1)
    return ledger.raise_by("attempt-rerated", "charge_before", 1)


def _correction_of_other_talk(ledger: Ledger) -> int:
    _corrected(ledger)
    return ledger.edit("attempt-refunded", seconds=1)


def _correction_from_other_terms(ledger: Ledger) -> int:
    _corrected(ledger)
    row = ledger.rows("attempt-rerated")[-1]
    row.fact["terms_before"]["per_minute"] -= 1_000
    return ledger.write(row)


def _correction_with_a_setup_fee_more(ledger: Ledger) -> int:
    _corrected(ledger)
    row = next(each for each in ledger.rows("attempt-rerated") if not each.fact["setup_due"])
    row.fact["setup_due"] = True
    return ledger.write(row)


def _correction_takes_a_refund_back(ledger: Ledger) -> int:
    _corrected(ledger)
    refund = ledger.rows("attempt-refunded")[0]
    later = [each.position > refund.position for each in ledger.rows("attempt-rerated")]
    which = next(
        place
        for place, row in enumerate(ledger.rows("attempt-rerated"))
        if later[place] and row.stream_id == refund.stream_id
    )
    ledger.raise_by("charge-corrected", "charge", 10_000, which + 1)
    return ledger.raise_by("attempt-rerated", "charge", 10_000, which)


def _corrected_twice(ledger: Ledger) -> int:
    _corrected(ledger)
    row = ledger.rows("attempt-refunded")[0]
    return ledger.append(row.stream_id, row.name, row.fact)


def _refund_of_nobody(ledger: Ledger) -> int:
    _corrected(ledger)
    fact = ledger.rows("attempt-refunded")[0].fact | {"hold_id": str(UUID(int=77))}
    return ledger.append(ledger.rows("call-started")[0].stream_id, "attempt-refunded", fact)


def _refund_of_nothing(ledger: Ledger) -> int:
    _corrected(ledger)
    row = ledger.rows("attempt-refunded")[0]
    return ledger.edit("attempt-refunded", charge=row.fact["charge_before"])


def _corrected_otherwise(ledger: Ledger) -> int:
    """The account got a cent more than the call tells of."""
    _corrected(ledger)
    return ledger.raise_by("charge-corrected", "charge", -10_000)


def _moved_twice(ledger: Ledger) -> int:
    _corrected(ledger)
    row = ledger.rows("charge-corrected")[0]
    return ledger.append(row.stream_id, row.name, row.fact)


def _moved_by_nobody(ledger: Ledger) -> int:
    _corrected(ledger)
    fact = ledger.rows("charge-corrected")[0].fact | {"correction_id": str(UUID(int=77))}
    return ledger.append(ledger.rows("charge-corrected")[0].stream_id, "charge-corrected", fact)


def _never_arrived(ledger: Ledger) -> int:
    _corrected(ledger)
    last = ledger.rows("charge-corrected")[-1]
    ledger.drop(last.position)
    (told,) = [
        each
        for each in ledger.rows("attempt-rerated")
        if each.fact["correction_id"] == last.fact["correction_id"]
        and each.fact["hold_id"] == last.fact["hold_id"]
    ]
    return told.position


def _charged_more_than_available(ledger: Ledger) -> int:
    _corrected(ledger)
    return ledger.edit("charge-corrected", 0, charge=money(9_000))


def _charge_below_zero(ledger: Ledger) -> int:
    _corrected(ledger)
    return ledger.edit("charge-corrected", 0, charge=money(-1))


PLANTED = [
    (Rule.CORRECTION, _correction_of_other_terms),
    (Rule.CORRECTION, _correction_beyond_its_terms),
    (Rule.CORRECTION, _correction_from_nowhere),
    (Rule.CORRECTION, _correction_of_other_talk),
    (Rule.CORRECTION, _correction_from_other_terms),
    (Rule.CORRECTION, _correction_with_a_setup_fee_more),
    (Rule.CORRECTION, _correction_takes_a_refund_back),
    (Rule.CORRECTION, _corrected_twice),
    (Rule.CORRECTION, _refund_of_nobody),
    (Rule.CORRECTION, _refund_of_nothing),
    (Rule.CORRECTED, _corrected_otherwise),
    (Rule.CORRECTED, _moved_twice),
    (Rule.CORRECTED, _moved_by_nobody),
    (Rule.CORRECTED, _never_arrived),
    (Rule.BALANCE, _charged_more_than_available),
    (Rule.AMOUNTS, _charge_below_zero),
    (Rule.READABLE, _unreadable),
    (Rule.READABLE, _unknown_name),
    (Rule.UNBROKEN, _gap),
    (Rule.ONE_THING, _another_thing),
    (Rule.BALANCE, _more_than_available),
    (Rule.AMOUNTS, _negative),
    (Rule.AMOUNTS, _other_unit),
    (Rule.CHARGE_IN_HOLD, _above_its_hold),
    (Rule.HOLD_COVERS, _hold_too_small),
    (Rule.HOLD_ENDS_ONCE, _captured_twice),
    (Rule.HOLD_ENDED, _hold_never_ended),
    (Rule.HOLD_OF_ATTEMPT, _hold_of_nobody),
    (Rule.PRICE, _wrong_price),
    (Rule.PRICE, _captured_otherwise),
    (Rule.PRICE, _other_terms),
    (Rule.COST, _wrong_cost),
    (Rule.SETTLED_ONCE, _settled_twice),
    (Rule.SETUP_ONCE, _setup_twice),
    (Rule.FEE_ONCE, _day_twice),
    (Rule.TOP_UP_ONCE, _top_up_twice),
    (Rule.TOP_UP_ONCE, _top_up_of_nobody),
    (Rule.TOP_UP_ONCE, _top_up_that_was_more),
    (Rule.STATUS, _back_from_the_void),
    (Rule.FORFEITED, _forfeited_by_a_card_in_use),
    (Rule.CARD_NUMBER, _a_number_again),
    (Rule.CALLER_ID, _two_owners),
    (Rule.CALLER_ID, _bound_after_it_was_erased),
    (Rule.CALLER_ID, _erased_and_still_bound),
    (Rule.READ_MODEL, _balance_row),
    (Rule.READ_MODEL, _missing_row),
]


@pytest.mark.parametrize(
    ("rule", "plant"), PLANTED, ids=[plant.__name__.strip("_") for _, plant in PLANTED]
)
def test_a_planted_defect_is_named_with_its_fact(
    ledger: Ledger, rule: Rule, plant: Callable[[Ledger], int]
) -> None:
    position = plant(ledger)
    told = ledger.verify()
    named = [(each.position, each.rule) for each in told.found]
    assert (position, rule) in named
    of_the_log = [each for each in told.found if each.rule is not Rule.READ_MODEL]
    first = told.found[0] if rule is Rule.READ_MODEL else of_the_log[0]
    assert (first.position, first.rule) == (position, rule), told.found
    assert first.why
    if rule is not Rule.READ_MODEL:
        (row,) = [each for each in _everything(ledger) if each.position == position]
        assert (first.name, first.stream_id, first.version) == (
            row.name,
            row.stream_id,
            row.version,
        )


def _everything(ledger: Ledger) -> list[Any]:
    with ledger.recorder.reading() as connection:
        return list(connection.execute(select(events)))


def test_corrections_that_the_product_made_keep_every_rule(stored: Ledger) -> None:
    _corrected(stored)
    told = stored.verify()
    assert (told.clean, list(told.found)) == (True, [])
    assert len(stored.rows("attempt-rerated")) == 4
    checked = RebuildCheck(stored.recorder, mapper()).run()
    assert checked.difference is None


def test_whoever_waits_is_told_how_far_it_is(ledger: Ledger) -> None:
    told: list[tuple[int, int]] = []
    facts = ledger.auditor.verify(processes=1, progress=lambda *done: told.append(done)).facts
    assert told
    assert told[-1] == (facts, facts)


@pytest.mark.processes
def test_a_process_that_cannot_read_the_ledger_ends_the_audit(ledger: Ledger) -> None:
    elsewhere = changed(ledger.auditor, url="sqlite:////nowhere/ledger.db")
    with pytest.raises(LedgerUnavailable):
        elsewhere.verify(processes=2, progress=lambda *_: None)


def test_every_rule_has_its_defect() -> None:
    assert {rule for rule, _ in PLANTED} == set(Rule)


def test_a_hold_is_open_for_as_long_as_its_call_may_last(ledger: Ledger) -> None:
    product = ledger.product
    card = product.card()
    call = product.caller(card, None)
    product.dialling.dial(call, WARSAW)
    assert ledger.verify().clean
    product.clock.pass_by(hours=2)
    (found,) = ledger.verify().found
    assert found.rule is Rule.HOLD_ENDED
    assert found.name == "hold-placed"
    product.settlement.give_up_waiting(call.session_id)
    assert ledger.verify().clean


def test_read_models_that_are_behind_are_compared_with_the_facts_they_know(stored: Ledger) -> None:
    ledger = stored
    for _ in range(3):
        ledger.product.card()
    told = ledger.verify()
    assert told.clean
    assert max(told.models.values()) < told.until
    ledger.product.clock.pass_by(seconds=timedelta(hours=1).total_seconds())
    with ledger.recorder.writing() as connection:
        connection.execute(tables.cards.update().values(status="printed"))
    assert ledger.verify().counts == {Rule.READ_MODEL: 2}


@pytest.mark.processes
@pytest.mark.parametrize("processes", [3])
def test_several_processes_find_what_one_finds(stored: Ledger, processes: int) -> None:
    ledger = stored
    assert ledger.verify(processes).clean
    for plant in (_wrong_price, _top_up_twice, _two_owners, _balance_row):
        plant(ledger)
    one, several = ledger.verify(), ledger.verify(processes)
    assert one.counts == several.counts
    assert sorted(map(str, one.found)) == sorted(map(str, several.found))
