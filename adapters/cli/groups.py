"""talktime groups: the terms that cards are sold under."""

from __future__ import annotations

from typing import Annotated, Any

import attrs
import typer

from adapters.cli.context import By, Json, moment, office, whoever
from adapters.cli.lists import show_list
from adapters.cli.output import show_fields, show_json
from application.administration import check_expiry
from domain.card_groups import LONGEST_CALL, MOST_SIMULTANEOUS_CALLS, CardGroup, GroupTerms
from domain.login import LoginMode
from domain.money import parse

groups = typer.Typer(help="The terms that cards are sold under.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Its name.")]
Unit = Annotated[str, typer.Option(help="A currency such as USD, or MIN for talk minutes.")]

# What is not said stays as it is, or as it is by default; "none" takes away what may be absent.
FaceValue = Annotated[str, typer.Option(help="What a card is worth, such as 5.00.")]
Tariff = Annotated[str, typer.Option(help="The tariff its calls are priced by.")]
Login = Annotated[LoginMode | None, typer.Option("--login", help="What opens a card.")]
Length = Annotated[int | None, typer.Option(min=4, max=20, help="Digits.")]
SetupFee = Annotated[str | None, typer.Option(help="With the first connected call; or none.")]
DailyFee = Annotated[str | None, typer.Option(help="Each day from first use; or none.")]
ExpiresOn = Annotated[str | None, typer.Option(help="2026-12-31T23:59, UTC; or none.")]
ValidDays = Annotated[int | None, typer.Option(min=0, help="After first use; 0: for ever.")]
Calls = Annotated[
    int | None, typer.Option("--simultaneous-calls", min=1, max=MOST_SIMULTANEOUS_CALLS)
]
MostHeld = Annotated[str | None, typer.Option(help="What one call may hold at most; or none.")]
LongestCall = Annotated[int | None, typer.Option(min=1, max=LONGEST_CALL, help="Seconds.")]
Pinless = Annotated[
    bool | None, typer.Option("--pinless/--no-pinless", help="A caller ID may stand in for a PIN.")
]
StoreAtLogin = Annotated[
    bool | None,
    typer.Option("--store-at-login/--no-store-at-login", help="A login stores the caller ID."),
]
DenyDoubleUse = Annotated[
    bool | None,
    typer.Option("--deny-double-use/--no-deny-double-use", help="Refuse other callers."),
]
MinimumBalance = Annotated[str | None, typer.Option(help="With less, a card is empty; or none.")]
SayBalance = Annotated[bool | None, typer.Option("--say-balance/--no-say-balance")]
SayTime = Annotated[bool | None, typer.Option("--say-time/--no-say-time")]
Ghost = Annotated[
    int | None,
    typer.Option("--ghost-percent", min=1, max=1000, help="Of the real talk time, what is said."),
]
Announcement = Annotated[str | None, typer.Option(help="A sound played first; or none.")]
Languages = Annotated[
    list[str] | None, typer.Option("--language", help="Once for each, the first is spoken.")
]
OperatorNumber = Annotated[str | None, typer.Option(help="What 0# calls, +E.164; or none.")]

_MONEY = ("face_value", "setup_fee", "daily_fee", "most_held", "minimum_balance")


@groups.command("create")
def create_group(
    context: typer.Context,
    name: Name,
    face_value: FaceValue,
    tariff: Tariff,
    unit: Unit = "USD",
    login_mode: Login = None,
    number_length: Length = None,
    pin_length: Length = None,
    setup_fee: SetupFee = None,
    daily_fee: DailyFee = None,
    expires_on: ExpiresOn = None,
    valid_days: ValidDays = None,
    simultaneous_calls: Calls = None,
    most_held: MostHeld = None,
    longest_call: LongestCall = None,
    pinless_allowed: Pinless = None,
    store_caller_id_at_login: StoreAtLogin = None,
    deny_double_use: DenyDoubleUse = None,
    minimum_balance: MinimumBalance = None,
    say_balance: SayBalance = None,
    say_time: SayTime = None,
    ghost_percent: Ghost = None,
    first_announcement: Announcement = None,
    languages: Languages = None,
    operator_number: OperatorNumber = None,
    by: By = "",
) -> None:
    """Create a card group. Terms that are not said are as by default."""
    said = _said(context)
    with office(context) as back:
        terms = GroupTerms(unit=unit, **_read(said, unit))
        back.administration.create_group(name, terms, by or whoever())
    show_fields(f"Card group {name}", {"unit": unit, "face value": terms.face_value})


@groups.command("change")
def change_group(
    context: typer.Context,
    name: Name,
    face_value: FaceValue | None = None,
    tariff: Tariff | None = None,
    login_mode: Login = None,
    number_length: Length = None,
    pin_length: Length = None,
    setup_fee: SetupFee = None,
    daily_fee: DailyFee = None,
    expires_on: ExpiresOn = None,
    valid_days: ValidDays = None,
    simultaneous_calls: Calls = None,
    most_held: MostHeld = None,
    longest_call: LongestCall = None,
    pinless_allowed: Pinless = None,
    store_caller_id_at_login: StoreAtLogin = None,
    deny_double_use: DenyDoubleUse = None,
    minimum_balance: MinimumBalance = None,
    say_balance: SayBalance = None,
    say_time: SayTime = None,
    ghost_percent: Ghost = None,
    first_announcement: Announcement = None,
    languages: Languages = None,
    operator_number: OperatorNumber = None,
    by: By = "",
) -> None:
    """Change terms of a card group, from the next call on. What is not said stays."""
    said = _said(context)
    with office(context) as back:
        old = back.administration.group(name)
        terms = attrs.evolve(old.terms, **_read(said, old.terms.unit))

        def unless_changed(group: CardGroup) -> None:
            if group != old:
                raise ValueError(f"somebody changed {name} just now; look at it and try again")
            check_expiry(group.terms, terms, back.administration.clock.now())

        back.administration.change_group(name, terms, by or whoever(), check=unless_changed)
    changed = {each: value for each, value in _fields(terms).items() if each in said}
    show_fields(f"Card group {name}", changed)


@groups.command("show")
def show_group(context: typer.Context, name: Name, json: Json = False) -> None:
    """The terms of a card group."""
    with office(context) as back:
        terms = back.administration.group(name).terms
    if json:
        show_json(terms)
    else:
        show_fields(f"Card group {name}", _fields(terms))


@groups.command("list")
def list_groups(context: typer.Context, json: Json = False) -> None:
    """The names of all card groups."""
    show_list(
        context,
        lambda back: sorted(name for _, name in back.business.views.groups()),
        "Card groups",
        ("name",),
        lambda name: (name,),
        json=json,
    )


def _said(context: typer.Context) -> dict[str, Any]:
    """The terms that were said on the command line, by their names."""
    terms = {each.name for each in attrs.fields(GroupTerms)} - {"unit"}
    return {k: v for k, v in context.params.items() if k in terms and v not in (None, [], ())}


def _read(said: dict[str, Any], unit: str) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in said.items():
        if value == "none" and name not in ("face_value", "tariff"):
            read[name] = None
        elif name in _MONEY:
            read[name] = parse(value, unit)
        elif name == "expires_on":
            read[name] = moment(value)
        elif name == "languages":
            read[name] = tuple(value)
        else:
            read[name] = value
    return read


def _fields(terms: GroupTerms) -> dict[str, Any]:
    return attrs.asdict(terms, recurse=False)
