"""Many cards at once: a range, a pack, a batch or a lot changes its status or is sold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from attrs import define, field, frozen

from application import kinds
from application.approvals import BALANCE_ADJUSTMENT, LOT_VOID, Approvals, Deed
from application.breakage import why_forfeited
from application.bulk import Addition, BulkAppends, parts, stored_in_parts
from application.lot_views import LotViews
from application.lots import Lots, Progress
from application.ports import Unit, UnitsOfWork
from domain import accounts, adjustments, top_ups
from domain.cards import Card, CardFact, Status, check_words
from domain.distributors import Distribution, NumberRange
from domain.errors import NotFound, Refused, SettingNotAllowed
from domain.lots import LotStatusChanged
from domain.money import Money

CHUNK = 1_000
"""Cards that are decided and stored together."""

MOST_IN_A_RANGE = 1_000_000
MOST_REFUSALS = 10_000
"""Refusals that a report names; it counts all."""

FOR_DISTRIBUTORS = (Status.ACTIVE, Status.ON_HOLD)
"""What a distributor may make of a card: more is the operator's."""

Decision = Callable[[Card], list[CardFact]]


@frozen
class Selection:
    """Some cards: what they are called, how many they are at most, and which, in pages."""

    name: str
    count: int
    pages: Callable[[int], Iterator[Sequence[UUID]]]
    lot_id: UUID | None = None
    places: range = range(0)


@frozen
class RefusedCard:
    number: str
    why: Refused


@define
class Report:
    """What became of the cards. ``missing`` places have no card, or none of this distributor."""

    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    refused: int = 0
    refusals: list[RefusedCard] = field(factory=list)

    @property
    def done(self) -> int:
        return self.changed + self.unchanged + self.missing + self.refused

    def add(self, other: Report) -> None:
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.missing += other.missing
        self.refused += other.refused
        self.refusals += other.refusals[: MOST_REFUSALS - len(self.refusals)]


