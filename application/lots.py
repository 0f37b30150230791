"""Lots of cards: ordered, made in chunks that survive being killed, and exported once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from attrs import frozen

from application import kinds, printing
from application.administration import Chance
from application.approvals import LOT_EXPORT, Approvals, Deed
from application.bulk import Addition, BulkAppends, Loaded, Overtaken, parts
from application.ids import random_time_ordered
from application.looking import look_at, look_up
from application.pins import PinDigests, many_random_digits
from application.ports import Claim, ClaimTaken, Clock, ConcurrencyConflict, Unit, UnitsOfWork
from domain import cards, lots
from domain.card_groups import GroupTerms
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed
from domain.lots import Lot, LotChunkStored, LotOrdered, Numbering
from domain.pin_spaces import PinSpace

CHUNK = 2_000
"""Cards that are stored together: calls wait no longer than that takes for their turn."""

DRAWN_AT_ONCE = 50
"""Chunks that PINs are drawn for together. Each gets a share of neighbours by their digests, so
that it writes to few pages of the index of PINs; which card of a lot has which share tells nothing
about a PIN to those who lack the key of the digests."""

_TRIES = 12

Progress = Callable[[int], object]
"""Told how many cards are done."""


@frozen
class Export:
    """The file for the printer (``printing.archive``) in pieces, and whose cards are in it."""

    lot_id: UUID
    cards: int
    parts: Iterator[bytes]


@frozen
class Lots:
    units: UnitsOfWork
    bulk: BulkAppends
    pins: PinDigests
    sealer: printing.Sealer
    kept: printing.LotPins
    clock: Clock
    chance: Chance
    approvals: Approvals
    chunk: int = CHUNK

    def order(
        self,
        name: str,
        group: str,
        numbering: Numbering,
        count: int,
        recipient: str,
        by: str,
        why: str,
        request_id: UUID | None = None,
    ) -> UUID:
        """Orders a lot and sets its PINs aside; the same order again gives the same lot.

        Raises PinsUsedUp with how many are left, AlreadyExists for another lot of this name and
        for a ``request_id`` that ordered another lot before, SettingNotAllowed for numbers of
        another length than the group's.
        """
        try:
            recipient = self.sealer.check(recipient)
        except ValueError as error:
            raise SettingNotAllowed("recipient", recipient[:80], str(error)) from error
        group_id = kinds.card_group_id(group)
        found = self.units.find(kinds.LOT_NAME, name)
        if request_id is not None:
            asked = self.units.find(kinds.REQUEST, str(request_id))
            if asked not in (None, found):
                raise AlreadyExists(kinds.REQUEST, str(request_id))
        lot_id = found or random_time_ordered(self.clock.now(), self.chance.some_bytes(10))
        known = self.lot(found) if found else None
        # A lot that exists keeps the terms it was ordered under, whatever the group says now.
        pin_length = known.ordered.pin_length if known else self._terms(group).pin_length
        space_id = kinds.pin_space_id(pin_length)

        def decide(unit: Unit) -> None:
            before = unit.get(kinds.LOTS, lot_id)
            state = unit.get(kinds.CARD_GROUPS, group_id)
            if state is None:
                raise NotFound("card group", group)
            if before is not None:
                length, face_value = before.ordered.numbering.length, before.ordered.face_value
            else:
                length, face_value = state.terms.number_length, state.terms.face_value
            if numbering.length != length:
                accepted = f"{length} digits, as the card group says"
                raise SettingNotAllowed("numbers", f"{numbering.length} digits", accepted)
            ordered = LotOrdered(
                name, group_id, numbering, count, pin_length, face_value, recipient, by, why
            )
            facts = lots.order(before, ordered)
            claims = [Claim(kinds.LOT_NAME, name)] if facts else []
            if facts and request_id is not None:
                claims.append(Claim(kinds.REQUEST, str(request_id)))
            unit.record(kinds.LOTS, lot_id, facts, claims)
            if facts:
                space = unit.get(kinds.PIN_SPACES, space_id) or PinSpace(pin_length)
                unit.record(kinds.PIN_SPACES, space_id, space.reserve(count, f"lot {name}"))

        try:
            self.units.run(decide, writes=(lot_id, space_id), reads=(group_id,))
        except ClaimTaken as taken:
            if found is None and self.units.find(kinds.LOT_NAME, name) is not None:
                # The same order came twice at the same time, or it is another lot: look at it.
                return self.order(
                    name, group, numbering, count, recipient, by, why, request_id=request_id
                )
            raise AlreadyExists(taken.kind, taken.key) from taken
        return lot_id

    def generate(self, lot_id: UUID, progress: Progress = lambda done: None) -> Lot:
        """Makes the cards that the lot still lacks, chunk by chunk, and gives the finished lot.

        Whoever is killed in between leaves whole chunks; the next one goes on behind them.
        """
        group = self._group_name(self.lot(lot_id).ordered.group_id)
        tries = 0
        known: Loaded[Lot] | None = None
        drawn: list[tuple[str, str]] = []
        while True:
            loaded = known or self.bulk.load(kinds.LOTS, (lot_id,))[lot_id]
            lot = loaded.state
            if lot is None:
                raise NotFound("lot", str(lot_id))
            progress(lot.stored)
            planned = lots.next_chunk(lot, self.chunk)
            if planned is None:
                return self._complete(lot_id)
            if len(drawn) < planned.count:
                drawn = self._draw(
                    min(lot.left, DRAWN_AT_ONCE * self.chunk), lot.ordered.pin_length
                )
            share = drawn[-planned.count :]
            del drawn[-planned.count :]
            try:
                # Nobody else was there before, or this would have been refused.
                known = self._make(lot_id, loaded, planned, group, share)
                tries = 0
            except Overtaken as overtaken:
                # A card was made elsewhere with one of the numbers or PINs, or somebody else
                # makes this lot too. What is stored tells.
                known = None
                drawn.clear()
                tries += 1
                if tries == _TRIES:
                    raise ConcurrencyConflict(str(overtaken)) from overtaken

    def lot_id(self, name: str) -> UUID:
        lot_id = self.units.find(kinds.LOT_NAME, name)
        if lot_id is None:
            raise NotFound("lot", name)
        return lot_id

    def lot(self, lot_id: UUID) -> Lot:
        return look_up(self.units, kinds.LOTS, lot_id, str(lot_id))

    def kept_numbers(self, lot_id: UUID) -> Iterator[str]:
        """The numbers of the lot that were in use before it: their cards stayed as they are."""
        numbering = self.lot(lot_id).ordered.numbering
        for _, fact in self.bulk.histories((lot_id,))[lot_id]:
            if isinstance(fact, LotChunkStored):
                yield from (numbering.number(place) for place in fact.kept)

    def pins_left(self, length: int) -> int:
        """How many more PINs of a length may be given out."""
        space = look_at(self.units, kinds.PIN_SPACES, kinds.pin_space_id(length))
        return (space or PinSpace(length)).left

    def start_export(
        self,
        lot_id: UUID,
        by: str,
        why: str,
        approval_id: UUID | None = None,
        request_id: UUID | None = None,
    ) -> Export:
        """Records who takes the sealed PINs out, and gives them. Write them, then ``finish``.

        Raises AlreadyDone for a second export. Whoever was interrupted may do it again and gets
        the same bytes.
        """
        lot = self.lot(lot_id)
        deed = Deed(LOT_EXPORT, lot.ordered.name, f"{lot.made} cards", by, why)
        if lot.export_started is None:
            lot.start_export(by, why)  # what is refused anyway is not asked of a second person
        approval: tuple[UUID, ...] = ()
        if lot.export_started is None:
            approval = self.approvals.before(deed, approval_id, request_id)

        def decide(unit: Unit) -> Lot:
            state = unit.get(kinds.LOTS, lot_id)
            assert state is not None, "looked at before"
            facts = state.start_export(by, why)
            unit.record(kinds.LOTS, lot_id, facts)
            if facts:
                self.approvals.carry_out(unit, deed, approval[0] if approval else None)
            return state

        state = self.units.run(decide, writes=(lot_id, *approval))
        return Export(lot_id, state.made, self._file(state))

    def sealed_parts(self, lot_id: UUID) -> Iterator[bytes]:
        """The parts of the file that is being exported, once more. Raises SettingNotAllowed."""
        lot = self.lot(lot_id)
        if lot.export_started is None or lot.exported is not None:
            raise SettingNotAllowed("export", "none under way", "one that was started")
        return self._file(lot)

    def finish_export(self, lot_id: UUID, by: str, sha256: str) -> None:
        """The file is written and safe: from now on the PINs are nowhere but in it."""

        def decide(unit: Unit) -> None:
            state = unit.get(kinds.LOTS, lot_id)
            assert state is not None, "it was started"
            unit.record(kinds.LOTS, lot_id, state.finish_export(by, sha256))

        self.units.run(decide, writes=(lot_id,))
        self.kept.forget(lot_id)

    def _file(self, lot: Lot) -> Iterator[bytes]:
        return printing.archive(self.kept.sealed(lot.seals))

    def _make(
        self,
        lot_id: UUID,
        loaded: Loaded[Lot],
        planned: lots.PlannedChunk,
        group: str,
        drawn: list[tuple[str, str]],
    ) -> Loaded[Lot]:
        """Stores the next cards, and gives the lot as it is then."""
        lot = loaded.state
        assert lot is not None, "it was loaded"
        ordered = lot.ordered
        numbering = ordered.numbering
        places = range(planned.first, planned.first + planned.count)
        numbers = dict(zip(numbering.numbers(places), places, strict=True))
        kept = {numbers[number] for number in self.bulk.holders(kinds.CARD_NUMBER, numbers.keys())}
        additions: list[Addition] = []
        sheet: list[printing.PrintedCard] = []
        face_value = str(ordered.face_value)
        for number, place in numbers.items():
            if place in kept:
                continue
            digest, pin = drawn.pop()
            additions.append(_new_card(lot_id, place, number, digest, ordered))
            pack = str(numbering.pack_of(place)) if numbering.pack_size else ""
            printed = printing.PrintedCard(
                number, pin, ordered.name, group, face_value, pack, str(place + 1)
            )
            sheet.append(printed)
        # The sealed PINs are stored first: a card whose PIN nobody knows must never exist. A seal
        # that no fact names, because its cards were not stored, is deleted with the export.
        seal_id = random_time_ordered(self.clock.now(), self.chance.some_bytes(10))
        self.kept.keep(
            seal_id, lot_id, self.sealer.seal(ordered.recipient, printing.written(sheet))
        )
        facts = lot.store_chunk(planned.count, seal_id, tuple(sorted(kept)))
        additions.append(Addition(kinds.LOTS, lot_id, loaded.version, facts))
        self.bulk.append(additions)
        after: Lot | None = lot
        for fact in facts:
            after = kinds.LOTS.evolve(after, fact)
        return Loaded(after, loaded.version + len(facts))

    def _draw(self, count: int, length: int) -> list[tuple[str, str]]:
        """PINs that nobody has, behind their digests. Those of a chunk lie together, in an order
        that their places in the index do not tell."""
        drawn: dict[str, str] = {}
        while len(drawn) < count:
            fresh: dict[str, str] = {}
            for pin in many_random_digits(count - len(drawn), length, self.chance.some_bytes):
                digest = self.pins.digest(pin)
                if digest not in drawn:
                    fresh[digest] = pin
            for taken in self.bulk.holders(kinds.PIN, fresh.keys()):
                del fresh[taken]
            drawn |= fresh
        shares = parts(sorted(drawn.items(), reverse=True), self.chunk)
        return [each for share in shares for each in sorted(share, key=lambda pin: pin[0][::-1])]

    def _complete(self, lot_id: UUID) -> Lot:
        lot = self.lot(lot_id)
        space_id = kinds.pin_space_id(lot.ordered.pin_length)

        def decide(unit: Unit) -> Lot:
            state = unit.get(kinds.LOTS, lot_id)
            assert state is not None, "looked at before"
            facts = state.complete()
            unit.record(kinds.LOTS, lot_id, facts)
            if facts:
                space = unit.get(kinds.PIN_SPACES, space_id)
                assert space is not None, "the order reserved PINs"
                back = space.give_back(state.kept, f"lot {state.ordered.name}")
                unit.record(kinds.PIN_SPACES, space_id, back)
            after = unit.get(kinds.LOTS, lot_id)
            assert after is not None, "looked at before"
            return after

        return self.units.run(decide, writes=(lot_id, space_id))

    def _terms(self, group: str) -> GroupTerms:
        return look_up(self.units, kinds.CARD_GROUPS, kinds.card_group_id(group), group).terms

    def _group_name(self, group_id: UUID) -> str:
        state = look_at(self.units, kinds.CARD_GROUPS, group_id)
        assert state is not None, "a lot is ordered in a group"
        return state.name


def _new_card(lot_id: UUID, place: int, number: str, digest: str, ordered: LotOrdered) -> Addition:
    card_id = kinds.card_id_of_lot(lot_id, place)
    account_id = kinds.account_id_of_card(card_id)
    facts = cards.generate(None, number, digest, ordered.group_id, account_id, ordered.face_value)
    claims = (Claim(kinds.CARD_NUMBER, number), Claim(kinds.PIN, digest))
    return Addition(kinds.CARDS, card_id, 0, facts, claims)
