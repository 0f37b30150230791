"""Prompts are rendered once, kept when nothing changed, and never over an operator's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import wave
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

from adapters.voice.build import MANIFEST, Report, build, make_sounds
from adapters.voice.catalogue import CatalogueError, read
from adapters.voice.render import BuildError, Programs
from application.speech import Tone
from tests.adapters.voice.catalogues import write_catalogue

TEXTS = {"talktime/n-4": "four", "talktime/busy": "It is busy."}
TONES = {tone.sound for tone in Tone}
OURS = b"RIFF: what a person recorded"


def make(
    out: Path,
    texts: Mapping[str, str] = TEXTS,
    *,
    overrides: Path | None = None,
    programs: Programs | None = None,
) -> Report:
    return make_sounds("en", texts, out, overrides=overrides, programs=programs or Programs())


def file(out: Path, name: str) -> Path:
    return out / "en" / "talktime" / name


def files(out: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in file(out, "").iterdir() if f.name != MANIFEST}


@frozen
class Measured:
    seconds: float
    loudness: float
    """Root mean square, from 0 to 1."""
    rate: int
    channels: int
    bits: int


def measured(path: Path) -> Measured:
    command = ("sox", "-t", "wav", str(path), "-n", "stat")
    told = subprocess.run(command, capture_output=True, check=True, text=True).stderr
    parts = [line.partition(":") for line in told.splitlines()]
    stat = {" ".join(name.split()): value for name, _, value in parts}
    with wave.open(str(path)) as wav:
        return Measured(
            seconds=wav.getnframes() / wav.getframerate(),
            loudness=float(stat["RMS amplitude"]),
            rate=wav.getframerate(),
            channels=wav.getnchannels(),
            bits=wav.getsampwidth() * 8,
        )


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sounds")
    report = make(out)
    assert set(report.rendered) == {f"en/{sound}" for sound in {*TEXTS, *TONES}}
    return out


@pytest.fixture
def out(rendered: Path, tmp_path: Path) -> Path:
    """Sounds already made, to be changed by one test."""
    return shutil.copytree(rendered, tmp_path / "sounds")


@pytest.mark.parametrize(("suffix", "rate"), [(".wav", 8000), (".wav16", 16000)])
@pytest.mark.parametrize("name", ["n-4", "busy", "beep"])
def test_a_sound_can_be_heard_and_has_the_form_asterisk_reads(
    rendered: Path, name: str, suffix: str, rate: int
) -> None:
    sound = measured(file(rendered, name + suffix))
    assert (sound.rate, sound.channels, sound.bits) == (rate, 1, 16)
    assert sound.loudness > 0.02
    assert 0.1 < sound.seconds < 3


def test_silence_is_half_a_second_of_nothing(rendered: Path) -> None:
    sound = measured(file(rendered, "silence.wav"))
    assert (sound.seconds, sound.loudness) == (0.5, 0)


def test_an_unchanged_sound_is_not_made_again(out: Path) -> None:
    nothing = Programs(espeak="/nowhere/espeak-ng", sox="/nowhere/sox")
    before = files(out)
    report = make(out, programs=nothing)
    assert (report.rendered, len(report.unchanged)) == ((), 4)
    assert files(out) == before


def test_a_changed_text_is_made_again_alone(out: Path) -> None:
    before = files(out)
    report = make(out, {**TEXTS, "talktime/n-4": "fore and aft"})
    assert report.rendered == ("en/talktime/n-4",)
    assert {name for name, held in files(out).items() if held != before[name]} == {
        "n-4.wav",
        "n-4.wav16",
    }
    assert make(out, {**TEXTS, "talktime/n-4": "fore and aft"}).rendered == ()


def test_a_sound_that_was_deleted_is_made_again(out: Path) -> None:
    file(out, "n-4.wav16").unlink()
    assert make(out).rendered == ("en/talktime/n-4",)
    assert file(out, "n-4.wav16").exists()


def test_a_sound_that_no_sentence_plays_any_more_is_removed(out: Path) -> None:
    report = make(out, {"talktime/n-4": "four"})
    assert report.removed == ("en/talktime/busy.wav", "en/talktime/busy.wav16")
    assert not {name for name in files(out) if name.startswith("busy")}


@pytest.mark.parametrize("name", ["busy.wav", "busy.wav16", "busy.ulaw"])
def test_an_own_recording_is_kept_and_alone_is_played(out: Path, name: str) -> None:
    file(out, name).write_bytes(OURS)
    for texts in (TEXTS, {**TEXTS, "talktime/busy": "Another text."}):
        report = make(out, texts)
        assert report.own_kept == ("en/talktime/busy",)
        assert {n: held for n, held in files(out).items() if n.startswith("busy")} == {name: OURS}


def test_an_own_recording_made_before_the_first_build_is_kept(tmp_path: Path) -> None:
    file(tmp_path, "busy.wav").parent.mkdir(parents=True)
    file(tmp_path, "busy.wav").write_bytes(OURS)
    assert make(tmp_path).own_kept == ("en/talktime/busy",)
    assert file(tmp_path, "busy.wav").read_bytes() == OURS


def test_when_an_own_recording_is_taken_away_the_machine_speaks_again(out: Path) -> None:
    file(out, "busy.wav").write_bytes(OURS)
    make(out)
    file(out, "busy.wav").unlink()
    assert make(out).rendered == ("en/talktime/busy",)


def test_an_own_recording_that_no_sentence_plays_is_kept_and_told(out: Path) -> None:
    file(out, "bussy.wav").write_bytes(OURS)
    assert make(out).unused == ("en/talktime/bussy",)
    assert file(out, "bussy.wav").read_bytes() == OURS


@pytest.fixture
def overrides(tmp_path: Path) -> Path:
    """A folder with a studio's recording of one sentence: stereo, 44.1 kHz, FLAC."""
    folder = tmp_path / "own" / "en"
    folder.mkdir(parents=True)
    tone = ("synth", "0.4", "sine", "500", "gain", "-6")
    path = str(folder / "busy.flac")
    subprocess.run(("sox", "-n", "-r", "44100", "-c", "2", path, *tone), check=True)
    return folder.parent


