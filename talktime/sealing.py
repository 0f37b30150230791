"""Connects what seals the log and proves it: the key, the store, and where checkpoints go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from adapters.cli.program import Failure, ProofTold
from adapters.persistence.codec import FactMapper
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.seals import StoredSeals
from adapters.persistence.views import LedgerViews
from adapters.sealing import proofs
from adapters.sealing.checkpoint_file import CheckpointFile, published
from adapters.sealing.keys import KeyUnusable, PublicKeys, SealKey, unchecked
from application.call_proofs import CallProofs, NotSealedYet
from application.kinds import session_id
from application.persons import AsStored
from application.ports import Clock
from application.seal_verification import verify
from application.sealing import LedgerIsBehind, Sealing
from domain.checkpoints import Checkpoint
from domain.seal_checks import Break, Checked
from domain.seal_proofs import check_proof
from talktime.mending import mendable
from talktime.settings import Seals, Settings, SettingsError
from talktime.system import SystemClock, open_ledger


def sealing(
    settings: Seals,
    store: StoredSeals,
    clock: Clock,
    tell: Callable[[str], object] = lambda note: None,
) -> Sealing:
    """The sealing job. Raises SettingsError for a key that cannot be used."""
    try:
        key = SealKey.read(Path(settings.key_file))
    except KeyUnusable as error:
        raise SettingsError(f"seals.key_file: {error}") from error
    return Sealing(
        store,
        key,
        clock,
        [CheckpointFile(Path(settings.checkpoint_file))],
        tell,
        timedelta(seconds=settings.seconds),
        settings.most_facts,
    )


@frozen
class Trusted:
    """The port ``SignedNotes``: public keys, and a file of checkpoints if one is given."""

    keys: PublicKeys
    checkpoints: Path | None = None

    def genuine(self, note: str) -> Checkpoint:
        return self.keys.checkpoint(note)

    def unchecked(self, note: str) -> Checkpoint:
        return unchecked(note)

    def published(self, *, thorough: bool) -> Iterable[Checkpoint]:
        if self.checkpoints is None:
            return ()
        return published(self.checkpoints, self.keys, thorough=thorough)


@frozen
class LedgerSealDesk:
    """The port ``SealDesk`` of the command line."""

    _settings: Settings

    def new_key(self, name: str) -> tuple[Path, Path, str]:
        path = Path(self._key_file())
        key = SealKey.new(name)
        try:
            public = key.write(path)
        except FileExistsError as error:
            raise Failure(
                f"{path} is there already; name another file in seals.key_file for a new key, and"
                " keep the old public key: what was signed with it is checked with it"
            ) from error
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}") from error
        return path, public, str(key.public_key)

    def run(self) -> int:
        self._key_file()
        with self._ledger() as recorder:
            try:
                return sealing(self._settings.seals, StoredSeals(recorder), SystemClock()).run()
            except LedgerIsBehind as error:
                raise Failure(str(error)) from error

    def verify(
        self, public_keys: Path, checkpoints: Path | None, progress: Callable[[int], object]
    ) -> Break | Checked:
        trusted = Trusted(PublicKeys.read(public_keys), checkpoints)
        with self._ledger() as recorder:
            return verify(StoredSeals(recorder), trusted, progress)

    def prove(self, call: str) -> str:
        with self._ledger() as recorder:
            views = LedgerViews(recorder, FactMapper(FACTS, UPCASTS), AsStored())
            try:
                proof = CallProofs(StoredSeals(recorder), views).prove(session_id(call))
            except NotSealedYet as error:
                raise Failure(str(error)) from error
            return proofs.written(call, proof)

    def check(self, proof: Path, public_keys: Path, checkpoints: Path | None) -> ProofTold:
        with mendable():
            size = os.stat(proof).st_size
            if size > proofs.MOST_BYTES:
                raise Failure(f"{proof} is larger than any proof: {size} bytes")
            call, found = proofs.read(proof.read_bytes())
        trusted = Trusted(PublicKeys.read(public_keys), checkpoints)
        checkpoint = trusted.genuine(found.note)
        check_proof(found, checkpoint)
        with mendable():
            is_public = any(each == checkpoint for each in trusted.published(thorough=False))
        if checkpoints and not is_public:
            raise Failure(
                f"{proof} leads to a checkpoint of {checkpoint.size} blocks that is not in"
                f" {checkpoints}"
            )
        blocks = {each.block.number: each.block for each in found.blocks}
        facts = [
            (each.fact, blocks[each.block].sealed_at, proofs.content_of(each.fact))
            for each in found.facts
        ]
        return ProofTold(call, checkpoint, facts)

    def _key_file(self) -> str:
        if not self._settings.seals.key_file:
            raise Failure(
                "setting seals.key_file is empty: name in it the file with the key that seals are"
                " signed with, outside the database, such as /etc/talktime/seal.key"
            )
        return self._settings.seals.key_file

    @contextmanager
    def _ledger(self) -> Iterator[EventRecorder]:
        with mendable(), open_ledger(self._settings.ledger.url) as recorder:
            yield recorder
