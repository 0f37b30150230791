"""A ledger that the product wrote breaks no rule, and each planted defect breaks its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import given as forall
from hypothesis import strategies as st

from domain.audit_crossing import Crossing, joined
from domain.audit_log import LogAudit
from domain.audit_rules import Findings
from tests.support.examples import examples
from tests.support.history import Stories
from tests.support.memory import MemoryUnitsOfWork


def verified(log: list[tuple[UUID, int, Any, Any]], now: Any, parts: int = 1) -> Findings:
    """Facts as stream, version, moment and fact; positions count from 1."""
    audits = [LogAudit() for _ in range(parts)]
    for position, (stream, version, at, fact) in enumerate(log, 1):
        audits[stream.int % parts].add(position, stream.int, version, at, fact)
    findings = Findings()
    for audit in audits:
        findings.merge(audit.findings)
    seen = joined((audit.seen() for audit in audits), findings)
    Crossing(seen, findings, now).check()
    return findings


def log_of(units: MemoryUnitsOfWork) -> list[tuple[UUID, int, Any, Any]]:
    return [(each.stream_id, each.version, each.recorded_at, each.fact) for each in units.log()]


@examples(80)
@forall(st.integers(0, 10**9), st.integers(0, 150), st.integers(1, 4))
def test_whatever_people_do_the_ledger_keeps_every_rule(seed: int, steps: int, parts: int) -> None:
    shop = Stories()
    shop.play_at_random(seed, steps)
    found = verified(log_of(shop.shop.units), shop.shop.clock.now(), parts)
    assert found.first == []


def test_an_attempt_that_was_left_open_is_found_only_after_its_deadline() -> None:
    shop = Stories()
    shop.play([])
    shop.dials(0)
    log, now = log_of(shop.shop.units), shop.shop.clock.now()
    assert verified(log, now).first == []
    late = verified(log, now + timedelta(days=1))
    assert [finding.rule.name for finding in late.first] == ["HOLD_ENDED"]
