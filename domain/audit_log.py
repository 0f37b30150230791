"""Verifies a log, or whole streams of it: feed it every fact in order, then ask what was found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from domain.audit_accounts import AccountsAudit
from domain.audit_calls import CallsAudit
from domain.audit_cards import CardsAudit
from domain.audit_crossing import Seen
from domain.audit_rules import Findings, Place, Rule


class LogAudit:
    """What one stream alone has to keep; what two streams tell of one thing is ``Crossing``'s."""

    def __init__(self) -> None:
        self.findings = Findings()
        self._accounts = AccountsAudit(self.findings)
        self._calls = CallsAudit(self.findings)
        self._cards = CardsAudit(self.findings)
        self._versions: dict[int, int] = {}
        self._kinds: dict[int, str] = {}
        self._tells: dict[type, Callable[[Place, Any], object]] = {
            **self._accounts.tells,
            **self._calls.tells,
            **self._cards.tells,
        }

    @property
    def reads(self) -> frozenset[type]:
        """The classes of facts that a rule looks at; of all others only their order is checked."""
        return frozenset(self._tells)

    def add(self, position: int, stream: int, version: int, at: datetime, fact: object) -> None:
        self._number(position, stream, version)
        kind = type(fact)
        known = self._kinds.setdefault(stream, kind.__module__)
        if known != kind.__module__:
            why = f"{kind.__name__} in a stream of {known.removeprefix('domain.')}"
            self.findings.add(position, Rule.ONE_THING, why)
            return
        tell = self._tells.get(kind)
        if tell is None:
            return
        try:
            tell(Place(position, stream, at), fact)
        except (ValueError, ArithmeticError, LookupError) as error:
            # Fields that no decision of this program ever wrote: what follows from them is unknown.
            self.findings.add(position, Rule.READABLE, f"it makes no sense: {error}")

    def unreadable(self, position: int, stream: int, version: int, why: str) -> None:
        self._number(position, stream, version)
        self.findings.add(position, Rule.READABLE, why)

    def seen(self) -> Seen:
        return Seen(
            accounts=self._accounts.accounts,
            holds=self._accounts.holds,
            arrived=self._accounts.arrived,
            forfeited=self._accounts.forfeited,
            sessions=self._calls.sessions,
            attempts=self._calls.attempts,
            cards=self._cards.cards,
            owners=self._cards.owners,
            terms=self._cards.terms,
            told=self._cards.told,
            corrected=self._accounts.corrected,
            corrections=self._calls.corrections.told,
        )

    def _number(self, position: int, stream: int, version: int) -> None:
        before = self._versions.get(stream, 0)
        if version != before + 1:
            why = f"it is fact {version} of its stream, after fact {before}"
            self.findings.add(position, Rule.UNBROKEN, why)
        self._versions[stream] = version
