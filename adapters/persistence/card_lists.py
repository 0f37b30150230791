"""Lists of cards by group, status, sale and number, each in the order of an index.

Two indexes, by group and by status, end with the id that lists are ordered by. A filter that is
not given would lie between and break that order; it has few values, so each of them is asked for
by itself, and the few rows that each of them gives are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all

from adapters.persistence.hints import unindexed
from adapters.persistence.read_models import tables
from application.views import MOST_ROWS
from domain.cards import Status
from domain.distributors import NumberRange

_CARDS = tables.cards.c
_RANGES_AT_ONCE = 200
_CARDS_SORTED = 5_000


def paged(
    query: Select[Any],
    key: ColumnElement[UUID],
    after: UUID | None,
    limit: int,
    newest: bool = False,
) -> Select[Any]:
    if after is not None:
        query = query.where(key < after if newest else key > after)
    return query.order_by(key.desc() if newest else key).limit(min(limit, MOST_ROWS))


def groups_by_name() -> Select[tuple[UUID, str]]:
    """The ids and names of all card groups."""
    table = tables.card_groups
    return select(table.c.group_id, table.c.name).order_by(table.c.name)


def cards_with_groups() -> Select[Any]:
    return select(tables.cards, tables.card_groups.c.name.label("group_name")).join(
        tables.card_groups, tables.card_groups.c.group_id == tables.cards.c.group_id
    )


def listed_cards(
    after: UUID | None,
    limit: int,
    *,
    group: str | None,
    status: str | None,
    sold: bool | None,
    newest: bool,
) -> Select[Any]:
    """The query of one page of all cards, by id."""
    key = _CARDS.card_id
    if group is None and status is None and sold is None:
        return paged(cards_with_groups(), key, after, limit, newest)

    def page(*conditions: ColumnElement[bool]) -> Select[Any]:
        return paged(select(key).where(*conditions), key, after, limit, newest)

    chosen = [
        page(*_conditions(group, *one))
        for one in product(_values(status, Status), _values(sold, (False, True)))
    ]
    found = union_all(*(select(each.subquery().c.card_id) for each in chosen)).subquery()
    card_id = found.c.card_id
    first = paged(select(card_id), card_id, None, limit, newest)
    return paged(cards_with_groups().where(key.in_(first)), key, None, limit, newest)


def numbered_cards(
    ranges: Sequence[NumberRange],
    limit: int,
    *,
    group: str | None,
    status: str | None,
    sold: bool | None,
    newest: bool,
) -> Select[Any]:
    """The query of one page of the cards in some ranges, by number."""
    number = _CARDS.number
    inside = or_(
        *(
            and_(number.between(each.first, each.last), func.length(number) == len(each.first))
            for each in ranges
        )
    )
    # Numbers lie together in their index, which has the other columns as well.
    query = cards_with_groups().where(inside, *_conditions(group, status, sold, hint=unindexed))
    order = [number] if len(ranges) == 1 else [func.length(number), number]
    return query.order_by(*(each.desc() if newest else each for each in order)).limit(limit)


def runs_of(
    ranges: Iterable[NumberRange], seen: str | None, *, newest: bool
) -> Iterator[Sequence[NumberRange]]:
    """What of the ranges lies beyond a number, in the order of numbers, small ones together: each
    run is asked for at once."""
    run: list[NumberRange] = []
    cards = 0
    for whole in sorted(ranges, key=lambda one: (len(one.first), one.first), reverse=newest):
        each = whole if seen is None else _left_of(whole, seen, newest)
        if each is None:
            continue
        if run and (len(run) == _RANGES_AT_ONCE or cards + each.count > _CARDS_SORTED):
            yield run
            run, cards = [], 0
        run.append(each)
        cards += each.count
    if run:
        yield run


def _left_of(cards: NumberRange, seen: str, newest: bool) -> NumberRange | None:
    """What of a range lies beyond a number. Shorter numbers come first, whatever their digits."""
    length = len(cards.first)
    if length != len(seen):
        return cards if (length > len(seen)) is not newest else None
    if newest:
        last = min(cards.last, f"{max(int(seen) - 1, 0):0{length}d}")
        return NumberRange(cards.first, last) if cards.first <= last < seen else None
    first = max(cards.first, f"{int(seen) + 1:0{length}d}")
    return NumberRange(first, cards.last) if seen < first <= cards.last else None


def _conditions(
    group: str | None,
    status: object | None,
    sold: bool | None,
    hint: Callable[[Any], ColumnElement[Any]] = lambda column: column,
) -> Iterable[ColumnElement[bool]]:
    if group is not None:
        groups = tables.card_groups.c
        group_id = select(groups.group_id).where(groups.name == group).scalar_subquery()
        yield hint(_CARDS.group_id) == group_id
    if status is not None:
        yield hint(_CARDS.status) == str(status)
    if sold is not None:
        yield hint(_CARDS.sold) == sold


def _values(given: object | None, all_: Iterable[object]) -> Iterable[Any]:
    return all_ if given is None else (given,)
