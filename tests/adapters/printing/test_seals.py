"""What is sealed to a key opens with that key and with no other."""

from __future__ import annotations

import io
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest

from adapters.printing.seals import AgeSealer, CannotOpen, cards_in
from application.printing import MOST_IN_A_PART, PrintedCard, archive, sealed_parts, written

CARDS = [PrintedCard(f"47110{n}", f"{n:08d}", "spring", "Gold", "10.00 USD") for n in range(9)]


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, Path]:
    identity = pyrage.x25519.Identity.generate()
    path = tmp_path / "key.txt"
    path.write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public()), path


def sealed(tmp_path: Path, recipient: str) -> Path:
    seal = AgeSealer().seal
    path = tmp_path / "lot.zip"
    parts = [seal(recipient, written(CARDS[:4])), seal(recipient, written(CARDS[4:]))]
    path.write_bytes(b"".join(archive(parts)))
    return path


def test_the_printer_reads_all_parts_in_order(tmp_path: Path, key: tuple[str, Path]) -> None:
    assert list(cards_in(sealed(tmp_path, key[0]), key[1])) == CARDS


def test_no_pin_stands_in_the_file(tmp_path: Path, key: tuple[str, Path]) -> None:
    assert all(card.pin.encode() not in sealed(tmp_path, key[0]).read_bytes() for card in CARDS)


def test_another_key_opens_nothing(tmp_path: Path, key: tuple[str, Path]) -> None:
    other = tmp_path / "other.txt"
    other.write_text(str(pyrage.x25519.Identity.generate()))
    with pytest.raises(CannotOpen, match="not sealed to this key"):
        list(cards_in(sealed(tmp_path, key[0]), other))


def test_half_a_file_and_a_changed_one_are_noticed(tmp_path: Path, key: tuple[str, Path]) -> None:
    file = sealed(tmp_path, key[0])
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) - 60])
    with pytest.raises(CannotOpen, match="not whole"):
        list(cards_in(file, key[1]))
    for at in range(len(whole) // 5, len(whole) // 2, 97):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CannotOpen):
            list(cards_in(file, key[1]))


def test_a_part_that_is_gone_or_of_another_file_is_noticed(
    tmp_path: Path, key: tuple[str, Path]
) -> None:
    file = sealed(tmp_path, key[0])
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(tmp_path / "less.zip", "w") as less:
        for name in (whole.namelist()[0], whole.namelist()[2]):
            less.writestr(name, whole.read(name))
    with pytest.raises(CannotOpen, match="not whole"):
        list(cards_in(tmp_path / "less.zip", key[1]))


def test_a_part_too_large_is_not_taken_into_memory() -> None:
    file = io.BytesIO(b"".join(archive([bytes(MOST_IN_A_PART + 1)])))
    assert len(file.getvalue()) < 100_000
    with pytest.raises(ValueError, match="larger"):
        list(sealed_parts(file))


def test_the_file_comes_in_pieces_and_is_the_same_each_time() -> None:
    drawn = 0

    def parts() -> Iterator[bytes]:
        nonlocal drawn
        for drawn in range(1, 51):
            yield drawn.to_bytes(1, "big") * 10_000

    pieces = archive(parts())
    first = next(pieces)
    assert drawn == 1
    assert first + b"".join(pieces) == b"".join(archive(parts()))


@pytest.mark.processes
def test_everybody_who_has_the_key_reads_it_with_age_alone(
    tmp_path: Path, key: tuple[str, Path]
) -> None:
    file = sealed(tmp_path, key[0])
    lines: list[str] = []
    with zipfile.ZipFile(file) as archived:
        archived.extractall(tmp_path)
        names = archived.namelist()
    assert names == ["READ-ME.txt", "cards-0001.csv.age", "cards-0002.csv.age"]
    for name in names[1:]:
        command = ["age", "--decrypt", "--identity", str(key[1]), str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        header, *rest = done.stdout.splitlines()
        assert header == "number,pin,lot,group,face_value,pack,place"
        lines += rest
    assert [line.split(",")[:2] for line in lines] == [[c.number, c.pin] for c in CARDS]


@pytest.mark.parametrize("content", ["", "# nothing\n", "hunter2\n"])
def test_a_file_without_a_key_is_refused(tmp_path: Path, content: str) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text(content)
    with pytest.raises(CannotOpen):
        list(cards_in(tmp_path / "none.age", bad))


@pytest.mark.parametrize("recipient", ["", "age1x", "AGE-SECRET-KEY-1", "ssh-dss AAAA"])
def test_only_public_keys_are_accepted(recipient: str) -> None:
    with pytest.raises(ValueError, match="age1"):
        AgeSealer().check(recipient)
