"""The proof that a call, and the money it moved, are in the log that was signed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from attrs import frozen

from application.sealing import SealStore
from application.views import MOST_ROWS, RecordedEvent, Views
from domain.accounts import ChargeCorrected, HoldCaptured, HoldPlaced, HoldReleased
from domain.call_sessions import AttemptStarted
from domain.errors import NotFound
from domain.merkle import inclusion_path
from domain.seal_proofs import MOST_FACTS, Proof, ProvedBlock, ProvedFact
from domain.seals import LoggedFact, entries_in, leaves_of

_OF_HOLDS = (HoldPlaced, HoldCaptured, HoldReleased, ChargeCorrected)


class NotSealedYet(Exception):
    """Some facts of the call are not in a block yet."""


@frozen
class CallProofs:
    store: SealStore
    views: Views

    def prove(self, session_id: UUID) -> Proof:
        """All facts of a call session, and those of its holds and their charges in the accounts.

        The proof leads to the newest checkpoint. Raises NotFound, NotSealedYet, and ValueError for
        a log that is not as it was sealed.
        """
        facts = self._facts(session_id)
        newest = self.store.last()
        if newest is None:
            raise NotSealedYet("the log has no seals yet; is `seals.key_file` set?")
        proved = [self._in_block(fact) for fact in facts]
        wanted = {each.block for each in proved}
        hashes, blocks = [], []
        for sealed in self.store.blocks(headers=True):
            if sealed.block.number > newest.block.number:
                break
            hashes.append(sealed.block.hash)
            if sealed.block.number in wanted:
                blocks.append(sealed.block)
        found = [ProvedBlock(each, tuple(inclusion_path(each.number, hashes))) for each in blocks]
        return Proof(newest.note, tuple(found), tuple(proved))

    def _facts(self, session_id: UUID) -> list[LoggedFact]:
        """In the order of the log."""
        history = list(self._history(session_id))
        if not history:
            raise NotFound("call", str(session_id))
        started = [each.fact for each in history if isinstance(each.fact, AttemptStarted)]
        holds = {each.hold_id for each in started}
        facts = self.store.facts_of(session_id)
        for account_id in {each.account_id for each in started}:
            versions = [
                each.version
                for each in self._history(account_id)
                if isinstance(each.fact, _OF_HOLDS) and each.fact.hold_id in holds
            ]
            facts += self.store.facts_of(account_id, versions)
        if len(facts) > MOST_FACTS:
            raise ValueError(f"a proof is of {MOST_FACTS} facts at most, and the call has more")
        return sorted(facts)

    def _in_block(self, fact: LoggedFact) -> ProvedFact:
        sealed = self.store.block_of(fact.position)
        if sealed is None:
            raise NotSealedYet("the newest facts of the call are not sealed yet; try again soon")
        positions = [entry.position for entry in entries_in(sealed.index)]
        if fact.position not in positions:
            raise ValueError(
                f"the fact at position {fact.position} was not there when block"
                f" {sealed.block.number} was sealed; `talktime seal verify` says more"
            )
        place = positions.index(fact.position)
        path = inclusion_path(place, leaves_of(sealed.index))
        return ProvedFact(fact, sealed.block.number, place, tuple(path))

    def _history(self, stream_id: UUID) -> Iterator[RecordedEvent]:
        version = 0
        while page := self.views.history(stream_id, version, MOST_ROWS):
            yield from page
            version = page[-1].version
