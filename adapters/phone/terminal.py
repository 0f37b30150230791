"""A telephone in the terminal: read what the platform says, type keys, let time pass at will."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import define, evolve
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from adapters.phone.asterisk_side import (
    AsteriskSide,
    HangsUp,
    Line,
    Settings,
    Talk,
)
from adapters.phone.commands import Dialled
from adapters.phone.script import ScriptedLine, parse_script, parse_talk

_KEYS = frozenset("0123456789*#")
_LEG_HELP = "seconds of talk, or busy, noanswer, congestion, unavailable, rejected, * or h"
_KEYS_HELP = "keys are 0-9, * and #; Enter alone is silence, h hangs up"


def run_phone(
    host: str,
    port: int,
    *,
    access_number: str,
    caller_id: str,
    text_of: Callable[[str], str],
    out: Console | None = None,
    keys_script: Iterable[str] | None = None,
    read: Callable[[str], str] | None = None,
    settings: Settings | None = None,
) -> AsteriskSide:
    """Make one call to a FastAGI server and show it; returns when the call has ended.

    `text_of` gives the words of a sound. Without `keys_script` the keys are typed: `h` or Ctrl-C
    hangs up, Enter alone is silence; for a dialled leg the seconds of talk are typed (Enter: 60),
    or what else becomes of it, and no real time passes. `keys_script` is a script in the form that
    `adapters.phone.script` describes. `read` asks for one typed line (its prompt is the argument).

    Raises ScriptError for a script that is wrong or does not fit, OSError when nobody listens.
    """
    console = out or Console()
    settings = evolve(settings or Settings(), access_number=access_number, caller_id=caller_id)
    show = _Show(console, text_of)
    line: Line
    if keys_script is None:
        line = _TypedLine(show, read or (lambda prompt: console.input(prompt, markup=False)))
    else:
        line = _ShownScript(parse_script(keys_script), [], show.does, show)
    show.begin(settings)
    side = AsteriskSide(line, settings)
    try:
        side.run(host, port, seconds=60.0)
    except KeyboardInterrupt:
        show.does("hangs up")
    show.end(side)
    return side


@define
class _Show:
    """What the call looks like."""

    console: Console
    text_of: Callable[[str], str]

    def begin(self, settings: Settings) -> None:
        self.console.print(
            Panel(
                Text.assemble(
                    (settings.caller_id or "hidden number", "bold"),
                    "  calls  ",
                    (settings.access_number, "bold green"),
                ),
                title="telephone",
                title_align="left",
                border_style="green",
                expand=False,
            )
        )

    def says(self, sounds: Sequence[str]) -> None:
        if words := " ".join(filter(None, map(self.text_of, sounds))):
            self.console.print(Text.assemble(("♪ ", "cyan"), (words, "cyan")))

    def does(self, what: str) -> None:
        self.console.print(Text(f"  › {what}", style="yellow"))

    def dials(self, leg: Dialled) -> None:
        limit = f", at most {clock(leg.limit_ms)}" if leg.limit_ms else ""
        self.console.print(
            Text.assemble(
                ("☎ dialling ", "magenta"),
                (leg.number, "bold magenta"),
                (f" over {leg.trunk}{limit}", "magenta"),
            )
        )

    def became(self, leg: Dialled, talk: Talk) -> None:
        if talk.status != "ANSWER":
            words = f"{talk.status.lower()} (cause {talk.cause})"
        else:
            cut = leg.limit_ms is not None and talk.talk_ms >= leg.limit_ms
            talked = min(talk.talk_ms, leg.limit_ms or talk.talk_ms)
            words = f"answered, talked {clock(talked)}" + (", cut off at the limit" if cut else "")
            if leg.warn_ms and leg.limit_ms and talked > leg.limit_ms - leg.warn_ms:
                words += f", warned when {clock(leg.warn_ms)} were left"
        self.console.print(Text(f"  {words}", style="magenta"))

    def wrong(self, what: str) -> None:
        self.console.print(Text(f"  {what}", style="red"))

    def end(self, side: AsteriskSide) -> None:
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_row("ended by", "the platform" if side.done else "hang-up")
        table.add_row("legs dialled", str(len(side.legs)))
        table.add_row("time on the line", clock(side.now_ms - side.settings.started_ms))
        self.console.print(
            Panel(table, title="call ended", title_align="left", border_style="green", expand=False)
        )


@define
class _ShownScript(ScriptedLine):
    """A scripted caller, shown as it goes."""

    show: _Show | None = None

    def hears(self, sounds: Sequence[str], *, interruptible: bool) -> str | None:
        self._says(sounds)
        return ScriptedLine.hears(self, sounds, interruptible=interruptible)

    def keys(self, sounds: Sequence[str], most: int, milliseconds: int) -> tuple[str, bool]:
        self._says(sounds)
        return ScriptedLine.keys(self, sounds, most, milliseconds)

    def dials(self, leg: Dialled) -> Talk:
        if self.show:
            self.show.dials(leg)
        talk = ScriptedLine.dials(self, leg)
        if self.show:
            self.show.became(leg, talk)
        return talk

    def _says(self, sounds: Sequence[str]) -> None:
        if self.show:
            self.show.says(sounds)


@define
class _TypedLine:
    """A person at the keyboard."""

    show: _Show
    read: Callable[[str], str]

    def hears(self, sounds: Sequence[str], *, interruptible: bool) -> str | None:
        self.show.says(sounds)
        return None

    def keys(self, sounds: Sequence[str], most: int, milliseconds: int) -> tuple[str, bool]:
        self.show.says(sounds)
        while True:
            typed = self._typed("keys> ").replace(" ", "")
            if set(typed) <= _KEYS:
                # Like the real one, nothing after the # is heard.
                digits, ended, _ = typed.partition("#")
                return digits, bool(ended)
            self.show.wrong(_KEYS_HELP)

    def dials(self, leg: Dialled) -> Talk:
        self.show.dials(leg)
        while True:
            typed = self._typed("talk> ").strip().lower() or "60"
            if typed == "*":
                typed = "cancel"
            elif typed[:1].isdigit():
                typed = f"talk {typed}"
            if (talk := parse_talk(typed)) is not None:
                self.show.became(leg, talk)
                return talk
            self.show.wrong(_LEG_HELP)

    def _typed(self, prompt: str) -> str:
        try:
            typed = self.read(prompt)
        except (EOFError, KeyboardInterrupt):
            raise HangsUp from None
        if typed.strip().lower() == "h":
            self.show.does("hangs up")
            raise HangsUp
        return typed


def clock(milliseconds: int) -> str:
    """A duration as on a clock: 75,300 milliseconds are 1:15.3."""
    seconds, rest = divmod(milliseconds, 1000)
    tenths = f".{rest // 100}" if rest >= 100 else ""
    return f"{seconds // 60}:{seconds % 60:02d}{tenths}"
