"""What a call costs and why: every step from the number to the last line of its charge."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import frozen

from application import kinds, numbers
from application.dialling import priced
from application.looking import look_up
from application.ports import UnitsOfWork
from application.sheet_store import SheetStore
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.errors import DestinationNotSold, NotFound, SettingNotAllowed
from domain.money import Money
from domain.rate_checks import PricedPrefix
from domain.rating import (
    Charge,
    ChargeLine,
    RateTerms,
    can_connect,
    charge,
    least_charge,
    talk_time,
    worst_charge,
)
from domain.tariffs import Tariff


@frozen
class ExplainedLine:
    """A line of the charge; a line of talk with the clock of the tariff's time zone."""

    line: ChargeLine
    since: datetime | None
    until: datetime | None


@frozen
class Explanation:
    """``terms`` are complete: with what the access number and the card group add to the rate."""

    number: str
    group: str
    access_number: str
    tariff: str
    version: int
    effective_from: datetime
    sheet_id: UUID
    matched: PricedPrefix
    passed_over: tuple[PricedPrefix, ...]
    """Shorter prefixes that also fit, the shortest first."""
    terms: RateTerms
    surcharge: Money
    surcharge_per_minute: Money
    setup_fee: Money
    answered_at: datetime
    seconds: int
    charge: Charge
    lines: tuple[ExplainedLine, ...]
    balance: Money
    needed_to_connect: Money
    connects: bool
    talk_seconds: int
    """The longest call that the balance covers, within the limits of the group."""
    hold: Money
    """What would be held for a call of ``talk_seconds``."""


@frozen
class PriceExplanations:
    units: UnitsOfWork
    sheets: SheetStore
    ring_seconds: int = 60

    def explain(
        self,
        group: str,
        access_number: str,
        number: str,
        at: datetime,
        seconds: int,
        *,
        setup_due: bool = False,
        balance: Money | None = None,
        routes: int = 1,
    ) -> Explanation:
        """What a call costs that is answered at a moment and lasts some seconds, and why.

        The balance is the face value of the group unless told; each of ``routes`` may ring before
        the answer, as when dialling. Raises NotFound for a group, an access number or a tariff,
        NumberNotDialable, DestinationNotSold, and ValueError for a moment without a time zone.
        """
        if at.tzinfo is None:
            raise ValueError(f"a moment has a time zone, and {at.isoformat()} has none")
        group_terms, access, tariff = self._look_up(group, access_number)
        dialled = numbers.destination(number.removeprefix("+"))
        version = tariff.at(at)
        if version is None:
            raise DestinationNotSold(dialled)
        found = self.sheets.prefixes_of(version.sheet_id, dialled.removeprefix("+"))
        if not found:
            raise DestinationNotSold(dialled)
        terms = priced(found[-1].terms, group_terms, access)
        spendable = balance or group_terms.face_value
        if spendable.unit != terms.unit:
            raise SettingNotAllowed("balance", str(spendable), f"an amount in {terms.unit}")
        if group_terms.most_held is not None:
            spendable = min(spendable, group_terms.most_held)
        latest = at + timedelta(seconds=self.ring_seconds * routes)
        limit = group_terms.longest_call
        free = limit <= terms.grace_seconds
        connects = free or can_connect(terms, spendable, at, latest, setup_due=setup_due)
        talk = 0
        if connects:
            talk = talk_time(terms, spendable, at, latest, setup_due=setup_due, limit=limit)
        cost = charge(terms, at, seconds, setup_due=setup_due)
        return Explanation(
            number=dialled,
            group=group,
            access_number=access_number,
            tariff=tariff.name,
            version=version.version,
            effective_from=version.effective_from,
            sheet_id=version.sheet_id,
            matched=found[-1],
            passed_over=tuple(found[:-1]),
            terms=terms,
            surcharge=Money(terms.surcharge, terms.unit),
            surcharge_per_minute=Money(terms.surcharge_per_minute, terms.unit),
            setup_fee=Money(terms.setup_fee if setup_due else 0, terms.unit),
            answered_at=at,
            seconds=seconds,
            charge=cost,
            lines=tuple(_local(line, terms.time_zone) for line in cost.lines),
            balance=balance or group_terms.face_value,
            needed_to_connect=least_charge(terms, at, latest, setup_due=setup_due),
            connects=connects,
            talk_seconds=talk,
            hold=worst_charge(terms, at, latest, talk, setup_due=setup_due),
        )

    def _look_up(self, group: str, access_number: str) -> tuple[GroupTerms, AccessTerms, Tariff]:
        group_id = kinds.card_group_id(group)
        access_id = kinds.access_number_id(access_number)
        known, access = self.units.run(
            lambda unit: (
                unit.get(kinds.CARD_GROUPS, group_id),
                unit.get(kinds.ACCESS_NUMBERS, access_id),
            ),
            writes=(),
            reads=(group_id, access_id),
        )
        if known is None:
            raise NotFound("card group", group)
        if access is None:
            raise NotFound("access number", access_number)
        name = known.terms.tariff
        tariff = look_up(self.units, kinds.TARIFFS, kinds.tariff_id(name), name)
        return known.terms, access.terms, tariff


