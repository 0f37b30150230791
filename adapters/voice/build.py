"""Makes the sound files of a language, and leaves an operator's own recordings alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import field, frozen

from adapters.voice.catalogue import read
from adapters.voice.render import (
    RATES,
    SPEAKERS,
    BuildError,
    Programs,
    Recording,
    Source,
    Speaker,
    Speech,
    ToneSound,
    digest_of,
)
from adapters.voice.template import LOCALE
from application.speech import FOLDER, Tone

MANIFEST = "rendered.json"
"""What was rendered into a folder, beside the sounds: a file not in it is an operator's own."""

_STAGING = ".rendering"


@frozen
class Report:
    """What a build did, each sound as ``<language>/talktime/<name>``."""

    rendered: tuple[str, ...] = ()
    """Made now."""
    unchanged: tuple[str, ...] = ()
    """Made before, from the same words by the same voice."""
    own_kept: tuple[str, ...] = ()
    """An operator's own recording stands in the folder; it is played, and nothing of ours."""
    from_overrides: tuple[str, ...] = ()
    """Of those rendered or unchanged, the ones taken from the overrides folder."""
    removed: tuple[str, ...] = ()
    """Files of ours that no sentence plays any more."""
    unused: tuple[str, ...] = ()
    """Operators' recordings that no sentence plays: a misspelt name, or a removed sentence."""

    def __add__(self, other: Report) -> Report:
        return Report(
            rendered=self.rendered + other.rendered,
            unchanged=self.unchanged + other.unchanged,
            own_kept=self.own_kept + other.own_kept,
            from_overrides=self.from_overrides + other.from_overrides,
            removed=self.removed + other.removed,
            unused=self.unused + other.unused,
        )


def build(
    languages: Sequence[str],
    out: Path,
    *,
    overrides: Path | None = None,
    folder: Path = LOCALE,
    espeak: str = "espeak-ng",
    sox: str = "sox",
) -> Report:
    """Makes every sound of these languages as ``<out>/<language>/talktime/<name>.wav`` (8 kHz)
    and ``.wav16`` (16 kHz), 16 bits, mono. What was made before from the same words stays.

    A recording in ``<overrides>/<language>/<name>.*``, in any format that sox reads, is taken in
    place of the machine's voice. A recording put into ``out`` by hand is never touched.

    Raises CatalogueError for a catalogue that leaves anything unsaid and BuildError when a sound
    cannot be made; the language's sounds are then as they were.
    """
    report, programs = Report(), Programs(espeak, sox)
    for language in languages:
        texts = read(language, folder).texts
        report += make_sounds(language, texts, out, overrides=overrides, programs=programs)
    return report


def make_sounds(
    language: str,
    texts: Mapping[str, str],
    out: Path,
    *,
    overrides: Path | None = None,
    programs: Programs,
) -> Report:
    """Makes the sounds of these texts, by name, and the tones: one language of ``build``."""
    if overrides is not None and not overrides.is_dir():
        raise BuildError(f"{overrides}, the folder of your own recordings, is not there")
    speaker = SPEAKERS.get(language, Speaker(language))
    sources: dict[str, Source] = {tone.sound: ToneSound(tone) for tone in Tone}
    sources |= {sound: Speech(text, speaker) for sound, text in texts.items()}
    return _Folder.of(language, out, sources, overrides).build(programs)


@frozen
class _Made:
    """A file of ours: what it was made from, and what it held. It may hold either of two
    contents while a build moves new files in, which is how a build cut short does no harm."""

    recipe: str
    contents: tuple[str, ...]