def test_a_recording_from_the_overrides_is_taken_in_both_rates(out: Path, overrides: Path) -> None:
    report = make(out, overrides=overrides)
    assert report.rendered == report.from_overrides == ("en/talktime/busy",)
    for name, rate in (("busy.wav", 8000), ("busy.wav16", 16000)):
        sound = measured(file(out, name))
        assert (sound.rate, sound.channels) == (rate, 1)
        assert sound.seconds == pytest.approx(0.4, abs=0.01)
    assert make(out, overrides=overrides).rendered == ()
    assert make(out).rendered == ("en/talktime/busy",)


def test_a_recording_of_an_unknown_name_is_told(out: Path, overrides: Path) -> None:
    (overrides / "en" / "busy.flac").rename(overrides / "en" / "bussy.flac")
    assert make(out, overrides=overrides).unused == ("en/talktime/bussy",)


def test_two_recordings_of_one_sound_are_refused(out: Path, overrides: Path) -> None:
    shutil.copy(overrides / "en" / "busy.flac", overrides / "en" / "busy.wav")
    with pytest.raises(BuildError, match="two recordings of one sound"):
        make(out, overrides=overrides)


def test_overrides_that_are_not_there_are_refused(out: Path) -> None:
    with pytest.raises(BuildError, match="is not there"):
        make(out, overrides=out / "nowhere")


@pytest.mark.parametrize(
    ("programs", "package"),
    [(Programs(espeak="/no/espeak-ng"), "espeak-ng"), (Programs(sox="/no/sox"), "sox")],
)
def test_a_missing_program_is_named_with_its_package(
    tmp_path: Path, programs: Programs, package: str
) -> None:
    with pytest.raises(BuildError, match=f"is not installed.*apt-get install {package}"):
        make(tmp_path, programs=programs)


def test_a_failure_names_the_sound_and_leaves_all_sounds_as_they_were(out: Path) -> None:
    before = files(out)
    broken = Programs(sox=str(out / "sox"))
    Path(broken.sox).write_text(
        '#!/bin/sh\necho half > "${16}"\necho "sox: disk full" >&2\nexit 2\n'
    )
    Path(broken.sox).chmod(0o755)
    with pytest.raises(BuildError, match=r"en/talktime/busy could not be made: .*disk full"):
        make(out, {**TEXTS, "talktime/busy": "New words."}, programs=broken)
    assert files(out) == before
    assert make(out).rendered == ()


def test_words_a_voice_cannot_speak_are_a_failure(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="busy could not be made: the voice en-us is silent"):
        make(tmp_path, {"talktime/busy": "\u200b"})


def test_a_language_without_a_voice_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="voice does not exist"):
        make_sounds("qqq", {"talktime/busy": "x"}, tmp_path, programs=Programs())


def test_a_build_cut_short_does_not_take_our_sounds_for_an_operators(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[object] = []
    replace = os.replace

    def cut_short(source: Path, target: Path) -> None:
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(target)
        replace(source, target)

    new = {sound: text + " again" for sound, text in TEXTS.items()}
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", cut_short)
        with pytest.raises(KeyboardInterrupt):
            make(out, new)
    report = make(out, new)
    assert (report.own_kept, report.unused) == ((), ())
    assert report.rendered + report.unchanged
    assert make(out, new).rendered == ()


def test_a_damaged_manifest_is_refused_before_anything_is_touched(out: Path) -> None:
    before = files(out)
    file(out, MANIFEST).write_text('{"files": {"busy.wav"')
    with pytest.raises(BuildError, match="is damaged"):
        make(out)
    assert files(out) == before


def test_the_manifest_lists_every_file_of_ours(out: Path) -> None:
    assert set(json.loads(file(out, MANIFEST).read_text())["files"]) == set(files(out))


def test_a_catalogue_that_leaves_something_unsaid_is_not_built(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "en", {("welcome", "Welcome."): ""})
    with pytest.raises(CatalogueError, match=r"welcome.*is not translated"):
        build(["en"], tmp_path / "sounds", folder=tmp_path)
    assert not (tmp_path / "sounds").exists()


@pytest.mark.processes
def test_every_sound_of_english_can_be_made(tmp_path: Path) -> None:
    report = build(["en"], tmp_path)
    wanted = {*read("en").texts, *TONES}
    assert set(report.rendered) == {f"en/{sound}" for sound in wanted}
    suffixes = (".wav", ".wav16")
    assert files(tmp_path).keys() == {
        sound.removeprefix("talktime/") + suffix for sound in wanted for suffix in suffixes
    }
