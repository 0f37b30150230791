"""What an Asterisk's companion reports, applied to the ledger in the same process."""

from __future__ import annotations

import logging

import pytest
from attrs import evolve as changed

from application.legs import LegRecord
from application.node_reports import (
    CallEnded,
    DirectReports,
    LegEnded,
    LegSeen,
    NodeReport,
    Outcome,
)
from application.ports import LedgerUnavailable
from domain.call_sessions import AttemptSeen, Evidence
from tests.support.story import WARSAW, Story, dollars


class NoAttempts:
    def of_node(self, node: str, most: int) -> list[object]:
        return []

    def overdue(self, now: object, most: int) -> list[object]:
        return []


class Talk:
    """A caller talks, and the hold is placed."""

    def __init__(self) -> None:
        self.story = Story()
        self.story.group()
        self.call = self.story.caller(self.story.card())
        self.story.dialling.dial(self.call, WARSAW)
        self.reports = DirectReports(self.story.settlement, NoAttempts())  # type: ignore[arg-type]

    def leg(self, seconds: float | None = 30) -> LegRecord:
        return self.story.leg(self.call, seconds)

    def outcome(self, report: NodeReport) -> Outcome:
        (verdict,) = self.reports.apply([report])
        return verdict.outcome


@pytest.fixture
def talk() -> Talk:
    return Talk()


def test_a_leg_settles_once_with_its_evidence(talk: Talk) -> None:
    ended = LegEnded(talk.leg(), Evidence.CHANNEL_EVENTS)
    assert [v.outcome for v in talk.reports.apply([ended, ended])] == [Outcome.DONE] * 2
    (settled,) = talk.story.settled(talk.call)
    assert (settled.charge, settled.evidence) == (dollars(0, 30), Evidence.CHANNEL_EVENTS)


def test_the_end_of_a_call_releases_what_nobody_answered(talk: Talk) -> None:
    assert talk.outcome(CallEnded(talk.call.reference)) is Outcome.DONE
    (settled,) = talk.story.settled(talk.call)
    assert settled.charge == dollars(0)


def test_a_leg_that_is_up_is_confirmed(talk: Talk) -> None:
    answered_ms = talk.leg().answered_ms or 0
    assert talk.outcome(LegSeen(talk.call.reference, 1, answered_ms, 7)) is Outcome.DONE
    (seen,) = talk.story.facts_of(talk.call, AttemptSeen)
    assert seen.seconds == 7


def test_a_call_of_somebody_else_is_unknown(talk: Talk) -> None:
    other = changed(talk.leg(), reference="pbx9-1763765000.1")
    assert talk.outcome(LegEnded(other)) is Outcome.UNKNOWN
    assert talk.outcome(LegEnded(changed(talk.leg(), attempt=9))) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": "nonsense"},
        {"ended_ms": None},
        {"answered_ms": -1},
        {"answered_ms": 10**17},
        {"ended_ms": 10**17},
    ],
)
def test_what_cannot_be_true_is_refused(talk: Talk, wrong: dict[str, object]) -> None:
    leg = changed(talk.leg(), **wrong)  # type: ignore[arg-type]
    assert talk.outcome(LegEnded(leg)) is Outcome.REFUSED
    assert talk.story.settled(talk.call) == []


def test_evidence_of_the_ledger_itself_is_refused(talk: Talk) -> None:
    assert talk.outcome(LegEnded(talk.leg(), Evidence.LIMIT_PASSED)) is Outcome.REFUSED


def test_one_report_that_meets_a_fault_does_not_hold_up_the_next(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_once() -> None:
        talk.story.units.before_storing = lambda: None
        raise RuntimeError("a fault")

    talk.story.units.before_storing = fail_once
    ended = LegEnded(talk.leg())
    with caplog.at_level(logging.ERROR):
        outcomes = [v.outcome for v in talk.reports.apply([ended, ended])]
    assert outcomes == [Outcome.FAILED, Outcome.DONE]
    assert "a fault" in caplog.text


def test_a_ledger_that_is_away_is_told_as_such(talk: Talk) -> None:
    talk.story.units.lose_next_answer = True
    with pytest.raises(LedgerUnavailable):
        talk.reports.apply([LegEnded(talk.leg())])
    assert talk.outcome(LegEnded(talk.leg())) is Outcome.DONE
    assert len(talk.story.settled(talk.call)) == 1
