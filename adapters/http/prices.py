"""What a call costs, and why, step by step; and how long an amount lasts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http.asking import Answer, Asked, bad_parameter
from adapters.http.operations import Operation, Routes
from adapters.http.rates import TermsShown, terms_shown
from adapters.http.refusals import KINDS
from adapters.http.services import HttpServices
from adapters.http.tariffs import Moment
from adapters.http.wire import MoneyTold, Name, told
from application import kinds
from application.permissions import Action
from application.price_explanation import ExplainedLine, Explanation, sentences
from domain.errors import DestinationNotSold
from domain.money import Money, parse
from domain.rate_checks import PricedPrefix
from domain.rating import LONGEST_CALL

AccessNumber = Annotated[
    str, Meta(pattern=r"^\+?[0-9]{3,20}\Z", description="The number dialled in.")
]
Number = Annotated[
    str, Meta(pattern=r"^\+?[0-9]{1,20}\Z", description="The number called, country code first.")
]
Balance = Annotated[
    str,
    Meta(
        max_length=20,
        pattern=r"^[0-9]{1,13}(\.[0-9]{1,6})?\Z",
        description="How long does this last? In the unit of the group; else its face value.",
    ),
]

_USUAL_SECONDS = 60


class PriceAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``at``: when the call is answered, now if it is left out. Its length in ``seconds`` or in
    ``minutes``, a minute if both are left out. ``first_call``: with the setup fee of the card."""

    access_number: AccessNumber
    group: Name
    number: Number
    at: Moment | None = None
    seconds: Annotated[int, Meta(ge=0, le=LONGEST_CALL)] | None = None
    minutes: Annotated[int, Meta(ge=0, le=LONGEST_CALL // 60)] | None = None
    amount: Balance | None = None
    first_call: bool = False


class PrefixShown(Struct, frozen=True):
    prefix: str
    destination: str


class LineShown(Struct, frozen=True):
    """One line of the charge; a line of talk tells its times in the time zone of the rate."""

    what: str
    amount: MoneyTold
    seconds: int
    per_minute: MoneyTold | None
    since: str | None
    until: str | None


class PriceShown(Struct, frozen=True):
    """``terms`` are those of the rate, ``per_minute`` and the fees of the call with what the access
    number and the group add. ``may_be_dialled`` null: yes; else why not."""

    number: str
    group: str
    access_number: str
    tariff_id: UUID
    tariff: str
    version: int
    effective_from: datetime
    sheet_id: UUID
    prefix: str
    destination: str
    passed_over: list[PrefixShown]
    terms: TermsShown
    surcharge: MoneyTold
    surcharge_per_minute: MoneyTold
    setup_fee: MoneyTold
    answered_at: datetime
    seconds: int
    billed_seconds: int
    total: MoneyTold
    lines: list[LineShown]
    amount: MoneyTold
    needed_to_connect: MoneyTold
    connects: bool
    talk_seconds: int
    hold: MoneyTold
    blocked: str | None
    steps: list[str]


def price(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(PriceAsked)
    if given.seconds is not None and given.minutes is not None:
        raise bad_parameter("minutes", "is another way to tell seconds: one of them is enough")
    seconds = given.seconds if given.seconds is not None else _USUAL_SECONDS
    if given.minutes is not None:
        seconds = given.minutes * 60
    amount: Money | None = None
    if given.amount is not None:
        unit = services.administration.group(given.group).terms.unit
        try:
            amount = parse(given.amount, unit)
        except ValueError as error:
            raise bad_parameter("amount", f"is not accepted: {error}") from error
    at = given.at or services.clock.now()
    try:
        explained = services.price_explanations.explain(
            given.group,
            given.access_number,
            given.number,
            at,
            seconds,
            setup_due=given.first_call,
            balance=amount,
        )
    except ValueError as error:
        raise bad_parameter("at", f"is not accepted: {error}") from error
    return Answer(_shown(explained, _blocked(services, explained.number)))


def _blocked(services: HttpServices, number: str) -> str | None:
    try:
        services.route_previews.routes.check(number)
    except DestinationNotSold as refused:
        return refused.reason
    return None


def _shown(explained: Explanation, blocked: str | None) -> PriceShown:
    steps = sentences(explained)
    if blocked is not None:
        steps.append(f"But nobody may dial {explained.number}: {blocked}.")
    return PriceShown(
        number=explained.number,
        group=explained.group,
        access_number=explained.access_number,
        tariff_id=kinds.tariff_id(explained.tariff),
        tariff=explained.tariff,
        version=explained.version,
        effective_from=explained.effective_from,
        sheet_id=explained.sheet_id,
        prefix=explained.matched.prefix,
        destination=explained.matched.destination,
        passed_over=[_prefix(each) for each in explained.passed_over],
        terms=terms_shown(explained.terms),
        surcharge=told(explained.surcharge),
        surcharge_per_minute=told(explained.surcharge_per_minute),
        setup_fee=told(explained.setup_fee),
        answered_at=explained.answered_at,
        seconds=explained.seconds,
        billed_seconds=explained.charge.billed_seconds,
        total=told(explained.charge.total),
        lines=[_line(each, explained.terms.unit) for each in explained.lines],
        amount=told(explained.balance),
        needed_to_connect=told(explained.needed_to_connect),
        connects=explained.connects,
        talk_seconds=explained.talk_seconds,
        hold=told(explained.hold),
        blocked=blocked,
        steps=steps,
    )


def _prefix(row: PricedPrefix) -> PrefixShown:
    return PrefixShown(row.prefix, row.destination)


def _line(explained: ExplainedLine, unit: str) -> LineShown:
    line = explained.line
    return LineShown(
        line.what,
        told(Money(line.micros, unit)),
        line.seconds,
        told(Money(line.per_minute, unit)) if line.what == "talk" else None,
        explained.since.isoformat() if explained.since is not None else None,
        explained.until.isoformat() if explained.until is not None else None,
    )


ROUTES: Routes = {
    "/v1/price": {
        "GET": Operation(
            price,
            Action.SEE_TARIFFS,
            "What a call costs and why, and how long an amount lasts.",
            PriceShown,
            query=PriceAsked,
            problems=(KINDS["not-found"], KINDS["destination-not-sold"]),
        )
    }
}
