"""The program ``talktime``: the command line, connected to everything else.

What only some commands need is imported by them: a node for calls that was lost is up again in
half the time.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from adapters.cli.app import create_cli
from adapters.cli.program import Failure
from adapters.persistence.person_keys import KeyRingFile
from talktime.cores import keep_to_one_core
from talktime.ending import Ending
from talktime.garbage import collect_rarely
from talktime.logs import configure
from talktime.mending import mendable
from talktime.settings import Settings, check, load
from talktime.system import System, SystemClock, make_pin_key, running

if TYPE_CHECKING:
    from application.node_reports import LedgerReports
    from application.printing import PrintedCard, Sheet
    from talktime.backups import LedgerBackups
    from talktime.exports import LedgerExports
    from talktime.sealing import LedgerSealDesk


class Talktime:
    """The port ``Program`` of the command line."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._loaded: Settings | None = None

    def use_settings(self, path: Path | None) -> None:
        self._path = path

    @property
    def _settings(self) -> Settings:
        if self._loaded is None:
            with mendable():
                self._loaded = load(self._path)
            configure(self._loaded.log)
        return self._loaded

    @contextmanager
    def back_office(self) -> Iterator[System]:
        with mendable(), running(self._settings) as system:
            yield system

    def serve(self) -> None:
        from talktime.serving import servers

        self._run(servers, calls=True)

    def serve_calls(self) -> None:
        from talktime.agi_door import calls_answered

        self._run(calls_answered, calls=True)

    def serve_requests(self) -> None:
        from talktime.http_door import requests_answered

        self._run(requests_answered)

    def work(self) -> None:
        from talktime.jobs import working

        self._run(working)

    def _run(
        self, parts: Callable[[System], AbstractContextManager[object]], *, calls: bool = False
    ) -> None:
        """Runs these parts of the server until the end is told."""
        if calls and self._settings.agi.one_core:
            keep_to_one_core()
        with mendable(), running(self._settings) as system:
            end = Ending()
            with parts(system):
                end.wait()

    def demo(self, folder: Path, *, agi_port: int, http_port: int) -> None:
        from talktime import demo
        from talktime.serving import servers

        with mendable():
            settings, key = demo.prepare(folder, agi_port=agi_port, http_port=http_port)
            configure(settings.log)
            with running(settings) as system:
                cards = demo.set_up(system, folder)
                password = demo.let_in(system, folder)
                end = Ending()
                with servers(system) as (agi, http):
                    demo.tell(settings, cards, key, password, agi.address[1], http.port)
                    end.wait()

    def phone(
        self,
        *,
        host: str,
        port: int,
        access_number: str,
        caller_id: str,
        script: Path | None,
        language: str,
    ) -> None:
        from adapters.phone.asterisk_side import Settings as Call
        from adapters.phone.script import ScriptError
        from adapters.phone.terminal import run_phone
        from adapters.voice import voice as voices

        voice = voices.load()
        now = int(SystemClock().now().timestamp() * 1000)
        # As an Asterisk counts its calls; two telephones are two processes.
        reference = f"pbx1-{now // 1000}.{os.getpid()}"
        lines = script.read_text(encoding="utf-8").splitlines() if script else None
        try:
            run_phone(
                host,
                port,
                access_number=access_number,
                caller_id=caller_id,
                text_of=lambda sound: voice.text_of(sound, language),
                keys_script=lines,
                settings=Call(reference=reference, started_ms=now),
            )
        except ScriptError as error:
            raise Failure(f"{script}: {error}") from error
        except OSError as error:
            raise Failure(
                f"nobody answers at {host}:{port} ({error.strerror or error}); "
                "start `talktime demo` or `talktime serve` first"
            ) from error

    def ship(self) -> None:
        from talktime import node

        settings = self._settings
        end = Ending()
        with (
            mendable(),
            self._reports() as reports,
            node.shipper(settings.asterisk, reports, SystemClock()) as shipper,
        ):
            thread = threading.Thread(target=shipper.run, name="ship", daemon=True)
            thread.start()
            end.wait()
            shipper.stop()
            thread.join(30)

    def reconcile(self) -> dict[str, int]:
        from talktime import node

        settings = self._settings
        found: dict[str, int] = {}
        with mendable(), self._reports() as reports:
            if settings.asterisk.spool:
                with node.shipper(settings.asterisk, reports, SystemClock()) as shipper:
                    shipper.turn()
                    found = attrs.asdict(shipper.counters)
        if not settings.asterisk.ledger:
            with self.back_office() as system:
                system.catch_up()
                found["given up"] = system.sweep()
        return found

    def rebuild(self, progress: Callable[[int, int], object]) -> int:
        with self.back_office() as system:
            return system.rebuild(progress)

    def open_lot(self, file: Path, identity: Path) -> Iterator[PrintedCard]:
        from adapters.printing.seals import CannotOpen, cards_in

        try:
            yield from cards_in(file, identity)
        except CannotOpen as error:
            raise Failure(str(error)) from error

    def print_sheet(self, cards: Iterable[PrintedCard], asked: Sheet, out: Path) -> int:
        from adapters.printing.sheet import AccessNumber, SheetStyle, print_sheet

        numbers = [AccessNumber(name, number) for name, number in asked.access_numbers]
        style = SheetStyle(numbers, asked.title, asked.note, asked.accent, asked.paper)
        pdf, count = print_sheet(cards, style)
        # PINs in clear: for the eyes of whoever prints them.
        with mendable(), open(out, "xb", opener=_for_the_owner) as file:
            file.write(pdf)
        return count

    def build_prompts(self, languages: tuple[str, ...], out: Path | None) -> dict[str, int]:
        from adapters.voice import build as sounds
        from adapters.voice import catalogue
        from adapters.voice.render import BuildError

        settings = self._settings.voice
        known = catalogue.languages_in()
        if unknown := [name for name in languages if name not in known]:
            raise Failure(f"no catalogue for {unknown}; there are {', '.join(known)}")
        try:
            report = sounds.build(
                languages or known,
                out or Path(settings.sounds),
                overrides=Path(settings.recordings) if settings.recordings else None,
            )
        except (BuildError, catalogue.CatalogueError) as error:
            raise Failure(str(error)) from error
        return {
            field.name.replace("_", " "): len(getattr(report, field.name))
            for field in attrs.fields(type(report))
        }

    def asterisk_config(
        self,
        *,
        node: str,
        agi_hosts: tuple[str, ...],
        spool: str,
        secret_file: Path,
        out: Path | None,
        force: bool,
    ) -> str:
        from adapters.asterisk import config

        with mendable():
            secret = secret_file.read_text(encoding="utf-8").strip()
        settings = config.AsteriskSettings(
            node=node, ami_secret=secret, agi_hosts=agi_hosts, spool=spool
        )
        files = config.render(settings)
        if out is None:
            parts = [f"; ---- {name}\n{text}" for name, text in files.items()]
            return "\n".join([*parts, config.instructions(settings)])
        try:
            written = config.write(out, files, force)
        except OSError as error:
            raise Failure(str(error)) from error
        names = "\n".join(f"written: {path}" for path in written) or "nothing changed"
        return f"{names}\n\n{config.instructions(settings)}"

    @property
    def backups(self) -> LedgerBackups:
        from talktime.backups import LedgerBackups

        return LedgerBackups(self._settings)

    @property
    def exports(self) -> LedgerExports:
        from talktime.exports import LedgerExports

        return LedgerExports(self._settings)

    @property
    def seals(self) -> LedgerSealDesk:
        from talktime.sealing import LedgerSealDesk

        return LedgerSealDesk(self._settings)

    def make_pin_key(self) -> Path:
        path = Path(self._settings.secrets.pin_key_file)
        try:
            make_pin_key(path)
        except FileExistsError as error:
            raise Failure(f"{path} is there already; a new key would lock every card") from error
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}") from error
        return path

    def make_person_keys(self) -> Path:
        path = self._settings.person_key_file
        try:
            KeyRingFile(path).make(SystemClock().now())
        except FileExistsError as error:
            raise Failure(f"{path} is there already; new keys open no number") from error
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}") from error
        return path

    def abandon_persons(self, lost_keys: Collection[str], by: str, why: str) -> int:
        path = self._settings.person_key_file
        had_file = path.exists()
        with mendable(), running(self._settings, lost_keys=True) as system:
            keys = system.person_keys
            missing = keys.lost_keys() - set(lost_keys)
            if missing:
                if not had_file:
                    # Made by the start of the program; the right one may yet be copied there.
                    path.unlink()
                named = " ".join(f"--lost-key {each}" for each in sorted(missing))
                raise Failure(
                    f"master keys that the ledger needs are not in {path}. Copy the file from"
                    " another machine. If they are in no copy anywhere, nothing opens those"
                    f" numbers any more; then say so: {named}"
                )
            lost = keys.lost()
            for sealed in lost:
                system.persons_desk.erase_sealed(sealed, by, why)
            keys.go_on()
            return len(lost)

    def new_api_key(self, name: str, scopes: tuple[str, ...]) -> tuple[str, str]:
        from adapters.http.keys import digest_of

        key = secrets.token_urlsafe(32)
        with mendable():
            check({"http": {"keys": [{"name": name, "sha256": digest_of(key), "scopes": scopes}]}})
        listed = ", ".join(f'"{scope}"' for scope in scopes)
        lines = f'[[http.keys]]\nname = "{name}"\nsha256 = "{digest_of(key)}"\nscopes = [{listed}]'
        return key, lines

    @contextmanager
    def _reports(self) -> Iterator[LedgerReports]:
        from application.node_reports import DirectReports
        from talktime import node

        settings = self._settings
        if settings.asterisk.ledger:
            reports = node.http_reports(settings.asterisk)
            try:
                yield reports
            finally:
                reports.close()
        else:
            with running(settings) as system:
                yield DirectReports(system.settlement, system.views)


def _for_the_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def main() -> None:
    collect_rarely()
    create_cli(Talktime())()


if __name__ == "__main__":
    main()
