"""What every request meets: limits, clear errors, an id, a log line, a measurement."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from attrs import evolve

from adapters.http import metrics
from adapters.http.app import create_app
from adapters.http.asking import MOST_BODY
from tests.adapters.http.world import ADMIN, NODE, READER, World


def test_every_answer_has_the_headers_of_safety(world: World) -> None:
    for answer in (
        world.get("/v1/cards"),
        world.get("/v1/cards", key=None),
        world.get("/nowhere"),
        world.get("/health/live"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-request-id"]


def test_a_request_id_is_echoed_if_it_is_plain(world: World) -> None:
    plain = world.get("/nowhere", headers={"X-Request-Id": "till-7.42"})
    forged = world.get("/nowhere", headers={"X-Request-Id": "till 7; admin=1"})

    assert plain.headers["x-request-id"] == plain.json()["request_id"] == "till-7.42"
    assert forged.headers["x-request-id"] != "till 7; admin=1"
    assert forged.headers["x-request-id"] == forged.json()["request_id"]


def test_a_path_that_leads_nowhere_is_a_problem(world: World) -> None:
    for path in ("/", "/v1", "/v1/cards/", "/v1/accounts//", "/v2/cards", "/%00"):
        answer = world.get(path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 404


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "OPTIONS", "BREW"])
def test_a_method_that_is_not_accepted_names_those_that_are(world: World, method: str) -> None:
    answer = world.ask(method, "/v1/cards")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert answer.json()["type"] == "/problems/method-not-allowed"
    assert world.ask(method, "/health/live").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""],
)
def test_a_body_is_json_in_utf_8(world: World, content_type: str) -> None:
    body = b'{"group": "world"}'
    headers = {"Content-Type": content_type, "Idempotency-Key": "1"}
    answer = world.ask("POST", "/v1/cards", content=body, headers=headers)
    assert answer.status_code == 415

    headers = {"Content-Type": "Application/JSON; Charset=UTF-8", "Idempotency-Key": "1"}
    assert world.ask("POST", "/v1/cards", content=body, headers=headers).status_code == 201


def test_a_compressed_body_is_refused_unread(world: World) -> None:
    answer = world.ask("POST", "/v1/cards", content=b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"group": "world"} {"group": "world"}',
        b'{"group": "\xff"}',
        b'{"group": "\\ud800"}',
        b"not json",
        b"\x00",
        b"\xef\xbb\xbf{}",
        b'{"group":' + b"[" * 30_000,
    ],
)
def test_a_body_that_is_not_json_is_refused_clearly(world: World, body: bytes) -> None:
    answer = world.ask("POST", "/v1/cards", content=body, headers={"Idempotency-Key": "1"})

    assert answer.status_code in (400, 422)
    assert answer.json()["type"] in ("/problems/malformed-json", "/problems/bad-field")
    assert answer.json()["detail"]


def test_a_body_may_be_as_large_as_the_limit_and_no_larger(world: World) -> None:
    body = b'{"group": "world"}'
    headers = {"Idempotency-Key": "1"}
    largest = world.ask(
        "POST", "/v1/cards", content=body + b" " * (MOST_BODY - len(body)), headers=headers
    )
    larger = world.ask(
        "POST", "/v1/cards", content=body + b" " * (MOST_BODY - len(body) + 1), headers=headers
    )
    assert (largest.status_code, larger.status_code) == (201, 413)
    assert larger.json()["most"] == MOST_BODY


def test_a_ledger_that_is_away_is_told_and_found_again(world: World) -> None:
    world.units.unavailable = True
    for answer in (
        world.get("/v1/cards"),
        world.get("/v1/accounts"),
        world.post("/v1/cards", {"group": "world"}),
    ):
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["type"] == "/problems/ledger-unavailable"
    world.units.unavailable = False
    assert world.get("/v1/cards").status_code == 200


def test_a_fault_tells_nothing_of_the_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(kind: str) -> Any:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(world.units, "streams", broken)
    with structlog.testing.capture_logs() as logs:
        answer = world.get("/v1/cards", headers={"X-Request-Id": "here"})

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == "here"
    assert "secret" not in answer.text
    assert [each["event"] for each in logs] == ["a request failed", "request"]
    assert logs[1]["status"] == 500


def test_a_log_line_says_who_asked_for_what_and_no_secret(world: World) -> None:
    with structlog.testing.capture_logs() as logs:
        card = world.card(pin="12345678")
        world.get(f"/v1/cards/{card['card_id']}?number=1", headers={"X-Request-Id": "here"})

    made, looked = [each for each in logs if each["event"] == "request"]
    assert (made["method"], made["route"], made["status"]) == ("POST", "/v1/cards", 201)
    assert made["key"] == "office"
    assert looked["route"] == "/v1/cards/{id}"
    assert looked["path"] == f"/v1/cards/{card['card_id']}"
    assert "12345678" not in str(logs)
    assert ADMIN not in str(logs)


def test_a_path_cannot_forge_a_log_line(world: World) -> None:
    with structlog.testing.capture_logs() as logs:
        world.get("/nowhere%0Aevent=forged%1b[2J")
    assert "\n" not in logs[0]["path"]
    assert "\x1b" not in logs[0]["path"]


def test_requests_are_counted_by_the_template_of_their_path(world: World) -> None:
    card = world.card()
    for _ in range(3):
        world.get(f"/v1/cards/{card['card_id']}")
    world.get("/nowhere/4711")
    world.ask("BREW", "/v1/cards")
    shown = world.get("/metrics", key=None).text

    assert (
        'talktime_http_requests_total{method="GET",route="/v1/cards/{id}",status="200"} 3.0'
        in shown
    )
    assert 'talktime_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in shown
    assert 'talktime_http_requests_total{method="other",route="/v1/cards",status="405"}' in shown
    assert 'talktime_http_request_seconds_bucket{le="0.005"' in shown
    assert "talktime_http_requests_in_progress 1.0" in shown
    assert card["card_id"] not in shown
    assert "4711" not in shown
    assert "BREW" not in shown


def test_the_rest_of_the_program_shows_its_numbers_too(world: World) -> None:
    def away() -> float:
        raise RuntimeError("the ledger is away")

    metrics.register(
        world.services.registry,
        metrics.Reading("talktime_calls_active", "Calls up.", metrics.number(lambda: 3)),
        metrics.Reading("talktime_lag_seconds", "Behind.", metrics.number(away)),
        metrics.Reading(
            "talktime_attempts_open",
            "Open attempts.",
            lambda: {("pbx1",): 2.0, ("pbx2",): 0.0},
            labels=("node",),
        ),
        metrics.Reading("talktime_agi_lines", "Lines.", metrics.number(lambda: 7), kind="counter"),
    )
    answer = world.get("/metrics", key=None)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "talktime_calls_active 3.0" in answer.text
    assert 'talktime_attempts_open{node="pbx1"} 2.0' in answer.text
    assert "talktime_agi_lines_total 7.0" in answer.text
    assert "talktime_lag_seconds 0" not in answer.text


def test_a_name_is_measured_once(world: World) -> None:
    reading = metrics.Reading("talktime_calls_active", "Calls up.", metrics.number(lambda: 3))
    metrics.register(world.services.registry, reading)
    with pytest.raises(ValueError, match=r"[Dd]uplicated"):
        metrics.register(world.services.registry, reading)


def test_a_head_is_answered_like_a_get(world: World) -> None:
    assert world.ask("HEAD", "/v1/cards", key=READER).status_code == 200
    assert world.ask("HEAD", "/v1/cards", key=NODE).status_code == 403


def test_a_door_that_nobody_may_wait_at_says_so(world: World) -> None:
    world.app = create_app(
        evolve(world.services, registry=type(world.services.registry)(), most_waiting=0)
    )
    answer = world.get("/v1/cards")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/overloaded")
    assert world.get("/health/live", key=None).status_code == 200
