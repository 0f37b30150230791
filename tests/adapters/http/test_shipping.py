"""The shipper beside an Asterisk and the ledger's door understand each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve
from prometheus_client import CollectorRegistry

from adapters.asterisk.ledger_client import HttpReports
from adapters.http.app import create_app
from adapters.http.server import HttpServer
from application.legs import LegRecord
from application.node_reports import CallEnded, LegEnded, LegSeen, Outcome
from application.ports import LedgerUnavailable
from domain.call_sessions import Evidence
from tests.adapters.http.world import PBX1, READER, World


@pytest.fixture
def door(world: World) -> Iterator[HttpServer]:
    server = HttpServer(
        create_app(evolve(world.services, registry=CollectorRegistry())), "127.0.0.1", 0
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def reports(door: HttpServer) -> Iterator[HttpReports]:
    client = HttpReports(f"http://127.0.0.1:{door.port}", PBX1)
    yield client
    client.close()


def test_every_kind_of_report_arrives(world: World, reports: HttpReports) -> None:
    call, grant = world.dial(world.card())
    answered = int(world.clock.now().timestamp()) * 1000
    leg = LegRecord(
        call.reference, grant.attempt, 1, answered, answered + 61_000, 16, "1772452800.99"
    )

    (waiting,) = reports.open_attempts("pbx1")
    verdicts = reports.apply(
        [
            LegSeen(call.reference, grant.attempt, answered, 30),
            LegEnded(leg, Evidence.CHANNEL_EVENTS),
            CallEnded(call.reference),
        ]
    )

    assert (waiting.reference, waiting.attempt) == (call.reference, grant.attempt)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.DONE] * 3
    assert list(reports.open_attempts("pbx1")) == []
    (attempt,) = world.get(f"/v1/calls/{call.session_id}/attempts").json()["items"]
    assert (attempt["seconds"], attempt["evidence"]) == (61, "channel events")


def test_a_call_nobody_knows_does_not_hold_up_the_others(reports: HttpReports) -> None:
    (verdict,) = reports.apply([CallEnded("pbx1-1763765000.77")])
    assert verdict.outcome is Outcome.DONE
    leg = LegRecord("pbx1-1763765000.77", 1, 1, 1_000, 2_000, 16, "1.1")
    (verdict,) = reports.apply([LegEnded(leg)])
    assert verdict.outcome is not Outcome.DONE


def test_a_key_without_the_right_keeps_the_reports_waiting(door: HttpServer) -> None:
    client = HttpReports(f"http://127.0.0.1:{door.port}", READER)
    with pytest.raises(LedgerUnavailable, match="403"):
        client.apply([CallEnded("pbx1-1763765000.77")])
    client.close()
