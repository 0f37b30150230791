"""talktime groups, access-numbers, tariffs: what an operator sets up before the first card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from attrs import asdict

from adapters.cli.context import By, Json, moment, office, whoever
from adapters.cli.output import plain, show_fields, show_json
from adapters.cli.rate_csv import COLUMNS, read_sheet
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.login import LoginMode
from domain.money import Money, parse

groups = typer.Typer(help="The terms that cards are sold under.", no_args_is_help=True)
access_numbers = typer.Typer(help="The numbers that customers dial in.", no_args_is_help=True)
tariffs = typer.Typer(help="What calls cost.", no_args_is_help=True)

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


@access_numbers.command("add")
def add_access_number(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="As Asterisk receives it, such as 18005550100.")],
    login: Annotated[LoginMode, typer.Option(help="What callers are asked for.")] = (
        LoginMode.NUMBER_AND_PIN
    ),
    language: Annotated[str, typer.Option()] = "en",
    announcement: Annotated[str | None, typer.Option(help="Sound played first.")] = None,
    country: Annotated[str, typer.Option(help="Whose callers' numbers arrive bare.")] = "US",
) -> None:
    """Add an access number."""
    with office(context) as back:
        terms = AccessTerms(
            login_mode=login, language=language, first_announcement=announcement, country=country
        )
        back.administration.add_access_number(number, terms)
    show_fields(f"Access number {number}", {"login": login.value, "language": language})


@tariffs.command("publish", help=f"Publish a CSV rate sheet. Its columns: {', '.join(COLUMNS)}.")
def publish_tariff(
    context: typer.Context,
    name: Name,
    sheet: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The CSV file.")],
    unit: Unit = "USD",
    since: Annotated[str | None, typer.Option(help="In force from then on; now.")] = None,
    by: By = "",
    json: Json = False,
) -> None:
    with office(context) as back:
        version = back.administration.publish_tariff(
            name, unit, read_sheet(sheet, unit), moment(since), by or whoever()
        )
    published = {"tariff": name, "version": version}
    if json:
        show_json(plain(published))
    else:
        show_fields("Published", published)
