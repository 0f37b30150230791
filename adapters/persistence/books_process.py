"""Answers questions to the books, those of a long log in a process of its own.

A fold of a million facts takes many seconds of a processor. Beside calls it would take every second
turn from them, because Python runs one thread at a time.
"""

from __future__ import annotations

import os
from datetime import datetime

from attrs import frozen

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_reader import LogReader
from adapters.persistence.side_process import SILENT_SECONDS, Asker, Far, Made, beside, serve
from application.book_questions import Figures, Progress, Question, ReadBooks

PAYS_ABOVE = 40_000
"""Facts beyond which another process is worth its start."""

_POLITE = 5
"""By how much calls go before."""

_MODULE = "adapters.persistence.books_process"

Asked = tuple[str, str, Question, int]
"""The address of the ledger, the time zone of days, the question, and the last position."""


@frozen
class LedgerBooks:
    """The port ``AskedBooks`` on the ledger at an address."""

    url: str
    log: LogReader
    zone: str
    pays_above: int = PAYS_ABOVE

    def position(self, at: datetime | None) -> int:
        return self.log.end() if at is None else self.log.position_at(at)

    def answer(self, question: Question, position: int, progress: Progress) -> Figures:
        """Raises LedgerUnavailable when the other process cannot read the ledger."""
        if position <= self.pays_above:
            return ReadBooks(self.log, self.zone).answer(question, position, progress)
        asked: Asked = (self.url, self.zone, question, position)
        with beside(_MODULE, asked, "a process that reads the books") as process:
            while True:
                match process.hear(SILENT_SECONDS):
                    case Far(read):
                        progress(read)
                    case Made(figures):
                        answer: Figures = figures
                        return answer


def work(asked: Asked, asker: Asker) -> Figures:
    """Tells how far it is again and again, and gives the figures."""
    url, zone, question, position = asked
    with connect(url) as recorder:
        log = LogReader(recorder, FactMapper(FACTS, UPCASTS))
        return ReadBooks(log, zone).answer(question, position, asker.tell)


def _stand_back() -> None:
    """Calls go before, and on a core of their own where there is another one."""
    os.nice(_POLITE)
    if hasattr(os, "sched_setaffinity"):
        # A server keeps to one core, and its children begin there as well.
        os.sched_setaffinity(0, range(os.cpu_count() or 1))


if __name__ == "__main__":
    _stand_back()
    # A ValueError is a damaged log.
    serve(work, same=(ValueError,))
