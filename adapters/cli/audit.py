"""talktime audit: replay, verify and explain the ledger, and look at any past moment."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO
from uuid import UUID

import typer

from adapters.cli.context import Json, moment, office
from adapters.cli.output import console, show_fields, show_json, show_rows
from adapters.cli.progress import facts_bar
from adapters.cli.seals import Checkpoints, PublicKeys, seal_fields, seals_beside, show_seals
from application.auditing import Verification
from domain.errors import NotFound
from domain.seal_checks import Break, Checked

app = typer.Typer(help="The ledger for auditors.", no_args_is_help=True)


class Thing(StrEnum):
    CARD = "card"
    ACCOUNT = "account"


@app.command()
def replay(
    context: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Position behind which to begin.")] = 0,
    until: Annotated[int | None, typer.Option(help="Last position; else the newest.")] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="Only facts of this name; may be given again.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A new file; else standard output.")] = None,
) -> None:
    """Stream every fact in order as JSON lines."""
    with office(context) as back, _written(out) as file:
        try:
            for lines in back.replay(after=after, until=until, names=frozenset(name or ())):
                file.write(lines)
            file.flush()
        except BrokenPipeError:
            # Whoever reads has seen enough, as ``head`` has.
            sys.stderr.close()


@app.command()
def verify(
    context: typer.Context,
    processes: Annotated[
        int | None, typer.Option(min=1, max=16, help="Else as many as pay.")
    ] = None,
    public_key: PublicKeys | None = None,
    checkpoint: Checkpoints = None,
    json: Json = False,
) -> None:
    """Check every rule on every fact, and the seals. Ends with 1 if something is broken.

    The seals are looked at with --public-key, and against what was published with --checkpoint.
    """
    if checkpoint is not None and public_key is None:
        raise typer.BadParameter("checkpoints are read with the log's --public-key")
    sealed: Break | Checked | None = None
    with office(context) as back:
        back.catch_up()
        with facts_bar("verifying", shown=not json) as progress:
            # The rules are checked in other processes, the seals meanwhile in this one.
            looked_at = seals_beside(context, public_key, checkpoint) if public_key else None
            told = back.auditor.verify(processes=processes, progress=progress)
            if looked_at is not None:
                sealed = looked_at()
    if json:
        show_json(
            {
                "clean": told.clean,
                "facts": told.facts,
                "until": told.until,
                "counts": {rule.name.lower(): count for rule, count in told.counts.items()},
                "found": [
                    {
                        "position": each.position,
                        "stream": each.stream_id,
                        "version": each.version,
                        "name": each.name,
                        "time": each.recorded_at,
                        "rule": each.rule.name.lower(),
                        "must": each.rule.value,
                        "why": each.why,
                    }
                    for each in told.found
                ],
                "read_models": dict(told.models),
                "seals": None if sealed is None else seal_fields(sealed),
            }
        )
    else:
        _show(told)
        if sealed is not None:
            show_seals(sealed)
    if not told.clean or isinstance(sealed, Break):
        raise typer.Exit(1)


@app.command()
def explain(
    context: typer.Context,
    call: Annotated[str, typer.Argument(help="<node>-<Asterisk's unique id>.")],
    json: Json = False,
) -> None:
    """Why a call cost what it did, step by step."""
    with office(context) as back:
        told = back.explanations.explain(call)
    if json:
        show_json(
            {
                "reference": told.reference,
                "agrees": told.agrees,
                "charged": list(told.charged),
                "attempts": list(told.attempts),
                "steps": list(told.steps),
            }
        )
        return
    rows: list[tuple[object, ...]] = []
    for step in told.steps:
        rows.append((step.position, step.at, step.told))
        rows += [("", "", f"  · {why}") for why in step.because]
    show_rows(f"Call {call}", ("position", "when (UTC)", "what and why"), rows)
    charged = ", ".join(map(str, told.charged)) or "nothing"
    agrees = "yes" if told.agrees else "NO: talktime audit verify"
    show_fields("Together", {"charged": charged, "as the recorded terms say": agrees})


@app.command("at")
def at_moment(
    context: typer.Context,
    time: Annotated[str, typer.Argument(help="2026-01-31T08:00, in UTC unless it says otherwise.")],
    what: Annotated[Thing, typer.Argument()],
    which: Annotated[str, typer.Argument(help="A card's number, or the id of an account.")],
    json: Json = False,
) -> None:
    """A card or an account as it was at a moment."""
    with office(context) as back:
        at = moment(time).astimezone(UTC)
        if what is Thing.CARD:
            card_id = back.administration.card_id(which)
            try:
                card = back.histories.card(card_id, at)
            except NotFound:
                raise NotFound("card", f"{which} at {at:%Y-%m-%d %H:%M:%S} UTC") from None
            account = card.account
        else:
            card, account = None, back.histories.account(_id(which), at)
    if json:
        show_json(card or account)
        return
    if at > moment(None):
        console().print("That is still to come: this is what is known until now.")
    if card is not None:
        show_fields(
            f"Card {card.number} at {at.isoformat()}",
            {
                "status": card.status,
                "group": card.group,
                "first used": card.first_used_at,
                "expires": card.expires_at,
                "expired": "yes" if card.expired else "no",
                "caller ID": card.caller_id,
                "sold": "yes" if card.sold else "no",
                "facts until then": card.facts,
            },
        )
    if account is None:
        show_fields("Account", {"balance": "none: the card had not been active"})
        return
    show_fields(
        f"Account {account.account_id} at {at.isoformat()}",
        {
            "balance": account.balance,
            "held": account.held,
            "available": account.available,
            "daily fee through": account.daily_fee_through,
            "facts until then": account.facts,
            "last change": account.changed_at,
        },
    )
    if account.holds:
        show_rows("Open holds", ("hold", "amount"), [(h.hold_id, h.amount) for h in account.holds])


def _show(told: Verification) -> None:
    if told.clean:
        show_fields("Verified", {"facts": told.facts, "until position": told.until, "broken": 0})
        return
    first = told.found[0]
    show_fields(
        "The first fact that is wrong",
        {
            "position": first.position,
            "fact": first.name,
            "stream": first.stream_id,
            "version": first.version,
            "recorded (UTC)": first.recorded_at,
            "must": first.rule.value,
            "but": first.why,
        },
    )
    rows = [(each.position, each.name, each.rule.value, each.why) for each in told.found]
    show_rows("Found", ("position", "fact", "must", "but"), rows)
    counts = {rule.value: count for rule, count in sorted(told.counts.items())}
    show_fields(f"{sum(counts.values())} in {told.facts} facts", counts)


@contextmanager
def _written(out: Path | None) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        yield stack.enter_context(open(out, "xb")) if out else sys.stdout.buffer


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(
            f"an account is named by its id, not {text!r}; `talktime audit at TIME card NUMBER`"
            " tells the account of a card as well"
        ) from None
