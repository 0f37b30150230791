"""A real server with a small business on it, and a real Chromium to look at it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from attrs import define, frozen
from playwright.sync_api import Browser, Page, Playwright

from adapters.http.pages.visits import ROOT
from application.calling import Arrival
from application.legs import LegRecord
from domain.login import LoginMode
from domain.money import parse
from domain.people import Role
from talktime.demo import ACCESS_NUMBER, GROUP, set_up
from talktime.serving import servers
from talktime.settings import check
from talktime.system import System, build, make_pin_key

PASSWORD = "a long and quiet river"
OWNER = "Ann Kowalski"

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@define
class Clock:
    """The time of the server; a test may let it pass."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@frozen
class Shop:
    """The server's address, its parts, and the cards that were made: number and PIN."""

    url: str
    system: System
    clock: Clock
    cards: list[tuple[str, str]]


@contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    """A server on SQLite with people, a card group, three cards and some calls."""
    make_pin_key(folder / "pin.key")
    settings = check(
        {
            "ledger": {"url": f"sqlite:///{folder / 'talktime.db'}"},
            "secrets": {"pin_key_file": str(folder / "pin.key")},
            "trunks": [{"name": "carrier"}],
            "agi": {"port": 0},
            "http": {"port": 0},
        }
    )
    clock = Clock()
    with closing(build(settings, clock=clock)) as system, servers(system) as (_, http):
        cards = set_up(system, folder)
        for role, name in ((Role.OWNER, OWNER), (Role.SUPPORT, "Sam"), (Role.AUDITOR, "Aud")):
            system.people.create(uuid4(), name, role, PASSWORD, "the test")
        _live(system, cards)
        system.catch_up()
        # Chromium takes localhost for trustworthy, so Secure cookies work without TLS.
        yield Shop(f"http://localhost:{http.port}{ROOT}", system, clock, cards)


def _live(system: System, cards: list[tuple[str, str]]) -> None:
    """Some hours of a business: calls that are answered, not answered, and one that goes on."""
    call(system, cards[0], "+14155550123", "48221234567", seconds=7 * 60 + 13)
    call(system, cards[0], "+14155550123", "442071838750", seconds=None)
    call(system, cards[1], None, "33142685300", seconds=61)
    call(system, cards[0], "+14155550123", "8613810001000", ended=False)
    card_id = system.administration.card_id(cards[0][0])
    amount = parse("10.00", "USD")
    system.administration.top_up_card(card_id, uuid4(), amount, "cash at the counter", OWNER)


def call(
    system: System,
    card: tuple[str, str],
    caller_id: str | None,
    number: str,
    *,
    seconds: int | None = None,
    ended: bool = True,
) -> str:
    """A caller with this card dials this number; gives the reference of the call."""
    services = system.calls
    now = system.clock.now()
    reference = f"pbx1-{int(now.timestamp())}.{uuid4().int % 10**8}"
    arrived = services.calls.arrive(Arrival(reference, "pbx1", ACCESS_NUMBER, caller_id, "carrier"))
    services.calls.login(arrived, LoginMode.NUMBER_AND_PIN, *card)
    services.dialling.dial(arrived, number)
    if ended:
        begun = int(now.timestamp() * 1000)
        answered = None if seconds is None else begun + 4_000
        over = begun + 4_000 + (seconds or 0) * 1000
        record = LegRecord(reference, 1, 1, answered, over, 16, "1763765000.77")
        services.settlement.record_leg(record)
        services.settlement.call_ended(reference, "the caller hung up")
    return reference


def chromium() -> str:
    """The browser's program, from the environment or the search path."""
    found = os.environ.get("TALKTIME_CHROMIUM") or shutil.which("chromium")
    assert found, "install chromium, or name the program in TALKTIME_CHROMIUM"
    return found


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), headless=True, args=list(_FLAGS))


def sign_in(page: Page, at: Shop, name: str = OWNER, to: str = "/") -> None:
    page.goto(f"{at.url}{to}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()


__all__ = ["GROUP", "OWNER", "PASSWORD", "Shop", "call", "launch", "shop", "sign_in"]
