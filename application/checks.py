"""Whether what is kept for lists and reports is what the facts say: made again, and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen


@frozen
class Checked:
    """``difference`` is the first one that was found, in words; None: there is none."""

    facts: int
    rows: int
    difference: str | None


class ReadModelCheck(Protocol):
    def run(self, progress: Callable[[int], None] = lambda facts: None) -> Checked:
        """Makes every read model again beside the stored one, from the facts up to where that one
        has read, and adds the money up from the postings of the ledger. Changes nothing, and may
        run while calls go on. ``progress`` gets the number of facts read so far."""
        ...
