"""The oracle finds nothing in a ledger that is right, and each of its checks can fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from attrs import frozen
from sqlalchemy import delete, update

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.read_models import report_tables, tables
from adapters.persistence.seals import StoredSeals, seal_blocks
from adapters.persistence.tables import events
from adapters.sealing.checkpoint_file import CheckpointFile
from adapters.sealing.keys import SealKey
from application.sealing import Sealing
from domain.accounts import BalanceForfeited
from domain.cards import CardGenerated
from domain.money import Money
from talktime.system import SystemClock
from tests.adapters.persistence.test_log_audit import Ledger, Stored
from tests.faults.acknowledged import (
    Acknowledged,
    Command,
    Stage,
    arrival,
    card_issued,
    card_made,
    command,
    end,
    hold,
    hold_of,
    settlement,
    top_up,
    writes,
)
from tests.faults.oracle import Check, Live, Oracle, OracleFailed, SealFiles
from tests.support.postgres import PostgresServer
from tests.support.seals import ORIGIN
from tests.support.story import BOB, WARSAW

pytestmark = pytest.mark.faults


@frozen
class Judged:
    """A story that was played and sealed, what its clients know, and the judge."""

    ledger: Ledger
    record: Acknowledged
    oracle: Oracle
    references: list[str]

    def row(self, name: str, which: int = 0) -> Stored:
        return self.ledger.rows(name)[which]

    def drop(self, *names: str) -> None:
        for name in names:
            self.ledger.drop(self.row(name, -1).position)

    def copy(self, name: str, which: int = 0) -> None:
        row = self.row(name, which)
        self.ledger.append(row.stream_id, name, row.fact)

    def seal(self, files: SealFiles) -> None:
        key = SealKey.read(files.public_keys.with_suffix(""))
        publishers = [CheckpointFile(files.checkpoints)]
        store = StoredSeals(self.ledger.recorder)
        Sealing(store, key, SystemClock(), publishers, most_facts=7).run()

    def breaches(self, live: Live | tuple[UUID, ...] = ()) -> OracleFailed:
        with pytest.raises(OracleFailed) as failed:
            self.oracle.check(self.record, live=live)
        return failed.value


@pytest.fixture(scope="module")
def _played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    folder = tmp_path_factory.mktemp("oracle")
    with connect(f"sqlite:///{folder / 'ledger.db'}") as recorder:
        upgrade(recorder)
        ledger = Ledger(recorder, "")
        ledger.begin()
        return folder, ledger


@pytest.fixture
def judged(_played: tuple[Path, Ledger], tmp_path: Path) -> Iterator[Judged]:
    folder, played = _played
    yield from _judged(f"sqlite:///{shutil.copy(folder / 'ledger.db', tmp_path)}", played, tmp_path)


def _judged(url: str, played: Ledger, folder: Path) -> Iterator[Judged]:
    SealKey.new(ORIGIN).write(folder / "seal.key")
    files = SealFiles(folder / "seal.key.pub", folder / "checkpoints")
    with connect(url) as recorder, Acknowledged(folder / "record") as record:
        ledger = Ledger(recorder, url, played.product.clock.now())
        references = [row.fact["reference"] for row in ledger.rows("call-started")]
        judged = Judged(ledger, record, Oracle(url, files), references)
        judged.seal(files)
        promised: list[Command] = []
        for reference in references:
            promised += [arrival(reference), hold(reference), settlement(reference), end(reference)]
        for row in ledger.rows("top-up-received"):
            promised.append(top_up(row.stream_id, Money(**row.fact["amount"])))
        for row in ledger.rows("card-generated"):
            promised += [card_made(row.stream_id), card_issued(row.stream_id)]
        record.send(*promised)
        record.acknowledge(*promised)
        yield judged


def test_nothing_is_found_in_a_ledger_that_is_right(judged: Judged) -> None:
    told = judged.oracle.check(judged.record, live=())
    assert told.facts == len(judged.ledger.product.log())
    assert told.acknowledged == told.commands == 4 * 3 + 3 + 2 * 2
    assert told.open_holds == 0
    assert told.blocks > 2


@pytest.mark.postgres
def test_nothing_is_found_on_the_other_store_either(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    name = postgres_server.create_database()
    url = postgres_server.url(name)
    with connect(url) as recorder:
        upgrade(recorder)
        played = Ledger(recorder, url)
        played.begin()
        for judged in _judged(url, played, tmp_path):
            assert judged.oracle.check(judged.record, live=()).acknowledged == 4 * 3 + 3 + 2 * 2
            judged.copy("funds-added")
            assert Check.ACKNOWLEDGED in judged.breaches().checks
    postgres_server.drop_database(name)


def test_a_call_that_is_up_keeps_its_hold_open(judged: Judged) -> None:
    hold_id = dialled(judged)
    assert judged.oracle.check(judged.record, live={hold_id}).open_holds == 1
    assert judged.oracle.check(judged.record, live=Live(ending=frozenset({hold_id})))
    assert judged.oracle.check(judged.record, live=lambda: Live(frozenset({hold_id})))


def dialled(judged: Judged) -> UUID:
    """The hold of a call that has just been put through."""
    product = judged.ledger.product
    call = product.call(BOB)
    assert product.calls.login_by_caller_id(call) is not None
    product.dialling.dial(call, WARSAW)
    return hold_of(call.reference)


# ---- the controls: what is broken is found, by the check that is there for it


def _a_promise_is_lost(judged: Judged) -> str:
    judged.drop("funds-added", "top-up-received")
    return "was acknowledged, and the log has 0 of"


def _a_promise_is_kept_twice(judged: Judged) -> str:
    judged.copy("call-ended")
    return "end pbx1-1763765001.42 was acknowledged, and the log has 2 of call-ended"


def _half_a_command_is_stored(judged: Judged) -> str:
    row = judged.row("top-up-received", -1)
    lost = writes(*_DOES_NOT_EXIST, stream=row.stream_id)
    judged.record.send(command("half", top_up(row.stream_id).facts[0], lost))
    return "half was sent, and the log has 1 of top-up-received"


def _what_was_refused_is_stored(judged: Judged) -> str:
    (refused, *_) = (writes(*_GENERATED, stream=judged.row("card-generated").stream_id),)
    no = command("a card that was refused", refused)
    judged.record.send(no)
    judged.record.refuse(no)
    return "a card that was refused was refused, and the log has 1 of card-generated"


def _a_posting_has_no_other_half(judged: Judged) -> str:
    row = judged.row("funds-added")
    fact = {"top_up_id": str(uuid4()), "amount": {"micros": 5, "unit": "USD"}}
    judged.ledger.append(row.stream_id, "funds-added", fact)
    return "half of a transaction is missing"


def _a_capture_is_not_what_was_settled(judged: Judged) -> str:
    judged.ledger.raise_by("hold-captured", "charge", -1)
    return "-1 millionths of USD, by its facts 0"


def _a_hold_ends_that_never_began(judged: Judged) -> str:
    row = judged.row("hold-released")
    judged.ledger.append(row.stream_id, "hold-released", {"hold_id": str(uuid4())})
    return "ends what never began"


def _a_row_is_skewed(judged: Judged) -> str:
    judged.ledger.product.catch_up()
    with judged.ledger.recorder.writing() as connection:
        column = tables.accounts.c.balance
        connection.execute(update(tables.accounts).values(balance=column + 1))
    return "view_accounts"


def _a_row_of_a_report_is_gone(judged: Judged) -> str:
    judged.ledger.product.catch_up()
    with judged.ledger.recorder.writing() as connection:
        connection.execute(delete(report_tables.sales))
    return "is missing"


def _a_hold_stays_open(judged: Judged) -> str:
    dialled(judged)
    return "is open, and no call is up"


def _a_live_call_has_no_hold(judged: Judged) -> str:
    return "a call is up, and its hold"


def _more_is_held_than_there_was(judged: Judged) -> str:
    for row in judged.ledger.rows("funds-added") + judged.ledger.rows("top-up-received"):
        row.fact["amount"]["micros"] = 1
        judged.ledger.write(row)
    return "was available"


def _it_is_settled_twice(judged: Judged) -> str:
    judged.copy("attempt-settled")
    judged.copy("hold-captured")
    return "was settled before"


def _nobody_settles(judged: Judged) -> str:
    dialled(judged)
    return "is over, and was never settled"


def _the_tail_is_cut_behind_a_checkpoint(judged: Judged) -> str:
    last = judged.row("call-ended", -1).position
    with judged.ledger.recorder.writing() as connection:
        connection.execute(delete(events).where(events.c.position >= last))
        connection.execute(delete(seal_blocks).where(seal_blocks.c.last_position >= last))
    return "cut off"


def _the_tail_is_cut_and_its_checkpoints_too(judged: Judged) -> str:
    judged.oracle.check(judged.record, live=())
    assert judged.oracle.seals is not None
    path = judged.oracle.seals.checkpoints
    path.write_text("".join(f"{note}\n\n" for note in path.read_text().split("\n\n")[:4]))
    return "blocks were published, and"


def _a_sealed_fact_is_edited(judged: Judged) -> str:
    judged.ledger.edit("call-ended", reason="nobody knows")
    return "edited"


def _a_charge_is_not_the_price(judged: Judged) -> str:
    judged.ledger.raise_by("attempt-settled", "charge", -1)
    return "the recorded terms make it"


_DOES_NOT_EXIST = (BalanceForfeited,)
_GENERATED = (CardGenerated,)

DEFECTS = [
    (Check.ACKNOWLEDGED, _a_promise_is_lost),
    (Check.ACKNOWLEDGED, _a_promise_is_kept_twice),
    (Check.ACKNOWLEDGED, _half_a_command_is_stored),
    (Check.ACKNOWLEDGED, _what_was_refused_is_stored),
    (Check.POSTINGS, _a_posting_has_no_other_half),
    (Check.POSTINGS, _a_capture_is_not_what_was_settled),
    (Check.POSTINGS, _a_hold_ends_that_never_began),
    (Check.READ_MODELS, _a_row_is_skewed),
    (Check.READ_MODELS, _a_row_of_a_report_is_gone),
    (Check.HOLDS, _a_hold_stays_open),
    (Check.HOLDS, _a_live_call_has_no_hold),
    (Check.BALANCES, _more_is_held_than_there_was),
    (Check.SETTLED, _it_is_settled_twice),
    (Check.SETTLED, _nobody_settles),
    (Check.SEALS, _the_tail_is_cut_behind_a_checkpoint),
    (Check.SEALS, _the_tail_is_cut_and_its_checkpoints_too),
    (Check.SEALS, _a_sealed_fact_is_edited),
    (Check.AUDIT, _a_charge_is_not_the_price),
]


@pytest.mark.parametrize(("check", "plant"), DEFECTS, ids=lambda each: getattr(each, "name", each))
def test_what_is_broken_is_found(
    judged: Judged, check: Check, plant: Callable[[Judged], str]
) -> None:
    said = plant(judged)
    up = plant is _a_live_call_has_no_hold
    failed = judged.breaches((hold_of(judged.references[0]),) if up else ())
    told = [each.why for each in failed.breaches if each.check is check]
    assert any(said in why for why in told), str(failed)


def test_every_check_has_a_control() -> None:
    assert {check for check, _ in DEFECTS} == set(Check)


# ---- the record


def test_what_was_said_last_counts_unless_it_was_acknowledged(tmp_path: Path) -> None:
    path, wanted = tmp_path / "record", [card_made(uuid4()) for _ in range(5)]
    with Acknowledged(path) as one, Acknowledged(path) as other:
        one.send(*wanted)
        one.acknowledge(wanted[0])
        other.send(*wanted)
        other.refuse(wanted[1], wanted[2], wanted[4])
        one.acknowledge(wanted[2])
        with one.asking(wanted[0]), other.asking(wanted[3]) as asked:
            asked.acknowledge()
        other.send(wanted[2], wanted[4])
        stages = other.stages()
    assert [stages[each] for each in wanted] == [
        Stage.ACKNOWLEDGED,
        Stage.REFUSED,
        Stage.ACKNOWLEDGED,
        Stage.ACKNOWLEDGED,
        Stage.SENT,
    ]


def test_what_was_never_answered_may_be_in_the_log_or_not(judged: Judged) -> None:
    row = judged.row("card-generated")
    judged.record.send(top_up(uuid4()), command("again", *card_made(row.stream_id).facts))
    judged.oracle.check(judged.record, live=())
