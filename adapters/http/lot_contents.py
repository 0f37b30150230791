"""What is in a lot: its packs, its cards by status, the numbers that were in use before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked, Limit, Page
from adapters.http.files import CSV, Download, Stream, attachment
from adapters.http.lots import Pack
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import tell
from application import kinds
from application.csv_safe import table
from application.permissions import Action
from domain.distributors import NumberRange
from domain.pin_spaces import ONE_IN


class StatusCountShown(Struct, frozen=True):
    status: str
    sold: bool
    cards: int


class StatusCounts(Struct, frozen=True):
    """The cards made for the lot, or for one pack of it, by status; a moment behind."""

    counts: list[StatusCountShown]


class PackShown(Struct, frozen=True):
    pack: int
    first_number: str
    last_number: str
    cards: int


class PinSpaceShown(Struct, frozen=True):
    """One PIN in five of a length may be in use: ``left`` more can be given out."""

    length: int
    most: int
    left: int


class CountsAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pack: Pack | None = None


class PacksAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: Annotated[int, Meta(ge=-1, le=2 * 10**6, description="The last pack seen.")] = -1
    limit: Limit = 100


class PinSpaceAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    length: Annotated[int, Meta(ge=4, le=20)]


def packs(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(PacksAsked)
    ordered = services.business.lots.lot(asked.id("lot")).ordered
    numbering, count = ordered.numbering, ordered.count
    if not numbering.pack_size:
        return asked.page([], None)
    begin = max(numbering.first_pack, given.after + 1)
    end = min(begin + given.limit, numbering.pack_of(count - 1) + 1)
    found = []
    for pack in range(begin, end):
        places = numbering.places_of_pack(pack, count)
        numbers = numbering.number(places.start), numbering.number(places.stop - 1)
        found.append(PackShown(pack, *numbers, len(places)))
    return asked.page(found, found[-1].pack if found else None)


def statuses(services: HttpServices, asked: Asked) -> Answer:
    pack = asked.parameters(CountsAsked).pack
    lot_id = asked.id("lot")
    ordered = services.business.lots.lot(lot_id).ordered
    places = range(ordered.count)
    if pack is not None:
        places = ordered.numbering.places_of_pack(pack, ordered.count)
    first, last = places.start, places.stop - 1
    found = services.business.views.statuses(
        kinds.card_id_of_lot(lot_id, first),
        kinds.card_id_of_lot(lot_id, last),
        NumberRange(ordered.numbering.number(first), ordered.numbering.number(last)),
    )
    return Answer(StatusCounts([tell(StatusCountShown, each) for each in found]))


def kept(services: HttpServices, asked: Asked) -> Answer:
    lots = services.business.lots
    lot_id = asked.id("lot")
    name = lots.lot(lot_id).ordered.name

    def lines() -> Iterator[bytes]:
        for line in table(("number",), ((number,) for number in lots.kept_numbers(lot_id))):
            yield line.encode()

    return Answer(Stream(lines()), headers=attachment(f"{name}-kept.csv"), content_type=CSV)


def pin_space(services: HttpServices, asked: Asked) -> Answer:
    length = asked.parameters(PinSpaceAsked).length
    left = services.business.lots.pins_left(length)
    return Answer(PinSpaceShown(length, 10**length // ONE_IN, left))


_SEE = Action.SEE_LOTS

ROUTES: Routes = {
    "/v1/lots/{id}/packs": {
        "GET": Operation(
            packs, _SEE, "The packs of a lot.", Page[PackShown], query=PacksAsked, csv=True
        )
    },
    "/v1/lots/{id}/statuses": {
        "GET": Operation(
            statuses,
            _SEE,
            "How many cards of a lot have which status.",
            StatusCounts,
            query=CountsAsked,
            # A pack that the lot does not have is a value that is not accepted.
            problems=(problems.BAD_FIELD,),
        )
    },
    "/v1/lots/{id}/kept": {
        "GET": Operation(
            kept, _SEE, "The numbers of a lot that were in use before it, as CSV.", Download(CSV)
        )
    },
    "/v1/pin-space": {
        "GET": Operation(
            pin_space,
            _SEE,
            "How many more PINs of a length may be given out.",
            PinSpaceShown,
            query=PinSpaceAsked,
        )
    },
}
