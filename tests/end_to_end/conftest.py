"""One real Asterisk for the tests of a module, a far end that answers, and callers."""

from __future__ import annotations

import fcntl
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from adapters.voice import build as voice_build
from adapters.voice import catalogue
from tests.end_to_end import books
from tests.end_to_end.rig.agi_script import AgiServer, Script
from tests.end_to_end.rig.ami import Ami
from tests.end_to_end.rig.asterisk import Rig
from tests.end_to_end.rig.fetch import cache_folder
from tests.end_to_end.rig.records import CallRecord, LegRecord, calls, legs
from tests.end_to_end.rig.scenario import Step
from tests.end_to_end.rig.sipp import Caller, FarEnd, Outcome
from tests.end_to_end.system import Service


@attrs.frozen
class Told:
    """What one call left behind: to the caller, in the spool, in the log, to its server."""

    outcome: Outcome
    legs: list[LegRecord]
    calls: list[CallRecord]
    log: str
    scripts: list[Script]


class Line:
    """A telephone: each call is answered by a conversation of the test."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def call(
        self, conversation: Callable[[Script], None], *steps: Step, expected: tuple[str, ...] = ()
    ) -> Told:
        """Call, and return when no channel is left; `expected` are complaints of Asterisk."""
        with AgiServer(self.rig.agi_address, conversation) as server:
            return attrs.evolve(self.dial(*steps, expected=expected), scripts=server.scripts)

    def dial(self, *steps: Step, expected: tuple[str, ...] = ()) -> Told:
        """Call, whoever serves the call, and return when no channel is left."""
        known, logged = len(self.rig.records()), len(self.rig.log())
        with self.rig.quiet(*expected):
            outcome = Caller(self.rig, "18005550100", *steps).start().finish()
            self.rig.idle()
        found = self.rig.records()[known:]
        return Told(outcome, legs(found), calls(found), self.rig.log()[logged:], [])


@pytest.fixture(scope="session")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sounds with the one prompt the dial plan plays by itself."""
    folder = tmp_path_factory.mktemp("sounds")
    prompt = folder / "en/talktime/system-error.wav"
    prompt.parent.mkdir(parents=True)
    with wave.open(str(prompt), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(3200))
    return folder


@pytest.fixture(scope="module")
def rig(prompts: Path) -> Iterator[Rig]:
    """One Asterisk for a module; ports are free ones, so workers do not meet."""
    with Rig(sounds=prompts) as running:
        yield running


@pytest.fixture(scope="module")
def far_end(rig: Rig) -> Iterator[FarEnd]:
    """The called side of the trunk `carrier`."""
    with FarEnd(rig) as listening:
        yield listening


@pytest.fixture
def line(rig: Rig, far_end: FarEnd) -> Line:
    """A telephone at the rig."""
    return Line(rig)


@pytest.fixture
def ami(rig: Rig) -> Iterator[Ami]:
    """A listener at the rig's manager interface."""
    with Ami(rig) as listening:
        yield listening


@pytest.fixture(scope="session")
def rendered_prompts() -> Path:
    """Every prompt as callers hear it; what was rendered before from the same words stays."""
    folder = cache_folder().parent / "prompts"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        voice_build.build(catalogue.languages_in(), folder / "sounds")
    return folder / "sounds"


@pytest.fixture(scope="module")
def operator(rendered_prompts: Path) -> Iterator[Service]:
    """An operator with Talktime beside an Asterisk of its own, for a module."""
    with Rig(sounds=rendered_prompts) as rig, Service(rig) as service:
        yield service


@pytest.fixture
def service(operator: Service) -> Iterator[Service]:
    """The operator's service; at the end of a test its books are in order."""
    with books.in_order(operator):
        yield operator
