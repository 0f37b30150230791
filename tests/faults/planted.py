"""Bugs that are planted in the product, one at a time, to see whether anything catches them.

Each is a small change to the source of a function, as a slip of the pen would make it. The changed
function takes the place of the real one in this process, wherever that is referred to.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Sequence
from types import CodeType, FunctionType
from typing import Any

import pytest
from attrs import frozen


@frozen
class Slip:
    """In a function or method, written ``module:name``, one piece of its text is another."""

    where: str
    right: str
    wrong: str


@frozen
class Bug:
    """``breaks``: the rule that the ledger would keep without it."""

    name: str
    breaks: str
    slips: tuple[Slip, ...]


def bug(name: str, breaks: str, *slips: tuple[str, str, str]) -> Bug:
    return Bug(name, breaks, tuple(Slip(*each) for each in slips))


def plant(bug: Bug, patches: pytest.MonkeyPatch) -> None:
    """Raises ValueError for a slip whose text the function does not have, or has twice."""
    for where in dict.fromkeys(slip.where for slip in bug.slips):
        function = found(where)
        code = slipped(function, [slip for slip in bug.slips if slip.where == where])
        # The code and not the function: whoever holds the function has the bug as well.
        patches.setattr(function, "__code__", code)


def found(where: str) -> FunctionType:
    module, _, path = where.partition(":")
    thing: Any = importlib.import_module(module)
    for name in path.split("."):
        thing = inspect.getattr_static(thing, name)
        thing = thing.fget if isinstance(thing, property) else thing
        thing = thing.__func__ if isinstance(thing, staticmethod) else thing
    thing = inspect.unwrap(thing)
    if not isinstance(thing, FunctionType):
        raise ValueError(f"{where} is not a function")
    return thing


def slipped(function: FunctionType, slips: Sequence[Slip]) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    for slip in slips:
        if (times := source.count(slip.right)) != 1:
            raise ValueError(f"{slip.where} has {slip.right!r} {times} times, and not once")
        source = source.replace(slip.right, slip.wrong)
    text = "from __future__ import annotations\n" + source
    names: dict[str, Any] = {}
    # With the globals of its own module, into names that are thrown away.
    exec(compile(text, "<planted>", "exec"), function.__globals__, names)
    made = names[function.__name__]
    made = inspect.unwrap(getattr(made, "fget", made))
    assert isinstance(made, FunctionType)
    return made.__code__


def named(name: str) -> Bug:
    return next(bug for bug in (*BUGS, *REFUSALS) if bug.name == name)


ACCOUNTS, CARDS, SESSIONS = "domain.accounts", "domain.cards", "domain.call_sessions"
SETTLEMENT, DIALLING = "application.settlement", "application.dialling"
UNITS = "adapters.persistence.units_of_work:LedgerUnitsOfWork"
PROJECTIONS = "adapters.persistence.projections:Projections"

BUGS = (
    bug(
        "a dropped release",
        "every hold ends",
        (f"{ACCOUNTS}:Account.release", "if hold_id in self.holds", "if hold_id not in self.holds"),
    ),
    bug(
        "a double capture",
        "one attempt, one capture",
        (
            f"{ACCOUNTS}:Account.capture",
            "[HoldCaptured(hold_id, charge)]",
            "[HoldCaptured(hold_id, charge), HoldCaptured(hold_id, charge)]",
        ),
        (
            f"{ACCOUNTS}:_ended",
            "account.holds[hold_id]",
            "account.holds.get(hold_id, account.held.zero)",
        ),
    ),
    bug(
        "a billing block too many",
        "a call is billed in the blocks that were begun",
        (
            "domain.rating:RateTerms.billed",
            "divided_up(begun, self.increment)",
            "(begun // self.increment + 1)",
        ),
    ),
    bug(
        "a billing block too few",
        "a block that was begun is billed",
        (
            "domain.rating:RateTerms.billed",
            "divided_up(begun, self.increment)",
            "(begun // self.increment)",
        ),
    ),
    bug(
        "a lost key of a top-up",
        "a top-up counts once",
        ("domain.top_ups:receive", "if top_up is None:", "if top_up is None or top_up:"),
    ),
    bug(
        "a charge above its hold",
        "no charge is above its hold",
        (
            f"{SETTLEMENT}:_charge",
            "min(whole_seconds(outcome.talked_ms), started.limit_seconds)",
            "whole_seconds(outcome.talked_ms)",
        ),
        (f"{SETTLEMENT}:_charge", "min(price.total, started.held)", "price.total"),
        (f"{ACCOUNTS}:Account.capture", "if charge > held:", "if False:"),
    ),
    bug(
        "a hold that counts as available",
        "nothing is spent twice",
        (f"{ACCOUNTS}:Account.available", "self.balance - self.held", "self.balance"),
    ),
    bug(
        "a price that is rounded down",
        "every rounding goes up",
        ("domain.rating:_talk", "divided_up(sixtieths, 60) - before", "sixtieths // 60 - before"),
    ),
    bug(
        "an old state after a conflict",
        "who was second decides anew, on what is there",
        (f"{UNITS}._append", "self._cache.evict(unit.seen)", "pass"),
        (f"{UNITS}._run", "refreshed = True", "refreshed = False"),
    ),
    bug(
        "an old state that is never read anew",
        "what another process did counts at once",
        (
            "adapters.persistence.units_of_work:_LedgerUnit.refresh",
            "for stored in found:",
            "for stored in [s for s in found if after[s.originator_id] == 0]:",
        ),
    ),
    bug(
        "a claim that is not checked",
        "a card number belongs to one card",
        (f"{UNITS}._already_held", "raise ClaimTaken(kind, key)", "pass"),
    ),
    bug(
        "a rebind that leaves two owners",
        "a caller ID opens one card",
        (
            "application.caller_id_binding:CallerIdBindings._move",
            "if before.card_id is not None and before.card_id != card_id:",
            "if False:",
        ),
    ),
    bug(
        "a setup fee charged twice",
        "a card pays its setup fee once",
        (
            f"{SETTLEMENT}:_charge",
            "started.first_use and _card(unit, payer).first_used_at is None",
            "started.first_use",
        ),
    ),
    bug(
        "a daily fee charged twice",
        "a day is charged once",
        (
            f"{ACCOUNTS}:Account.charge_daily_fee",
            "day <= self.daily_fee_through",
            "day < self.daily_fee_through",
        ),
        ("application.fees:_days", "through + timedelta(days=1)", "through"),
    ),
    bug(
        "a day without its fee",
        "every day from the first use is charged",
        ("application.fees:_days", "through + timedelta(days=1)", "through + timedelta(days=2)"),
    ),
    bug(
        "a second settlement that wins",
        "the first one settles",
        (f"{SESSIONS}:evolve", "if n != number", "if n"),
    ),
    bug(
        "a limit beyond the hold",
        "the limit never exceeds what is held",
        (f"{DIALLING}:Dialling._place", "limit_seconds=seconds,", "limit_seconds=seconds + 60,"),
    ),
    bug(
        "a read model that leaves a fact out",
        "every fact is applied",
        (f"{PROJECTIONS}._read", "for each in found]", "for each in found[:20] + found[21:]]"),
    ),
    bug(
        "a read model that counts a fact twice",
        "every fact is applied once",
        (f"{PROJECTIONS}._applied_at_once", "page[-1][0]", "page[-1][0] - (len(page) > 40)"),
    ),
    bug(
        "a seal that leaves out a fact",
        "every fact is sealed",
        (
            "application.sealing:Sealing._next",
            "seal(before, entries, now)",
            "seal(before, [*entries[:1], *entries[2:]], now)",
        ),
    ),
    bug(
        "an error of a commit that is swallowed",
        "what is acknowledged is stored",
        (
            "adapters.persistence.group_commit:GroupCommit._store",
            "each.error = error",
            "each.error, each.first = (error, None) if is_refused(error) else (None, 0)",
        ),
    ),
    bug(
        "a unit of work that is stored in halves",
        "facts of one moment are stored together or not at all",
        (
            f"{UNITS}._append",
            "self._recorder.insert_events(stored, claims=claims, losses=unit.losses)",
            "[self._recorder.insert_events(part, claims=some)"
            " for part, some in ((stored[:1], claims), (stored[1:], ()))]",
        ),
    ),
    bug(
        "a sweep that captures the whole hold",
        "in the customer's favour",
        (
            f"{SETTLEMENT}:Settlement.give_up_waiting",
            "seen.seconds * 1000 if seen else 0",
            "attempt.started.limit_seconds * 1000",
        ),
        (
            f"{SETTLEMENT}:Settlement.give_up_waiting",
            "seen.answered_at if seen else None",
            "attempt.started.placed_at",
        ),
    ),
    bug(
        "a breakage of held money",
        "what is held stays until the call has ended",
        (
            f"{ACCOUNTS}:Account.forfeit",
            "BalanceForfeited(self.available, reason)",
            "BalanceForfeited(self.balance, reason)",
        ),
    ),
)

REFUSALS = (
    bug(
        "the last call that there is room for",
        "as many calls as the terms allow",
        (f"{ACCOUNTS}:Account.check_room", ">= most", ">= most - 1"),
    ),
    bug(
        "a block that there is money for",
        "a grant is as long as the money",
        (
            "domain.rating:talk_time",
            "block + enough * increment)",
            "block + (enough - 1) * increment)",
        ),
    ),
    bug(
        "money that was held and is free",
        "what is left of a hold is free again",
        (f"{ACCOUNTS}:_ended", "account.held - account.holds[hold_id]", "account.held"),
    ),
    bug(
        "a top-up that is sent again",
        "a repeated command is answered as before",
        (
            "domain.top_ups:receive",
            "(top_up.account_id, top_up.amount) != (account_id, amount)",
            "top_up",
        ),
    ),
    bug(
        "a right PIN from another number",
        "a right PIN opens its card",
        (f"{CARDS}:Card.check_login", "terms.deny_double_use and ", ""),
    ),
    bug(
        "a card that was used",
        "a used card can call again",
        (f"{CARDS}:Card.check_usable", "Status.USED, ", ""),
    ),
)
"""What is refused and must not be."""
