"""From words to sound files that Asterisk plays: espeak-ng speaks, sox cuts and converts."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from attrs import asdict, frozen

from application.speech import Tone

RATES = {".wav": 8000, ".wav16": 16000}
"""Samples a second by suffix, as Asterisk's format_wav reads them: telephone and wideband."""

_RENDERING = 1
"""Counted up when the same words are to sound different; every sound is then made anew."""

_WAV_HEADER = 44
_SHORTEST = 0.15
"""Seconds; no word is shorter than this with its pauses, so anything shorter is silence."""

_LONGEST_RUN = 60
"""Seconds a program may take for one sound."""


class BuildError(RuntimeError):
    """Sounds could not be made; the message tells which and why."""


@frozen
class Speaker:
    """A voice of espeak-ng and its words a minute."""

    voice: str
    speed: int = 150


SPEAKERS: Mapping[str, Speaker] = MappingProxyType(
    {
        "en": Speaker("en-us"),
        "es": Speaker("es-419"),
        "fr": Speaker("fr-fr"),
        "vi": Speaker("vi"),
        # The voice "cmn" reads Chinese signs with an English mouth; this one reads them properly.
        "zh": Speaker("cmn-latn-pinyin"),
    }
)
"""The voice of each language; any other is spoken by espeak-ng's voice of the same name."""


@frozen
class Programs:
    """The programs that make sounds, by name or path."""

    espeak: str = "espeak-ng"
    sox: str = "sox"

    def check(self) -> None:
        """Raises BuildError when one is not there, with the Debian package that has it."""
        for program, package in ((self.espeak, "espeak-ng"), (self.sox, "sox")):
            if shutil.which(program) is None:
                raise BuildError(
                    f"{program} is not installed; on Debian: apt-get install {package}"
                )


@frozen
class Speech:
    """Words, spoken by a machine."""

    text: str
    speaker: Speaker

    def write(self, stem: Path, programs: Programs) -> None:
        """Writes ``<stem>.wav`` and ``<stem>.wav16``, as every source does."""
        pause = "0.25" if self.text.endswith((".", "!", "?", "。", "！", "？")) else "0.04"
        speaker = ("-v", self.speaker.voice, "-s", str(self.speaker.speed))
        spoken = _run([programs.espeak, *speaker, "-b", "1", "--stdin", "--stdout"], self.text)
        silence = ("silence", "1", "0.02", "0.5%", "reverse")
        shape = (*silence, *silence, "norm", "-3", "pad", "0.03", pause)
        # espeak-ng writes a header without a length to a pipe.
        source = ("--ignore-length", "-t", "wav", "-")
        for path, rate in _files(stem):
            _sox(programs, source, path, rate, ("rate", str(rate), *shape), spoken)
            if path.stat().st_size < _WAV_HEADER + 2 * rate * _SHORTEST:
                raise BuildError(f"the voice {self.speaker.voice} is silent for {self.text!r}")

    def recipe(self) -> str:
        return _digest(["speech", _RENDERING, asdict(self)])


@frozen
class Recording:
    """An operator's own recording, in any format that sox reads."""

    path: Path

    def write(self, stem: Path, programs: Programs) -> None:
        for path, rate in _files(stem):
            _sox(programs, (str(self.path.absolute()),), path, rate, ("rate", str(rate)))

    def recipe(self) -> str:
        return _digest(["recording", _RENDERING, digest_of(self.path)])


@frozen
class ToneSound:
    """A sound without words."""

    tone: Tone

    def write(self, stem: Path, programs: Programs) -> None:
        shapes = {
            Tone.BEEP: ("synth", "0.2", "sine", "1000", "gain", "-12", "fade", "0.01", "0.2"),
            Tone.SILENCE: ("trim", "0", "0.5"),
        }
        for path, rate in _files(stem):
            _sox(programs, ("-r", str(rate), "-n"), path, rate, shapes[self.tone])

    def recipe(self) -> str:
        return _digest(["tone", _RENDERING, self.tone.value])


Source = Speech | Recording | ToneSound


def digest_of(path: Path) -> str:
    """What a file holds, as SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _files(stem: Path) -> tuple[tuple[Path, int], ...]:
    return tuple((stem.with_name(stem.name + suffix), rate) for suffix, rate in RATES.items())


def _digest(recipe: list[object]) -> str:
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def _sox(
    programs: Programs,
    source: Sequence[str],
    path: Path,
    rate: int,
    effects: Sequence[str],
    given: bytes = b"",
) -> None:
    # Without -D sox adds noise, and the same words would give another file each time.
    form = ("-t", "wav", "-r", str(rate), "-c", "1", "-b", "16", "-e", "signed-integer")
    _run([programs.sox, "-D", *source, *form, str(path), *effects], given)


def _run(command: Sequence[str], given: str | bytes) -> bytes:
    data = given.encode() if isinstance(given, str) else given
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the words go in on standard input
            command, input=data, capture_output=True, check=True, timeout=_LONGEST_RUN
        )
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip() or f"exit status {error.returncode}"
        raise BuildError(f"{command[0]} failed: {told}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{command[0]} took more than {_LONGEST_RUN} seconds") from error
    return done.stdout
