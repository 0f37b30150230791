"""Callers' numbers: sealed when they come in, opened when they are shown, forgotten when asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from attrs import evolve, frozen

from application.log import Log, Logged
from domain.call_sessions import CallStarted
from domain.caller_ids import CallerIdBound, CallerIdRebound, CallerIdUnbound
from domain.cards import CardCallerIdChanged

T = TypeVar("T")

_FIELDS: dict[type, str] = {
    CallStarted: "caller_id",
    CallerIdBound: "number",
    CallerIdRebound: "number",
    CallerIdUnbound: "number",
    CardCallerIdChanged: "number",
}
"""Every fact that has the number of a caller in it, and where."""


class Numbers(Protocol):
    """What opens sealed numbers for those who may see them."""

    def find(self, number: str) -> str | None:
        """The sealed form of a number in E.164 if it was ever seen and is not forgotten."""
        ...

    def opened(self, sealed: Collection[str]) -> dict[str, str]:
        """The numbers behind sealed ones, or a pseudonym for each that nobody can open any more."""
        ...


class Persons(Numbers, Protocol):
    """Whose number is whose, each under a key of its own (ADR 0027)."""

    def seal(self, number: str) -> str:
        """The sealed form of a number, always the same until it is forgotten.

        Who has it is kept durably before this returns. Raises LedgerUnavailable.
        """
        ...

    def forget(self, sealed: str) -> None:
        """Drops the key of the person: what was sealed with it is a pseudonym from now on.

        Processes that have opened it lately may show it for half a minute more.
        """
        ...


@frozen
class Rotated:
    """``moved``: persons whose keys are wrapped anew; ``dropped``: master keys that are no more."""

    key_id: str
    moved: int = 0
    dropped: tuple[str, ...] = ()


class PersonKeys(Protocol):
    """The master keys that everybody's keys are wrapped with.

    Raises LedgerUnavailable for a file that is not the ledger's.
    """

    def is_due(self) -> bool:
        """Whether the newest master key has been there for too long."""
        ...

    def prepare(self) -> str:
        """Puts the next master key into the file and does not use it yet; gives its id."""
        ...

    def rotate(self, *, due: bool = False, drop: bool = False) -> Rotated:
        """Uses a new master key for everybody. ``due``: only if it is time for one; ``drop``:
        replaced ones are not kept."""
        ...


@frozen
class AsStored:
    """Numbers for those who have no key: everything is shown as the ledger keeps it."""

    def find(self, number: str) -> str | None:
        return None

    def opened(self, sealed: Collection[str]) -> dict[str, str]:
        return {each: each for each in sealed}


def opened(numbers: Numbers, sealed: str | None) -> str | None:
    return None if sealed is None else numbers.opened((sealed,))[sealed]


def opened_facts(numbers: Numbers, facts: Iterable[T]) -> list[T]:
    """The facts as people may read them: with numbers in clear, or pseudonyms."""
    told = list(facts)
    found = {each: sealed for each, fact in enumerate(told) if (sealed := _sealed_in(fact))}
    known = numbers.opened(set(found.values())) if found else {}
    for each, sealed in found.items():
        fact: Any = told[each]
        told[each] = evolve(fact, **{_FIELDS[type(fact)]: known[sealed]})
    return told


def _sealed_in(fact: object) -> str | None:
    name = _FIELDS.get(type(fact))
    return getattr(fact, name) if name is not None else None


@frozen
class OpenedLog:
    """A log for those who may read callers' numbers. The order, the places and the rest stay."""

    log: Log
    numbers: Numbers

    def end(self) -> int:
        return self.log.end()

    def position_at(self, moment: datetime) -> int:
        return self.log.position_at(moment)

    def facts(
        self, wanted: Collection[type] | None = None, *, until: int | None = None
    ) -> Iterator[Logged]:
        for each in self.log.facts(wanted, until=until):
            (fact,) = opened_facts(self.numbers, (each.fact,))
            yield evolve(each, fact=fact)

    def stream(self, stream_id: UUID, *, until: int | None = None) -> Sequence[Logged]:
        found = self.log.stream(stream_id, until=until)
        facts = opened_facts(self.numbers, [each.fact for each in found])
        return [evolve(each, fact=fact) for each, fact in zip(found, facts, strict=True)]
