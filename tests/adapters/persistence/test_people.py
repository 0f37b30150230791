"""Passwords, codes, sessions and the audit trail on every kind of store."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Thread
from uuid import UUID, uuid4

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from adapters.persistence.connecting import connect
from adapters.persistence.credentials import StoredCredentials, hasher
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sessions import StoredSessions
from adapters.persistence.trail import LedgerTrail
from application.audit import EntriesAsked
from application.people import People
from application.signing_in import LONGEST, Session
from domain.distributors import NumberRange
from domain.people import Role
from tests.adapters.persistence.product import Product, mapper
from tests.support.stores import FixedClock

ANN, BOB = UUID(int=1), UUID(int=2)
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
KEY = b"k" * 32


def stored(recorder: EventRecorder, clock: FixedClock, key: bytes = KEY) -> StoredCredentials:
    return StoredCredentials(recorder, clock, key, password_hasher=CHEAP)


def test_a_password_is_known_by_a_slow_hash_only(
    recorder: EventRecorder, clock: FixedClock
) -> None:
    credentials, credential = stored(recorder, clock), uuid4()
    credentials.keep_password(credential, ANN, "a long and quiet river")

    assert credentials.password_matches(credential, "a long and quiet river")
    assert not credentials.password_matches(credential, "a long and quiet rivet")
    assert not credentials.password_matches(uuid4(), "a long and quiet river")
    assert not credentials.password_matches(None, "a long and quiet river")
    with recorder.reading() as connection:
        (kept,) = connection.execute(text("SELECT kept FROM credentials")).scalars()
    assert kept.startswith("$argon2id$")
    credentials.forget(credential)
    assert not credentials.password_matches(credential, "a long and quiet river")


def test_the_hash_of_the_program_is_argon2id_with_19_mib_and_two_passes() -> None:
    assert hasher().hash("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_code_counts_once_and_only_in_its_minute(
    recorder: EventRecorder, clock: FixedClock
) -> None:
    credentials, credential = stored(recorder, clock), uuid4()
    codes = pyotp.TOTP(credentials.new_totp(credential, ANN))
    code = codes.at(clock.time)

    assert not credentials.code_matches(credential, BOB, code, clock.time)
    assert not credentials.code_matches(credential, ANN, "12345", clock.time)
    assert credentials.code_matches(credential, ANN, code, clock.time)
    assert not credentials.code_matches(credential, ANN, code, clock.time)
    later = clock.time + timedelta(seconds=90)
    assert not credentials.code_matches(credential, ANN, code, later)
    assert credentials.code_matches(credential, ANN, codes.at(later), later)
    # Nor does one from before a code that was used.
    earlier = codes.at(later - timedelta(seconds=30))
    assert not credentials.code_matches(credential, ANN, earlier, later)


def test_of_many_who_show_one_code_at_once_one_is_let_in(
    recorder: EventRecorder, clock: FixedClock
) -> None:
    credentials, credential = stored(recorder, clock), uuid4()
    code = pyotp.TOTP(credentials.new_totp(credential, ANN)).at(clock.time)
    seen: list[bool] = []

    def show() -> None:
        seen.append(credentials.code_matches(credential, ANN, code, clock.time))

    threads = [Thread(target=show) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(seen) == [False] * 7 + [True]


def test_the_database_alone_gives_no_codes(recorder: EventRecorder, clock: FixedClock) -> None:
    credentials, credential = stored(recorder, clock), uuid4()
    secret = credentials.new_totp(credential, ANN)
    with recorder.reading() as connection:
        rows = str(connection.execute(text("SELECT * FROM credentials")).all())
    assert secret not in rows
    code = pyotp.TOTP(secret).at(clock.time)
    assert not stored(recorder, clock, b"x" * 32).code_matches(credential, ANN, code, clock.time)
    assert credentials.code_matches(credential, ANN, code, clock.time)


def session(clock: FixedClock, digest: str, person_id: UUID = ANN) -> Session:
    now = clock.time
    return Session(digest, person_id, UUID(int=9), "127.0.0.1", now, now, now)


def test_sessions_are_found_by_their_digests_until_they_end(
    recorder: EventRecorder, clock: FixedClock
) -> None:
    sessions = StoredSessions(recorder)
    one, two = session(clock, "a"), session(clock, "b")
    for each in (one, two):
        sessions.add(each)
    sessions.add(session(clock, "c", BOB))
    assert sessions.find("a") == one
    assert sessions.find("d") is None
    seen = clock.time + timedelta(minutes=5)
    sessions.seen("a", seen)
    found = sessions.find("a")
    assert found is not None
    assert found.seen_at == seen
    sessions.end("a")
    assert (sessions.find("a"), sessions.find("b")) == (None, two)
    sessions.end_all(ANN)
    assert sessions.find("b") is None
    assert sessions.find("c") is not None


def test_sessions_that_are_over_are_forgotten(recorder: EventRecorder, clock: FixedClock) -> None:
    sessions = StoredSessions(recorder)
    sessions.add(session(clock, "old"))
    clock.time += LONGEST + timedelta(seconds=1)
    sessions.add(session(clock, "new"))
    assert sessions.find("old") is None
    assert sessions.find("new") is not None


def test_people_and_passwords_outlive_the_program(ledger_url: str, clock: FixedClock) -> None:
    for first in (True, False):
        with connect(ledger_url) as recorder:
            product = Product(recorder)
            credentials = stored(recorder, clock)
            people = People(product.ledger, credentials, clock, product.random.randbytes)
            if first:
                people.create(ANN, "Ann", Role.OWNER, "a long and quiet river", "root")
            person = people.person(ANN)
            assert credentials.password_matches(person.password, "a long and quiet river")


@pytest.fixture
def product(recorder: EventRecorder) -> Product:
    made = Product(recorder)
    made.group("Gold")
    made.group("Tin")
    return made


def test_the_trail_has_every_fact_that_names_somebody(product: Product) -> None:
    card = product.new_card("Gold")
    product.admin.issue_card(card.card_id, "ann", "sold")
    product.admin.change_group("Gold", product.admin.group("Tin").terms, "bob")
    product.change("Gold", pin_length=12)
    product.catch_up()
    trail = LedgerTrail(product.recorder, mapper())

    entries = trail.entries(EntriesAsked())
    assert [each.position for each in entries] == sorted(each.position for each in entries)
    assert all(getattr(each.fact, "by", None) == each.by for each in entries)
    anns = trail.entries(EntriesAsked(by="ann", target=card.card_id))
    assert [each.action for each in anns] == ["card-status-changed"] * 3
    assert trail.entries(EntriesAsked(by="ann", after=anns[-1].position, target=card.card_id)) == []
    assert [each.action for each in trail.entries(EntriesAsked(limit=1))] == [entries[0].action]
    assert trail.entries(EntriesAsked(action="nothing like it")) == []
    now = product.clock.now()
    assert trail.entries(EntriesAsked(until=now)) == []
    assert trail.entries(EntriesAsked(since=now)) == entries


def test_what_is_set_up_is_listed_by_name(product: Product) -> None:
    product.catch_up()
    trail = LedgerTrail(product.recorder, mapper())
    ids = trail.listed("card group", None, 10)
    assert len(ids) == 2
    assert ids == sorted(ids)
    assert trail.listed("card group", ids[0], 10) == [ids[1]]
    (gold,) = trail.listed("card group", None, 10, name="Gold")
    assert gold in ids
    assert len(trail.listed("access number", None, 10)) == 1


def test_cards_are_listed_by_ranges_of_their_numbers(product: Product) -> None:
    numbers = [product.card().number for _ in range(4)]
    product.catch_up()

    def listed(ranges: list[NumberRange]) -> list[str]:
        return [each.number for each in product.views.cards(None, 100, ranges=ranges)]

    one = NumberRange(numbers[2], numbers[2])
    assert listed([one]) == [numbers[2]]
    assert listed([]) == []
    assert listed([NumberRange("0000", "9999")]) == []
    many = [NumberRange(f"{n:012d}", f"{n:012d}") for n in range(450)]
    assert listed([*many, one]) == [numbers[2]]


def test_entries_since_and_until_a_moment_are_found_though_clocks_differ(product: Product) -> None:
    def act(at: datetime) -> None:
        product.clock.time = at
        card = product.admin.generate_card("gold")
        product.admin.issue_card(card.card_id, "ann", "sold")

    product.group("gold")
    noon = product.clock.now() + timedelta(days=2)
    moments = [noon + timedelta(hours=n) for n in range(-3, 4)]
    # One machine's clock is twenty minutes ahead of the other's.
    for moment in moments:
        act(moment + timedelta(minutes=20))
        act(moment)
    product.catch_up()
    trail = LedgerTrail(product.recorder, mapper())
    every = trail.entries(EntriesAsked(limit=500))
    for moment in moments:
        since = trail.entries(EntriesAsked(since=moment, limit=500))
        assert since == [each for each in every if each.recorded_at >= moment]
        until = trail.entries(EntriesAsked(until=moment, limit=500))
        assert until == [each for each in every if each.recorded_at < moment]
