"""The command line: ``talktime …``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.cli import (
    access_numbers,
    audit,
    backups,
    books,
    cards,
    carriers,
    corrections,
    distribution,
    exports,
    groups,
    lots,
    people,
    persons,
    records,
    reports,
    routes,
    seals,
    tariffs,
    what_if,
)
from adapters.cli.context import Json, plainly, program_of
from adapters.cli.output import console, show_fields, show_json
from adapters.cli.program import Program
from adapters.cli.progress import facts_bar

prompts = typer.Typer(help="What callers hear.", no_args_is_help=True)
asterisk = typer.Typer(help="The Asterisk that carries the calls.", no_args_is_help=True)
keys = typer.Typer(help="Secret keys.", no_args_is_help=True)


def create_cli(program: Program) -> typer.Typer:
    """The command line of a program; its commands reach everything through the port."""
    app = typer.Typer(
        name="talktime",
        help="A prepaid telephone platform on Asterisk, on one event-sourced ledger.",
        no_args_is_help=True,
        pretty_exceptions_show_locals=False,
    )

    @app.callback()
    def begin(
        context: typer.Context,
        settings: Annotated[
            Path | None,
            typer.Option(
                "--settings",
                envvar="TALKTIME_SETTINGS",
                help="Settings file; else talktime.toml here, or /etc/talktime/talktime.toml.",
            ),
        ] = None,
    ) -> None:
        context.obj = program
        program.use_settings(settings)

    app.command()(serve)
    app.command()(agi)
    app.command()(http)
    app.command()(worker)
    app.command()(demo)
    app.command()(phone)
    app.command()(ship)
    app.command()(tariffs.price)
    app.command()(corrections.refund)
    app.command("what-if")(what_if.what_if)
    app.command()(backups.backup)
    app.command()(backups.restore)
    app.command()(reconcile)
    app.command()(rebuild)
    app.add_typer(records.accounts, name="accounts")
    app.add_typer(access_numbers.app, name="access-numbers")
    app.add_typer(distribution.approvals, name="approvals")
    app.add_typer(asterisk, name="asterisk")
    app.add_typer(audit.app, name="audit")
    app.add_typer(books.app, name="books")
    app.add_typer(records.calls, name="calls")
    app.add_typer(cards.app, name="cards")
    app.add_typer(corrections.app, name="corrections")
    app.add_typer(distribution.distributors, name="distributors")
    app.add_typer(distribution.fees, name="fees")
    app.add_typer(exports.app, name="export")
    app.add_typer(groups.groups, name="groups")
    app.add_typer(keys, name="keys")
    app.add_typer(lots.app, name="lots")
    app.add_typer(people.app, name="people")
    app.add_typer(persons.app, name="persons")
    app.add_typer(prompts, name="prompts")
    app.add_typer(carriers.providers, name="providers")
    app.add_typer(reports.reports, name="reports")
    app.add_typer(routes.routes, name="routes")
    app.add_typer(seals.app, name="seal")
    app.add_typer(tariffs.app, name="tariffs")
    app.add_typer(carriers.trunks, name="trunks")
    return app


def serve(context: typer.Context) -> None:
    """Answer calls (FastAGI) and requests (HTTP) until stopped, all in one process."""
    with plainly():
        program_of(context).serve()


def agi(context: typer.Context) -> None:
    """Answer calls (FastAGI) until stopped, as one of several processes."""
    with plainly():
        program_of(context).serve_calls()


def http(context: typer.Context) -> None:
    """Answer requests (HTTP) until stopped, as one of several processes."""
    with plainly():
        program_of(context).serve_requests()


def worker(context: typer.Context) -> None:
    """Keep read models, settle what is overdue, charge fees, seal, as one of several processes."""
    with plainly():
        program_of(context).work()


def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps everything.")] = Path(
        "var/demo"
    ),
    agi_port: Annotated[int, typer.Option(min=1, max=65535)] = 4573,
    http_port: Annotated[int, typer.Option(min=1, max=65535)] = 8080,
) -> None:
    """Serve a small demo operator with cards to try, on SQLite."""
    with plainly():
        program_of(context).demo(folder, agi_port=agi_port, http_port=http_port)


def phone(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Where talktime answers.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 4573,
    access_number: Annotated[str, typer.Option(help="The number you dial.")] = "18005550100",
    caller_id: Annotated[str, typer.Option(help="Your own number.")] = "12125550123",
    script: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Keys from a file.")
    ] = None,
    language: Annotated[str, typer.Option()] = "en",
) -> None:
    """A telephone in the terminal: call in without an Asterisk."""
    with plainly():
        program_of(context).phone(
            host=host,
            port=port,
            access_number=access_number,
            caller_id=caller_id,
            script=script,
            language=language,
        )


def ship(context: typer.Context) -> None:
    """Beside an Asterisk: send its leg records to the ledger, until stopped."""
    with plainly():
        program_of(context).ship()


def reconcile(context: typer.Context, json: Json = False) -> None:
    """Look once for open attempts whose calls have ended, and settle them."""
    with plainly():
        found = program_of(context).reconcile()
    if json:
        show_json(found)
    else:
        show_fields("Reconciled", found)


def rebuild(context: typer.Context, json: Json = False) -> None:
    """Make all read models again, from the first fact."""
    with plainly(), facts_bar("rebuilding", shown=not json) as progress:
        applied = program_of(context).rebuild(progress)
    if json:
        show_json({"facts": applied})
    else:
        show_fields("Rebuilt", {"facts applied": applied})


@prompts.command("build")
def build_prompts(
    context: typer.Context,
    language: Annotated[
        list[str] | None, typer.Option("--language", "-l", help="Only these; else all.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Sounds folder; else of the settings.")] = None,
    json: Json = False,
) -> None:
    """Render every prompt to sound files for Asterisk. Your own recordings stay."""
    with plainly():
        report = program_of(context).build_prompts(tuple(language or ()), out)
    if json:
        show_json(report)
    else:
        show_fields("Prompts", report)


@asterisk.command("config")
def asterisk_config(
    context: typer.Context,
    secret_file: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="Holds the manager's secret.")
    ],
    node: Annotated[str, typer.Option(help="This Asterisk's name, a-z and 0-9.")] = "pbx1",
    agi: Annotated[
        list[str] | None, typer.Option(help="host:port of FastAGI; a second one is the stand-in.")
    ] = None,
    spool: Annotated[str, typer.Option()] = "/var/spool/asterisk/talktime",
    out: Annotated[
        Path | None, typer.Option(help="Asterisk's configuration folder; else print all.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what differs.")] = False,
) -> None:
    """Write the dial plan and settings for an existing Asterisk 18 or later."""
    with plainly():
        text = program_of(context).asterisk_config(
            node=node,
            agi_hosts=tuple(agi or ("127.0.0.1:4573",)),
            spool=spool,
            secret_file=secret_file,
            out=out,
            force=force,
        )
    console().print(text, markup=False, soft_wrap=True)


@keys.command("pin")
def pin_key(context: typer.Context) -> None:
    """Make the key that PINs are digested with, once for each ledger. Keep a copy in a safe."""
    with plainly():
        path = program_of(context).make_pin_key()
    show_fields("PIN key", {"file": path})


@keys.command("persons")
def person_keys(context: typer.Context) -> None:
    """Make the file of master keys that callers' numbers are sealed with, before the first start.

    A ledger without any caller's number gets one by itself.
    """
    with plainly():
        path = program_of(context).make_person_keys()
    show_fields("Master keys of persons", {"file": path})


@keys.command("new")
def new_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Whose key it is.")],
    scope: Annotated[
        list[str] | None, typer.Option(help="read, admin or node; may be given again.")
    ] = None,
) -> None:
    """Make an API key. It is shown once; the settings hold its digest only."""
    with plainly():
        key, lines = program_of(context).new_api_key(name, tuple(scope or ("read",)))
    console().print(f"Key (shown once): [bold]{key}[/bold]\n", soft_wrap=True)
    console().print("Add to the settings:\n", style="dim")
    console().print(lines, markup=False, soft_wrap=True)
