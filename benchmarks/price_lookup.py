"""How fast a price is found among a million prefixes, and a call is priced; with what memory.

Run with ``python -m benchmarks.price_lookup [prefixes]``.
"""

from __future__ import annotations

import gc
import random
import resource
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

from domain.decks import Deck, Rate
from domain.money import Money
from domain.rating import Band, RateTerms, charge, talk_time

PREFIXES = 1_000_000
LOOKUP_TARGET_MICROSECONDS = 50
TALK_TIME_TARGET_MICROSECONDS = 20
MEMORY_TARGET_MEGABYTES = 300
_ROUNDS, _CALLS = 5, 20_000


def rates() -> list[Rate]:
    """Two thousand destinations with different prices."""
    return [
        Rate(f"destination {number}", RateTerms("USD", 1_000 + 37 * number, initial_block=30))
        for number in range(2_000)
    ]


def rows(count: int) -> Iterator[tuple[str, Rate]]:
    """Prefixes of the shape of a real A to Z list, in no order: dense trees of 1 to 7 digits."""
    known = rates()
    step = 7_654_321  # Shares no factor with ten million: the walk meets every number once.
    for number in range(count):
        prefix = str(number * step % 10_000_000)
        yield prefix, known[number % len(known)]


def resident_megabytes() -> float:
    """The memory of this process as the kernel counts it now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def microseconds(what: Callable[[int], object], calls: int = _CALLS) -> float:
    """The median over rounds of the mean time of one call."""
    rounds = []
    for _ in range(_ROUNDS):
        begin = perf_counter()
        for number in range(calls):
            what(number)
        rounds.append((perf_counter() - begin) / calls * 1e6)
    return median(rounds)


def report(what: str, value: float, unit: str, target: float | None = None) -> None:
    """One line: the measure and, where there is a target, its share of it."""
    share = "" if target is None else f"   {value / target:5.2f} of the {target:g} {unit} allowed"
    print(f"{what:<42}{value:12.2f} {unit}{share}")


def measure_terms(
    name: str, terms: RateTerms, answered: datetime, target: float | None = None
) -> None:
    """How long it takes to price a call of an hour, and to know how long a payer can talk."""
    latest, amount = answered + timedelta(seconds=90), Money(25_000_000, "USD")

    def price(_: int) -> object:
        return charge(terms, answered, 3_600)

    def grant(_: int) -> object:
        return talk_time(terms, amount, answered, latest, limit=14_400)

    report(f"charge of an hour, {name}", microseconds(price, 2_000), "µs")
    report(f"talk time, {name}", microseconds(grant, 2_000), "µs", target)


def main() -> None:
    """Builds the deck, then measures lookups, charges and talk times."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PREFIXES
    gc.collect()
    before, begin = resident_megabytes(), perf_counter()
    deck = Deck.build(rows(count))
    built = perf_counter() - begin
    gc.collect()
    held = resident_megabytes() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 * 1.048576 - before
    print(f"{len(deck)} prefixes of {count} rows")
    report("build", built, "s")
    report("memory held by the deck", held, "MB", MEMORY_TARGET_MEGABYTES)
    report("memory at most while building", peak, "MB", MEMORY_TARGET_MEGABYTES)

    dice = random.Random(1)
    dialled = [str(dice.randrange(10**10, 10**14)) for _ in range(_CALLS)]
    report(
        "longest-prefix lookup",
        microseconds(lambda number: deck.find(dialled[number])),
        "µs",
        LOOKUP_TARGET_MICROSECONDS,
    )

    flat = RateTerms("USD", 123_456, connect_fee=10_000, initial_block=30, increment=6)
    evenings = RateTerms(
        "USD",
        123_456,
        connect_fee=10_000,
        initial_block=30,
        increment=6,
        bands=(Band((6, 7), 0, 1440, 50_000), Band((1, 2, 3, 4, 5), 1080, 1440, 80_000)),
        time_zone="Europe/Warsaw",
    )
    answered = datetime(2025, 11, 21, 16, 50, tzinfo=UTC)
    measure_terms("flat", flat, answered, TALK_TIME_TARGET_MICROSECONDS)
    measure_terms("with bands", evenings, answered)


if __name__ == "__main__":
    main()