@frozen
class CardChanges:
    units: UnitsOfWork
    bulk: BulkAppends
    lots: Lots
    views: LotViews
    approvals: Approvals
    chunk: int = CHUNK

    # Which cards

    def card(self, number: str) -> Selection:
        return self.range(NumberRange(number, number))

    def range(self, cards: NumberRange) -> Selection:
        """All cards with these numbers, wherever they come from."""
        if cards.count > MOST_IN_A_RANGE:
            accepted = f"at most {MOST_IN_A_RANGE} numbers"
            raise SettingNotAllowed("range", str(cards.count), accepted)

        def pages(size: int) -> Iterator[Sequence[UUID]]:
            page: list[str] = []
            for number in cards.numbers():
                page.append(number)
                if len(page) == size:
                    yield list(self.bulk.holders(kinds.CARD_NUMBER, page).values())
                    page = []
            if page:
                yield list(self.bulk.holders(kinds.CARD_NUMBER, page).values())

        return Selection(f"cards {cards.first} to {cards.last}", cards.count, pages)

    def lot(self, name: str, pack: int | None = None) -> Selection:
        """The cards that were made for a lot, or for one pack of it. Kept numbers are not."""
        lot_id = self.lots.lot_id(name)
        lot = self.lots.lot(lot_id)
        places = range(lot.ordered.count)
        called = f"lot {name}"
        if pack is not None:
            places = lot.ordered.numbering.places_of_pack(pack, lot.ordered.count)
            called += f", pack {pack}"

        def pages(size: int) -> Iterator[Sequence[UUID]]:
            for page in parts(places, size):
                yield [kinds.card_id_of_lot(lot_id, place) for place in page]

        return Selection(called, len(places), pages, lot_id, places)

    def batch(self, run: str, batch: str) -> Selection:
        """The cards of all lots of a run and a batch. Raises NotFound."""
        found = [self.lot(row.name) for row in self.views.lots_of_batch(run, batch)]
        if not found:
            raise NotFound("batch", f"{run}-{batch}")

        def pages(size: int) -> Iterator[Sequence[UUID]]:
            for each in found:
                yield from each.pages(size)

        return Selection(f"run {run}, batch {batch}", sum(each.count for each in found), pages)

    # What becomes of them

    def change_status(
        self,
        cards: Selection,
        status: Status,
        by: str,
        why: str,
        *,
        approval_id: UUID | None = None,
        distributor: str | None = None,
        progress: Progress = lambda done: None,
    ) -> Report:
        """Each card by itself: what is allowed is done, what is not is reported.

        Doing it again does the rest after an interruption. Raises ApprovalNeeded where voiding
        more than a card wants a second person.
        """
        check_words(by, why)
        check_becomes(status, distributor)
        self.approve(cards, status, by, why, approval_id)
        report = self._change(
            cards, lambda card: card.change_status(status, by, why), by, distributor, progress
        )
        if cards.lot_id is not None and report.changed:
            lot_id, places = cards.lot_id, cards.places
            summary = LotStatusChanged(
                status, places.start, places.stop - 1, report.changed, report.refused, by, why
            )

            def decide(unit: Unit) -> None:
                unit.record(kinds.LOTS, lot_id, [summary])

            self.units.run(decide, writes=(lot_id,))
        return report

    def approve(
        self,
        cards: Selection,
        status: Status,
        by: str,
        why: str,
        approval_id: UUID | None = None,
        request_id: UUID | None = None,
    ) -> UUID | None:
        """The approval that ``change_status`` wants for this, used up; None if it wants none.

        Raises ApprovalNeeded, and ApprovalNotUsable for one of something else.
        """
        check_words(by, why)
        if status is not Status.VOID or cards.count <= 1:
            return None
        deed = Deed(LOT_VOID, cards.name, f"{cards.count} cards", by, why)
        approval = self.approvals.before(deed, approval_id, request_id)
        if not approval:
            return None
        self.units.run(
            lambda unit: self.approvals.carry_out(unit, deed, approval[0]), writes=approval
        )
        return approval[0]

    def sell(
        self,
        cards: Selection,
        by: str,
        why: str,
        *,
        back: bool = False,
        distributor: str | None = None,
        progress: Progress = lambda done: None,
    ) -> Report:
        """The cards are sold, or (``back``) come back unused."""
        check_words(by, why)

        def decision(card: Card) -> list[CardFact]:
            return card.take_back(by, why) if back else card.sell(by, why)

        return self._change(cards, decision, by, distributor, progress)

    def adjust_balance(
        self,
        card_id: UUID,
        adjustment_id: UUID,
        amount: Money,
        by: str,
        why: str,
        approval_id: UUID | None = None,
        request_id: UUID | None = None,
    ) -> Money:
        """Puts a card's balance right, once for each adjustment id; gives what it can spend now.

        Raises InsufficientFunds rather than go below zero, ApprovalNeeded where a second person
        has to agree, SettingNotAllowed for money put on a void or expired card: nobody could spend
        it, and it would fall to the operator again (ADR 0024).
        """
        check_words(by, why)
        card = self.bulk.load(kinds.CARDS, (card_id,))[card_id].state
        if card is None:
            raise NotFound("card", str(card_id))
        account_id, group_id = card.account_id, card.group_id
        deed = Deed(BALANCE_ADJUSTMENT, f"card {card.number}", str(amount), by, why)
        approval = self.approvals.before(deed, approval_id, request_id)
        # An approval is for one adjustment, under whatever id it is carried out.
        adjustment_id = adjustments.adjustment_of(approval[0]) if approval else adjustment_id

        def decide(unit: Unit) -> Money:
            account = unit.get(kinds.ACCOUNTS, account_id)
            if account is None:
                raise SettingNotAllowed("card", card.status, "a card that is or was active")
            before = unit.get(kinds.ADJUSTMENTS, adjustment_id)
            made = adjustments.make(before, account_id, amount, by, why)
            unit.record(kinds.ADJUSTMENTS, adjustment_id, made)
            now, group = unit.get(kinds.CARDS, card_id), unit.get(kinds.CARD_GROUPS, group_id)
            assert now is not None, "looked at before"
            assert group is not None, "a card is made in a group"
            if made:
                reason = why_forfeited(now, group.terms, self.lots.clock.now())
                if amount.micros > 0 and reason is not None:
                    raise SettingNotAllowed("card", reason, "one whose money can be spent")
                self.approvals.carry_out(unit, deed, approval[0] if approval else None)
                unit.record(kinds.ACCOUNTS, account_id, account.adjust(adjustment_id, amount))
            after = unit.get(kinds.ACCOUNTS, account_id)
            assert after is not None, "it was there before"
            unit.record(kinds.CARDS, card_id, now.balance_changed(after.balance))
            return after.available

        writes = (account_id, adjustment_id, card_id, *approval)
        return self.units.run(decide, writes=writes, reads=(group_id,))

    # How

    def _change(
        self,
        cards: Selection,
        decision: Decision,
        by: str,
        distributor: str | None,
        progress: Progress,
    ) -> Report:
        mine = self._distribution(distributor)
        report = Report()

        def decide(card_ids: Sequence[UUID]) -> tuple[Sequence[Addition], Report]:
            found, told = [], Report()
            for card_id, loaded in self.bulk.load(kinds.CARDS, card_ids).items():
                card = loaded.state
                if card is None or (mine and mine.holder(card.number) != distributor):
                    told.missing += 1
                    continue
                try:
                    facts = decision(card)
                except Refused as refusal:
                    told.refused += 1
                    told.refusals.append(RefusedCard(card.number, refusal))
                    continue
                if not facts:
                    told.unchanged += 1
                    continue
                told.changed += 1
                found.append(Addition(kinds.CARDS, card_id, loaded.version, facts))
                found += first_activation(card_id, card, facts, by)
            return found, told

        for page in cards.pages(self.chunk):
            if page:
                for part in stored_in_parts(self.bulk, page, decide):
                    report.add(part)
                    progress(report.done)
        return report

    def _distribution(self, distributor: str | None) -> Distribution | None:
        """Whose cards are whose; None where everything is the operator's. Raises NotFound."""
        if distributor is None:
            return None
        loaded = self.bulk.load(kinds.DISTRIBUTION, (kinds.DISTRIBUTION_ID,))
        state = loaded[kinds.DISTRIBUTION_ID].state or Distribution()
        state.ranges_of(distributor)
        return state


