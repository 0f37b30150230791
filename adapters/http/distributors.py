"""Distributors: who sells which ranges of cards."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked, Limit, Page
from adapters.http.cards import CardShown
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import Text, tell
from application import kinds
from application.permissions import Action
from domain.distributors import Distribution, NumberRange
from domain.errors import NotFound

Number = Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[0-9]*\Z")]
DistributorName = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class DistributorShown(Struct, frozen=True):
    """``numbers``: how many card numbers are with it, whether there are cards or not."""

    distributor_id: UUID
    name: str
    ranges: int
    numbers: int


class RangeShown(Struct, frozen=True):
    first: str
    last: str
    numbers: int


class DistributorWanted(Struct, frozen=True, forbid_unknown_fields=True):
    name: DistributorName


class RangeSent(Struct, frozen=True, forbid_unknown_fields=True):
    """Card numbers from ``first`` to ``last``, both included."""

    first: Number
    last: Number
    why: Text

    def numbers(self) -> NumberRange:
        return number_range(self.first, self.last, "$.last")


class DistributorsAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: DistributorName | None = None
    limit: Limit = 100


class CardNumbersAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: (
        Annotated[Number, Meta(description="The number that the last page ended with.")] | None
    ) = None
    limit: Limit = 100


def number_range(first: str, last: str, path: str) -> NumberRange:
    """Raises AskedWrongly for numbers that are no range."""
    try:
        return NumberRange(first, last)
    except ValueError as error:
        raise asked_wrongly(problems.BAD_FIELD, f"{path}: {error}", field=path) from error


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(DistributorsAsked)
    known = services.business.distributors.distribution()
    names = sorted(name for name in known.distributors if given.after is None or name > given.after)
    page = names[: given.limit]
    return asked.page([_shown(known, name) for name in page], page[-1] if page else None)


def add(services: HttpServices, asked: Asked) -> Answer:
    """Asked again it answers the same: the name is what makes it one."""
    name = asked.body(DistributorWanted).name
    services.business.distributors.add(name, asked.actor.name)
    shown = _shown(services.business.distributors.distribution(), name)
    return Answer(shown, 201, {"Location": f"/v1/distributors/{shown.distributor_id}"})


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(*_found(services, asked)))


def ranges(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(CardNumbersAsked)
    known, name = _found(services, asked)
    seen = (len(given.after), given.after) if given.after is not None else (0, "")
    left = [each for each in known.ranges_of(name) if (len(each.last), each.last) > seen]
    page = left[: given.limit]
    shown = [RangeShown(each.first, each.last, each.count) for each in page]
    return asked.page(shown, page[-1].last if page else None)


def assign(services: HttpServices, asked: Asked) -> Answer:
    sent = asked.body(RangeSent)
    _, name = _found(services, asked)
    services.business.distributors.assign(name, sent.numbers(), asked.actor.name, sent.why)
    return Answer(_shown(services.business.distributors.distribution(), name))


def take_back(services: HttpServices, asked: Asked) -> Answer:
    sent = asked.body(RangeSent)
    _, name = _found(services, asked)
    services.business.distributors.take_back(name, sent.numbers(), asked.actor.name, sent.why)
    return Answer(_shown(services.business.distributors.distribution(), name))


def cards(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(CardNumbersAsked)
    _, name = _found(services, asked)
    rows = services.business.distributors.cards_of(name, given.after, given.limit)
    return asked.page([tell(CardShown, row) for row in rows], rows[-1].number if rows else None)


def _found(services: HttpServices, asked: Asked) -> tuple[Distribution, str]:
    wanted = asked.id("distributor")
    known = services.business.distributors.distribution()
    for name in known.distributors:
        if kinds.distributor_id(name) == wanted:
            return known, name
    raise NotFound("distributor", str(wanted))


def _shown(known: Distribution, name: str) -> DistributorShown:
    mine = known.ranges_of(name)
    return DistributorShown(
        kinds.distributor_id(name), name, len(mine), sum(each.count for each in mine)
    )


_SEE, _CHANGE = Action.SEE_LOTS, Action.CHANGE_LOTS

ROUTES: Routes = {
    "/v1/distributors": {
        "GET": Operation(
            listed,
            _SEE,
            "Distributors, by name.",
            Page[DistributorShown],
            query=DistributorsAsked,
            csv=True,
        ),
        "POST": Operation(
            add, _CHANGE, "Add a distributor.", DistributorShown, body=DistributorWanted, status=201
        ),
    },
    "/v1/distributors/{id}": {"GET": Operation(one, _SEE, "One distributor.", DistributorShown)},
    "/v1/distributors/{id}/ranges": {
        "GET": Operation(
            ranges,
            _SEE,
            "The ranges of card numbers that are with a distributor.",
            Page[RangeShown],
            query=CardNumbersAsked,
            csv=True,
        ),
        "POST": Operation(
            assign,
            _CHANGE,
            "Give a range of cards to a distributor; refused for what is with another one.",
            DistributorShown,
            body=RangeSent,
        ),
    },
    "/v1/distributors/{id}/returns": {
        "POST": Operation(
            take_back,
            _CHANGE,
            "Take a range of cards back from a distributor.",
            DistributorShown,
            body=RangeSent,
        )
    },
    "/v1/distributors/{id}/cards": {
        "GET": Operation(
            cards,
            _SEE,
            "The cards of a distributor, by number.",
            Page[CardShown],
            query=CardNumbersAsked,
            csv=True,
        )
    },
}
