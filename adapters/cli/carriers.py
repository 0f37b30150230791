"""talktime providers, trunks: who calls are bought from, at what rates, and through which lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from attrs import asdict, evolve

from adapters.cli.context import By, Json, Why, moment, office, whoever
from adapters.cli.lists import AfterName, Limit, show_list
from adapters.cli.output import show_fields, show_json
from adapters.cli.sheets import Override, progress, publish_or_forget
from application.rate_files import Reading
from domain.providers import ProviderTerms
from domain.trunks import Translation, TrunkTerms

providers = typer.Typer(help="The carriers that calls are bought from.", no_args_is_help=True)
trunks = typer.Typer(help="The lines that calls go out through.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Its name.")]
Active = Annotated[bool | None, typer.Option("--active/--inactive", help="In use or not.")]
Translate = Annotated[
    list[str] | None,
    typer.Option(
        help="match:strip:prepend, such as 48:2:0 or :0:00; may be given again. "
        "Replaces all there are; none: none."
    ),
]
CHANGED = ("changed (UTC)", "by", "why")


# ---- providers


@providers.command("add")
def add_provider(
    context: typer.Context,
    name: Name,
    unit: Annotated[str, typer.Option(help="What its calls are paid in, such as EUR.")] = "USD",
    rated: Annotated[
        bool, typer.Option(help="Serves only what its rate sheet has; else all, cost unknown.")
    ] = True,
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Add a provider. Publish its rates next, then add its trunks."""
    with office(context) as back:
        terms = ProviderTerms(unit, rated)
        back.routing.add_provider(name, terms, by or whoever(), why)
    show_terms(f"Provider {name}", {"name": name}, terms, json=json)


@providers.command("change")
def change_provider(
    context: typer.Context,
    name: Name,
    rated: Annotated[bool | None, typer.Option("--rated/--unrated")] = None,
    active: Active = None,
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Change a provider. Without an active provider its trunks carry nothing."""
    with office(context) as back:
        wanted = _given(rated=rated, active=active)
        terms = back.routing.change_provider(
            name, lambda now: evolve(now, **wanted), by or whoever(), why
        )
    show_terms(f"Provider {name}", {"name": name}, terms, json=json)


@providers.command("rates")
def publish_rates(
    context: typer.Context,
    name: Name,
    sheet: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The CSV or XLSX file.")
    ],
    since: Annotated[str | None, typer.Option(help="In force from then on; now.")] = None,
    override: Override = None,
    why: Why = "",
    by: By = "",
    json: Json = False,
) -> None:
    """Import, check and publish its rate sheet in one go."""
    who = by or whoever()
    with office(context) as back, progress() as told:
        provider = back.routing.provider(name)
        begins = moment(since) if since else None
        reading = Reading(provider.terms.unit)
        draft = back.tariffs.import_sheet(provider.tariff, sheet, reading, who, why, told)
        version = publish_or_forget(
            back.tariffs, draft.sheet_id, begins, who, why, tuple(override or ()), None, told
        )
    published = {"provider": name, "version": version}
    if json:
        show_json(published)
    else:
        show_fields("Published", published)


@providers.command("list")
def list_providers(
    context: typer.Context, after: AfterName = None, limit: Limit = 50, json: Json = False
) -> None:
    """Providers by name."""
    show_list(
        context,
        lambda back: back.route_views.providers(after, limit),
        "Providers",
        ("name", "unit", "rated", "active", *CHANGED),
        lambda row: (
            *(row.name, row.unit, row.rated, row.active),
            *(row.changed_at, row.changed_by, row.why),
        ),
        json=json,
    )


@providers.command("show")
def show_provider(context: typer.Context, name: Name, json: Json = False) -> None:
    """One provider."""
    with office(context) as back:
        provider = back.routing.provider(name)
    known = {"name": name, "tariff": provider.tariff}
    show_terms(f"Provider {name}", known, provider.terms, json=json)


# ---- trunks


@trunks.command("add")
def add_trunk(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name of the PJSIP endpoint.")],
    provider: Annotated[str, typer.Option(help="Whose line it is.")],
    capacity: Annotated[int, typer.Option(min=1, help="Calls at once.")] = 30,
    priority: Annotated[int, typer.Option(min=0, help="Lowest first, where costs are equal.")] = (
        100
    ),
    translate: Translate = None,
    caller_id: Annotated[
        str | None, typer.Option(help="The number to present; else the caller's own.")
    ] = None,
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Add a trunk. It carries calls at once, to all that its provider serves."""
    with office(context) as back:
        terms = TrunkTerms(provider, capacity, priority, _translations(translate), caller_id)
        back.routing.add_trunk(name, terms, by or whoever(), why)
    show_terms(f"Trunk {name}", {"name": name}, terms, json=json)


@trunks.command("change")
def change_trunk(
    context: typer.Context,
    name: Name,
    provider: Annotated[str | None, typer.Option()] = None,
    capacity: Annotated[int | None, typer.Option(min=1)] = None,
    priority: Annotated[int | None, typer.Option(min=0)] = None,
    translate: Translate = None,
    caller_id: Annotated[str | None, typer.Option(help="own: the caller's own.")] = None,
    active: Active = None,
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Change a trunk. Calls that are up stay up."""
    with office(context) as back:
        wanted = _given(provider=provider, capacity=capacity, priority=priority, active=active)
        if translate is not None:
            wanted["translations"] = _translations(translate)
        if caller_id is not None:
            wanted["caller_id"] = None if caller_id == "own" else caller_id
        terms = back.routing.change_trunk(
            name, lambda now: evolve(now, **wanted), by or whoever(), why
        )
    show_terms(f"Trunk {name}", {"name": name}, terms, json=json)


@trunks.command("list")
def list_trunks(
    context: typer.Context,
    provider: Annotated[str | None, typer.Option(help="Only its lines.")] = None,
    after: AfterName = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Trunks by name."""
    show_list(
        context,
        lambda back: back.route_views.trunks(after, limit, provider=provider),
        "Trunks",
        ("name", "provider", "capacity", "priority", "translations", "active"),
        lambda row: (
            row.name,
            row.provider,
            row.capacity,
            row.priority,
            " ".join(row.translations),
            row.active,
        ),
        json=json,
    )


@trunks.command("show")
def show_trunk(context: typer.Context, name: Name, json: Json = False) -> None:
    """One trunk."""
    with office(context) as back:
        terms = back.routing.trunk(name).terms
    show_terms(f"Trunk {name}", {"name": name}, terms, json=json)


# ---- what is shared


def _translations(told: list[str] | None) -> tuple[Translation, ...]:
    if not told or told == ["none"]:
        return ()
    found = []
    for text in told:
        parts = text.split(":")
        plain = len(parts) == 3 and (parts[1].isascii() and parts[1].isdigit())
        if not plain or len(parts[1]) > 2:
            raise ValueError(f"a translation is match:strip:prepend such as 48:2:0, not {text!r}")
        found.append(Translation(parts[0], int(parts[1]), parts[2]))
    return tuple(found)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def show_terms(title: str, known: dict[str, Any], terms: Any, *, json: bool) -> None:
    fields = known | asdict(terms, recurse=False)
    if json:
        show_json(fields)
    else:
        show_fields(title, {name: _plainly(value) for name, value in fields.items()})


def _plainly(value: Any) -> Any:
    if isinstance(value, Translation):
        return f"{value.match}:{value.strip}:{value.prepend}"
    return ", ".join(map(_plainly, value)) or None if isinstance(value, tuple) else value
