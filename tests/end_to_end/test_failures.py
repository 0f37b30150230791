"""Callers who leave at any moment, and a database that goes away: nothing is lost or taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from application.speech import Prompt
from domain.call_sessions import Evidence
from tests.end_to_end import books
from tests.end_to_end.callers import OnLine
from tests.end_to_end.rig.asterisk import Rig
from tests.end_to_end.rig.scenario import await_bye, hangup, keys, wait
from tests.end_to_end.system import A_MOMENT, RINGS, Service, entry, leaves_after
from tests.support.postgres import PostgresServer, private_server

pytestmark = pytest.mark.asterisk


def test_a_caller_may_leave_at_any_moment(service: Service) -> None:
    cards = [service.card(say_time=True) for _ in range(4)]
    unsaid, rings, stays, short = (
        service.number(does) for does in ("0000", RINGS, "0000", leaves_after(5))
    )
    early = [
        OnLine(service, wait(0.2), hangup()),
        OnLine(service, wait(A_MOMENT), keys("12"), hangup()),
        OnLine(service, wait(A_MOMENT), *entry("123456#"), keys("1"), hangup()),
    ]
    time_said = OnLine(service, *cards[0].login(), keys(unsaid + "#"), wait(0.7), hangup())
    ringing = OnLine(service, *cards[1].login(), *entry(rings + "#"), wait(4), hangup())
    talking = OnLine(service, *cards[2].login(), *entry(stays + "#"), wait(5), hangup())
    after = OnLine(service, *cards[3].login(), *entry(short + "#"), wait(4.5), hangup())
    for each in early:
        assert each.leave().ok
    (settled,) = time_said.finish().settled()
    assert (settled.answered_at, service.talks(unsaid)) == (None, [])
    (settled,) = ringing.finish().settled()
    assert (settled.answered_at, service.calls_by_trunk(rings)) == (None, [1])
    (settled,) = talking.finish().settled()
    assert (settled.evidence, settled.seconds > 0) == (Evidence.LEG_RECORD, True)
    (settled,) = after.finish().settled()
    assert settled.seconds in (1, 2)


@attrs.frozen
class Away:
    """An operator whose ledger is in a PostgreSQL that a test may stop."""

    service: Service
    database: PostgresServer


@pytest.fixture(scope="module")
def mortal(rendered_prompts: Path) -> Iterator[Away]:
    with private_server() as database:
        url = database.url(database.create_database())
        with Rig(sounds=rendered_prompts) as rig, Service(rig, ledger=url) as service:
            yield Away(service, database)


@pytest.mark.postgres
def test_a_database_that_goes_away_costs_nobody_anything(mortal: Away) -> None:
    with books.in_order(mortal.service) as service:
        service.expected += ["ledger_unavailable", "work_failed", "not_reconciled"]
        service.expected += ["call_end_not_recorded"]
        poor, rich = service.card("0.07"), service.card()
        to_the_end, leaves = service.number(), service.number(leaves_after(60))
        runs_out = OnLine(service, *poor.login(), *entry(to_the_end + "#"), await_bye())
        is_left = OnLine(service, *rich.login(), *entry(leaves + "#"), await_bye())
        for number in (to_the_end, leaves):
            service.await_talk(number)
        mortal.database.stop()
        try:
            newcomer = OnLine(service, await_bye())
            assert newcomer.leave().saw("BYE in")
            # Running calls run out their grant, and the caller is told that it goes no further.
            for talking in (runs_out, is_left):
                assert talking.leave().saw("BYE in")
        finally:
            mortal.database.start()
        newcomer.finish().heard(Prompt.TRY_AGAIN_LATER)
        for number in (to_the_end, leaves):
            assert len(books.settlements(service, number)) == 1
        assert service.talks(to_the_end)[0] <= 7.2