def _local(line: ChargeLine, time_zone: str) -> ExplainedLine:
    zone = ZoneInfo(time_zone)
    since = line.since.astimezone(zone) if line.since else None
    return ExplainedLine(line, since, line.until.astimezone(zone) if line.until else None)


def sentences(told: Explanation) -> list[str]:
    """The explanation step by step, a sentence each."""
    terms, unit = told.terms, told.terms.unit

    def money(micros: int) -> str:
        return str(Money(micros, unit))

    steps = [
        f"{told.number} is called through {told.access_number} with a card of group {told.group}.",
        f"Its tariff is {told.tariff}; at {_moment(told.answered_at)} version {told.version}"
        f" is in force, since {_moment(told.effective_from)}.",
        f"The longest prefix that fits is {told.matched.prefix}, {told.matched.destination}.",
    ]
    if told.passed_over:
        others = ", ".join(f"{each.prefix} ({each.destination})" for each in told.passed_over)
        steps.append(f"Shorter ones fit as well and do not count: {others}.")
    steps.append(
        f"A minute costs {money(terms.per_minute)}, billed by {terms.initial_block} seconds first"
        f" and {terms.increment} after that."
    )
    if terms.bands:
        count = len(terms.bands)
        steps.append(
            f"At {count} {'time' if count == 1 else 'times'} of the week it costs something else,"
            f" by the clock of {terms.time_zone}."
        )
    # What has a line of its own in the charge is told there.
    lines = {each.line.what for each in told.lines}
    steps += [
        f"{name}: {money(micros)}."
        for name, what, micros in (
            ("Connect fee", "connect fee", terms.connect_fee),
            ("Disconnect fee", "disconnect fee", terms.disconnect_fee),
            ("Minimum charge", "minimum charge", terms.minimum_charge),
            ("Surcharge of the access number, each call", "surcharge", told.surcharge.micros),
            (
                "Surcharge of the access number, each minute",
                "",
                told.surcharge_per_minute.micros,
            ),
            ("Setup fee of the first call", "setup fee", told.setup_fee.micros),
        )
        if micros and what not in lines
    ]
    steps += [
        f"{name}: {seconds} seconds."
        for name, seconds in (
            ("Minimum duration", terms.minimum_duration),
            ("Free of charge up to", terms.grace_seconds),
        )
        if seconds
    ]
    steps.append(f"Of {told.seconds} seconds {told.charge.billed_seconds} are billed.")
    steps += [_line(each, terms.time_zone, unit) for each in told.lines]
    steps.append(f"Together: {told.charge.total}.")
    if told.connects:
        steps.append(
            f"A balance of {told.balance} lasts for {_length(told.talk_seconds)};"
            f" {told.hold} would be held."
        )
    else:
        steps.append(
            f"A balance of {told.balance} does not connect: {told.needed_to_connect} are needed."
        )
    return steps


def _moment(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d %H:%M:%S} {at.tzname() or ''}".rstrip()


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    told = f"{minutes} minutes" if minutes else ""
    return f"{told} {rest} seconds".strip() if rest or not minutes else told


def _line(told: ExplainedLine, time_zone: str, unit: str) -> str:
    line = told.line
    amount = Money(line.micros, unit)
    if told.since is None or told.until is None:
        return f"{line.what.capitalize()}: {amount}."
    return (
        f"Talk from {told.since:%a %Y-%m-%d %H:%M:%S} to {told.until:%H:%M:%S} ({time_zone}),"
        f" {line.seconds} seconds at {Money(line.per_minute, unit)} a minute: {amount}."
    )
