"""Attempts that somebody talked in, read from the facts of their calls, a page after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from attrs import define, field, frozen

from application import kinds
from application.breakage import why_forfeited
from application.bulk import BulkAppends
from domain.accounts import Forfeiture
from domain.attempts import Settled
from domain.call_sessions import AttemptRouted, AttemptSettled, AttemptStarted, CallSession
from domain.card_groups import CardGroupCreated, CardGroupTermsChanged, GroupTerms
from domain.cards import Card
from domain.corrections import Selected
from domain.errors import NotFound, SettingNotAllowed
from domain.recharging import Talk, talk_of

PAGE = 200
"""Calls that are read together."""


class CallPages(Protocol):
    """A read model: calls by the moment they began, as their Asterisk tells it."""

    def talked(
        self, begins: datetime, ends: datetime, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """Calls that began from a moment until another and in which somebody talked, by their
        ids, from behind the last one seen."""
        ...


@frozen
class TalkedAttempt:
    """A settled attempt that was answered, with everything that was recorded of its price."""

    session_id: UUID
    reference: str
    session: CallSession
    started: AttemptStarted
    settled: AttemptSettled
    settled_at: datetime
    routed: AttemptRouted | None
    talk: Talk
    card: Card
    group: str
    tariff: str
    """What it was sold by: the tariff of the card's group when it was placed."""
    forfeits: Forfeiture | None
    """Why nobody can spend what is on its card any more; None: somebody can."""

    @property
    def now(self) -> Settled:
        """What it is charged now, after all corrections."""
        return self.session.settled[self.settled.number]


@define
class _Group:
    name: str
    changes: list[tuple[datetime, GroupTerms]] = field(factory=list)

    def terms(self, at: datetime) -> GroupTerms:
        terms = self.changes[0][1]
        for since, each in self.changes:
            # In the order of the log, whose clock may have been put back in between.
            if since <= at:
                terms = each
        return terms


@define
class TalkedAttempts:
    """Reads the same attempts again whenever it is asked. One for each use: it remembers groups."""

    bulk: BulkAppends
    calls: CallPages
    now: datetime
    page: int = PAGE
    _groups: dict[UUID, _Group] = field(factory=dict, init=False)

    def of(
        self, selected: Selected, settled_by: datetime | None = None
    ) -> Iterator[list[TalkedAttempt]]:
        """The attempts that are selected, in pages of calls; a page may be empty.

        Raises NotFound for a call that the ledger does not know, and ValueError for no reference.
        """
        until = settled_by or self.now
        for session_ids in self._pages(selected):
            found = self._read(session_ids, until)
            yield [each for each in found if _is_selected(each, selected)]

    def of_call(self, reference: str) -> list[TalkedAttempt]:
        return [each for page in self.of(Selected(reference=reference)) for each in page]

    def _pages(self, selected: Selected) -> Iterator[Sequence[UUID]]:
        if selected.reference is not None:
            yield [kinds.session_id(selected.reference)]
            return
        assert selected.begins is not None, "calls are selected by time, or one by its reference"
        assert selected.ends is not None, "a time has an end"
        after: UUID | None = None
        while page := self.calls.talked(selected.begins, selected.ends, after, self.page):
            yield page
            after = page[-1]

    def _read(self, session_ids: Sequence[UUID], until: datetime) -> list[TalkedAttempt]:
        histories = self.bulk.histories(session_ids)
        calls = [_call(each, histories[each], until) for each in session_ids]
        attempts = [told for call in calls for told in call]
        cards = {each[2].card_id for each in attempts}
        known = self.bulk.load(kinds.CARDS, cards) if cards else {}
        found = []
        for session_id, session, started, settled, settled_at, routed, talk in attempts:
            card = known[started.card_id].state
            assert card is not None, "an attempt is paid by a card"
            group = self._group(card.group_id)
            found.append(
                TalkedAttempt(
                    session_id,
                    session.started.reference,
                    session,
                    started,
                    settled,
                    settled_at,
                    routed,
                    talk,
                    card,
                    group.name,
                    group.terms(started.placed_at).tariff,
                    why_forfeited(card, group.terms(self.now), self.now),
                )
            )
        return found

    def _group(self, group_id: UUID) -> _Group:
        known = self._groups.get(group_id)
        if known is None:
            facts = self.bulk.histories((group_id,))[group_id]
            created = next(fact for _, fact in facts if isinstance(fact, CardGroupCreated))
            changes = [
                (at, fact.terms)
                for at, fact in facts
                if isinstance(fact, CardGroupCreated | CardGroupTermsChanged)
            ]
            known = self._groups[group_id] = _Group(created.name, changes)
        return known


_Told = tuple[
    UUID, CallSession, AttemptStarted, AttemptSettled, datetime, AttemptRouted | None, Talk
]


def _call(session_id: UUID, facts: Sequence[tuple[datetime, Any]], until: datetime) -> list[_Told]:
    session: CallSession | None = None
    started: dict[int, AttemptStarted] = {}
    settled: dict[int, tuple[datetime, AttemptSettled]] = {}
    routed: dict[int, AttemptRouted] = {}
    for at, fact in facts:
        session = kinds.CALL_SESSIONS.evolve(session, fact)
        match fact:
            case AttemptStarted(number):
                started[number] = fact
            case AttemptSettled(number) if at <= until:
                settled[number] = (at, fact)
            case AttemptRouted(number):
                routed[number] = fact
    if session is None:
        raise NotFound("call", str(session_id))
    found: list[_Told] = []
    for number, (at, fact) in settled.items():
        talk = talk_of(started[number], fact)
        if talk is not None:
            begun = started[number]
            found.append((session_id, session, begun, fact, at, routed.get(number), talk))
    return found


def _is_selected(attempt: TalkedAttempt, selected: Selected) -> bool:
    digits = attempt.started.destination.removeprefix("+")
    return (
        selected.group in (None, attempt.group)
        and selected.tariff in (None, attempt.tariff)
        and digits.startswith(selected.prefix or "")
    )


def check_selected(selected: Selected) -> None:
    """Raises SettingNotAllowed for calls of no time and no reference, or of both, for a reference
    that cannot be one, and for a prefix that is no digits."""
    of_time = selected.begins is not None and selected.ends is not None
    if of_time == (selected.reference is not None):
        accepted = "either days or the reference of one call"
        raise SettingNotAllowed("calls", "neither or both", accepted)
    if selected.reference is not None:
        try:
            kinds.session_id(selected.reference)
        except ValueError as error:
            accepted = "<node>-<Asterisk's unique id>"
            raise SettingNotAllowed("call", selected.reference[:100], accepted) from error
    prefix = selected.prefix
    if prefix is not None and not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 15):
        raise SettingNotAllowed("prefix", prefix[:40], "1 to 15 digits such as 4822")
