"""The composition root: every part connected, on SQLite as a user has it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from adapters.agi.server import FastAgiServer
from adapters.phone.asterisk_side import AsteriskSide
from adapters.phone.asterisk_side import Settings as Asterisk
from adapters.phone.script import ScriptedLine
from application.calling import Arrival
from application.legs import parse_leg
from application.ports import LedgerUnavailable
from application.speech import Balance, Prompt
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.login import LoginMode
from domain.money import Money
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from talktime.settings import Settings, SettingsError, check
from talktime.system import System, build, make_pin_key, running

DOLLARS = Money(5_000_000, "USD")
CENT_A_SECOND = RateTerms("USD", 600_000)
WARSAW = "48221234567"


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


def settings_in(folder: Path, **sections: object) -> Settings:
    key = folder / "pin.key"
    if not key.exists():
        make_pin_key(key)
    return check(
        {
            "ledger": {"url": f"sqlite:///{folder / 'talktime.db'}"},
            "secrets": {"pin_key_file": str(key)},
            "trunks": [{"name": "carrier", "prefix": "00"}],
            **sections,
        }
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def system(tmp_path: Path, clock: Clock) -> Iterator[System]:
    built = build(settings_in(tmp_path), clock=clock)
    sheet = [PricedPrefix("48", "Poland", CENT_A_SECOND)]
    do = built.administration
    since = clock.now() - timedelta(days=1)
    built.tariffs.publish_rows("retail", "USD", sheet, since, "ann")
    do.create_group("Gold", GroupTerms("USD", DOLLARS, "retail"))
    built.access_numbers.add("18005550100", AccessTerms())
    yield built
    built.close()


def card(system: System) -> tuple[str, str]:
    made = system.administration.generate_card("Gold")
    system.administration.issue_card(made.card_id, "ann", "sold")
    assert made.pin is not None
    return made.number, made.pin


def test_a_call_goes_from_the_telephone_to_the_read_models(system: System, clock: Clock) -> None:
    number, pin = card(system)
    reference = f"pbx1-{int(clock.now().timestamp())}.1"
    line = ScriptedLine.of(f"{number}#", f"{pin}#", f"{WARSAW}#", "talk 60", "#", "#")
    asterisk = Asterisk(reference=reference, started_ms=int(clock.now().timestamp()) * 1000)
    with FastAgiServer(("127.0.0.1", 0), {"card": system.answer}) as server:
        side = AsteriskSide(line, asterisk).run(*server.address)
    assert side.done
    assert [(leg.trunk, leg.number) for leg in side.legs] == [("carrier", f"00{WARSAW}")]
    said = system.voice.say(
        Balance(Money(4_400_000, "USD")), Prompt.ENTER_DESTINATION, language="en"
    )
    assert "&".join(said) in "&".join(line.heard)
    assert system.appended.is_set()
    assert system.catch_up() > 0
    (call,) = system.views.calls(None, 10)
    assert (call.reference, call.seconds, call.charged) == (
        reference,
        60,
        Money(600_000, "USD"),
    )
    assert call.ended_at is not None
    (account,) = system.views.accounts(None, 10)
    assert (account.balance, account.held) == (Money(4_400_000, "USD"), Money(0, "USD"))


def test_what_was_stored_is_there_when_the_system_is_built_again(
    system: System, tmp_path: Path, clock: Clock
) -> None:
    number, _ = card(system)
    system.close()
    again = build(settings_in(tmp_path), clock=clock)
    assert again.administration.card(again.administration.card_id(number)).number == number
    again.close()


def dialled(system: System, unique: int) -> tuple[str, UUID]:
    """Somebody dials, and nothing is ever heard of the call again."""
    number, pin = card(system)
    seconds = int(system.clock.now().timestamp())
    arrival = Arrival(f"pbx1-{seconds}.{unique}", "pbx1", "18005550100", None, "carrier")
    do = system.calls
    call = do.calls.arrive(arrival)
    do.calls.login(call, LoginMode.NUMBER_AND_PIN, number, pin)
    do.dialling.dial(call, WARSAW)
    return arrival.reference, call.session_id


def test_the_sweep_gives_up_waiting_after_the_deadline_only(system: System, clock: Clock) -> None:
    reference, session_id = dialled(system, 1)
    system.catch_up()
    (attempt,) = system.views.attempts(session_id)
    clock.time = attempt.deadline - timedelta(seconds=1)
    assert system.sweep() == 0
    clock.time = attempt.deadline
    assert system.sweep() == 1
    system.catch_up()
    (account,) = system.views.accounts(None, 10)
    assert (account.balance, account.held) == (DOLLARS, Money(0, "USD"))
    assert system.sweep() == 0
    late = int(clock.now().timestamp())
    line = f"{reference}|1|1|{late - 60}.000|{late}.000|16|{late}.2"
    assert system.settlement.record_leg(parse_leg(line)) is None
    system.catch_up()
    (call,) = system.views.calls(None, 10)
    assert call.disputed


def test_a_call_that_trips_the_sweep_over_a_fault_keeps_no_other_from_it(
    system: System, clock: Clock
) -> None:
    sessions = sorted(dialled(system, unique)[1] for unique in range(1, 4))
    system.catch_up()
    clock.time += timedelta(days=2)
    settlement = system.settlement

    class Tripping:
        def give_up_waiting(self, session_id: UUID) -> int:
            if session_id == sessions[0]:
                raise ArithmeticError("a fault of ours")
            return settlement.give_up_waiting(session_id)

    system.settlement = Tripping()  # type: ignore[assignment]
    with capture_logs() as logs:
        assert system.sweep() == 2
    assert [each["session_id"] for each in logs] == [str(sessions[0])]


def test_a_ledger_that_is_away_stops_the_sweep(system: System, clock: Clock) -> None:
    dialled(system, 1)
    system.catch_up()
    clock.time += timedelta(days=2)

    class Away:
        def give_up_waiting(self, session_id: UUID) -> int:
            raise LedgerUnavailable("away")

    system.settlement = Away()  # type: ignore[assignment]
    with pytest.raises(LedgerUnavailable):
        system.sweep()


def test_a_rebuild_reads_every_fact(system: System) -> None:
    card(system)
    system.catch_up()
    before = system.views.accounts(None, 10)
    assert system.rebuild() > 0
    assert system.views.accounts(None, 10) == before


def test_a_ledger_that_answers_is_ready(system: System) -> None:
    system.check_ledger()


def test_two_threads_may_build_on_one_new_ledger(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    built: list[System] = []
    begins = threading.Barrier(2)

    def start() -> None:
        begins.wait()
        built.append(build(settings))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(built) == 2
    for system in built:
        system.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://user:hidden@host/db", r"^ledger\.url: the address of a ledger is sqlite:///"),
        ("sqlite://", r"^ledger\.url: "),
        ("nonsense", r"^ledger\.url: "),
        ("sqlite:////nowhere/at/all.db", r"^ledger\.url: /nowhere/at/all"),
    ],
)
def test_an_address_of_no_ledger_is_refused(tmp_path: Path, url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as refused:
        build(settings_in(tmp_path, ledger={"url": url}))
    assert "hidden" not in str(refused.value)


def test_a_database_that_nobody_serves_is_unavailable(tmp_path: Path) -> None:
    url = f"postgresql://talktime@/talktime?host={tmp_path}"
    with pytest.raises(LedgerUnavailable):
        build(settings_in(tmp_path, ledger={"url": url}))


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "talktime.db").write_bytes(b"a letter to my aunt, and not a database" * 40)
    with pytest.raises(LedgerUnavailable, match="not a database"):
        build(settings_in(tmp_path))


def test_a_missing_pin_key_is_never_made_by_the_way(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    (tmp_path / "pin.key").unlink()
    with pytest.raises(SettingsError, match="`talktime keys pin` makes the file"):
        build(settings)
    assert not (tmp_path / "pin.key").exists()
    assert not (tmp_path / "talktime.db").exists()


def test_a_pin_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pin.key"
    make_pin_key(path)
    key = path.read_bytes()
    with pytest.raises(FileExistsError):
        make_pin_key(path)
    assert path.read_bytes() == key
    assert len(key) == 32


def test_another_pin_key_opens_no_card(system: System, tmp_path: Path) -> None:
    number, pin = card(system)
    (tmp_path / "pin.key").write_bytes(uuid4().bytes * 2)
    with running(settings_in(tmp_path)) as other:
        assert other.calls.calls.pins.digest(pin) != system.calls.calls.pins.digest(pin)
        assert other.administration.card_id(number)
