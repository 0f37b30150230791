"""The call-card log in the form of VICIdial: tab-delimited, the same columns in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from application.reports import LoggedCall

COLUMNS = (
    "call_time",
    "phone_number",
    "inbound_did",
    "balance_minutes_start",
    "agent_talk_min",
    "agent_talk_sec",
    "agent",
    "agent_time",
    "agent_dispo",
)
"""What VICIdial exports of a call. No agent takes a card call, so ``agent`` is empty."""

MORE = ("card_id", "run", "batch", "pack", "sequence", "group", "destination", "charge", "unit")
"""What it does not, behind its own columns."""

_TIME = "%Y-%m-%d %H:%M:%S"
_CONTROL = dict.fromkeys([*range(32), 127], " ")


def lines(calls: Iterable[LoggedCall], *, more: bool = False) -> Iterator[str]:
    """Lines that end in CR LF, as VICIdial's do, without a header; ``more`` columns come with one.

    Times are in UTC. What is in a cell never breaks a line or a column; a file with tabs is read
    by programs, and a spreadsheet that opens it is told that formulas are text.
    """
    if more:
        yield "\t".join((*COLUMNS, *MORE)) + "\r\n"
    for call in calls:
        cells = [
            call.called_at.strftime(_TIME),
            (call.caller_id or "").removeprefix("+"),
            call.access_number,
            str(call.minutes_at_start),
            str(call.minutes),
            str(call.seconds),
            "",
            call.answered_at.strftime(_TIME) if call.answered_at else "",
            "ANSWER" if call.answered_at else "NOANS",
        ]
        if more:
            amount, _, unit = str(call.charge).partition(" ")
            cells += [call.card, call.run, call.batch, call.pack, call.sequence]
            cells += [call.group, call.destination.removeprefix("+"), amount, unit]
        yield "\t".join(_cell(cell) for cell in cells) + "\r\n"


def _cell(text: str) -> str:
    plain = text.translate(_CONTROL).strip()
    return "'" + plain if plain.startswith(("=", "+", "-", "@")) else plain
