"""A day of calls, and everything that is told of them afterwards: often, late and out of order.

Calls are placed in one order; what becomes of them is told by messages through all doors of the
ledger. Only that keeps its order which a teller promises to keep: the end of a call comes after
the records of its legs, and a record that disagrees after the one that it disagrees with.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from enum import StrEnum
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import httpx
from attrs import define, field, frozen

from adapters.asterisk.ledger_client import HttpReports
from application.calling import Call
from application.legs import LegRecord
from application.node_reports import (
    CallEnded,
    DirectReports,
    LedgerReports,
    LegEnded,
    LegSeen,
    NodeReport,
    Outcome,
)
from application.settlement import PaidBy
from domain.attempts import DISPUTED_ABOVE, Evidence
from domain.call_sessions import SettlementDisputed
from domain.cards import Status
from domain.errors import Refused
from domain.ledger import Balance
from domain.money import Money
from domain.rating import RateTerms
from talktime.http_door import requests_answered
from talktime.system import System
from tests.faults.parallel import WARSAW, Crowd, PaidCard, Systems, patiently, systems_on, usd
from tests.support.stores import FixedClock

PRICE = RateTerms(
    "USD", 599_999, connect_fee=50_000, disconnect_fee=7, initial_block=30, increment=6
)
FACE = 200_000_000
CARDS = 8
MOST_TIMES = 5

_KEY = "node-key-for-the-fault-tests-0123456789"
_DIGEST = sha256(_KEY.encode()).hexdigest()


class Fate(StrEnum):
    """What became of an attempt, and what is told of it."""

    ANSWERED = "answered"
    SECOND_ROUTE = "answered on the second route"
    UNANSWERED = "nobody answered"
    NEVER_TOLD = "nobody answered, and only the end of the call is told"
    DISPUTED = "two records tell of different lengths"
    ONLY_SEEN = "no record ever comes, only signs of life"


@frozen
class Attempt:
    fate: Fate
    seconds: int

    @property
    def other(self) -> int:
        """Seconds that a record tells of which disagrees."""
        return self.seconds + 17


@frozen
class Plan:
    """Who calls with which card, and what becomes of the attempts; and who pays what in."""

    calls: Sequence[tuple[int, Sequence[Attempt]]]
    top_ups: Sequence[tuple[int, int]]
    """Card and micros."""


@frozen
class Message:
    """``after``: the message before which it is not told for the first time. ``keeps_order``: those
    behind it are not told before it either."""

    name: str
    send: Callable[[System, LedgerReports], object]
    after: Message | None = None
    keeps_order: bool = False


@define
class Day:
    """One ledger on which the plan is carried out; the doors of each of its systems are open."""

    systems: Systems
    clock: FixedClock
    reports: Sequence[Sequence[LedgerReports]]
    """For each system: directly, and over HTTP."""
    clients: Sequence[httpx.Client]
    cards: list[PaidCard] = field(factory=list)
    disputed: set[tuple[UUID, int]] = field(factory=set)

    def prepare(self, cards: int) -> None:
        """So many more cards, the same on every ledger."""
        do = self.systems[0].administration
        for number in range(len(self.cards), len(self.cards) + cards):
            pin, name = f"{81_110_000 + number}", f"{4_711_000_000 + number}"
            card_id = UUID(int=0x01A1FDFA_4600_7000_8000_000000000000 + number)
            do.generate_card("Gold", number=name, pin=pin, card_id=card_id)
            do.issue_card(card_id, "ann", "sold")
            self.cards.append(PaidCard(card_id, name, pin))

    def messages(self, plan: Plan, first_card: int = 0) -> list[Message]:
        """Places the calls of the plan, and gives what is to be told of them."""
        found: list[Message] = []
        for place, (number, attempts) in enumerate(plan.calls):
            card = self.cards[first_card + number]
            call = self.systems.caller(self.systems[place], card)
            for attempt, told in enumerate(attempts, 1):
                grant = self.systems[place].calls.dialling.dial(call, WARSAW)
                # Beyond the limit nobody is charged, so there records cannot disagree.
                one, other = (
                    min(seconds, grant.limit_seconds) for seconds in (told.seconds, told.other)
                )
                if told.fate is Fate.DISPUTED and other - one > DISPUTED_ABOVE:
                    self.disputed.add((call.session_id, attempt))
            found += self._of_call(call, card, attempts)
        for place, (number, micros) in enumerate(plan.top_ups):
            found.append(self._top_up(self.cards[first_card + number], place, micros, first_card))
        found += [self._sold(card) for card in self.cards[first_card : first_card + CARDS]]
        found.append(Message(f"sweep {first_card}", lambda system, _: system.sweep()))
        return found

    def _of_call(
        self, call: Call, card: PaidCard, attempts: Sequence[Attempt]
    ) -> Iterator[Message]:
        last: Message | None = None
        for number, told in enumerate(attempts, 1):
            for each in self._of_attempt(call, card, number, told, last):
                yield each
                last = each if each.keeps_order else last
        if all(each.fate is not Fate.ONLY_SEEN for each in attempts):
            yield _told(f"{call.reference} end", CallEnded(call.reference), last)
            yield Message(
                f"{call.reference} AGI end",
                lambda system, _: system.calls.calls.end(call, "caller left"),
            )

    def _of_attempt(
        self, call: Call, card: PaidCard, number: int, told: Attempt, last: Message | None
    ) -> Iterator[Message]:
        name, fate = f"{call.reference}^{number}", told.fate
        record = self._record(call, number, 2 if fate is Fate.SECOND_ROUTE else 1, told.seconds)
        if fate in (Fate.SECOND_ROUTE, Fate.UNANSWERED):
            yield _told(f"{name} unanswered leg", LegEnded(self._record(call, number, 1, None)))
        if fate is Fate.UNANSWERED:
            yield Message(
                f"{name} AGI",
                lambda system, _: system.settlement.not_connected(call.reference, number, 17),
            )
        if fate in (Fate.ANSWERED, Fate.SECOND_ROUTE, Fate.DISPUTED):
            first = _told(f"{name} spool", LegEnded(record), last, in_order=True)
            yield first
            paid_by = PaidBy(card.account_id, card.card_id)
            yield _told(f"{name} events", LegEnded(record, Evidence.CHANNEL_EVENTS))
            yield Message(
                f"{name} AGI",
                lambda system, _: system.settlement.record_leg(record, paid_by=paid_by),
            )
            if fate is Fate.DISPUTED:
                other = self._record(call, number, 1, told.other)
                yield _told(
                    f"{name} other", LegEnded(other, Evidence.CHANNEL_EVENTS), first, in_order=True
                )
        if fate not in (Fate.UNANSWERED, Fate.NEVER_TOLD):
            answered = record.answered_ms
            assert answered is not None, "it was answered"
            for seconds in (told.seconds, told.seconds // 2, told.seconds // 3):
                seen = LegSeen(call.reference, number, answered, seconds)
                yield _told(f"{name} seen {seconds}", seen)

    def _record(self, call: Call, attempt: int, leg: int, seconds: int | None) -> LegRecord:
        now = int(self.clock.time.timestamp() * 1000)
        answered = None if seconds is None else now + 5_000
        ended = now + 5_000 + (seconds or 0) * 1000 - 300
        return LegRecord(call.reference, attempt, leg, answered, ended, 16, "1763765000.7")

    def _top_up(self, card: PaidCard, place: int, micros: int, salt: int) -> Message:
        """Some over HTTP, under an Idempotency-Key, and some by hand, under an id."""
        name = f"top-up-{salt}-{place}"
        top_up_id, amount = UUID(int=salt * 1_000 + place + 1), usd(micros)
        body = {"amount": {"amount": str(amount).split()[0], "unit": "USD"}, "channel": "cash"}

        def by_hand(system: System, _: LedgerReports) -> None:
            do = system.administration
            do.top_up_card(card.card_id, top_up_id, amount, "cash", "ann")

        def over_http(system: System, _: LedgerReports) -> None:
            client = self.clients[list(self.systems.all).index(system)]
            answer = client.post(
                f"/v1/cards/{card.card_id}/top-ups", json=body, headers={"Idempotency-Key": name}
            )
            assert answer.status_code == httpx.codes.OK, answer.text

        return Message(name, by_hand if place % 2 else over_http)

    def _sold(self, card: PaidCard) -> Message:
        def sold(system: System, _: LedgerReports) -> None:
            changes = system.business.changes
            changes.sell(changes.card(card.number), "ann", "shop")
            try:
                system.administration.issue_card(card.card_id, "bob", "again")
                system.administration.change_status(card.card_id, Status.ACTIVE, "bob", "again")
            except Refused:
                pass  # It is used by now: whoever comes late with an activation is told so.

        return Message(f"sold {card.number}", sold)

    # Telling

    def tell_in_order(self, messages: Sequence[Message]) -> None:
        for place, each in enumerate(messages):
            self.tell(each, place)

    def tell_shuffled(self, messages: Sequence[Message], chance: random.Random) -> int:
        """One to five times each, in any order that tellers keep; gives how many were told."""
        moments: dict[str, float] = {}
        told: list[tuple[float, Message]] = []
        for each in messages:
            least = moments[each.after.name] if each.after else 0.0
            first = chance.uniform(least, 1)
            moments.setdefault(each.name, first)
            told.append((first, each))
            for _ in range(chance.randrange(MOST_TIMES)):
                told.append((chance.uniform(first, 1), each))
        told.sort(key=lambda pair: pair[0])
        for moment, each in told:
            self.tell(each, int(moment * 1_000_003))
        return len(told)

    def tell_at_once(
        self, messages: Sequence[Message], chance: random.Random, crowd: Crowd, threads: int
    ) -> None:
        """By several at the same moment: first what keeps an order, each call's by one of them,
        then all of it again, by whoever comes."""
        parts: list[list[Message]] = [[] for _ in range(threads)]
        for each in messages:
            parts[hash(each.name.partition("^")[0].partition(" ")[0]) % threads].append(each)
        crowd.act([partial(self.tell_in_order, part) for part in parts])
        again = [chance.sample(messages, len(messages)) for _ in range(threads)]
        crowd.act([partial(self.tell_in_order, part) for part in again])

    def tell(self, message: Message, way: int) -> None:
        """Through one of the systems; every fourth time over HTTP."""
        system = way % len(self.systems.all)
        directly, over_http = self.reports[system]
        door = over_http if way // 2 % 4 == 0 else directly
        patiently(partial(message.send, self.systems[system], door))

    # What is known afterwards

    def settle_the_rest(self) -> None:
        """What nobody told of is settled when its time has passed."""
        self.systems[0].catch_up()
        self.clock.time += _LONG_AFTER
        for system in (*self.systems.all, *self.systems.all):
            system.sweep()
            system.business.fees.run()
        self.systems[0].catch_up()

    def money(self) -> Sequence[Balance]:
        return self.systems[0].books.trial_balance().rows

    def balances(self) -> list[Money]:
        return [self.systems.account(card).balance for card in self.cards]

    def disputes(self) -> list[tuple[UUID, int]]:
        log = self.systems[0].log.facts((SettlementDisputed,))
        return sorted((each.stream_id, each.fact.number) for each in log)


_LONG_AFTER = timedelta(hours=30)


def _told(
    name: str, report: NodeReport, after: Message | None = None, *, in_order: bool = False
) -> Message:
    def send(_: System, reports: LedgerReports) -> None:
        (verdict,) = reports.apply([report])
        assert verdict.outcome is Outcome.DONE, f"{name}: {verdict}"

    return Message(name, send, after, in_order)


def planned(chance: random.Random, calls: int, top_ups: int) -> Plan:
    fates = list(Fate)
    return Plan(
        [
            (
                chance.randrange(CARDS),
                [
                    Attempt(chance.choice(fates), chance.choice((1, 29, 30, 31, 90, 400)))
                    for _ in range(chance.choice((1, 1, 2, 3)))
                ],
            )
            for _ in range(calls)
        ],
        [(chance.randrange(CARDS), chance.randrange(1, 5_000_000)) for _ in range(top_ups)],
    )


@contextmanager
def day_on(
    url: str, folder: Path, count: int = 2, *, clock: FixedClock | None = None
) -> Iterator[Day]:
    """The ledger with its doors open. Asterisk's clock is ``clock.time``, whatever it shows."""
    clock = clock or FixedClock()
    http = {"port": 0, "keys": [{"name": "node", "sha256": _DIGEST, "scopes": ["node", "admin"]}]}
    trunks = [{"name": "cheap", "prefix": "00"}, {"name": "dear", "prefix": "99"}]
    with (
        systems_on(url, folder, clock, count, http=http, trunks=trunks) as systems,
        ExitStack() as stack,
    ):
        systems.sell_at(PRICE)
        systems.group(
            "Gold",
            usd(FACE),
            setup_fee=usd(150_000),
            daily_fee=usd(70_000),
            simultaneous_calls=100,
            most_held=usd(5_000_000),
        )
        reports: list[Sequence[LedgerReports]] = []
        clients: list[httpx.Client] = []
        for system in systems.all:
            server = stack.enter_context(requests_answered(system))
            address = f"http://127.0.0.1:{server.port}"
            over_http = HttpReports(address, _KEY)
            stack.callback(over_http.close)
            headers = {"Authorization": f"Bearer {_KEY}"}
            client = httpx.Client(base_url=address, headers=headers, trust_env=False)
            clients.append(stack.enter_context(client))
            reports.append((DirectReports(system.settlement, system.views), over_http))
        yield Day(systems, clock, reports, clients)
