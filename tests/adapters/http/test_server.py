"""The door on a real socket: readiness with a deadline, slow bodies, an orderly end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event, Thread
from time import monotonic
from typing import Any

import httpx
import pytest
from attrs import evolve
from prometheus_client import CollectorRegistry

from adapters.http.app import create_app
from adapters.http.server import HttpServer
from application.signing_in import RATES
from domain.acts import SignInRefused
from tests.adapters.http.world import ADMIN, World

Serve = Callable[..., HttpServer]


@pytest.fixture
def serve(world: World) -> Iterator[Serve]:
    with ExitStack() as stack:

        def started(*trusted_proxies: str, **changes: Any) -> HttpServer:
            services = evolve(world.services, registry=CollectorRegistry(), **changes)
            server = HttpServer(
                create_app(services),
                "127.0.0.1",
                0,
                drain_seconds=5,
                trusted_proxies=trusted_proxies,
            )
            server.start()
            stack.callback(server.stop)
            return server

        yield started


def client(server: HttpServer) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{server.port}",
        headers={"Authorization": f"Bearer {ADMIN}"},
        timeout=10,
    )


def raw(server: HttpServer, *sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        for each in sent:
            connection.sendall(each)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


def await_closed(port: int) -> None:
    """Returns when nobody listens any more; fails if somebody still does after ten seconds."""
    deadline = monotonic() + 10
    while monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return
    raise AssertionError("the server still takes connections")


def test_a_card_is_made_over_a_real_connection(serve: Serve) -> None:
    with client(serve()) as asking:
        made = asking.post(
            "/v1/cards",
            json={"group": "world", "activate": True},
            headers={"Idempotency-Key": "order-1"},
        )
        assert made.status_code == 201
        seen = asking.get(made.headers["location"])
        assert seen.json()["status"] == "active"
        assert "server" not in seen.headers


def test_readiness_follows_the_ledger_and_life_does_not(world: World, serve: Serve) -> None:
    with client(serve()) as asking:
        assert asking.get("/health/ready").status_code == 200
        world.units.unavailable = True
        away = asking.get("/health/ready")
        assert away.status_code == 503
        assert away.json()["type"] == "/problems/not-ready"
        assert away.headers["retry-after"] == "1"
        assert asking.get("/health/live").json() == {"status": "live"}
        world.units.unavailable = False
        assert asking.get("/health/ready").json() == {"status": "ready"}


def test_a_ledger_that_hangs_makes_the_door_unready_and_costs_one_thread(serve: Serve) -> None:
    release, looks = Event(), []

    def hangs() -> None:
        looks.append(1)
        release.wait(30)

    with client(serve(ready=hangs, ready_seconds=0.05)) as asking:
        for _ in range(3):
            answer = asking.get("/health/ready")
            assert answer.status_code == 503
            assert "within 0.05 seconds" in answer.json()["detail"]
        assert len(looks) == 1
        assert asking.get("/health/live").status_code == 200
        release.set()


def test_a_body_that_does_not_arrive_in_time_is_given_up(serve: Serve) -> None:
    head = (
        "POST /v1/cards HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {ADMIN}\r\nIdempotency-Key: 1\r\nContent-Length: 100\r\n\r\n"
    )
    answer = raw(serve(body_seconds=0.05), head.encode(), b'{"group"')

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/body-too-slow" in answer


def test_an_announced_body_that_is_too_large_is_refused_unread(serve: Serve) -> None:
    head = (
        "POST /v1/cards HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {ADMIN}\r\nContent-Length: 99999999999999999999\r\n\r\n"
    )
    answer = raw(serve(), head.encode())
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("name", ["Authorization", "Idempotency-Key"])
def test_a_header_that_comes_twice_is_refused(serve: Serve, name: str) -> None:
    given = {"Authorization": f"Bearer {ADMIN}", "Idempotency-Key": "1", "Connection": "close"}
    lines = [f"{each}: {value}" for each, value in [*given.items(), (name, given[name])]]
    head = "\r\n".join(["GET /v1/cards HTTP/1.1", "Host: door", *lines, "", ""])
    answer = raw(serve(), head.encode())

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert f"the header {name.lower()} comes once at most".encode() in answer


def test_a_body_without_an_announced_length_is_bounded_too(serve: Serve) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_024

    with client(serve()) as asking:
        answer = asking.post(
            "/v1/cards",
            content=endless(),
            headers={"Content-Type": "application/json", "Idempotency-Key": "1"},
        )
    assert answer.status_code == 413


def test_a_request_that_is_running_ends_before_the_server_does(world: World, serve: Serve) -> None:
    arrived, go_on = Event(), Event()

    def slowly() -> None:
        arrived.set()
        go_on.wait(30)

    server = serve()
    card = world.card()
    world.units.before_storing = slowly
    answers: list[httpx.Response] = []

    def ask() -> None:
        with client(server) as asking:
            answers.append(
                asking.post(
                    f"/v1/cards/{card['card_id']}/top-ups",
                    json={"amount": {"amount": "1.00", "unit": "USD"}, "channel": "cash"},
                    headers={"Idempotency-Key": "till-7"},
                )
            )

    asker = Thread(target=ask)
    asker.start()
    assert arrived.wait(10)
    ends: list[bool] = []
    stopper = Thread(target=lambda: ends.append(server.stop()))
    stopper.start()
    await_closed(server.port)
    go_on.set()
    stopper.join(20)
    asker.join(20)

    assert ends == [True]
    assert answers[0].status_code == 200


def test_an_address_in_use_is_an_error_at_once(world: World, serve: Serve) -> None:
    server = serve()
    with pytest.raises(OSError):
        HttpServer(world.app, "127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("trusted", "told", "source"),
    [
        ((), "203.0.113.7", "127.0.0.1"),
        (("10.0.0.0/8",), "203.0.113.7", "127.0.0.1"),
        (("127.0.0.0/8",), "203.0.113.7", "203.0.113.7"),
        (("127.0.0.0/8",), "203.0.113.7:4711", "203.0.113.7"),
        (("127.0.0.0/8",), "1.2.3.4, 203.0.113.7", "203.0.113.7"),
        (("127.0.0.0/8", "10.0.0.0/8"), "1.2.3.4, 2001:DB8::7, 10.1.2.3", "2001:db8::7"),
        (("127.0.0.0/8",), 'everybody"; drop', "unknown"),
        (("127.0.0.0/8",), "1" * 5_000, "unknown"),
        (("127.0.0.0/8",), "", "127.0.0.1"),
    ],
)
def test_a_client_is_where_a_trusted_proxy_says_and_nobody_else(
    world: World, serve: Serve, trusted: tuple[str, ...], told: str, source: str
) -> None:
    with client(serve(*trusted)) as asking:
        shown = {"name": "ann", "password": "not the password"}
        answer = asking.post("/v1/session", json=shown, headers={"X-Forwarded-For": told})
    assert answer.status_code == 401
    refused = [each.fact for each in world.units.log() if isinstance(each.fact, SignInRefused)]
    assert [fact.source for fact in refused] == [source]


def test_guesses_behind_a_proxy_are_slowed_down_for_each_client(world: World, serve: Serve) -> None:
    with client(serve("127.0.0.0/8")) as asking:

        def guess(address: str, name: str) -> int:
            shown = {"name": name, "password": "not the password"}
            headers = {"X-Forwarded-For": address}
            return asking.post("/v1/session", json=shown, headers=headers).status_code

        for number in range(RATES["source"].burst):
            assert guess("203.0.113.7", f"name {number}") == 401
        assert guess("203.0.113.7", "another") == 429
        assert guess("203.0.113.8", "another") == 401
