"""Checkpoints: what the operator signs and publishes, so that it cannot change the past any more.

A checkpoint is a signed note as transparency logs use them (C2SP signed-note and tlog-checkpoint):
the log's name, how many blocks it has, the root of the tree of their headers, and one further line
that says how many facts that are and the position of the last one. Then an empty line, and the
signatures.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256

from attrs import frozen

from domain.merkle import HASH_BYTES
from domain.seals import Sealed

MOST_SIGNATURES = 16
MOST_NOTE = 16_384
"""Characters in a note."""

MOST_LINES = 64

KEY_BYTES = 32
_ED25519 = b"\x01"
_NAME = re.compile(r"[^\s+]{1,200}")
_SIGNED = re.compile(r"\u2014 (?P<name>[^\s+]{1,200}) (?P<bytes>[A-Za-z0-9+/=]{8,200})")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_FACTS = re.compile(r"facts (?P<total>[1-9][0-9]{0,18}) up to (?P<last>0|[1-9][0-9]{0,18})")


class NotACheckpoint(ValueError):
    """Says what is wrong with a text that should be a checkpoint."""


class UnknownKey(NotACheckpoint):
    """Nobody whose public key was given has signed the note."""


@frozen
class Checkpoint:
    """``size`` blocks with this ``root``, and with them ``facts`` facts up to position ``last``."""

    origin: str
    size: int
    root: bytes
    facts: int
    last: int

    @property
    def text(self) -> str:
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\nfacts {self.facts} up to {self.last}\n"


@frozen
class Signature:
    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        signed = base64.b64encode(self.key_id + self.signature).decode()
        return f"\u2014 {self.name} {signed}\n"


@frozen
class Note:
    """A text and who signed it. Nothing in it counts before a signature was checked."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(each.line for each in self.signatures)


@frozen
class PublicKey:
    """An Ed25519 key and the name it signs under, written ``<name>+<id>+<base64>``."""

    name: str
    key: bytes

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.key).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def checkpoint_of(origin: str, sealed: Sealed) -> Checkpoint:
    block, tree = sealed.block, sealed.tree
    return Checkpoint(origin, tree.size, tree.root, block.total, block.last)


def check_name(name: str) -> str:
    """Raises ValueError for what cannot be the name of a log or a key."""
    if not _NAME.fullmatch(name) or not name.isprintable():
        raise ValueError(f"a name has no spaces and no plus, such as example.com/log; not {name!r}")
    return name


def read_public_key(text: str) -> PublicKey:
    """Raises ValueError for what is no key, or not the one its id says."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = _decoded(encoded)
    if key is None or len(key) != KEY_BYTES + 1 or key[:1] != _ED25519:
        raise ValueError("a public key is <name>+<8 hex digits>+<base64 of an Ed25519 key>")
    found = PublicKey(check_name(name), key[1:])
    if found.key_id.hex() != key_id:
        raise ValueError(f"the public key of {name} was changed: its id should be {key_id}")
    return found


def read_note(text: str) -> Note:
    """Raises NotACheckpoint for a text of another form."""
    if len(text) > MOST_NOTE:
        raise NotACheckpoint(f"a note has at most {MOST_NOTE} characters, not {len(text)}")
    body, empty, signed = text.rpartition("\n\n")
    lines = signed.splitlines()
    if not empty or not body or not signed.endswith("\n") or not lines:
        raise NotACheckpoint("a note is a text, an empty line, and lines of signatures")
    if len(lines) > MOST_SIGNATURES:
        raise NotACheckpoint(f"a note has at most {MOST_SIGNATURES} signatures")
    return Note(body + "\n", tuple(map(_signature, lines)))


def read_checkpoint(text: str) -> Checkpoint:
    """The text of a note as a checkpoint. Raises NotACheckpoint for another form."""
    lines = text.split("\n")
    if len(lines) != 5 or lines[4]:
        raise NotACheckpoint("a checkpoint has four lines: name, blocks, root, facts")
    origin, size, encoded, counted = lines[:4]
    root, facts = _decoded(encoded), _FACTS.fullmatch(counted)
    if not _NUMBER.fullmatch(size) or size == "0":
        raise NotACheckpoint(f"the number of blocks is a whole number from 1, not {size!r}")
    if root is None or len(root) != HASH_BYTES:
        raise NotACheckpoint(f"a root is {HASH_BYTES} bytes in base64, not {encoded!r}")
    if facts is None:
        raise NotACheckpoint(f"the fourth line is 'facts <n> up to <position>', not {counted!r}")
    try:
        check_name(origin)
    except ValueError as error:
        raise NotACheckpoint(str(error)) from error
    return Checkpoint(origin, int(size), root, int(facts["total"]), int(facts["last"]))


def notes_in(lines: Iterable[str]) -> Iterator[str]:
    """The notes of a file that holds one, or several with an empty line behind each.

    A last note whose line of signature has no end was not written whole, and is left out. Lines
    come with their ends, as a file gives them, so a file of any length may be read.
    """
    text: list[str] = []
    signed: list[str] = []
    in_text = True
    for line in lines:
        if line != "\n":
            (text if in_text else signed).append(line)
        elif in_text:
            in_text = not text
        elif signed:
            yield "".join((*text, "\n", *signed))
            text, signed, in_text = [], [], True
        if len(text) + len(signed) > MOST_LINES:
            raise NotACheckpoint(f"a note has at most {MOST_LINES} lines")
    if signed and signed[-1].endswith("\n"):
        yield "".join((*text, "\n", *signed))


def _signature(line: str) -> Signature:
    found = _SIGNED.fullmatch(line)
    signed = _decoded(found["bytes"]) if found else None
    if found is None or signed is None or len(signed) <= 4:
        raise NotACheckpoint(f"a signature is \u2014 <name> <base64>, not {line[:80]!r}")
    return Signature(found["name"], signed[:4], signed[4:])


def _decoded(text: str) -> bytes | None:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # One text for one value: what is written differently was not written by us.
    return decoded if base64.b64encode(decoded).decode() == text else None