@frozen
class _Folder:
    """The sounds of one language and the plan for them."""

    language: str
    path: Path
    sources: Mapping[str, Source]
    """By name, without the folder."""
    made: Mapping[str, _Made]
    unused_overrides: tuple[str, ...]
    ours: frozenset[str] = field()
    """Names of the files that hold what we rendered into them."""
    own: frozenset[str] = field()
    """Names of the files that are an operator's."""

    @classmethod
    def of(
        cls, language: str, out: Path, sounds: Mapping[str, Source], overrides: Path | None
    ) -> _Folder:
        path = out / language / FOLDER
        sources = {sound.removeprefix(f"{FOLDER}/"): source for sound, source in sounds.items()}
        recordings = _recordings(overrides / language) if overrides else {}
        made = _read_manifest(path / MANIFEST)
        files = [f for f in path.glob("*") if f.is_file() and not f.name.startswith(".")]
        files = [f for f in files if f.name != MANIFEST]
        ours = {f.name for f in files if f.name in made and _holds(f, made[f.name])}
        return cls(
            language=language,
            path=path,
            sources={**sources, **{n: r for n, r in recordings.items() if n in sources}},
            made=made,
            unused_overrides=tuple(sorted(recordings.keys() - sources.keys())),
            ours=frozenset(ours),
            own=frozenset(f.name for f in files) - ours,
        )

    def build(self, programs: Programs) -> Report:
        own = {_stem(name) for name in self.own}
        wanted = {name: source for name, source in self.sources.items() if name not in own}
        recipes = {name: source.recipe() for name, source in wanted.items()}
        stale = [name for name in wanted if not self._is_made(name, recipes[name])]
        # Beside an own recording in one format, ours in another would be heard on some calls.
        surplus = sorted(name for name in self.ours if _stem(name) not in wanted)
        keep = {
            name: made
            for name, made in self.made.items()
            if name in self.ours and _stem(name) in wanted
        }
        if stale or surplus or keep.keys() != self.made.keys():
            self._make({name: wanted[name] for name in stale}, recipes, keep, surplus, programs)
        unused = {*(stem for stem in own if stem not in self.sources), *self.unused_overrides}
        taken = [name for name, source in wanted.items() if isinstance(source, Recording)]
        return Report(
            rendered=self._named(stale),
            unchanged=self._named(wanted.keys() - set(stale)),
            own_kept=self._named(own & self.sources.keys()),
            from_overrides=self._named(taken),
            removed=self._named(surplus),
            unused=self._named(unused),
        )

    def _is_made(self, name: str, recipe: str) -> bool:
        files = [name + suffix for suffix in RATES]
        return all(file in self.ours and self.made[file].recipe == recipe for file in files)

    def _make(
        self,
        sources: Mapping[str, Source],
        recipes: Mapping[str, str],
        keep: Mapping[str, _Made],
        surplus: Sequence[str],
        programs: Programs,
    ) -> None:
        """Renders beside the sounds, then moves in: a failure leaves the sounds as they were."""
        staging = self.path / _STAGING
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            if sources:
                programs.check()
            self._render(sources, staging, programs)
            new = {
                file.name: _Made(recipes[_stem(file.name)], (digest_of(file),))
                for file in staging.iterdir()
            }
            moving = {
                name: _Made(made.recipe, (*made.contents, *self._contents(name)))
                for name, made in new.items()
            }
            leaving = {name: self.made[name] for name in surplus}
            manifest = self.path / MANIFEST
            _write_manifest(manifest, {**keep, **moving, **leaving})
            for name in new:
                os.replace(staging / name, self.path / name)
            for name in surplus:
                (self.path / name).unlink()
            _write_manifest(manifest, {**keep, **new})
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _contents(self, name: str) -> tuple[str, ...]:
        return (digest_of(self.path / name),) if name in self.ours else ()

    def _render(self, sources: Mapping[str, Source], staging: Path, programs: Programs) -> None:
        def render(name: str) -> None:
            try:
                sources[name].write(staging / name, programs)
            except BuildError as error:
                sound = f"{self.language}/{FOLDER}/{name}"
                raise BuildError(f"{sound} could not be made: {error}") from error

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                list(pool.map(render, sources))
            except BuildError:
                pool.shutdown(cancel_futures=True)
                raise

    def _named(self, names: Sequence[str] | set[str]) -> tuple[str, ...]:
        return tuple(f"{self.language}/{FOLDER}/{name}" for name in sorted(names))


def _stem(name: str) -> str:
    return name.partition(".")[0]


def _recordings(folder: Path) -> dict[str, Recording]:
    found: dict[str, Recording] = {}
    for path in sorted(folder.glob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        if _stem(path.name) in found:
            raise BuildError(f"two recordings of one sound: {found[_stem(path.name)].path}, {path}")
        found[_stem(path.name)] = Recording(path)
    return found


def _holds(path: Path, made: _Made) -> bool:
    return digest_of(path) in made.contents


def _read_manifest(path: Path) -> dict[str, _Made]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return {n: _Made(m["recipe"], tuple(m["contents"])) for n, m in stored["files"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(
            f"{path} is damaged, so own recordings cannot be told from rendered sounds; "
            "move your recordings elsewhere and delete the folder"
        ) from error


def _write_manifest(path: Path, files: Mapping[str, _Made]) -> None:
    stored = {n: {"recipe": m.recipe, "contents": m.contents} for n, m in sorted(files.items())}
    part = path.with_name(f".{path.name}")
    with part.open("w", encoding="utf-8") as file:
        json.dump({"version": 1, "files": stored}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
