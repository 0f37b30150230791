"""The one judge of every fault: it reads the ledger from outside and lists whatever is not right.

It looks with the product's own auditor, books, rebuild check and seals (ADR 0030); what it adds is
what only clients know: which commands they were promised, and which calls are up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from attrs import Factory, define, field, frozen
from eventsourcing.persistence import IntegrityError, MapperDeserialisationError
from sqlalchemy.exc import IntegrityError as SqlIntegrityError

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_audit import LedgerAuditor
from adapters.persistence.log_reader import Row, ask, hexadecimal
from adapters.persistence.projections import Projections
from adapters.persistence.read_models import ALL
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.seals import StoredSeals
from adapters.sealing.checkpoint_file import published
from adapters.sealing.keys import PublicKeys
from application.ports import Clock
from application.seal_verification import verify
from domain.audit_crossing import Seen
from domain.audit_log import LogAudit
from domain.audit_rules import Rule
from domain.books import Books
from domain.ledger import Balances
from domain.seal_checks import Break
from talktime.sealing import Trusted
from talktime.system import SystemClock
from tests.faults.acknowledged import Acknowledged, Command, Stage, Writes, as_told


class Check(StrEnum):
    """What is true after every fault."""

    ACKNOWLEDGED = "every acknowledged command is in the log exactly once, no other more than that"
    POSTINGS = "postings sum to zero in every unit, and the books say what the accounts say"
    READ_MODELS = "every read model equals the fold of the facts"
    HOLDS = "the open holds are those of the calls that are up"
    BALANCES = "no balance is below zero at any place of the log"
    SETTLED = "every attempt is settled once"
    SEALS = "the chain of seals verifies, with every checkpoint that was published"
    AUDIT = "the auditor finds nothing"


_OF_RULE = {
    Rule.READ_MODEL: Check.READ_MODELS,
    Rule.HOLD_ENDED: Check.HOLDS,
    Rule.HOLD_OF_ATTEMPT: Check.HOLDS,
    Rule.BALANCE: Check.BALANCES,
    Rule.SETTLED_ONCE: Check.SETTLED,
    Rule.HOLD_ENDS_ONCE: Check.SETTLED,
}


@frozen
class Breach:
    check: Check
    why: str

    def __str__(self) -> str:
        return f"{self.check.name.lower()}: {self.why}"


class OracleFailed(AssertionError):
    """Lists every breach."""

    def __init__(self, breaches: list[Breach]) -> None:
        lines = [str(each) for each in breaches[:_MOST_TOLD]]
        if more := len(breaches) - len(lines):
            lines.append(f"and {more} more")
        super().__init__("the ledger is not right:\n  " + "\n  ".join(lines))
        self.breaches = breaches

    @property
    def checks(self) -> set[Check]:
        return {each.check for each in self.breaches}


_MOST_TOLD = 40


@frozen
class Live:
    """Holds by the calls they are for. ``up``: the leg rings or talks, so the hold is open.
    ``ending``: asked for, or talked out, and the ledger may know it or not."""

    up: frozenset[UUID] = frozenset()
    ending: frozenset[UUID] = frozenset()


NOBODY = Live()

Alive = Live | Collection[UUID] | Callable[[], Live]


@frozen
class SealFiles:
    """The public key, and the file of published checkpoints."""

    public_keys: Path
    checkpoints: Path


@frozen
class Verdict:
    """What was looked at, where nothing was wrong."""

    facts: int
    commands: int
    acknowledged: int
    open_holds: int
    blocks: int


@define
class Oracle:
    """Judges the ledger at an address. It may be asked while others work on it."""

    ledger_url: str
    seals: SealFiles | None = None
    clock: Clock = Factory(SystemClock)
    _published: int = field(init=False, default=0)
    """Blocks of the newest checkpoint that was seen: they never become fewer."""

    def check(
        self, acknowledged: Acknowledged | None = None, *, live: Alive | None = None
    ) -> Verdict:
        """``live``: the holds of calls that are up; empty: none is, and every attempt is settled;
        None: nobody knows. Raises OracleFailed, which lists every breach."""
        breaches: list[Breach] = []
        before = _alive(live)
        # Before the log is read: what is promised later may be behind what is read.
        stages = acknowledged.stages() if acknowledged is not None else {}
        mapper = FactMapper(FACTS, UPCASTS)
        with connect(self.ledger_url) as recorder:
            rows = _all_rows(recorder)
            after = _alive(live)
            breaches += promises_broken(rows, stages)
            seen, books = _folded(rows, mapper)
            breaches += books
            if before is not None and after is not None:
                breaches += _holds(seen, before, after)
            breaches += _read_models(recorder, mapper)
            breaches += self._audit(recorder, mapper)
            blocks = 0
            if self.seals is not None:
                blocks, broken = self._chain(recorder, self.seals)
                breaches += broken
        if breaches:
            raise OracleFailed(breaches)
        told = sum(stage is Stage.ACKNOWLEDGED for stage in stages.values())
        open_holds = sum(each.ended is None for each in seen.holds.values())
        return Verdict(len(rows), len(stages), told, open_holds, blocks)

    def _audit(self, recorder: EventRecorder, mapper: FactMapper) -> Iterator[Breach]:
        auditor = LedgerAuditor(self.ledger_url, recorder, mapper, self.clock)
        told = auditor.verify(processes=1, progress=lambda *_: None)
        for each in told.found:
            why = f"{each.name} at {each.position}: {each.why} ({each.rule.value})"
            yield Breach(_OF_RULE.get(each.rule, Check.AUDIT), why)
        if more := sum(told.counts.values()) - len(told.found):
            yield Breach(Check.AUDIT, f"{more} more findings")

    def _chain(self, recorder: EventRecorder, files: SealFiles) -> tuple[int, list[Breach]]:
        try:
            keys = PublicKeys.read(files.public_keys)
            sizes = [0]
            if files.checkpoints.exists() and files.checkpoints.stat().st_size:
                sizes += [each.size for each in published(files.checkpoints, keys, thorough=False)]
            elif self._published:
                return 0, [Breach(Check.SEALS, "the checkpoints that were published are gone")]
            size, known = sizes[-1], self._published
            if size < known:
                told = f"{size} blocks were published, and {known} before"
                return 0, [Breach(Check.SEALS, told)]
            self._published = size
            found = verify(
                StoredSeals(recorder), Trusted(keys, files.checkpoints if size else None)
            )
        except (ValueError, OSError) as error:
            return 0, [Breach(Check.SEALS, str(error))]
        if isinstance(found, Break):
            where = f"block {found.block}, position {found.position}"
            return 0, [Breach(Check.SEALS, f"{found.kind.value} at {where}: {found.told}")]
        return found.blocks, []


def promises_broken(rows: Iterable[Row], stages: Mapping[Command, Stage]) -> Iterator[Breach]:
    """What clients were told, against how often it is in the log."""
    counted = _counted(rows, {fact for each in stages for fact in each.facts})
    for each, stage in stages.items():
        times = [counted[fact] for fact in each.facts]
        told = ", ".join(f"{n} of {fact}" for n, fact in zip(times, each.facts, strict=True))
        if stage is Stage.ACKNOWLEDGED:
            right = all(n == 1 for n in times)
        elif stage is Stage.REFUSED:
            right = not any(times)
        else:
            right = max(times) <= 1 and len(set(times)) == 1
        if not right:
            yield Breach(Check.ACKNOWLEDGED, f"{each.name} was {stage}, and the log has {told}")


def _counted(rows: Iterable[Row], wanted: Iterable[Writes]) -> Counter[Writes]:
    by_name: dict[str, dict[tuple[bool, tuple[str, ...]], dict[_Key, Writes]]] = {}
    for fact in wanted:
        shape = (fact.stream is not None, tuple(name for name, _ in fact.fields))
        stream = fact.stream.hex if fact.stream is not None else None
        key = (stream, tuple(value for _, value in fact.fields))
        for name in fact.names:
            by_name.setdefault(name, {}).setdefault(shape, {})[key] = fact
    counted: Counter[Writes] = Counter()
    for _, stream_, _, name, data in rows:
        for (has_stream, names), known in by_name.get(name, {}).items():
            fields = _fields(data) if names else {}
            told = tuple(as_told(fields.get(each)) for each in names)
            if found := known.get((stream_ if has_stream else None, told)):
                counted[found] += 1
    return counted


_Key = tuple[str | None, tuple[str, ...]]


def _fields(data: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(data)["fact"]
    except (ValueError, LookupError, TypeError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _folded(rows: Iterable[Row], mapper: FactMapper) -> tuple[Seen, list[Breach]]:
    """The auditor's fold and the books of one and the same snapshot, compared with each other."""
    audit, books, balances = LogAudit(), Books(), Balances()
    sums: Counter[str] = Counter()
    breaches: list[Breach] = []
    for position, stream, version, name, data in rows:
        number = int(stream, 16)
        try:
            at, fact = mapper.decode(name, data)
            audit.add(position, number, version, at, fact)
            told = books.add(position, at, UUID(int=number), fact)
        except (ValueError, TypeError, KeyError, ArithmeticError) as error:
            breaches.append(Breach(Check.POSTINGS, f"{name} at {position}: {error}"))
            continue
        if told is not None:
            balances.add(told)
            for posting in told.postings:
                sums[posting.amount.unit] += posting.amount.micros
    seen = audit.seen()
    breaches += [
        Breach(Check.POSTINGS, f"postings in {unit} sum to {left} millionths, not to zero")
        for unit, left in sums.items()
        if left
    ]
    breaches += [
        Breach(Check.POSTINGS, f"half of a transaction is missing for the fact at {position}")
        for position in books.waiting
    ]
    for account_id, account in seen.accounts.items():
        names = books.names(UUID(int=account_id))
        for name, owed in (
            (names.prepaid, account.balance - account.held),
            (names.held, account.held),
        ):
            booked = -balances.of(name, account.unit).micros
            if booked != owed:
                why = f"{name} is {booked} millionths of {account.unit}, by its facts {owed}"
                breaches.append(Breach(Check.POSTINGS, why))
    return seen, breaches


