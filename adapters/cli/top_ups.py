"""Money for a card, whether it is named by its number or by its account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import typer

from adapters.cli.context import office, top_up_id, whoever
from adapters.cli.output import show_fields, show_json
from adapters.cli.program import BackOffice
from domain.money import parse

Amount = Annotated[str, typer.Argument(help="A plain decimal, such as 12.50.")]
Channel = Annotated[str, typer.Option(help="How the money came.")]
Key = Annotated[
    str | None, typer.Option(help="A word for this top-up: the same word never adds twice.")
]


def add_money(
    context: typer.Context,
    card: Callable[[BackOffice], UUID],
    title: str,
    named: dict[str, Any],
    amount: str,
    channel: str,
    key: str | None,
    by: str,
    *,
    json: bool,
) -> None:
    """Adds money to a card, once for each word, and shows what it can spend now."""
    with office(context) as back:
        card_id = card(back)
        unit = back.administration.card(card_id).face_value.unit
        available = back.administration.top_up_card(
            card_id, top_up_id(key), parse(amount, unit), channel, by or whoever()
        )
        back.catch_up()
    if json:
        show_json(named | {"available": available})
    else:
        show_fields(title, {"available": available})
