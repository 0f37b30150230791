"""Master keys of persons: what they make opens with them alone; their file is never half there."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.persistence.person_keys import (
    CannotUnwrap,
    KeyRing,
    KeyRingFile,
    KeysUnusable,
    MasterKey,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ONE, OTHER = MasterKey.new(NOON), MasterKey.new(NOON)


@given(st.uuids(), st.binary(min_size=1, max_size=64))
def test_a_wrapped_key_opens_with_its_master_key_for_its_person_alone(
    person_id: UUID, data_key: bytes
) -> None:
    wrapped = ONE.wrap(person_id, data_key)
    assert ONE.unwrap(person_id, wrapped) == data_key
    for key, person in ((OTHER, person_id), (ONE, uuid4())):
        with pytest.raises(CannotUnwrap):
            key.unwrap(person, wrapped)
    with pytest.raises(CannotUnwrap):
        ONE.unwrap(person_id, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))


def test_a_number_is_looked_up_by_what_says_nothing_under_another_key() -> None:
    assert ONE.lookup("+48600316058") == ONE.lookup("+48600316058")
    assert ONE.lookup("+48600316058") != ONE.lookup("+48600316059")
    assert ONE.lookup("+48600316058") != OTHER.lookup("+48600316058")


def test_a_ring_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = KeyRingFile(tmp_path / "keys" / "persons.key")
    file.make(NOON)
    ring = file.read().with_new(MasterKey.new(NOON + timedelta(days=15))).replaced(NOON)
    file.replace(ring)
    assert file.read() == ring
    assert [key.replaced_at for key in file.read().keys] == [NOON, None]
    assert stat.S_IMODE(os.stat(file.path).st_mode) == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["persons.key"]


@pytest.mark.parametrize("links", [True, False])
def test_a_ring_is_never_made_over_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    def refused(_: Path, __: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refused)
    file = KeyRingFile(tmp_path / "persons.key")
    file.make(NOON)
    before = file.path.read_bytes()
    with pytest.raises(FileExistsError):
        file.make(NOON)
    assert file.path.read_bytes() == before


def test_a_ring_that_was_cut_off_while_it_was_made_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, seen = KeyRingFile(tmp_path / "persons.key"), list[bool]()

    def full(_: int) -> None:
        seen.append(file.path.exists())
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            file.make(NOON)
    assert seen == [False]
    assert list(tmp_path.iterdir()) == []
    file.make(NOON)
    assert len(file.read().keys) == 1


def test_secrets_are_not_printed() -> None:
    for shown in (repr(ONE), str(KeyRing((ONE,)))):
        assert ONE.secret.hex() not in shown
        assert repr(ONE.secret) not in shown


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b'{"talktime": "master keys of persons", "keys": []}',
        b'{"talktime": "something else", "keys": [{"id": "0a1b2c3d", "made_at":'
        b' "2026-11-21T12:00:00Z", "key": "' + b"A" * 43 + b'="}]}',
        b'{"talktime": "master keys of persons", "keys": [{"id": "0a1b2c3d", "made_at":'
        b' "2026-11-21T12:00:00Z", "key": "c2VjcmV0"}]}',
    ],
)
def test_another_file_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "persons.key"
    path.write_bytes(content)
    with pytest.raises(KeysUnusable, match=r"persons\.key") as refused:
        KeyRingFile(path).read()
    assert "c2VjcmV0" not in str(refused.value)
    with pytest.raises(KeysUnusable, match="No such file"):
        KeyRingFile(tmp_path / "none").read()
