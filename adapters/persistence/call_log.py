"""The call-card log, read from the facts themselves: each settled attempt with its card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any
from uuid import UUID

from attrs import evolve
from sqlalchemy import select

from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.read_models import report_tables, tables
from adapters.persistence.recorder import EventRecorder
from application import kinds
from application.persons import Numbers
from application.reports import CallLogAsked, LoggedCall, LogPage
from domain.accounts import Account, HoldPlaced
from domain.accounts import evolve as account_evolve
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptSettled,
    AttemptStarted,
    CallStarted,
)
from domain.card_groups import CardGroupCreated
from domain.cards import CardGenerated
from domain.lots import LotOrdered
from domain.money import MICROS, MINUTES, Money

Streams = dict[UUID, list[RecordedFact]]


class CallLog:
    def __init__(self, recorder: EventRecorder, mapper: FactMapper, numbers: Numbers) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._numbers = numbers

    def page(self, asked: CallLogAsked, after: UUID | None, sessions: int) -> LogPage:
        """The next so many calls of the period, from behind one; their ids sort by time."""
        key = tables.calls.c.session_id
        first = _least_id(asked.period.begins)
        query = select(key).where(key < _least_id(asked.period.ends), key >= first)
        if after is not None:
            query = query.where(key > after)
        if asked.access_number is not None:
            query = query.where(tables.calls.c.access_number == asked.access_number)
        if asked.caller_id is not None:
            sealed = self._numbers.find(asked.caller_id)
            if sealed is None:
                return LogPage([], None)
            query = query.where(tables.calls.c.caller_id == sealed)
        with self._recorder.reading() as connection:
            found = [row[0] for row in connection.execute(query.order_by(key).limit(sessions))]
        calls = [call for call in self._calls(found) if _is_asked(call, asked)]
        known = self._numbers.opened({call.caller_id for call in calls if call.caller_id})
        told = [
            evolve(call, caller_id=known[call.caller_id]) if call.caller_id else call
            for call in calls
        ]
        return LogPage(told, found[-1] if len(found) == sessions else None)

    def _calls(self, session_ids: Sequence[UUID]) -> Iterator[LoggedCall]:
        streams = self._streams(session_ids)
        starts = {
            (session_id, each.fact.number): each.fact
            for session_id, facts in streams.items()
            for each in facts
            if isinstance(each.fact, AttemptStarted)
        }
        accounts = self._streams({each.account_id for each in starts.values()})
        cards = {
            card_id: facts[0].fact
            for card_id, facts in self._streams({s.card_id for s in starts.values()}).items()
        }
        groups = self._names({card.group_id for card in cards.values()})
        lots = self._lots(cards.keys())
        for session_id in session_ids:
            facts = streams[session_id]
            call = facts[0].fact
            assert isinstance(call, CallStarted), "a session begins with CallStarted"
            for each in facts:
                if not isinstance(each.fact, AttemptSettled):
                    continue
                started = starts[session_id, each.fact.number]
                card = cards[started.card_id]
                lot = lots.get(kinds.lot_mark(started.card_id))
                charge = _charged_now(facts, each.fact)
                minutes = _minutes(accounts[started.account_id], started)
                yield _logged(
                    facts[0].recorded_at, call, started, each.fact, charge, minutes, card, lot,
                    groups.get(card.group_id, ""),
                )  # fmt: skip

    def _names(self, group_ids: set[UUID]) -> dict[UUID, str]:
        return {
            group_id: facts[0].fact.name
            for group_id, facts in self._streams(group_ids).items()
            if isinstance(facts[0].fact, CardGroupCreated)
        }

    def _lots(self, card_ids: Any) -> dict[UUID, LotOrdered]:
        table = report_tables.lots
        marks = {kinds.lot_mark(card_id) for card_id in card_ids}
        with self._recorder.reading() as connection:
            rows = connection.execute(select(table).where(table.c.lot_mark.in_(marks))).all()
        ordered = self._streams({row.lot_id for row in rows})
        return {row.lot_mark: ordered[row.lot_id][0].fact for row in rows}

    def _streams(self, stream_ids: Any) -> Streams:
        found: Streams = {}
        for stored in self._recorder.select_streams(dict.fromkeys(stream_ids, 0)):
            recorded = self._mapper.to_domain_event(stored)
            found.setdefault(recorded.originator_id, []).append(recorded)
        return found


def _least_id(at: datetime) -> UUID:
    """The least id of a call that began at a moment or later."""
    return UUID(int=int(at.timestamp()) * 1000 << 80)


def _minutes(account: Sequence[RecordedFact], started: AttemptStarted) -> int:
    """The minutes that a card had when an attempt was started."""
    if started.held.unit != MINUTES:
        return started.limit_seconds // 60
    before: list[Any] = []
    for each in account:
        if isinstance(each.fact, HoldPlaced) and each.fact.hold_id == started.hold_id:
            break
        before.append(each.fact)
    state: Account | None = reduce(account_evolve, before, None)
    return state.available.micros // MICROS if state is not None else 0


def _charged_now(facts: Sequence[RecordedFact], settled: AttemptSettled) -> Money:
    """After all corrections of the attempt."""
    charge = settled.charge
    for each in facts:
        corrected = each.fact
        if isinstance(corrected, AttemptRerated | AttemptRefunded):
            charge = corrected.charge if corrected.number == settled.number else charge
    return charge


def _logged(
    recorded_at: datetime,
    call: CallStarted,
    started: AttemptStarted,
    settled: AttemptSettled,
    charge: Money,
    minutes: int,
    card: CardGenerated,
    lot: LotOrdered | None,
    group: str,
) -> LoggedCall:
    run = batch = pack = sequence = ""
    if lot is not None:
        numbering, place = lot.numbering, kinds.place_in_lot(started.card_id)
        run, batch = numbering.run, numbering.batch
        sequence = str(place + 1)
        if numbering.pack_size:
            pack = str(numbering.pack_of(place))
            sequence = str(place % numbering.pack_size + 1)
    return LoggedCall(
        started.placed_at.astimezone(UTC),
        call.caller_id,
        call.access_number,
        minutes,
        settled.seconds,
        settled.answered_at,
        card.number,
        group,
        lot.name if lot else "",
        run,
        batch,
        pack,
        sequence,
        started.destination,
        charge,
    )


def _is_asked(call: LoggedCall, asked: CallLogAsked) -> bool:
    wanted = ((asked.run, call.run), (asked.batch, call.batch), (asked.pack, call.pack))
    return all(want is None or want == have for want, have in wanted) and (
        asked.card is None or asked.card == call.card
    )
