"""A backup is of one moment, is never written over, and new facts come after all it holds."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent
from sqlalchemy import text

from adapters.persistence.backups import BackupFailed, back_up, restore
from adapters.persistence.connecting import connect
from adapters.persistence.group_commit import StoredClaim
from adapters.persistence.migrations import upgrade
from adapters.persistence.positions import ORDINALS
from adapters.persistence.recorder import EventRecorder
from tests.support.postgres import PostgresServer


def record(recorder: EventRecorder, facts: int) -> None:
    for number in range(facts):
        stream = uuid4()
        claim = StoredClaim("card-number", f"{stream}", stream)
        recorder.insert_events(
            [StoredEvent(stream, 1, "funds-added", b'{"n":%d}' % number)], claims=[claim]
        )


def facts(recorder: EventRecorder) -> list[object]:
    return list(recorder.select_notifications(None, 10_000))


@pytest.fixture
def new_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a ledger may be restored to."""
    if store_kind == "sqlite":
        (tmp_path / "restored").mkdir()
        yield f"sqlite:///{tmp_path / 'restored' / 'ledger.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "ledger.backup"


def test_a_restored_ledger_is_the_one_that_was_backed_up(
    recorder: EventRecorder, ledger_url: str, new_url: str, copy: Path
) -> None:
    record(recorder, 25)
    was = facts(recorder)
    assert back_up(ledger_url, copy) == copy.stat().st_size > 0
    record(recorder, 3)
    restore(copy, new_url)
    with connect(new_url) as restored:
        upgrade(restored)
        assert facts(restored) == was
        stream = was[0].originator_id  # type: ignore[attr-defined]
        assert restored.select_claims("card-number", [str(stream)]) == {str(stream): stream}
        record(restored, 2)
        assert facts(restored)[:25] == was
        assert len(facts(restored)) == 27


def test_a_backup_is_for_the_eyes_of_its_owner(
    recorder: EventRecorder, ledger_url: str, copy: Path
) -> None:
    back_up(ledger_url, copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_a_backup_is_made_while_others_record(
    recorder: EventRecorder, ledger_url: str, new_url: str, copy: Path
) -> None:
    """Whatever was acknowledged before it began is in it, and it is whole."""
    record(recorder, 200)
    before = facts(recorder)
    stop, started = threading.Event(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            record(recorder, 1)
            started.set()

    writer = threading.Thread(target=work)
    writer.start()
    try:
        assert started.wait(20)
        back_up(ledger_url, copy)
    finally:
        stop.set()
        writer.join(20)
    after = facts(recorder)
    restore(copy, new_url)
    with connect(new_url) as restored:
        upgrade(restored)
        found = facts(restored)
    assert found[:200] == before
    assert found == after[: len(found)]


def test_nothing_is_ever_written_over(recorder: EventRecorder, ledger_url: str, copy: Path) -> None:
    record(recorder, 3)
    was = facts(recorder)
    back_up(ledger_url, copy)
    content = copy.read_bytes()
    with pytest.raises(BackupFailed, match="there already"):
        back_up(ledger_url, copy)
    assert copy.read_bytes() == content
    with pytest.raises(BackupFailed, match="not written over"):
        restore(copy, ledger_url)
    assert facts(recorder) == was
    assert list(copy.parent.glob("*.part")) == []


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + bytes(100), b"PGDMP!"])
def test_what_is_no_backup_makes_no_ledger(new_url: str, copy: Path, content: bytes) -> None:
    copy.write_bytes(content)
    with pytest.raises(BackupFailed):
        restore(copy, new_url)
    if new_url.startswith("sqlite"):
        assert not Path(new_url.removeprefix("sqlite:///")).exists()


@pytest.mark.parametrize("lost", [1, 1_000])
def test_a_backup_that_was_cut_off_makes_no_ledger(
    recorder: EventRecorder, ledger_url: str, new_url: str, copy: Path, lost: int
) -> None:
    record(recorder, 300)
    back_up(ledger_url, copy)
    os.truncate(copy, copy.stat().st_size - lost)
    with pytest.raises(BackupFailed):
        restore(copy, new_url)
    # Nothing half done is left: a whole one can be restored there.
    copy.unlink()
    back_up(ledger_url, copy)
    restore(copy, new_url)


