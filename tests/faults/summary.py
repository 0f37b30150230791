"""The table at the end of the long run: each fault, how often, what was found, how long it took."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from attrs import asdict, define, field

_HEAD = ("fault", "times", "breaches", "checks", "seconds", "p50", "p99", "max")


@define
class Happened:
    """A test fills in what it did. ``waits`` are the seconds of each restart, or of whatever else
    somebody had to wait for."""

    test: str
    fault: str
    times: int = 0
    checks: int = 0
    """How often the oracle looked."""
    waits: list[float] = field(factory=list)
    breaches: int = 0
    seconds: float = 0.0
    ended: bool = False
    failed: str = ""
    """What it failed of, where it was not the oracle that found something."""

    def keep(self) -> None:
        """Writes down how it is now: a run that is cut short tells how far it came."""
        if place := os.environ.get("FAULTS_SUMMARY"):
            with Path(place).open("a") as file:
                file.write(json.dumps(asdict(self)) + "\n")


def table(rows: list[Happened]) -> str:
    told = [_HEAD, *(_row(each) for each in rows)]
    widths = [max(len(row[column]) for row in told) for column in range(len(_HEAD))]
    lines = []
    for row in told:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([first.strip().ljust(widths[0]), *rest]))
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def _row(each: Happened) -> tuple[str, ...]:
    counts = (f"{each.times:,}", f"{each.breaches}", f"{each.checks:,}", f"{each.seconds:.0f}")
    waits = sorted(each.waits)
    fault = each.fault
    if not each.ended or each.failed:
        fault += f" ({each.failed or 'cut short'})"
    if not waits:
        return (fault, *counts, "", "", "")
    places = (len(waits) // 2, min(len(waits) - 1, len(waits) * 99 // 100), len(waits) - 1)
    return (fault, *counts, *(f"{waits[place]:.2f}" for place in places))


def main() -> None:
    """``python -m tests.faults.summary <lines> <out> <words>``: prints the table and keeps it."""
    lines, out, words = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    read = [Happened(**json.loads(line)) for line in lines.read_text().splitlines()]
    # The last line of a test counts.
    last = {each.test: each for each in read}
    rows = sorted(last.values(), key=lambda each: each.fault)
    text = f"{words}\n\n{table(rows)}\n\nwaits (p50, p99, max) are in seconds\n"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text)
    sys.stdout.write(f"{text}\nkept in {os.path.relpath(out)}\n")


if __name__ == "__main__":
    main()
