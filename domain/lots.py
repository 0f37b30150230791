"""A lot: cards that are ordered together, numbered one after another, printed and shipped."""

from __future__ import annotations

from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from domain.cards import Status, check_words
from domain.errors import AlreadyDone, AlreadyExists, SettingNotAllowed
from domain.money import Money

MOST_CARDS = 1_000_000
"""Cards in one lot."""

_NUMBERING = "a first number of digits, or a run and a batch of digits with packs of cards"


def _digits(name: str, value: str, most: int) -> None:
    if not (value.isascii() and value.isdigit() and len(value) <= most):
        raise ValueError(f"{name} is up to {most} digits, not {value!r}")


@frozen
class Numbering:
    """How the cards of a lot are numbered.

    By range: ``first`` is the number of the first card, the others follow one by one. By run and
    batch: the number is run, batch, pack and sequence behind one another, as VICIdial's call cards
    are numbered; packs count on from ``first_pack``, and the sequence from 1 in each pack.
    """

    first: str
    """Empty: by run and batch."""
    run: str = ""
    batch: str = ""
    first_pack: int = 1
    pack_size: int = 0
    """Cards in a pack; 0: the lot has no packs, which only a range may say."""
    pack_digits: int = 0
    sequence_digits: int = 0

    def __attrs_post_init__(self) -> None:
        if self.pack_size < 0 or self.first_pack < 0:
            raise ValueError("pack_size and first_pack are zero or more")
        if self.by_range:
            _digits("the first number", self.first, 20)
            if self.run or self.batch:
                raise ValueError(f"numbers go by {_NUMBERING}: one of the two")
            return
        if not (self.run and self.batch and self.pack_size):
            raise ValueError(f"numbers go by {_NUMBERING}")
        _digits("the run", self.run, 4)
        _digits("the batch", self.batch, 5)
        if not (1 <= self.pack_digits <= 5 and 1 <= self.sequence_digits <= 5):
            raise ValueError("a pack and a sequence have 1 to 5 digits each")
        if self.pack_size >= 10**self.sequence_digits:
            raise ValueError(
                f"a pack of {self.pack_size} cards needs more than {self.sequence_digits} digits"
                " for the sequence"
            )

    @property
    def by_range(self) -> bool:
        return bool(self.first)

    @property
    def length(self) -> int:
        """The digits of every number."""
        if self.by_range:
            return len(self.first)
        return len(self.run) + len(self.batch) + self.pack_digits + self.sequence_digits

    def check(self, count: int) -> None:
        """Raises ValueError if so many cards do not fit into the digits."""
        if self.by_range:
            if int(self.first) + count > 10**self.length:
                raise ValueError(f"{count} numbers from {self.first} on need more digits")
        elif self.pack_of(count - 1) >= 10**self.pack_digits:
            raise ValueError(f"{count} cards need more than {self.pack_digits} digits for packs")

    def number(self, sequence: int) -> str:
        """The number of the card in a place of the lot, counted from 0."""
        if self.by_range:
            return f"{int(self.first) + sequence:0{self.length}d}"
        pack = f"{self.pack_of(sequence):0{self.pack_digits}d}"
        place = f"{sequence % self.pack_size + 1:0{self.sequence_digits}d}"
        return self.run + self.batch + pack + place

    def numbers(self, places: range) -> list[str]:
        """The numbers of the cards in some places of the lot."""
        if not self.by_range:
            return [self.number(place) for place in places]
        first, length = int(self.first), self.length
        return [f"{first + place:0{length}d}" for place in places]

    def place(self, number: str) -> int | None:
        """The place of a number in the lot, None if it cannot be one of its numbers."""
        if len(number) != self.length or not (number.isascii() and number.isdigit()):
            return None
        if self.by_range:
            place = int(number) - int(self.first)
        else:
            head = self.run + self.batch
            if not number.startswith(head):
                return None
            pack = int(number[len(head) : -self.sequence_digits])
            inside = int(number[-self.sequence_digits :]) - 1
            if not 0 <= inside < self.pack_size:
                return None
            place = (pack - self.first_pack) * self.pack_size + inside
        return place if place >= 0 else None

    def pack_of(self, sequence: int) -> int:
        """The pack of a place. Without packs everything is in the first one."""
        return self.first_pack + (sequence // self.pack_size if self.pack_size else 0)

    def places_of_pack(self, pack: int, count: int) -> range:
        """The places of a pack in a lot of so many cards. Raises SettingNotAllowed."""
        last = self.pack_of(count - 1)
        if not (self.pack_size and self.first_pack <= pack <= last):
            accepted = f"{self.first_pack} to {last}" if self.pack_size else "none: it has no packs"
            raise SettingNotAllowed("pack", str(pack), accepted)
        begin = (pack - self.first_pack) * self.pack_size
        return range(begin, min(begin + self.pack_size, count))


# Facts.


@frozen
class LotOrdered:
    """``recipient`` is the public key that the PINs are sealed to from the moment they are drawn;
    only its owner can read them."""

    name: str
    group_id: UUID
    numbering: Numbering
    count: int
    pin_length: int
    face_value: Money
    recipient: str
    by: str
    why: str


@frozen
class LotChunkStored:
    """The cards of the places from ``first`` on are in the ledger, their PINs under ``seal_id``.

    ``kept`` are the places whose numbers were in use before: those cards stay as they are.
    """

    first: int
    count: int
    seal_id: UUID
    kept: tuple[int, ...]


@frozen
class LotCompleted:
    made: int
    kept: int


@frozen
class LotExportStarted:
    """From now on the PINs leave: whoever started may finish, and nobody may start again."""

    by: str
    why: str


@frozen
class LotExported:
    """The sealed PINs left in a file with this SHA-256, and are then deleted here."""

    by: str
    cards: int
    sha256: str


@frozen
class LotStatusChanged:
    """A summary of one command: the cards from one place to another have the facts themselves."""

    status: Status
    first: int
    last: int
    changed: int
    refused: int
    by: str
    why: str


LotFact = (
    LotOrdered | LotChunkStored | LotCompleted | LotExportStarted | LotExported | LotStatusChanged
)

# State and decisions.


@frozen
class Lot:
    ordered: LotOrdered
    stored: int = 0
    """The places that are done, kept numbers included."""
    kept: int = 0
    seals: tuple[UUID, ...] = field(default=(), repr=False)
    completed: bool = False
    export_started: LotExportStarted | None = None
    exported: LotExported | None = None

    @property
    def made(self) -> int:
        return self.stored - self.kept

    @property
    def left(self) -> int:
        return self.ordered.count - self.stored

    def store_chunk(self, count: int, seal_id: UUID, kept: tuple[int, ...]) -> list[LotFact]:
        """The next places are done. Raises ValueError for more than are left."""
        if not 0 < count <= self.left:
            raise ValueError(f"1 to {self.left} cards are left to store, not {count}")
        return [LotChunkStored(self.stored, count, seal_id, kept)]

    def complete(self) -> list[LotFact]:
        if self.completed:
            return []
        if self.left:
            raise ValueError(f"{self.left} cards of the lot are not stored yet")
        return [LotCompleted(self.made, self.kept)]

    def start_export(self, by: str, why: str) -> list[LotFact]:
        """The PINs leave once. Raises AlreadyDone, and SettingNotAllowed for an unfinished lot."""
        check_words(by, why)
        if not self.completed:
            accepted = "all made before the export: give the command that ordered it again"
            raise SettingNotAllowed("cards of the lot", f"{self.left} missing", accepted)
        if not self.made:
            raise SettingNotAllowed("cards of the lot", "0 made", "at least one that has a PIN")
        if self.exported is not None:
            raise AlreadyDone(f"The export of {self.ordered.name}", self.exported.by)
        if self.export_started is None:
            return [LotExportStarted(by, why)]
        if self.export_started.by != by:
            raise AlreadyDone(f"The export of {self.ordered.name}", self.export_started.by)
        return []

    def finish_export(self, by: str, sha256: str) -> list[LotFact]:
        if self.exported is not None:
            return []
        return [LotExported(by, self.made, sha256)]


def order(lot: Lot | None, ordered: LotOrdered) -> list[LotFact]:
    """Orders a lot once; the same order again changes nothing.

    Raises AlreadyExists for another lot of this name, SettingNotAllowed for what cannot be made.
    """
    if lot is not None:
        # Who gives the command again to finish a lot need not be who gave it first.
        again = changed(ordered, by=lot.ordered.by, why=lot.ordered.why)
        if again != lot.ordered:
            raise AlreadyExists("lot", ordered.name)
        return []
    check_words(ordered.by, ordered.why)
    if not (ordered.name.strip() and ordered.name.isprintable() and len(ordered.name) <= 80):
        raise SettingNotAllowed("name", ordered.name[:50], "1 to 80 printable characters")
    if not 1 <= ordered.count <= MOST_CARDS:
        raise SettingNotAllowed("count", str(ordered.count), f"1 to {MOST_CARDS} cards")
    try:
        ordered.numbering.check(ordered.count)
    except ValueError as error:
        raise SettingNotAllowed("count", str(ordered.count), f"fewer: {error}") from error
    return [ordered]


def evolve(lot: Lot | None, fact: LotFact) -> Lot:
    if isinstance(fact, LotOrdered):
        return Lot(fact)
    assert lot is not None, "a lot begins with LotOrdered"
    match fact:
        case LotChunkStored(first, count, seal_id, kept):
            return changed(
                lot,
                stored=first + count,
                kept=lot.kept + len(kept),
                seals=(*lot.seals, seal_id),
            )
        case LotCompleted():
            return changed(lot, completed=True)
        case LotExportStarted():
            return changed(lot, export_started=fact)
        case LotExported():
            return changed(lot, exported=fact)
        case LotStatusChanged():
            return lot
        case _:
            assert_never(fact)


@frozen
class PlannedChunk:
    """The places of a lot that are made together."""

    first: int
    count: int


def next_chunk(lot: Lot, most: int) -> PlannedChunk | None:
    """What is made next, None when all is there."""
    return PlannedChunk(lot.stored, min(most, lot.left)) if lot.left else None