def _holds(seen: Seen, before: Live, after: Live) -> Iterator[Breach]:
    """Whoever is up before and after the log was read was up all the time."""
    up = before.up & after.up
    may = before.up | after.up | before.ending | after.ending
    placed = {UUID(int=number): hold for number, hold in seen.holds.items()}
    open_ = {hold_id for hold_id, hold in placed.items() if hold.ended is None}
    for hold_id in up - open_:
        how = "was ended" if hold_id in placed else "was never placed"
        yield Breach(Check.HOLDS, f"a call is up, and its hold {hold_id} {how}")
    for hold_id in open_ - may:
        at = placed[hold_id].placed
        yield Breach(Check.HOLDS, f"the hold {hold_id} placed at {at} is open, and no call is up")
    for number, attempts in seen.attempts.items():
        for each in attempts:
            if each.settled is None and UUID(int=number) not in may:
                why = f"the attempt started at {each.started} is over, and was never settled"
                yield Breach(Check.SETTLED, why)


def _read_models(recorder: EventRecorder, mapper: FactMapper) -> Iterator[Breach]:
    try:
        Projections(recorder, mapper).catch_up_all(ALL)
        difference = RebuildCheck(recorder, mapper).run().difference
    except _CANNOT_BE_MADE as error:
        difference = f"they cannot be made: {error}"
    if difference is not None:
        yield Breach(Check.READ_MODELS, difference)


_CANNOT_BE_MADE = (
    ValueError,
    LookupError,
    AssertionError,
    MapperDeserialisationError,
    IntegrityError,
    SqlIntegrityError,
)


def _all_rows(recorder: EventRecorder) -> list[Row]:
    """The whole log as of one moment, also what a reader would wait a moment for."""
    with recorder.reading() as connection:
        begin = "BEGIN"
        if connection.dialect.name == "postgresql":
            begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        connection.exec_driver_sql(begin)
        try:
            stream = hexadecimal(connection, "stream_id")
            query = f"SELECT position, {stream}, version, name, data FROM events ORDER BY position"
            return list(map(tuple, ask(connection, query, ())))
        finally:
            connection.exec_driver_sql("ROLLBACK")


def _alive(live: Alive | None) -> Live | None:
    if live is None or isinstance(live, Live):
        return live
    return live() if callable(live) else Live(frozenset(live))
