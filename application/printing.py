"""What a printer of cards gets: numbers and PINs, sealed so that only the printer can read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

COLUMNS = ("number", "pin", "lot", "group", "face_value", "pack", "place")
"""The columns of the printer's file."""

END_OF_SEAL = b"-----END AGE ENCRYPTED FILE-----"
"""The last line of a sealed part (age, ASCII armour)."""


class Sealer(Protocol):
    """Encrypts to a public key, whose owner alone can read what was sealed."""

    def check(self, recipient: str) -> str:
        """The public key in its usual form. Raises ValueError for anything else."""
        ...

    def seal(self, recipient: str, clear: bytes) -> bytes:
        """ASCII-armoured, with a line break at the end."""
        ...


class LotPins(Protocol):
    """The sealed PINs of lots that were not exported yet. Never a clear one."""

    def keep(self, seal_id: UUID, lot_id: UUID, sealed: bytes) -> None: ...

    def sealed(self, seal_ids: Sequence[UUID]) -> Iterator[bytes]:
        """What was kept, in this order. Raises LookupError if some is missing."""
        ...

    def forget(self, lot_id: UUID) -> None:
        """Deletes what is kept for a lot; seals that no fact names go as well."""
        ...


@frozen
class PrintedCard:
    """One line of the printer's file."""

    number: str
    pin: str = field(repr=False)
    lot: str = ""
    group: str = ""
    face_value: str = ""
    pack: str = ""
    place: str = ""


@frozen
class Sheet:
    """How a print sheet is to look."""

    access_numbers: Sequence[tuple[str, str]]
    """Words such as ``USA``, and a number in E.164; the first one is in the code to scan."""
    title: str = ""
    note: str = ""
    accent: str = "blue"
    paper: str = "A4"


def written(cards: Iterable[PrintedCard]) -> bytes:
    """The lines of the printer's file, a header first, in UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(
        (c.number, c.pin, c.lot, c.group, c.face_value, c.pack, c.place) for c in cards
    )
    return out.getvalue().encode()


def read(clear: bytes) -> Iterator[PrintedCard]:
    """The cards of a decrypted part. Raises ValueError for anything but such a part."""
    reader = csv.reader(io.StringIO(clear.decode(), newline=""))
    if tuple(next(reader, ())) != COLUMNS:
        raise ValueError(f"a printer's file begins with the columns {', '.join(COLUMNS)}")
    for row in reader:
        if len(row) != len(COLUMNS):
            raise ValueError("a line of the printer's file has another number of columns")
        yield PrintedCard(*row)


def sealed_parts(file: Iterable[bytes]) -> Iterator[bytes]:
    """The parts of an exported file, each an age file of its own: ``age -d`` reads it, too."""
    part: list[bytes] = []
    for line in file:
        part.append(line)
        if line.strip() == END_OF_SEAL:
            yield b"".join(part)
            part = []
    if b"".join(part).strip():
        raise ValueError("the file ends in the middle of a sealed part: it is not whole")
