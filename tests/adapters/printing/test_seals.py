"""What is sealed to a key opens with that key and with no other."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest

from adapters.printing.seals import AgeSealer, CannotOpen, cards_in
from application.printing import PrintedCard, written

CARDS = [PrintedCard(f"47110{n}", f"{n:08d}", "spring", "Gold", "10.00 USD") for n in range(9)]


@pytest.fixture
def key(tmp_path: Path) -> tuple[str, Path]:
    identity = pyrage.x25519.Identity.generate()
    path = tmp_path / "key.txt"
    path.write_text(f"# created: today\n# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public()), path


def sealed(tmp_path: Path, recipient: str) -> Path:
    seal = AgeSealer().seal
    path = tmp_path / "lot.age"
    parts = [seal(recipient, written(CARDS[:4])), seal(recipient, written(CARDS[4:]))]
    path.write_bytes(b"".join(parts))
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
    at = whole.index(b"\n", 200) - 5
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(CannotOpen):
        list(cards_in(file, key[1]))


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
