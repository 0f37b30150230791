"""A whole ledger in memory behind the real HTTP door, with people who ask at it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
from attrs import define, field, frozen
from attrs import evolve as changed
from prometheus_client import CollectorRegistry

from adapters.http.app import create_app
from adapters.http.auth import COOKIE
from adapters.http.book_work import BookAnswers
from adapters.http.keys import ApiKey, ApiKeys, Scope, digest_of
from adapters.http.services import HttpServices
from adapters.http.work import Work
from adapters.persistence.facts import FACTS
from application import kinds
from application.administration import Administration, Chance
from application.approvals import Approvals
from application.as_of import Histories
from application.audit import REFUSALS, AuditTrail, EntriesAsked, Entry
from application.book_questions import ReadBooks
from application.calling import Arrival, Call, Calls
from application.configuration import Configuration
from application.correcting import Correcting
from application.dialling import Dialling, Grant
from application.erasure import PersonsDesk
from application.explaining import Explanations
from application.own_cards import OwnCards
from application.people import MachineKeys, People
from application.persons import opened, opened_facts
from application.pins import PinDigests
from application.ports import LedgerUnavailable, OpenAttempt, Price, Route
from application.reports import Reports
from application.settlement import Settlement
from application.signing_in import RATES, SigningIn
from application.throttle import Throttle
from application.views import AccountRow, AttemptRow, CallRow, CardRow, RecordedEvent
from domain.access_numbers import AccessTerms
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    PayerIdentified,
    SettlementDisputed,
)
from domain.card_groups import GroupTerms
from domain.distributors import NumberRange
from domain.login import LoginMode
from domain.money import MICROS, Money
from domain.people import Person, Role
from domain.rating import RateTerms
from tests.adapters.http.carriers import carriers_of
from tests.support.bookkeeping import MemoryLog
from tests.support.bulk import MemoryBulkAppends
from tests.support.corrections import Corrector, MemoryCalls
from tests.support.memory import MemoryUnitsOfWork, SetClock
from tests.support.people import MemoryCredentials, MemorySessions
from tests.support.persons import MemoryPersons
from tests.support.reports import FewReports
from tests.support.seals import sealed_log
from tests.support.shop import Drawer, business_of

ADMIN = "admin-key-0123456789-0123456789-abcdef"
SHOP = "shop-key-0123456789-0123456789-abcdefg"
READER = "reader-key-0123456789-0123456789-abcde"
NODE = "node-key-0123456789-0123456789-abcdefg"
PBX1 = "pbx1-key-0123456789-0123456789-abcdefg"

PASSWORD = "a long and quiet river"
STORED_NAMES = {kind: name for name, kind in FACTS.items()}

ACCESS_NUMBER = "8005550100"
DESTINATION = "442071838750"


def usd(text: str) -> Money:
    whole, _, fraction = text.partition(".")
    return Money(int(whole) * MICROS + int(fraction.ljust(6, "0")), "USD")


@define
class MemoryViews:
    """The read models, folded anew from all facts whenever somebody looks."""

    units: MemoryUnitsOfWork
    persons: MemoryPersons

    def account(self, account_id: UUID) -> AccountRow | None:
        history = self._history(kinds.ACCOUNTS.name, account_id)
        state = self.units.state(kinds.ACCOUNTS, account_id) if history else None
        if state is None:
            return None
        opened_at = history[0].recorded_at
        return AccountRow(
            account_id, state.holder_kind, state.holder, state.balance, state.held, opened_at
        )

    def accounts(
        self, after: UUID | None, limit: int, *, newest: bool = False
    ) -> Sequence[AccountRow]:
        return _page((self.account(each) for each in self._ids("account", after, newest)), limit)

    def card(self, card_id: UUID) -> CardRow | None:
        history = self._history(kinds.CARDS.name, card_id)
        state = self.units.state(kinds.CARDS, card_id) if history else None
        if state is None:
            return None
        group = self.units.state(kinds.CARD_GROUPS, state.group_id)
        assert group is not None
        return CardRow(
            card_id,
            state.number,
            group.name,
            state.status,
            state.account_id,
            state.face_value,
            opened(self.persons, state.caller_id),
            history[0].recorded_at,
            state.first_used_at,
            state.sold,
        )

    def cards(
        self,
        after: UUID | None,
        limit: int,
        *,
        group: str | None = None,
        status: str | None = None,
        sold: bool | None = None,
        ranges: Sequence[NumberRange] | None = None,
        newest: bool = False,
    ) -> Sequence[CardRow]:
        rows = (self.card(each) for each in self._ids("card", after, newest))
        return _page(
            (
                row
                for row in rows
                if row
                and group in (None, row.group)
                and status in (None, row.status)
                and sold in (None, row.sold)
                and (ranges is None or any(row.number in each for each in ranges))
            ),
            limit,
        )

    def call(self, session_id: UUID) -> CallRow | None:
        history = self._history(kinds.CALL_SESSIONS.name, session_id)
        if not history:
            return None
        facts = [each.fact for each in history]
        started = facts[0]
        assert isinstance(started, CallStarted)
        attempts = self.attempts(session_id)
        charges = [each.charge for each in attempts if each.charge is not None]
        ended = [each.recorded_at for each in history if isinstance(each.fact, CallEnded)]
        payers = [fact.card_id for fact in facts if isinstance(fact, PayerIdentified)]
        return CallRow(
            session_id,
            started.reference,
            started.node,
            started.access_number,
            opened(self.persons, started.caller_id),
            payers[-1] if payers else None,
            history[0].recorded_at,
            ended[0] if ended else None,
            len(attempts),
            sum(each.state == "open" for each in attempts),
            any(isinstance(fact, SettlementDisputed) for fact in facts),
            sum(each.seconds or 0 for each in attempts),
            sum(charges[1:], charges[0]) if charges else None,
        )

    def calls(
        self,
        after: UUID | None,
        limit: int,
        *,
        card_id: UUID | None = None,
        disputed: bool | None = None,
        open_only: bool = False,
        newest: bool = False,
    ) -> Sequence[CallRow]:
        rows = (self.call(each) for each in self._ids("call session", after, newest))
        return _page(
            (
                row
                for row in rows
                if row
                and card_id in (None, row.card_id)
                and disputed in (None, row.disputed)
                and (row.open_attempts or not open_only)
            ),
            limit,
        )

    def calls_from(self, sealed: str, after: UUID | None, limit: int) -> Sequence[CallRow]:
        rows = (self.call(each) for each in self._ids("call session", after))
        (number,) = self.persons.opened((sealed,)).values()
        return _page((row for row in rows if row and row.caller_id == number), limit)

    def attempts(self, session_id: UUID) -> Sequence[AttemptRow]:
        facts = self.units.facts(session_id)
        settled = {each.number: each for each in facts if isinstance(each, AttemptSettled)}
        rows = []
        for fact in facts:
            if isinstance(fact, AttemptStarted):
                end, charge = settled.get(fact.number), None
                for each in facts:
                    if isinstance(each, AttemptSettled | AttemptRerated | AttemptRefunded):
                        charge = each.charge if each.number == fact.number else charge
                rows.append(
                    AttemptRow(
                        session_id,
                        fact.number,
                        fact.destination,
                        fact.destination_name,
                        "settled" if end else "open",
                        fact.held,
                        fact.limit_seconds,
                        fact.placed_at,
                        fact.deadline,
                        end.answered_at if end else None,
                        end.seconds if end else None,
                        charge,
                        end.evidence if end else None,
                        end.cause if end else None,
                    )
                )
        return rows

    def history(self, stream_id: UUID, after_version: int, limit: int) -> Sequence[RecordedEvent]:
        return self._told(stream_id)[after_version : after_version + limit]

    def latest(self, stream_id: UUID, limit: int) -> Sequence[RecordedEvent]:
        return self._told(stream_id)[::-1][:limit]

    def _told(self, stream_id: UUID) -> list[RecordedEvent]:
        self._check()
        found = self.units.history(stream_id)
        facts = opened_facts(self.persons, [each.fact for each in found])
        return [
            RecordedEvent(stream_id, each.version, each.recorded_at, type(fact).__name__, fact)
            for each, fact in zip(found, facts, strict=True)
        ]

    def _ids(self, kind: str, after: UUID | None, newest: bool = False) -> Sequence[UUID]:
        self._check()
        ids = sorted(self.units.streams(kind), reverse=newest)
        if after is None:
            return ids
        return [each for each in ids if (each < after if newest else each > after)]

    def _history(self, kind: str, stream_id: UUID) -> list[Any]:
        self._check()
        history = self.units.history(stream_id)
        return history if history and history[0].kind == kind else []

    def _check(self) -> None:
        if self.units.unavailable:
            raise LedgerUnavailable("the memory was told to be unavailable")


def _page(rows: Iterable[Any], limit: int) -> list[Any]:
    return [row for row in rows if row is not None][:limit]


@define
class MemoryOpenAttempts:
    units: MemoryUnitsOfWork

    def of_node(self, node: str, most: int) -> Sequence[OpenAttempt]:
        found = []
        for session_id in self.units.streams("call session"):
            session = self.units.state(kinds.CALL_SESSIONS, session_id)
            assert session is not None
            if session.started.node != node:
                continue
            for attempt in session.attempts.values():
                found.append(
                    OpenAttempt(
                        session_id,
                        session.started.reference,
                        attempt.started.number,
                        attempt.started.placed_at,
                        attempt.started.deadline,
                    )
                )
        return sorted(found, key=lambda each: each.placed_at)[:most]

    def overdue(self, now: Any, most: int) -> Sequence[UUID]:
        raise AssertionError("nobody asks the HTTP door for this")


class _OnePrice:
    """Six cents a minute by the minute."""

    def find(self, tariff: str, number: str, now: Any) -> Price | None:
        terms = RateTerms("USD", 60_000, initial_block=60, increment=60)
        return Price("44", "United Kingdom", terms)


class _OneRoute:
    def to(self, number: str) -> Sequence[Route]:
        return (Route("carrier", number.removeprefix("+")),)


@define
class MemoryTrail:
    """The audit trail and the directory of names, folded anew whenever somebody looks."""

    units: MemoryUnitsOfWork

    def entries(self, asked: EntriesAsked) -> Sequence[Entry]:
        found = []
        for position, each in enumerate(self.units.log(), 1):
            by = getattr(each.fact, "by", None)
            seen = asked.after and (
                position >= asked.after if asked.newest else position <= asked.after
            )
            if not isinstance(by, str) or by == "ledger" or seen:
                continue
            names = ("target", "person_id", "key_id")
            ids = [getattr(each.fact, name, None) for name in names]
            target = next((known for known in ids if known), each.stream_id)
            action = STORED_NAMES[type(each.fact)]
            if (
                asked.by in (None, by)
                and asked.action in (None, action)
                and asked.target in (None, target)
                and (asked.since is None or each.recorded_at >= asked.since)
                and (asked.until is None or each.recorded_at < asked.until)
            ):
                found.append(
                    Entry(
                        position,
                        each.recorded_at,
                        by,
                        action,
                        target,
                        each.stream_id,
                        each.version,
                        each.fact,
                    )
                )
        return (found[::-1] if asked.newest else found)[: asked.limit]

    def listed(
        self, kind: str, after: UUID | None, limit: int, *, name: str | None = None
    ) -> Sequence[UUID]:
        found = []
        for each in self.units.streams(kind):
            first = self.units.facts(each)[0]
            called = getattr(first, "name", None) or getattr(first, "number", None)
            if (after is None or each > after) and name in (None, called):
                found.append(each)
        return found[:limit]


@define
class World:
    """The door, its ledger, and how to ask: ``world.post("/v1/cards", {...}, key=ADMIN)``."""

    units: MemoryUnitsOfWork = field(factory=MemoryUnitsOfWork)
    services: HttpServices = field(init=False)
    app: Any = field(init=False)
    calls: int = 0
    keys_sent: int = 0
    credentials: MemoryCredentials = field(factory=MemoryCredentials)
    sessions: MemorySessions = field(factory=MemorySessions)
    tokens: int = 0
    drawer: Drawer = field(factory=Drawer)
    persons: MemoryPersons = field(factory=MemoryPersons)
    needed: tuple[str, ...] = ()
    reports: FewReports = field(factory=FewReports)
    bulk: MemoryBulkAppends = field(init=False)

    def __attrs_post_init__(self) -> None:
        chance = random.Random(7)
        steady = partial(Throttle, monotonic=self.clock.seconds)
        self.bulk = MemoryBulkAppends(self.units)
        people = People(self.units, self.credentials, self.clock, chance.randbytes)
        audit = AuditTrail(self.units, self.clock, chance.randbytes, steady(REFUSALS))
        self.services = HttpServices(
            administration=Administration(
                self.units,
                PinDigests(b"k" * 32),
                self.clock,
                Chance(chance.randrange, chance.randbytes),
            ),
            settlement=Settlement(self.units, self.clock),
            views=MemoryViews(self.units, self.persons),
            directory=MemoryTrail(self.units),
            open_attempts=MemoryOpenAttempts(self.units),
            people=people,
            machine_keys=MachineKeys(self.units, self._new_token),
            signing_in=SigningIn(
                people,
                self.credentials,
                self.sessions,
                audit,
                self.clock,
                self._new_token,
                steady(RATES),
            ),
            audit=audit,
            trail=MemoryTrail(self.units),
            own_cards=OwnCards(self.units),
            reports=Reports(self.reports, self.clock),
            **carriers_of(self.units, self.clock, chance),
            clock=self.clock,
            keys=ApiKeys(
                [
                    ApiKey("office", digest_of(ADMIN), {Scope.ADMIN}),
                    ApiKey("shop", digest_of(SHOP), {Scope.ADMIN}),
                    ApiKey("auditor", digest_of(READER), {Scope.READ}),
                    ApiKey("shippers", digest_of(NODE), {Scope.NODE}),
                    ApiKey("pbx1", digest_of(PBX1), {Scope.NODE}, frozenset({"pbx1"})),
                ]
            ),
            ready=self._ready,
            checkpoints=sealed_log(),
            persons=PersonsDesk(self.units, self.persons, MemoryViews(self.units, self.persons)),
            business=business_of(
                self.units,
                PinDigests(b"k" * 32),
                Chance(chance.randrange, chance.randbytes),
                self.needed,
                drawer=self.drawer,
                bulk=self.bulk,
            ),
            correcting=self._correcting(),
            explanations=Explanations(MemoryLog(self.units)),
            histories=Histories(MemoryLog(self.units)),
            books=BookAnswers(ReadBooks(MemoryLog(self.units)), self.clock),
        )
        self.app = create_app(self.services)
        self.administration.create_group("world", GroupTerms("USD", usd("5.00"), "retail"))
        self.services.access_numbers.add(ACCESS_NUMBER, AccessTerms())

    def _correcting(self) -> Correcting:
        chance = Chance(random.Random(8).randrange, random.Random(8).randbytes)
        approvals = Approvals(self.units, self.clock, chance, frozenset(self.needed))
        kit = Corrector(self.units, self.bulk, MemoryCalls(self.units), approvals, self.clock)
        return Correcting(kit.corrections, kit.refunds, kit.what_ifs)

    def restart(self) -> None:
        """Another program on the same ledger: what was in memory only is gone."""
        registry = CollectorRegistry()
        self.services = changed(self.services, work=Work(), registry=registry)
        self.app = create_app(self.services)

    @property
    def clock(self) -> SetClock:
        clock = self.units.clock
        assert isinstance(clock, SetClock)
        return clock

    @property
    def administration(self) -> Administration:
        return self.services.administration

    def ask(
        self,
        method: str,
        path: str,
        *,
        key: str | None = ADMIN,
        json: Any = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {key}"} if key else {}
        if content is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.request(method, path, json=json, content=content, headers=sent)

        return asyncio.run(asked())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(
        self, path: str, json: Any, *, once: str | None = "", **options: Any
    ) -> httpx.Response:
        """``once`` is the Idempotency-Key: a new one unless a test names it, None for none."""
        headers = dict(options.pop("headers", {}))
        if once == "":
            self.keys_sent += 1
            once = f"key-{self.keys_sent}"
        if once is not None:
            headers["Idempotency-Key"] = once
        return self.ask("POST", path, json=json, headers=headers, **options)

    def card(self, **wanted: Any) -> dict[str, Any]:
        """A card that is active, as the answer to its making."""
        made = self.post("/v1/cards", {"group": "world", "activate": True, **wanted})
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    def dial(self, card: dict[str, Any], node: str = "pbx1") -> tuple[Call, Grant]:
        """A caller with the card dials, and its hold is placed."""
        self.calls += 1
        throttle = Throttle()
        configuration = Configuration(self.units, lambda: 0.0)
        pins = self.administration.pins
        calls = Calls(self.units, configuration, pins, throttle, self.clock, self.persons)
        reference = f"{node}-{int(self.clock.now().timestamp())}.{self.calls}"
        call = calls.arrive(Arrival(reference, node, ACCESS_NUMBER, None, "carrier"))
        calls.login(call, LoginMode.NUMBER_AND_PIN, card["number"], card["pin"])
        dialling = Dialling(self.units, _OnePrice(), _OneRoute(), self.clock)
        return call, dialling.dial(call, DESTINATION)

    def leg(self, call: Call, attempt: int, *, talked: int | None) -> dict[str, Any]:
        """A leg record as a node sends it, answered for so many seconds or not at all."""
        answered = int(self.clock.now().timestamp()) * 1000
        return {
            "type": "leg",
            "reference": call.reference,
            "attempt": attempt,
            "leg": 1,
            "answered_ms": None if talked is None else answered,
            "ended_ms": None if talked is None else answered + talked * 1000,
            "cause": 16,
            "unique_id": "1772452800.99",
        }

    def person(self, name: str, role: Role, distributor: str | None = None) -> Person:
        person_id = uuid5(NAMESPACE_URL, name)
        return self.services.people.create(
            person_id, name, role, PASSWORD, "the story", distributor=distributor
        )

    def signs_in(self, name: str, **sent: Any) -> SignedIn:
        """A browser in which this person has signed in."""
        answer = self.post(
            "/v1/session", {"name": name, "password": PASSWORD, **sent}, key=None, once=None
        )
        assert answer.status_code == 201, answer.text
        return SignedIn(self, answer.cookies[COOKIE], answer.json()["csrf_token"])

    def _new_token(self) -> str:
        self.tokens += 1
        return f"token-{self.tokens:036d}"

    def _ready(self) -> None:
        if self.units.unavailable:
            raise LedgerUnavailable("the memory was told to be unavailable")


@frozen
class SignedIn:
    """A person's browser: it sends the cookie, and the token of the page with changes."""

    world: World
    token: str
    csrf_token: str

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Cookie": f"{COOKIE}={self.token}"}
        if method not in ("GET", "HEAD"):
            headers["X-CSRF-Token"] = self.csrf_token
        return self.world.ask(
            method, path, key=None, **options | {"headers": headers | options.get("headers", {})}
        )

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, json: Any, once: str = "1", **options: Any) -> httpx.Response:
        headers = {"Idempotency-Key": once} | options.pop("headers", {})
        return self.ask("POST", path, json=json, headers=headers, **options)
