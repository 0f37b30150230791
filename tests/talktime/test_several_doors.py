"""Several processes answer requests for one ledger, and it does not matter which one is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyrage
import pytest
from sqlalchemy import update

from adapters.http.app import create_app
from adapters.http.auth import COOKIE, CSRF_HEADER
from adapters.http.keys import digest_of
from adapters.http.lots import resume_all
from adapters.http.server import HttpServer
from adapters.http.work import GONE
from adapters.persistence.kept_tasks import ALIVE_SECONDS, work_tasks
from application.signing_in import RATES
from domain.card_groups import GroupTerms
from domain.money import Money
from domain.people import Role
from talktime.http_door import http_services
from talktime.settings import Settings
from talktime.system import running
from tests.talktime.test_system import settings_in

KEY = "k" * 43
PASSWORD = "a long and quiet river"


class Door:
    """One process that answers requests; its work is done when a test says so."""

    def __init__(self, settings: Settings) -> None:
        self._running = running(settings)
        self.system = self._running.__enter__()
        self.services = http_services(self.system)
        self._server = HttpServer(create_app(self.services), "127.0.0.1", 0)
        self._server.start()
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self._server.port}", timeout=30)

    def close(self) -> None:
        self._client.close()
        self._server.stop()
        self._running.__exit__(None, None, None)

    def get(self, path: str, **headers: str) -> httpx.Response:
        headers = headers or {"Authorization": f"Bearer {KEY}"}
        return self._client.get(path, headers=headers)

    def post(self, path: str, body: Any, once: str = "", **headers: str) -> httpx.Response:
        headers = headers or {"Authorization": f"Bearer {KEY}"}
        if once:
            headers["Idempotency-Key"] = once
        return self._client.post(path, json=body, headers=headers)

    def sign_in(self, password: str = PASSWORD) -> httpx.Response:
        body = {"name": "ann", "password": password}
        return self.post("/v1/session", body, Accept="application/json")


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[tuple[Door, Door]]:
    key = {"name": "shop", "sha256": digest_of(KEY), "scopes": ["admin"]}
    settings = settings_in(tmp_path, http={"keys": [key]})
    one, other = Door(settings), Door(settings)
    yield one, other
    one.close()
    other.close()


@pytest.fixture
def lot(doors: tuple[Door, Door]) -> str:
    """The path of a lot of 25 cards that was ordered at the first door."""
    one, _ = doors
    terms = GroupTerms("USD", Money(5_000_000, "USD"), "retail")
    one.system.administration.create_group("world", terms)
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    wanted = {
        "name": "spring",
        "group": "world",
        "numbering": {"first": "4711000000", "pack_size": 10},
        "count": 25,
        "recipient": recipient,
    }
    answer = one.post("/v1/lots", wanted, "lot-1")
    assert answer.status_code == 202, answer.text
    return f"/v1/lots/{answer.json()['lot_id']}"


def state(door: Door, lot: str) -> str:
    told: str = door.get(lot).json()["generation"]["state"]
    return told


def test_a_lot_that_one_makes_is_shown_by_the_other(doors: tuple[Door, Door], lot: str) -> None:
    one, other = doors
    assert state(other, lot) == "waiting"
    answer = other.post(f"{lot}/generation", {})
    assert (answer.status_code, answer.json()["generation"]["state"]) == (202, "waiting")
    assert not other.services.work.run_next(), "the first makes it"
    assert one.services.work.run_next()
    assert state(other, lot) == "done"


def test_a_lot_whose_maker_is_gone_is_made_by_the_other(doors: tuple[Door, Door], lot: str) -> None:
    _, other = doors
    other.system.catch_up()
    assert resume_all(other.services) == 0
    with other.system.recorder.writing() as connection:
        moved = work_tasks.c.seen_at - ALIVE_SECONDS - 5
        connection.execute(update(work_tasks).values(seen_at=moved))
    told = other.get(lot).json()["generation"]
    assert (told["state"], told["problem"]) == ("stopped", GONE)
    assert resume_all(other.services) == 1
    assert other.services.work.run_next()
    assert state(other, lot) == "done"
    assert resume_all(other.services) == 0


def test_a_change_of_many_cards_is_told_of_by_both(doors: tuple[Door, Door], lot: str) -> None:
    one, other = doors
    one.services.work.run_next()
    one.system.catch_up()
    body = {
        "cards": {"type": "lot", "lot_id": lot.rpartition("/")[2]},
        "to": "active",
        "why": "sale",
    }
    answer = one.post("/v1/card-changes", body, "change-1")
    told = answer.json()
    assert told["refused"] == 25, "they were not printed"
    path = f"/v1/card-changes/{told['change_id']}"
    assert other.get(path).json() == told
    refused = one.get(f"{path}/refused").json()["items"]
    assert len(refused) == 25
    assert other.get(f"{path}/refused").json()["items"] == refused
    again = other.post("/v1/card-changes", body, "change-1")
    assert again.json() == told


def test_a_run_of_fees_is_told_of_by_both(doors: tuple[Door, Door], lot: str) -> None:
    one, other = doors
    told = one.post("/v1/fee-runs", {}, "fees-1").json()
    path = f"/v1/fee-runs/{told['run_id']}"
    assert other.get(path).json()["state"] == "waiting"
    while one.services.work.run_next():
        pass
    assert other.get(path).json() == one.get(path).json()
    assert other.get(path).json()["state"] == "done"


@pytest.fixture
def ann(doors: tuple[Door, Door]) -> None:
    people = doors[0].system.people
    person_id = people.new_id()
    people.create(person_id, "ann", Role.OWNER, PASSWORD, "test")


def test_a_session_and_its_token_count_everywhere(doors: tuple[Door, Door], ann: None) -> None:
    one, other = doors
    opened = one.sign_in()
    assert opened.status_code == 201, opened.text
    cookie = {"Cookie": f"{COOKIE}={opened.cookies[COOKIE]}"}
    assert other.get("/v1/session", **cookie).json()["person"]["name"] == "ann"
    token = {CSRF_HEADER: opened.json()["csrf_token"]}
    confirmed = other.post("/v1/session/confirmation", {"password": PASSWORD}, **cookie, **token)
    assert confirmed.status_code == 200, confirmed.text
    # The session went on under a new token, and the old one is over at both.
    assert one.get("/v1/session", **cookie).status_code == 401


def test_wrong_passwords_are_counted_together(doors: tuple[Door, Door], ann: None) -> None:
    one, other = doors
    for number in range(RATES["name"].burst):
        assert (one, other)[number % 2].sign_in("wrong").status_code == 401
    assert one.sign_in().status_code == 429
    assert other.sign_in().status_code == 429


def test_who_is_known_is_not_shut_out_by_others_anywhere(
    doors: tuple[Door, Door], ann: None
) -> None:
    one, other = doors
    assert one.sign_in().status_code == 201
    throttle = other.services.signing_in.throttle
    while throttle.take([("name", "ann")]):
        pass
    assert other.sign_in().status_code == 201
