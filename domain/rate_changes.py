"""What a new rate sheet would change, prefix by prefix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from attrs import frozen

from domain.rate_checks import PricedPrefix, percent, reference, side_by_side

What = Literal["added", "removed", "changed"]


@frozen
class Change:
    """A prefix that differs between the running version and a sheet."""

    what: What
    prefix: str
    old: PricedPrefix | None
    new: PricedPrefix | None

    @property
    def percent(self) -> int | None:
        """Of the price of a call of three minutes; None if one of the prices is missing."""
        if self.old is None or self.new is None:
            return None
        return percent(reference(self.old.terms), reference(self.new.terms))


def changes(new: Iterable[PricedPrefix], old: Iterable[PricedPrefix]) -> Iterator[Change]:
    """What publishing would change, in the order of prefixes."""
    return (change for _, change in compared(new, old) if change is not None)


def compared(
    new: Iterable[PricedPrefix], old: Iterable[PricedPrefix]
) -> Iterator[tuple[str, Change | None]]:
    """Every prefix of both, in order, with its change; None: it stays as it is."""
    for row, before in side_by_side(new, old):
        if row is None:
            assert before is not None, "a pair is never empty"
            yield before.prefix, Change("removed", before.prefix, before, None)
        elif before is None:
            yield row.prefix, Change("added", row.prefix, None, row)
        elif row.terms != before.terms or row.destination != before.destination:
            yield row.prefix, Change("changed", row.prefix, before, row)
        else:
            yield row.prefix, None