def test_a_ledger_that_is_not_there_has_no_backup(store_kind: str, tmp_path: Path) -> None:
    urls = {
        "sqlite": f"sqlite:///{tmp_path / 'none.db'}",
        "postgres": f"postgresql://nobody@/none?host={tmp_path}",
    }
    with pytest.raises(BackupFailed):
        back_up(urls[store_kind], tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


# ---- SQLite


def test_a_damaged_file_is_found_when_it_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with connect(f"sqlite:///{path}") as recorder:
        upgrade(recorder)
        record(recorder, 300)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(BackupFailed, match=r"the copy is damaged|malformed"):
        back_up(f"sqlite:///{path}", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_copy_holds_what_was_still_in_the_log_of_the_database(tmp_path: Path) -> None:
    """The control: the bare file does not, so copying it is no backup."""
    path, bare, copy = tmp_path / "ledger.db", tmp_path / "bare.db", tmp_path / "copy.db"
    with connect(f"sqlite:///{path}") as recorder:
        upgrade(recorder)
        record(recorder, 5)
        shutil.copyfile(path, bare)
        back_up(f"sqlite:///{path}", copy)
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (5,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with closing(sqlite3.connect(bare)) as database, pytest.raises(sqlite3.Error):
        database.execute("SELECT count(*) FROM events WHERE position = 5").fetchone()[0] / 0


def test_files_may_be_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with connect("sqlite:///ledger.db") as recorder:
        upgrade(recorder)
        record(recorder, 5)
    back_up("sqlite:///ledger.db", Path("copy.db"))
    restore(Path("copy.db"), "sqlite:///again/ledger.db")
    with connect("sqlite:///again/ledger.db") as recorder:
        assert len(facts(recorder)) == 5


def test_the_rest_of_another_ledger_is_not_taken_for_part_of_this_one(tmp_path: Path) -> None:
    path, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with connect(f"sqlite:///{path}") as recorder:
        upgrade(recorder)
    back_up(f"sqlite:///{path}", copy)
    path.unlink()
    (tmp_path / "ledger.db-wal").write_bytes(b"something")
    with pytest.raises(BackupFailed, match="the rest of another ledger"):
        restore(copy, f"sqlite:///{path}")


def test_a_backup_of_another_kind_of_database_is_told(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(b"PGDMP and more")
    with pytest.raises(BackupFailed, match=r"a backup of postgresql, and ledger\.url is of sqlite"):
        restore(copy, f"sqlite:///{tmp_path / 'ledger.db'}")


# ---- PostgreSQL


@pytest.mark.postgres
def test_new_facts_come_after_those_of_a_backup_from_a_much_older_cluster(
    postgres_server: PostgresServer, copy: Path
) -> None:
    """Transaction ids start low in a new cluster, and a follower must not miss what it writes."""
    old, new = postgres_server.create_database(), postgres_server.create_database()
    with connect(postgres_server.url(old)) as recorder:
        upgrade(recorder)
        record(recorder, 5)
        with recorder.writing() as connection:
            moved = f"UPDATE events SET position = position + {10**9 * ORDINALS}"
            connection.execute(text(moved))
    back_up(postgres_server.url(old), copy)
    restore(copy, postgres_server.url(new))
    with connect(postgres_server.url(new)) as restored:
        upgrade(restored)
        (last,) = [each.id for each in restored.select_notifications(None, 10)][-1:]
        record(restored, 2)
        page = restored.select_notifications(last, 10, inclusive_of_start=False)
        assert len(page) == 2
        assert len(restored.select_notifications(None, 10)) == 7
    for name in (old, new):
        postgres_server.drop_database(name)


@pytest.mark.postgres
def test_a_password_is_not_in_the_list_of_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program in the place of pg_dump writes down what it was started with."""
    told = tmp_path / "told"
    fake = tmp_path / "pg_dump"
    fake.write_text(f'#!/bin/sh\necho "$@ $PGPASSWORD" > {told}\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setattr("adapters.persistence.backups._program", lambda name: str(tmp_path / name))
    with pytest.raises(BackupFailed, match="it did not say why"):
        back_up("postgresql://ann:secret@127.0.0.1/ledger", tmp_path / "copy")
    command, _, password = told.read_text().strip().rpartition(" ")
    assert password == "secret"
    assert "secret" not in command
    assert "--dbname=postgresql://ann@127.0.0.1/ledger" in command
