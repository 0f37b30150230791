"""A bug-hunting story: a day in the life of a ledger in which every rule of money is put to use.

It is told against two systems on one ledger, with commits that fail in between. What must come of
each command is worked out here, from what callers did and what their cards cost, in arithmetic of
its own; at the end the oracle judges the whole. The story knows nothing of any particular bug.
"""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from attrs import define

from adapters.sealing.keys import SealKey
from application.dialling import Grant
from domain.accounts import DailyFeeCharged
from domain.cards import Status
from domain.errors import Refused
from talktime.sealing import sealing
from talktime.settings import Seals
from tests.faults import acknowledged
from tests.faults.acknowledged import Acknowledged, hold_of
from tests.faults.parallel import (
    WARSAW,
    PaidCard,
    crowd_of,
    systems_on,
    usd,
)
from tests.faults.planted_means import (
    ALICE,
    BOB,
    DAILY,
    FACE,
    PRICE,
    SETUP,
    STEP,
    FailingCommits,
    Finding,
    Means,
    expect,
    must_refuse,
    price,
)
from tests.support.stores import FixedClock

MOST_AT_ONCE = 5
_CROWD = 16


@define
class Story(Means):
    """One telling."""

    def names_are_unique(self) -> None:
        one, other = (each.administration for each in self.systems.all)
        made = one.generate_card("Gold", number="4711000001", pin="47110001")
        for told in ({"number": "4711000001"}, {"pin": "47110001"}):
            must_refuse(
                f"another card with the same {next(iter(told))}",
                partial(other.generate_card, "Gold", **told),
            )
        # The same, while the one system has not heard of what the other does.
        numbers = [f"47110001{n:02}" for n in range(4)]
        answers = self.crowd.act(
            [
                partial(
                    self.systems[n].administration.generate_card, "Gold", number=numbers[n // 4]
                )
                for n in range(16)
            ]
        )
        taken = [each for each in answers if not isinstance(each, Refused)]
        expect("cards with four numbers", len(taken), len(numbers))
        expect("the holder of a number", other.card_id("4711000001"), made.card_id)

    def money_arrives(self) -> None:
        purse = self.purse()
        for system in (0, 1, 0):
            self.systems[system].administration.issue_card(purse.card.card_id, "ann", "sold")
        self.check(purse)
        top_up_id = self.top_up(purse, 2_500_000)
        for system in (0, 1, 1):
            expect(
                "a top-up again",
                self.pay(purse, top_up_id, 2_500_000, system)(),
                usd(purse.balance),
            )
        # Each system in turn, so that what it remembers of the account is old every time.
        for system in (0, 1, 0, 1):
            self.top_up(purse, 1_000 + system, system)
            self.check(purse)

    def calls_cost_what_they_must(self) -> None:
        purse = self.purse()
        for place, seconds in enumerate((30, 1, 31, 36, 37, 65, None, 120)):
            call, grant = self.dial(purse, place % 2)
            self.check(purse)
            self.talk(purse, call, grant, seconds, (place + 1) % 2)

    def nobody_talks_longer_than_the_money(self) -> None:
        purse = self.purse()
        call, grant = self.dial(purse)
        expect("the time granted", price(grant.limit_seconds) + SETUP <= FACE, True)
        # And not a block less than there is money for.
        expect("the time granted", price(grant.limit_seconds + STEP) + SETUP > FACE, True)
        self.talk(purse, call, grant, grant.limit_seconds + 600)

    def a_first_call_is_first_once(self) -> None:
        purse = self.purse("Shared")
        calls = [self.dial(purse, system) for system in (0, 1)]
        for system, (call, grant) in enumerate(calls):
            self.talk(purse, call, grant, 40, system)

    def many_want_the_same_money(self) -> None:
        purse = self.purse("Shared")
        a_call = price(60) + SETUP
        calls = [self.systems.caller(self.systems[n], purse.card) for n in range(12)]
        answers = self.crowd.act(
            [
                partial(self.systems[n].calls.dialling.dial, call, WARSAW)
                for n, call in enumerate(calls)
            ]
        )
        granted = [c for c, told in zip(calls, answers, strict=True) if isinstance(told, Grant)]
        account = self._account(purse)
        expect("calls that the money is enough for", len(granted) <= FACE // a_call, True)
        expect("calls that are up", len(granted), MOST_AT_ONCE)
        expect("holds", set(account.holds), {hold_of(call.reference) for call in granted})
        expect("nothing is spent twice", account.held.micros <= purse.balance, True)
        for call in granted:
            self.systems[1].settlement.not_connected(call.reference, 1, 17)
        self.check(purse)

    def a_poor_card_and_many_callers(self) -> None:
        purse = self.purse("Poor", 2_000_000)
        self.talk(purse, *self.dial(purse), 1)
        most = purse.balance // price(60)
        calls = [self.systems.caller(self.systems[n], purse.card) for n in range(12)]
        answers = self.crowd.act(
            [
                partial(self.systems[n].calls.dialling.dial, call, WARSAW)
                for n, call in enumerate(calls)
            ]
        )
        granted = [c for c, told in zip(calls, answers, strict=True) if isinstance(told, Grant)]
        held = self._account(purse).held.micros
        expect("nothing is spent twice", held <= purse.balance, True)
        expect("calls that the money is enough for", len(granted) >= most, True)
        for call in granted:
            self.systems[0].settlement.not_connected(call.reference, 1, 17)
        self.check(purse)

    def a_number_has_one_owner(self) -> None:
        cards = [self.purse().card for _ in range(3)]
        for place, card in enumerate(cards):
            for number in (ALICE, BOB):
                do = self.systems[place].calls
                call = self.systems.arrive(self.systems[place], number)
                do.calls.login_by_caller_id(call)
                call = self.systems.caller(self.systems[place], card, number)
                assert call.payer is not None, "it was a right PIN"
                assert call.caller_id is not None, "the number is not hidden"
                if call.payer.caller_id != call.caller_id:
                    do.bindings.bind(call.caller_id, card.card_id)
                self._opens(number, card)

    def _opens(self, number: str, card: PaidCard) -> None:
        for system in self.systems.all:
            call = self.systems.arrive(system, number)
            payer = system.calls.calls.login_by_caller_id(call)
            expect(f"what {number} opens", payer and payer.card_id, card.card_id)

    def a_card_is_stopped(self) -> None:
        purse = self.purse()
        self.talk(purse, *self.dial(purse, 1), 10, 1)
        call = self.systems.caller(self.systems[1], purse.card)
        self.systems[0].administration.change_status(
            purse.card.card_id, Status.VOID, "ann", "stolen"
        )
        must_refuse(
            "a call with a void card", partial(self.systems[1].calls.dialling.dial, call, WARSAW)
        )
        must_refuse("money for a void card", self.pay(purse, UUID(int=1), 5, 1))

    def days_pass(self) -> None:
        purses = [self.purse("Daily") for _ in range(5)]
        for purse in purses[:4]:
            self.talk(purse, *self.dial(purse), 20)
        first = self.clock.time.date()
        for hours in (0, 7, 18, 30, 5):
            self.clock.time += timedelta(hours=hours)
            self.follow()
            for system in (0, 1, 1):
                self.systems[system].business.fees.run()
        days = (self.clock.time.date() - first).days + 1
        for purse in purses[:4]:
            purse.balance -= days * DAILY
            told = [each.day for each in self.systems.facts(purse.card.account_id, DailyFeeCharged)]
            expect("days charged", told, [first + timedelta(days=n) for n in range(days)])
        for purse in purses:
            self.check(purse)

    def nobody_ever_hears_of_a_call_again(self) -> None:
        seen, unseen = self.purse(), self.purse()
        call, grant = self.dial(seen)
        other, _ = self.dial(unseen)
        answered = int(self.clock.time.timestamp() * 1000)
        for seconds in (10, 50, 20):
            self.systems[0].settlement.seen_alive(call.reference, 1, answered, seconds)
        self.follow()
        self.systems[1].sweep()
        self.check(seen)
        self.clock.time += timedelta(seconds=grant.limit_seconds + 3600)
        self.systems[1].sweep()
        self.is_over(seen, call)
        self.is_over(unseen, other)
        seen.balance -= self._charge(seen, 50)
        for purse in (seen, unseen):
            self.check(purse)

    def what_is_left_falls_to_the_operator(self) -> None:
        purse = self.purse("Brief")
        self.talk(purse, *self.dial(purse), 10)
        call, grant = self.dial(purse, 1)
        self.clock.time += timedelta(days=1, seconds=1)
        for left in (purse.held, 0):
            self.follow()
            for system in self.systems.all:
                system.business.breakage.run()
            purse.balance = left
            self.check(purse)
            if left:
                self.talk(purse, call, grant, 25)

    def commits_fail(self) -> None:
        for outcomes in (("lost",), ("unanswered",), ("stored", "lost"), ("stored", "unanswered")):
            purse = self.purse()
            self.commits.plan(*outcomes)
            self.top_up(purse, 700_000)
            self.commits.plan()
            self.check(purse)
            call = self.systems.caller(self.systems[0], purse.card)
            self.commits.plan(*outcomes)
            dialled = partial(self.systems[0].calls.dialling.dial, call, WARSAW)
            grant = self.ask(acknowledged.hold(call.reference), dialled)
            self.commits.plan()
            self.is_up(purse, call, grant)
            self.check(purse)
            self.commits.plan(*outcomes)
            self.talk(purse, call, grant, 33)
            self.commits.plan()

    def a_busy_hour(self) -> None:
        """Callers in both systems at once; each has a card of its own, so its money is known."""
        purses = [self.purse() for _ in range(8)]
        plans = [[self.chance.choice((None, 5, 30, 31, 66, 200)) for _ in range(4)] for _ in purses]

        def calls(number: int) -> None:
            for turn, seconds in enumerate(plans[number]):
                call, grant = self.dial(purses[number], number + turn)
                self.talk(purses[number], call, grant, seconds, number)

        self.crowd.act([partial(calls, number) for number in range(len(purses))])
        for purse in purses:
            self.check(purse)

    def somebody_is_still_talking(self) -> None:
        self.dial(self.purse())

    def tell(self) -> list[Finding]:
        """To its end, or to the chapter in which something is found, and the verdict on it."""
        for place, each in enumerate(CHAPTERS):
            with self.chapter(each.__name__.replace("_", " ")):
                each(self)
            if self.found:
                break
            if place % 2:
                self.follow()
        self.judge()
        return self.found


CHAPTERS = (
    Story.names_are_unique,
    Story.money_arrives,
    Story.calls_cost_what_they_must,
    Story.nobody_talks_longer_than_the_money,
    Story.a_first_call_is_first_once,
    Story.many_want_the_same_money,
    Story.a_poor_card_and_many_callers,
    Story.a_number_has_one_owner,
    Story.a_card_is_stopped,
    Story.commits_fail,
    Story.a_busy_hour,
    Story.days_pass,
    Story.nobody_ever_hears_of_a_call_again,
    Story.what_is_left_falls_to_the_operator,
    Story.somebody_is_still_talking,
)


def told_by(url: str, folder: Path, seed: int) -> list[Finding]:
    """The whole story on an empty ledger; what was found to be wrong."""
    clock = FixedClock()
    SealKey.new("story").write(folder / "seal.key")
    with (
        systems_on(url, folder, clock, cards={"forfeit_after_days": 0}) as systems,
        Acknowledged(folder / "acknowledged") as record,
        crowd_of(_CROWD) as crowd,
    ):
        systems.sell_at(PRICE)
        setup, face = usd(SETUP), usd(FACE)
        a_call = usd(price(60) + SETUP)
        systems.group("Gold", face, setup_fee=setup, simultaneous_calls=3)
        systems.group(
            "Shared", face, setup_fee=setup, simultaneous_calls=MOST_AT_ONCE, most_held=a_call
        )
        systems.group(
            "Poor", usd(2_000_000), setup_fee=setup, simultaneous_calls=50, most_held=a_call
        )
        systems.group("Daily", face, setup_fee=setup, daily_fee=usd(DAILY))
        systems.group(
            "Brief", face, setup_fee=setup, valid_days=1, most_held=a_call, simultaneous_calls=2
        )
        seals = Seals(
            key_file=str(folder / "seal.key"), checkpoint_file=str(folder / "checkpoints")
        )
        story = Story(
            folder,
            systems,
            clock,
            record,
            FailingCommits(systems[0].recorder),
            sealing(seals, systems[0].seals, clock),
            crowd,
            random.Random(seed),
        )
        return story.tell()
