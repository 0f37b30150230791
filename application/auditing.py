"""Auditing: a log is verified with nothing but itself, and the first fact that is wrong named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from domain.audit_rules import Rule

Progress = Callable[[int, int], object]
"""Is told how many facts of how many have been read."""


@frozen
class Found:
    """A fact that breaks a rule, and why."""

    position: int
    stream_id: UUID | None
    """None: no fact is at this position."""
    version: int | None
    name: str | None
    recorded_at: datetime | None
    """None: the fact cannot be read."""
    rule: Rule
    why: str


@frozen
class Verification:
    """What came out: ``found`` in the order of the log, the first ones; ``counts`` of all."""

    facts: int
    until: int
    """The position of the last fact that was verified."""
    found: Sequence[Found]
    counts: Mapping[Rule, int]
    models: Mapping[str, int]
    """The position each read model had applied when it was compared."""

    @property
    def clean(self) -> bool:
        return not self.counts


class Auditor(Protocol):
    """The port to a stored log that is verified."""

    def verify(self, *, processes: int | None = None, progress: Progress) -> Verification:
        """Reads every fact up to now, checks every rule, and compares with the read models.

        ``processes`` None: as many as pay.
        """
        ...
