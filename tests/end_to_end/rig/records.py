"""What Asterisk wrote down about calls: the spool of the dial plan and the channel events."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import attrs

from adapters.asterisk.config import CEL_FIELDS


@attrs.frozen
class LegRecord:
    """A dialled channel has ended; times are seconds since 1970, None when nobody answered."""

    reference: str
    attempt: int
    leg: int
    answered: float | None
    ended: float
    cause: str
    unique_id: str

    @property
    def seconds(self) -> float:
        """How long the leg was up, 0 when nobody answered."""
        return 0.0 if self.answered is None else self.ended - self.answered

    @classmethod
    def read(cls, fields: str) -> Self:
        """From `<reference>|<attempt>|<leg>|<answered>|<ended>|<cause>|<unique id>`."""
        reference, attempt, leg, answered, ended, cause, unique_id = fields.split("|")
        when = float(answered) if answered else None
        return cls(reference, int(attempt), int(leg), when, float(ended), cause, unique_id)


@attrs.frozen
class CallRecord:
    """The caller's own channel has ended."""

    reference: str
    ended: float
    dial_status: str
    agi_status: str
    cause: str

    @classmethod
    def read(cls, fields: str) -> Self:
        """From `<reference>|<ended>|<DIALSTATUS>|<AGISTATUS>|<cause>`."""
        reference, ended, dial_status, agi_status, cause = fields.split("|")
        return cls(reference, float(ended), dial_status, agi_status, cause)


Record = LegRecord | CallRecord


def records(spool: Path) -> list[Record]:
    """The records of a spool file that may not exist yet."""
    lines = spool.read_text().splitlines() if spool.exists() else []
    kinds: dict[str, type[LegRecord] | type[CallRecord]] = {"leg": LegRecord, "call": CallRecord}
    return [kinds[kind].read(fields) for kind, _, fields in (line.partition("|") for line in lines)]


def legs(found: Iterable[Record]) -> list[LegRecord]:
    """Only the records of legs."""
    return [record for record in found if isinstance(record, LegRecord)]


def calls(found: Iterable[Record]) -> list[CallRecord]:
    """Only the records of callers' channels."""
    return [record for record in found if isinstance(record, CallRecord)]


@attrs.frozen
class ChannelEvent:
    """One channel event (CEL); `time` is seconds since 1970, `extra` is Asterisk's JSON."""

    kind: str
    time: float
    unique_id: str
    linked_id: str
    channel: str
    account_code: str
    user_field: str
    extra: str


def channel_events(path: Path) -> list[ChannelEvent]:
    """The channel events of a file that may not exist yet."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = [dict(zip(CEL_FIELDS, row, strict=True)) for row in csv.reader(file)]
    return [
        ChannelEvent(
            row["eventtype"],
            float(row["eventtime"]),
            row["uniqueid"],
            row["linkedid"],
            row["channame"],
            row["accountcode"],
            row["userfield"],
            row["extra"],
        )
        for row in rows
    ]


def carrier_seconds(events: Iterable[ChannelEvent], leg: LegRecord) -> float:
    """How long a leg was up by its channel events: from its answer to the end of its bridge."""
    times = {event.kind: event.time for event in events if event.unique_id == leg.unique_id}
    return times["BRIDGE_EXIT"] - times["ANSWER"]
