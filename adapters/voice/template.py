"""The list of everything that is said, for translators: written from the sentences in the code.

``python -m adapters.voice.template`` writes ``locale/talktime.pot`` anew.
"""

from __future__ import annotations

import io
from pathlib import Path

from attrs import frozen
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from adapters.voice.numbers import WORDS
from application.speech import Counted, Frame, Prompt

LOCALE = Path(__file__).parent / "locale"
"""The catalogues that come with the program, ``<language>/LC_MESSAGES/talktime.po``."""

TEMPLATE = LOCALE / "talktime.pot"

NUMBER = "number"
"""The context of number words. ``number:f`` holds the variants a language needs beside some
nouns: its texts ask for them with ``{number:f}``, and take the plain word where none is given."""

HEADER = """\
# What Talktime says to a caller, in one language.
#
# Each sentence is cut at its {values}; every piece between them becomes one sound file. A value
# may stand anywhere in the sentence, and each stands there once.
# Beside a noun with another form of the number word ("un dólar", "una libra"), write {number:f}
# and add the words that differ as entries with the context "number:f".
# {number} may be left out of a plural form that serves a single number ("a minute").
# Number words beyond the listed ones are entries with the context "number", used by the
# language's grammar in adapters/voice/numbers.py.
msgid ""
msgstr ""
"Project-Id-Version: Talktime\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


@frozen
class Entry:
    """One text to translate; its context is also the name of its sound."""

    context: str
    text: str
    several: str | None = None
    heard: str = ""

    @property
    def message_id(self) -> str | tuple[str, str]:
        """The text as gettext knows it: with its plural if it has one."""
        return self.text if self.several is None else (self.text, self.several)


def entries() -> tuple[Entry, ...]:
    """Everything that is said, in the order of the template."""
    return (
        *(Entry(name_of(p.name), p.text, heard=p.heard) for p in Prompt),
        *(Entry(name_of(f.name), f.text, heard=f.heard) for f in Frame),
        *(Entry(name_of(c.name), c.one, c.several, "A noun with its number.") for c in Counted),
        *(Entry(NUMBER, word) for word in WORDS),
    )


def name_of(member: str) -> str:
    """The name of a sentence outside the code: ``TIME_LEFT`` is ``time-left``."""
    return member.lower().replace("_", "-")


def template() -> bytes:
    """The translation template, always the same for the same sentences."""
    catalog = Catalog(charset="utf-8")
    for entry in entries():
        comments = [entry.heard] if entry.heard else []
        catalog.add(entry.message_id, context=entry.context, auto_comments=comments)
    out = io.BytesIO()
    # Babel's own header names its version and the hour, which would differ from run to run.
    write_po(out, catalog, width=100, omit_header=True)
    return HEADER.encode() + out.getvalue()


if __name__ == "__main__":
    TEMPLATE.write_bytes(template())