def check_becomes(status: Status, distributor: str | None) -> None:
    """Raises SettingNotAllowed for what a distributor may not make of a card, one or many."""
    if distributor is not None and status not in FOR_DISTRIBUTORS:
        accepted = " or ".join(FOR_DISTRIBUTORS)
        raise SettingNotAllowed("status", status, f"{accepted} for a distributor")


def first_activation(
    card_id: UUID, card: Card, facts: Sequence[CardFact], by: str
) -> Sequence[Addition]:
    """The account of a card that becomes active for the first time, with its face value on it.

    The same facts, under the same ids, as when a single card is activated.
    """
    if not card.activated_by(facts):
        return ()
    account_id, top_up_id = card.account_id, kinds.face_value_id_of_card(card_id)
    opened = accounts.open_account(None, card.face_value.unit, "card", card_id)
    if not card.face_value:
        return (Addition(kinds.ACCOUNTS, account_id, 0, opened),)
    account = accounts.evolve(None, opened[0])
    funds = account.add_funds(top_up_id, card.face_value)
    received = top_ups.receive(None, account_id, card.face_value, "face value", by)
    return (
        Addition(kinds.ACCOUNTS, account_id, 0, [*opened, *funds]),
        Addition(kinds.TOP_UPS, top_up_id, 0, received),
    )
