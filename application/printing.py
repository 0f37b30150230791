"""What a printer of cards gets: numbers and PINs, sealed so that only the printer can read them."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Protocol
from uuid import UUID

from attrs import field, frozen

COLUMNS = ("number", "pin", "lot", "group", "face_value", "pack", "place")
"""The columns of the printer's file."""

MOST_IN_A_PART = 4 * 1024 * 1024
"""Bytes of a sealed part: those of a lot have some 300,000."""

_PART = "cards-{:04d}.csv.age"
_READ_ME = """\
Each file with the ending .age holds cards, numbers and PINs, encrypted to your key (see
https://age-encryption.org). Its clear text is a CSV file with a header:

    age --decrypt --identity key.txt cards-0001.csv.age

`talktime lots open` reads them all at once, `talktime lots print-sheet` makes a PDF of them.
"""


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


def archive(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The file for the printer: a ZIP of the sealed parts, each a file that ``age`` decrypts.

    The parts of a lot were sealed one after another, by a system that cannot open them again, so
    they cannot become one sealed file. Given piece by piece, and the same bytes each time.
    """
    out = _Pieces()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(_entry("READ-ME.txt"), _READ_ME)
        for number, part in enumerate(parts, start=1):
            # Sealed bytes in ASCII shrink by a quarter, however hard one tries.
            file.writestr(_entry(_PART.format(number)), part, compresslevel=1)
            yield out.taken()
    yield out.taken()


def sealed_parts(file: BinaryIO) -> Iterator[bytes]:
    """The sealed parts in a file for the printer. Raises ValueError for any other file."""
    try:
        with zipfile.ZipFile(file) as archived:
            names = [each.filename for each in archived.infolist()]
            parts = [_PART.format(number) for number in range(1, len(names))]
            if names[1:] != parts:
                raise ValueError("this is no file for the printer, or it is not whole")
            for name in parts:
                with archived.open(name) as part:
                    sealed = part.read(MOST_IN_A_PART + 1)
                if len(sealed) > MOST_IN_A_PART:
                    raise ValueError(f"{name} is larger than a sealed part can be")
                yield sealed
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(f"this is no file for the printer, or it is not whole: {error}") from error


def _entry(name: str) -> zipfile.ZipInfo:
    # Without the time of day, so that the file is the same when it is written again.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


class _Pieces(io.RawIOBase):
    """Takes what is written until somebody takes it away; nobody can go back in it."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        taken = b"".join(self._written)
        self._written.clear()
        return taken
