"""Cards of an older system, from a CSV file: all of them or none, or the good ones when told so."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from application import kinds
from application.administration import Chance
from application.bulk import Addition, BulkAppends, Overtaken
from application.ids import random_time_ordered
from application.pins import PinDigests
from application.ports import Claim, Clock, ConcurrencyConflict
from domain import cards
from domain.card_groups import GroupTerms
from domain.cards import check_words
from domain.errors import NotFound
from domain.money import Money, parse
from domain.pin_spaces import PinSpace

COLUMNS = ("number", "pin", "balance")
"""``balance`` may be left out, or empty: the face value of the card group."""

MOST_ROWS = 50_000
"""Rows in one file, so that all of them can be stored in one transaction."""

MOST_CELL = 200
_TRIES = 12


@frozen
class BadRow:
    """A row that cannot become a card: the line of the file, its number, and what is wrong."""

    line: int
    number: str
    problem: str


@frozen
class ImportReport:
    """``loaded`` new cards; ``there`` already, with the same number and PIN; and the bad rows."""

    loaded: int
    there: int
    bad: tuple[BadRow, ...]


@frozen
class _Row:
    line: int
    number: str
    pin: str = field(repr=False)
    face_value: Money
    digest: str


@frozen
class CardImports:
    bulk: BulkAppends
    pins: PinDigests
    clock: Clock
    chance: Chance

    def load(
        self, group: str, lines: Iterable[str], by: str, why: str, *, good_only: bool = False
    ) -> ImportReport:
        """Makes a card of each row, of one group, in one transaction.

        With a bad row nothing is loaded, unless ``good_only``. Rows that were loaded before are
        left as they are, so the same file may be given again. Raises NotFound, PinsUsedUp, and
        ValueError for a file that is none.
        """
        check_words(by, why)
        group_id = kinds.card_group_id(group)
        state = self.bulk.load(kinds.CARD_GROUPS, (group_id,))[group_id].state
        if state is None:
            raise NotFound("card group", group)
        rows, bad = self._read(lines, state.terms)
        for _ in range(_TRIES):
            new, there, worse = self._compare(rows)
            report = ImportReport(len(new), there, tuple(sorted(bad + worse, key=_line)))
            if (report.bad and not good_only) or not new:
                return changed(report, loaded=0)
            try:
                self.bulk.append(self._additions(new, group_id, state.terms.pin_length, by, why))
            except Overtaken:
                continue
            return report
        raise ConcurrencyConflict("others always took a number or a PIN of the file first")

    def _read(self, lines: Iterable[str], terms: GroupTerms) -> tuple[list[_Row], list[BadRow]]:
        reader = csv.reader(lines, strict=True)
        found: list[_Row] = []
        bad: list[BadRow] = []
        numbers: dict[str, int] = {}
        digests: dict[str, int] = {}
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            if header not in (list(COLUMNS), list(COLUMNS[:2])):
                raise ValueError(f"line 1: the columns are {', '.join(COLUMNS)}, not {header[:9]}")
            for cells in reader:
                line = reader.line_num
                if not cells:
                    continue
                if len(found) + len(bad) >= MOST_ROWS:
                    raise ValueError(f"a file has {MOST_ROWS} rows at most: split it")
                try:
                    row = self._row(line, cells, header, terms)
                    _first_time("number", row.number, numbers, line)
                    _first_time("PIN", row.digest, digests, line)
                except ValueError as error:
                    shown = cells[0].strip()[:40]
                    bad.append(BadRow(line, shown, str(error)))
                else:
                    found.append(row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"line {reader.line_num + 1}: this is no CSV in UTF-8: {error}") from (
                None if isinstance(error, UnicodeDecodeError) else error
            )
        return found, bad

    def _row(self, line: int, cells: list[str], header: list[str], terms: GroupTerms) -> _Row:
        if len(cells) != len(header):
            raise ValueError(f"{len(cells)} cells, not {len(header)} as in line 1")
        if any(len(cell) > MOST_CELL for cell in cells):
            raise ValueError(f"a cell has more than {MOST_CELL} characters")
        number, pin, *rest = (cell.strip() for cell in cells)
        _check_digits("the number", number, terms.number_length)
        _check_digits("the PIN", pin, terms.pin_length)
        value = terms.face_value
        if rest and rest[0]:
            try:
                value = parse(rest[0], terms.unit)
            except ValueError as error:
                raise ValueError(f"the balance: {error}") from error
            if value.micros < 0:
                raise ValueError(f"the balance is zero or more, not {value}")
        return _Row(line, number, pin, value, self.pins.digest(pin))

    def _compare(self, rows: Sequence[_Row]) -> tuple[list[_Row], int, list[BadRow]]:
        """Rows that are new, how many are there already, and those that collide."""
        numbers = self.bulk.holders(kinds.CARD_NUMBER, [row.number for row in rows])
        digests = self.bulk.holders(kinds.PIN, [row.digest for row in rows])
        new: list[_Row] = []
        bad: list[BadRow] = []
        there = 0
        for row in rows:
            number, pin = numbers.get(row.number), digests.get(row.digest)
            if number is None and pin is None:
                new.append(row)
            elif number == pin:
                there += 1
            elif number is not None:
                bad.append(BadRow(row.line, row.number, "duplicate number: a card has it already"))
            else:
                bad.append(BadRow(row.line, row.number, "duplicate PIN: a card has it already"))
        return new, there, bad

    def _additions(
        self, rows: Sequence[_Row], group_id: UUID, length: int, by: str, why: str
    ) -> Sequence[Addition]:
        space_id = kinds.pin_space_id(length)
        loaded = self.bulk.load(kinds.PIN_SPACES, (space_id,))[space_id]
        space = loaded.state or PinSpace(length)
        reserved = space.reserve(len(rows), f"import by {by}: {why}")
        additions = [Addition(kinds.PIN_SPACES, space_id, loaded.version, reserved)]
        now = self.clock.now()
        for row in rows:
            card_id = random_time_ordered(now, self.chance.some_bytes(10))
            account_id = kinds.account_id_of_card(card_id)
            facts = cards.generate(
                None, row.number, row.digest, group_id, account_id, row.face_value
            )
            claims = (Claim(kinds.CARD_NUMBER, row.number), Claim(kinds.PIN, row.digest))
            additions.append(Addition(kinds.CARDS, card_id, 0, facts, claims))
        return additions


def _check_digits(what: str, value: str, length: int) -> None:
    # A wrong PIN is not repeated: it may be right but for a slip.
    if not (value.isascii() and value.isdigit()):
        raise ValueError(f"{what} is digits only")
    if len(value) != length:
        raise ValueError(f"{what} has {length} digits, as its card group says, not {len(value)}")


def _first_time(what: str, value: str, seen: dict[str, int], line: int) -> None:
    before = seen.setdefault(value, line)
    if before != line:
        raise ValueError(f"duplicate {what}: line {before} has it already")


def _line(row: BadRow) -> int:
    return row.line
