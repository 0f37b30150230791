"""Whether a stored log is as it was sealed, found out with nothing but the log and public keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from application.sealing import SealStore
from domain.checkpoints import Checkpoint, NotACheckpoint, UnknownKey
from domain.seal_checks import Break, Breakage, Checked, ReadNote, SealCheck, moved_from
from domain.seals import LoggedFact

PAGE = 5_000

_SIGNATURES_MAY_TELL = (Breakage.RESEALED, Breakage.SEAL_DAMAGED, Breakage.FORGED)


class SignedNotes(Protocol):
    """What is trusted: public keys, and a file of published checkpoints if there is one."""

    def genuine(self, note: str) -> Checkpoint:
        """Raises UnknownKey if none of the keys signed, NotACheckpoint if a signature is wrong."""
        ...

    def unchecked(self, note: str) -> Checkpoint:
        """Raises NotACheckpoint for what is none."""
        ...

    def published(self, *, thorough: bool) -> Iterable[Checkpoint]:
        """Smallest first; ``thorough``: every signature is checked, not only the last.

        Raises ValueError for a file that holds something else, or tells two histories.
        """
        ...


def verify(
    store: SealStore,
    notes: SignedNotes,
    progress: Callable[[int], object] = lambda facts: None,
) -> Break | Checked:
    """The first break, or what was checked. ``progress`` is told how many facts were looked at.

    Most signatures need not be checked: the newest one is over all blocks, so if it is right and
    the log agrees with it, everything before is right too. Only when something is wrong is each
    signature checked, to tell in which block it begins.
    Raises UnknownKey for a newest block that is signed under a key nobody gave, and as
    ``SignedNotes.published`` does.
    """
    newest = store.last()
    if newest is not None:
        try:
            notes.genuine(newest.note)
        except NotACheckpoint as error:
            found = _thorough(store, notes, progress)
            if found is None and isinstance(error, UnknownKey):
                raise
            told = f"the note of the newest block is not genuine: {error}"
            return found or Break(Breakage.FORGED, newest.block.number, told)
    checked = _check(store, notes.published(thorough=False), notes.unchecked, progress)
    if isinstance(checked, Break) and checked.kind in _SIGNATURES_MAY_TELL:
        return _thorough(store, notes, progress) or checked
    return moved_from(checked, store.blocks()) if isinstance(checked, Break) else checked


def facts_in_order(store: SealStore) -> Iterator[list[LoggedFact]]:
    """The whole log, in pages."""
    position = -1
    while page := store.facts_after(position, PAGE):
        yield list(page)
        position = page[-1].position


def _thorough(
    store: SealStore, notes: SignedNotes, progress: Callable[[int], object]
) -> Break | None:
    def stored(note: str) -> Checkpoint:
        try:
            return notes.genuine(note)
        except UnknownKey:
            # Keys change: a note of an older one is compared, and the newest stands for it.
            return notes.unchecked(note)

    found = _check(store, notes.published(thorough=True), stored, progress)
    return moved_from(found, store.blocks()) if isinstance(found, Break) else None


def _check(
    store: SealStore,
    published: Iterable[Checkpoint],
    stored: ReadNote,
    progress: Callable[[int], object],
) -> Break | Checked:
    check, seen = SealCheck.of(store.blocks(), published, stored), 0
    for page in facts_in_order(store):
        if found := check.see(page):
            return found
        seen += len(page)
        progress(seen)
    return check.end()
