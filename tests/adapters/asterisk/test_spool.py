"""Reading what Asterisk appends: each line once, whatever happens to the files and to us."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.asterisk.spool import MOST_LINE_BYTES, Rejected, Tail
from tests.adapters.asterisk.support import Time


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "legs.txt"
        self.time = Time()
        self.tail = self.follow()

    def follow(self, rotate_above: int = 10_000) -> Tail:
        self.tail = Tail(
            self.file,
            self.path / "offset",
            rotate_above=rotate_above,
            quiet_seconds=10,
            monotonic=self.time.monotonic,
        )
        return self.tail

    def append(self, text: str) -> None:
        with self.file.open("a", newline="") as file:
            file.write(text)

    def read(self) -> list[str]:
        """Reads, acknowledges and saves."""
        lines = self.tail.read()
        for line in lines:
            self.tail.done(line)
        self.tail.save()
        return [line.text for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_lines_come_in_the_order_in_which_they_were_written(folder: Folder) -> None:
    folder.append("one\ntwo\n")
    assert folder.read() == ["one", "two"]
    folder.append("three\n")
    assert folder.read() == ["three"]


def test_a_file_that_is_not_there_yet_has_no_lines(folder: Folder) -> None:
    assert folder.read() == []


def test_an_unfinished_line_waits_for_its_end(folder: Folder) -> None:
    folder.append("one\ntw")
    assert folder.read() == ["one"]
    folder.append("o\n")
    assert folder.read() == ["two"]


def test_a_restart_goes_on_behind_the_last_line_that_was_saved(folder: Folder) -> None:
    folder.append("one\n")
    folder.read()
    folder.append("two\n")
    folder.follow()
    assert folder.read() == ["two"]


def test_a_kill_between_acknowledging_and_saving_repeats_the_line(folder: Folder) -> None:
    folder.append("one\n")
    for line in folder.tail.read():
        folder.tail.done(line)
    folder.follow()
    assert folder.read() == ["one"]


def test_a_line_that_waits_is_read_again_with_all_behind_it(folder: Folder) -> None:
    folder.append("one\ntwo\nthree\n")
    first, second, third = folder.tail.read()
    folder.tail.done(first)
    folder.tail.done(third)
    folder.tail.save()
    folder.follow()
    assert folder.read() == [second.text, third.text]


def test_lines_come_in_batches(folder: Folder) -> None:
    folder.append("".join(f"{n}\n" for n in range(25)))
    sizes = [len(folder.tail.read(10)) for _ in range(4)]
    assert sizes == [10, 10, 5, 0]


def test_a_file_renamed_by_somebody_else_is_read_to_its_end(folder: Folder) -> None:
    folder.append("one\n")
    folder.read()
    folder.append("two\n")
    folder.file.rename(folder.path / "legs.txt.1")
    folder.append("three\n")
    assert folder.read() == ["two", "three"]
    with (folder.path / "legs.txt.1").open("a") as file:
        file.write("late\n")
    assert folder.read() == ["late"]
    assert (folder.path / "legs.txt.1").exists()


def test_a_file_renamed_while_nobody_read_is_read_from_its_place(folder: Folder) -> None:
    folder.append("one\n")
    folder.read()
    folder.append("two\n")
    folder.file.rename(folder.path / "legs.txt-20261121")
    folder.append("three\n")
    folder.follow()
    assert folder.read() == ["two", "three"]


def test_a_file_deleted_under_the_reader_is_read_to_its_end(folder: Folder) -> None:
    folder.append("one\n")
    folder.read()
    folder.append("two\n")
    folder.file.unlink()
    assert folder.read() == ["two"]


def test_a_file_that_was_cut_short_is_read_from_its_beginning(folder: Folder) -> None:
    folder.append("a long first line\nanother\n")
    folder.read()
    folder.file.write_text("new\n")
    assert folder.read() == ["new"]


def test_a_file_that_was_cut_and_has_grown_again_is_not_mistaken_for_the_old_one(
    folder: Folder,
) -> None:
    folder.append("old\n")
    folder.read()
    folder.file.write_text("new first\nnew second\n")
    folder.follow()
    assert folder.read() == ["new first", "new second"]


def test_a_file_that_is_cut_and_grows_between_two_looks_is_read_from_its_beginning(
    folder: Folder,
) -> None:
    folder.append("old\n")
    folder.read()
    folder.file.write_text("new first\nnew second\n")
    assert folder.read() == ["new first", "new second"]


def test_a_file_put_aside_stays_while_it_holds_lines_that_were_not_read(folder: Folder) -> None:
    folder.follow(rotate_above=10)
    folder.append("first line of it\n")
    folder.read()
    folder.append("second\n")
    folder.tail.tidy()
    folder.time.passes(60)
    folder.tail.tidy()
    assert folder.read() == ["second"]


def test_an_acknowledgement_for_a_file_that_was_cut_does_not_count_for_the_new_lines(
    folder: Folder,
) -> None:
    folder.append("old line\n")
    (old,) = folder.tail.read()
    folder.file.write_text("new\n")
    folder.tail.read()
    folder.tail.done(old)
    folder.tail.save()
    folder.follow()
    assert folder.read() == ["new"]


def test_a_large_file_is_put_aside_and_deleted_when_it_was_quiet(folder: Folder) -> None:
    folder.follow(rotate_above=100)
    folder.append("x" * 120 + "\n")
    folder.read()
    folder.tail.tidy()
    aside = folder.path / "legs.txt.draining"
    assert aside.exists()
    with aside.open("a") as file:
        file.write("late\n")
    folder.append("new\n")
    assert folder.read() == ["late", "new"]
    folder.tail.tidy()
    assert aside.exists(), "it grew just now"
    folder.time.passes(10)
    folder.tail.tidy()
    assert not aside.exists()
    folder.append("newer\n")
    assert folder.read() == ["newer"]


def test_a_file_put_aside_stays_while_a_line_of_it_waits(folder: Folder) -> None:
    folder.follow(rotate_above=10)
    folder.append("the only line\n")
    (line,) = folder.tail.read()
    folder.tail.tidy()
    folder.time.passes(60)
    folder.tail.read()
    folder.tail.tidy()
    assert (folder.path / "legs.txt.draining").exists()
    folder.tail.done(line)
    folder.tail.tidy()
    assert not (folder.path / "legs.txt.draining").exists()


def test_a_kill_in_the_middle_of_putting_aside_loses_no_line(folder: Folder) -> None:
    folder.follow(rotate_above=10)
    folder.append("first line of it\n")
    folder.read()
    folder.append("second\n")
    folder.tail.tidy()
    folder.append("third\n")
    folder.follow(rotate_above=10)
    assert folder.read() == ["second", "third"]


def test_a_line_without_an_end_is_cut(folder: Folder) -> None:
    folder.append("x" * (MOST_LINE_BYTES + 5))
    assert [len(text) for text in folder.read()] == [MOST_LINE_BYTES]
    folder.append("\nnext\n")
    assert folder.read() == ["xxxxx", "next"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": [{}]}', '{"files": [3]}'])
def test_places_that_cannot_be_read_mean_reading_everything_again(
    folder: Folder, content: str
) -> None:
    folder.append("one\n")
    folder.read()
    (folder.path / "offset").write_text(content)
    folder.follow()
    assert folder.read() == ["one"]


def test_the_places_are_whole_on_disk(folder: Folder) -> None:
    folder.append("one\n")
    folder.read()
    (place,) = json.loads((folder.path / "offset").read_text())["files"]
    assert place["offset"] == 4
    assert [path.name for path in folder.path.glob("offset*")] == ["offset"]


def test_rejected_lines_are_kept_up_to_a_bound(tmp_path: Path) -> None:
    rejected = Rejected(tmp_path / "rejected.txt", most_bytes=20)
    for _ in range(10):
        rejected.keep("0123456789")
    assert (tmp_path / "rejected.txt").read_text() == "0123456789\n" * 2


STEPS = st.lists(
    st.sampled_from(["write", "half", "read", "kill", "rename", "tidy", "wait"]), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_every_line_is_read_whatever_happens_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = Folder(tmp_path_factory.mktemp("spool"))
    folder.follow(rotate_above=30)
    written, read, renamed = 0, [], 0
    half = False

    def write() -> None:
        nonlocal written, half
        folder.append(f"{'' if half else 'line '}{written}\n")
        written, half = written + 1, False

    def kill() -> None:
        folder.tail.close()
        folder.follow(rotate_above=30)

    for step in [*steps, "write", "read"]:
        actions: dict[str, Callable[[], object]] = {
            "write": write,
            "half": lambda: None,
            "read": lambda: read.extend(folder.read()),
            "kill": kill,
            "tidy": folder.tail.tidy,
            "wait": lambda: folder.time.passes(11),
        }
        if step == "half" and not half:
            folder.append("line ")
            half = True
        elif step == "rename" and folder.file.exists() and not half:
            renamed += 1
            folder.file.rename(folder.path / f"legs.txt.{renamed}")
        elif step in actions and not (step == "tidy" and half):
            actions[step]()
    assert set(read) == {f"line {n}" for n in range(written)}
    folder.tail.close()
