"""Backup and restore, and what a restored ledger is compared with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from adapters.cli.program import BackupTold, Failure, RestoreTold
from adapters.persistence.backups import BackupFailed, back_up, restore
from adapters.persistence.seals import StoredSeals
from adapters.sealing.keys import PublicKeys
from application.seal_verification import verify
from domain.seal_checks import Break, Breakage, Checked
from talktime.mending import mendable
from talktime.sealing import Trusted
from talktime.settings import Settings
from talktime.system import open_ledger


@frozen
class LedgerBackups:
    """The port ``Backups`` of the command line."""

    _settings: Settings

    def back_up(self, path: Path) -> BackupTold:
        with mendable():
            try:
                size = back_up(self._settings.ledger.url, path)
            except BackupFailed as error:
                raise Failure(str(error)) from error
        return BackupTold(path, size, self._apart())

    def restore(
        self,
        path: Path,
        public_keys: Path | None,
        checkpoints: Path | None,
        progress: Callable[[int], object],
    ) -> RestoreTold:
        keys, published = self._trusted(public_keys, checkpoints)
        with mendable():
            try:
                restore(path, self._settings.ledger.url)
            except BackupFailed as error:
                raise Failure(str(error)) from error
            # Brought to its newest shape; on PostgreSQL this also raises the epoch of positions,
            # so that whatever is recorded from now on comes after all that was restored.
            with open_ledger(self._settings.ledger.url) as recorder:
                store = StoredSeals(recorder)
                if keys is None or store.last() is None:
                    return RestoreTold(None, None, self._apart())
                found = verify(store, Trusted(keys, published), progress)
        if isinstance(found, Break) and not _only_older(found):
            raise Failure(
                f"the ledger is restored, and not as it was sealed ({found.kind}): {found.told}"
            )
        if isinstance(found, Checked):
            return RestoreTold(found, None, self._apart())
        return RestoreTold(None, found.told, self._apart())

    def _trusted(
        self, public_keys: Path | None, checkpoints: Path | None
    ) -> tuple[PublicKeys | None, Path | None]:
        """What is given, else what the settings name and is there."""
        seals = self._settings.seals
        if public_keys is None and seals.key_file:
            beside = Path(f"{seals.key_file}.pub")
            public_keys = beside if beside.exists() else None
        if checkpoints is None and Path(seals.checkpoint_file).exists():
            checkpoints = Path(seals.checkpoint_file)
        if public_keys is None:
            return None, None
        return PublicKeys.read(public_keys), checkpoints

    def _apart(self) -> dict[str, str]:
        """The secrets that no backup has: what for, and where they are."""
        settings = self._settings
        files = {"PIN key": settings.secrets.pin_key_file, "seal key": settings.seals.key_file}
        files["master keys of persons"] = str(settings.person_key_file)
        return {name: file for name, file in files.items() if file}


def _only_older(found: Break) -> bool:
    """Whether all that is there is as it was sealed, and only what came later is missing."""
    return found.kind is Breakage.CUT and found.position is None
