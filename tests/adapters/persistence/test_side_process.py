"""A process beside this one does what it is asked, and is never left alone."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from adapters.persistence.side_process import Far, Made, SideProcess, beside, those_that_told
from application.ports import ConcurrencyConflict, LedgerUnavailable
from tests.adapters.persistence.side_processes import Begun, begun, ended, left_by

__all__ = ["begun"]

pytestmark = pytest.mark.processes

MODULE = "tests.adapters.persistence.side_work"


def asked(what: Any) -> Any:
    return beside(MODULE, what, "the other one")


def everything(process: SideProcess) -> list[Far | Made]:
    told = [process.hear(60)]
    while isinstance(told[-1], Far):
        told.append(process.hear(60))
    return told


def test_it_tells_how_far_it_is_and_what_came_of_it() -> None:
    with asked(("count", 3)) as process:
        assert everything(process) == [Far(0), Far(1), Far(2), Made(3)]


def test_what_it_is_asked_is_not_among_its_arguments(begun: Begun) -> None:
    with asked("repeat"):
        assert isinstance(begun[0].args, list)
        assert not [each for each in begun[0].args if "repeat" in str(each)]


def test_several_are_heard_as_they_tell() -> None:
    with asked("repeat") as waits, asked(("count", 0)) as works:
        assert those_that_told([waits, works]) == [works]
        assert not waits.has_told()
        waits.tell("go on")
        assert waits.hear(60) == Made("go on")


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (ConcurrencyConflict("others were faster"), ConcurrencyConflict, "others were faster"),
        (UnicodeError("no text"), ValueError, "no text"),
        (KeyError("name"), LedgerUnavailable, "KeyError: 'name'"),
    ],
)
def test_its_errors_are_raised_here(raised: Exception, kind: type[Exception], words: str) -> None:
    with asked(raised) as process, pytest.raises(kind) as found:
        process.hear(60)
    assert (type(found.value), str(found.value)) == (kind, words)


def test_one_that_is_killed_while_it_tells_is_missed(
    begun: Begun,
) -> None:
    """More than fits into the pipe: half of what it tells has arrived."""
    with asked(("tell", 10_000_000)) as process:
        assert those_that_told([process]) == [process]
        begun[0].kill()
        begun[0].wait(60)
        with pytest.raises(LedgerUnavailable, match="the other one ended too early"):
            process.hear(60)


def test_it_ends_when_nobody_listens_any_more(begun: Begun) -> None:
    with asked("stay") as process:
        assert process.hear(60) == Far("here")
    assert begun[0].returncode == -signal.SIGTERM


def test_it_ends_when_the_one_that_asked_is_killed() -> None:
    """It is in the middle of its work and tells nothing, and nobody can end it."""
    code = f"""
import os
with side_process.beside({MODULE!r}, "stay", "") as process:
    process.hear()
    os.kill(os.getpid(), {signal.SIGKILL:d})
"""
    assert ended(left_by(code))
