"""talktime groups: the terms that cards are sold under."""

from __future__ import annotations

from typing import Annotated

import typer
from attrs import asdict

from adapters.cli.context import Json, office
from adapters.cli.output import show_fields, show_json
from domain.card_groups import GroupTerms
from domain.login import LoginMode
from domain.money import Money, parse

groups = typer.Typer(help="The terms that cards are sold under.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Its name.")]
Unit = Annotated[str, typer.Option(help="A currency such as USD, or MIN for talk minutes.")]


@groups.command("create")
def create_group(
    context: typer.Context,
    name: Name,
    face_value: Annotated[str, typer.Option(help="What a card is worth, such as 5.00.")],
    tariff: Annotated[str, typer.Option(help="The tariff its calls are priced by.")],
    unit: Unit = "USD",
    login: Annotated[LoginMode, typer.Option(help="What opens a card.")] = LoginMode.NUMBER_AND_PIN,
    number_length: Annotated[int, typer.Option(min=4, max=20)] = 10,
    pin_length: Annotated[int, typer.Option(min=4, max=20)] = 8,
    setup_fee: Annotated[str | None, typer.Option(help="With the first connected call.")] = None,
    daily_fee: Annotated[str | None, typer.Option(help="Each day from first use.")] = None,
    valid_days: Annotated[int, typer.Option(min=0, help="After first use; 0: for ever.")] = 0,
    simultaneous_calls: Annotated[int, typer.Option(min=1, max=100)] = 1,
    longest_call: Annotated[int, typer.Option(min=1, help="Seconds.")] = 7200,
    pinless: Annotated[bool, typer.Option(help="A caller ID may stand in for a PIN.")] = True,
    store_at_login: Annotated[
        bool, typer.Option(help="Store the caller ID at each login.")
    ] = False,
    deny_double_use: Annotated[bool, typer.Option(help="Refuse other callers.")] = False,
    say_balance: Annotated[bool, typer.Option()] = True,
    say_time: Annotated[bool, typer.Option()] = True,
    operator_number: Annotated[str | None, typer.Option(help="What 0# calls, +E.164.")] = None,
) -> None:
    """Create a card group."""
    with office(context) as back:

        def money(text: str | None) -> Money | None:
            return parse(text, unit) if text else None

        terms = GroupTerms(
            unit=unit,
            face_value=parse(face_value, unit),
            tariff=tariff,
            login_mode=login,
            number_length=number_length,
            pin_length=pin_length,
            setup_fee=money(setup_fee),
            daily_fee=money(daily_fee),
            valid_days=valid_days,
            simultaneous_calls=simultaneous_calls,
            longest_call=longest_call,
            pinless_allowed=pinless,
            store_caller_id_at_login=store_at_login,
            deny_double_use=deny_double_use,
            say_balance=say_balance,
            say_time=say_time,
            operator_number=operator_number,
        )
        back.administration.create_group(name, terms)
    show_fields(f"Card group {name}", {"unit": unit, "face value": terms.face_value})


@groups.command("show")
def show_group(context: typer.Context, name: Name, json: Json = False) -> None:
    """The terms of a card group."""
    with office(context) as back:
        terms = back.administration.group(name).terms
    if json:
        show_json(terms)
    else:
        fields = asdict(terms, recurse=False)
        show_fields(f"Card group {name}", {k.replace("_", " "): v for k, v in fields.items()})
