"""talktime access-numbers: the numbers that customers dial in, and what answers there."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from attrs import asdict, evolve

from adapters.cli.context import By, Json, Why, office, whoever
from adapters.cli.lists import AfterName, Limit, show_list
from adapters.cli.output import show_fields, show_json
from domain.access_numbers import AccessTerms
from domain.login import LoginMode
from domain.money import Money, parse

app = typer.Typer(help="The numbers that customers dial in.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="As Asterisk receives it, such as 18005550100.")]
Surcharge = Annotated[
    str | None, typer.Option(help="For each connected call, such as 0.25 USD; none: none.")
]
PerMinute = Annotated[
    str | None, typer.Option(help="For each minute, such as 0.01 USD; none: none.")
]


@app.command()
def add(
    context: typer.Context,
    number: Number,
    login: Annotated[LoginMode, typer.Option(help="What callers are asked for.")] = (
        LoginMode.NUMBER_AND_PIN
    ),
    language: Annotated[str, typer.Option()] = "en",
    announcement: Annotated[str | None, typer.Option(help="Sound played first.")] = None,
    surcharge: Surcharge = None,
    surcharge_per_minute: PerMinute = None,
    country: Annotated[str, typer.Option(help="Whose callers' numbers arrive bare.")] = "US",
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Add an access number."""
    with office(context) as back:
        terms = AccessTerms(
            login_mode=login,
            language=language,
            first_announcement=announcement,
            surcharge=_money(surcharge),
            surcharge_per_minute=_money(surcharge_per_minute),
            country=country,
        )
        back.access_numbers.add(number, terms, by or whoever(), why)
    _show(number, terms, json=json)


@app.command()
def change(
    context: typer.Context,
    number: Number,
    login: Annotated[LoginMode | None, typer.Option(help="What callers are asked for.")] = None,
    language: Annotated[str | None, typer.Option()] = None,
    announcement: Annotated[
        str | None, typer.Option(help="Sound played first; none: none.")
    ] = None,
    surcharge: Surcharge = None,
    surcharge_per_minute: PerMinute = None,
    country: Annotated[str | None, typer.Option(help="Whose numbers arrive bare.")] = None,
    reopen: Annotated[bool, typer.Option("--open", help="Open it again.")] = False,
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Change an access number. What is not named stays; calls that are up keep their terms."""
    with office(context) as back:
        named = {"login_mode": login, "language": language, "country": country}
        wanted: dict[str, Any] = {name: told for name, told in named.items() if told is not None}
        if announcement is not None:
            wanted["first_announcement"] = None if announcement == "none" else announcement
        if surcharge is not None:
            wanted["surcharge"] = _money(surcharge)
        if surcharge_per_minute is not None:
            wanted["surcharge_per_minute"] = _money(surcharge_per_minute)
        if reopen:
            wanted["open"] = True
        terms = back.access_numbers.change(
            number, lambda now: evolve(now, **wanted), by or whoever(), why
        )
    _show(number, terms, json=json)


@app.command()
def close(
    context: typer.Context, number: Number, by: By = "", why: Why = "", json: Json = False
) -> None:
    """Close an access number: callers are told to try later. `change --open` opens it again."""
    with office(context) as back:
        back.access_numbers.close(number, by or whoever(), why)
        terms = back.access_numbers.get(number).terms
    _show(number, terms, json=json)


@app.command()
def show(context: typer.Context, number: Number, json: Json = False) -> None:
    """One access number."""
    with office(context) as back:
        terms = back.access_numbers.get(number).terms
    _show(number, terms, json=json)


@app.command("list")
def list_all(
    context: typer.Context,
    after: AfterName = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Access numbers."""
    show_list(
        context,
        lambda back: back.route_views.access_numbers(after, limit),
        "Access numbers",
        ("number", "", "login", "language", "announcement", "a call", "a minute", "country"),
        lambda row: (
            row.number,
            "open" if row.open else "closed",
            row.login_mode,
            row.language,
            row.first_announcement,
            row.surcharge,
            row.surcharge_per_minute,
            row.country,
        ),
        json=json,
    )


def _money(told: str | None) -> Money | None:
    """An amount with its unit, such as ``0.25 USD``. Raises ValueError for anything else."""
    if told is None or told == "none":
        return None
    amount, _, unit = told.partition(" ")
    if not unit:
        raise ValueError(f"a surcharge is an amount and its unit such as '0.25 USD', not {told!r}")
    return parse(amount, unit)


def _show(number: str, terms: AccessTerms, *, json: bool) -> None:
    fields = {"number": number, **asdict(terms, recurse=False)}
    if json:
        show_json(fields)
    else:
        told = {name.replace("_", " "): value for name, value in fields.items() if name != "number"}
        show_fields(f"Access number {number}", told)
