"""A made-up catalogue on disk, for tests that change one text of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

from adapters.voice.catalogue import FILE
from adapters.voice.template import entries

Text = str | tuple[str, ...]

ENGLISH_RULE = "nplurals=2; plural=(n != 1);"

POLISH_RULE = (
    "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
)

HEADER = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: {rule}\\n"

"""


def write_catalogue(
    folder: Path,
    language: str,
    changes: Mapping[tuple[str, str], Text | None] | None = None,
    *,
    rule: str = ENGLISH_RULE,
    more: Mapping[tuple[str, str], str] | None = None,
    fuzzy: tuple[tuple[str, str], ...] = (),
) -> Path:
    """A catalogue whose texts are the English ones except these, by context and English text.
    None leaves a text out altogether."""
    forms = int(rule.removeprefix("nplurals=")[0])
    catalog = Catalog(charset="utf-8")
    catalog.mime_headers = [("Plural-Forms", rule)]
    changed = dict(changes or {})
    for entry in entries():
        key = (entry.context, entry.text)
        same: Text = entry.text
        if entry.several is not None:
            same = (entry.text, *(entry.several,) * (forms - 1))
        text = changed.pop(key, same)
        if text is None:
            continue
        flags = ["fuzzy"] if key in fuzzy else []
        catalog.add(entry.message_id, text, context=entry.context, flags=flags)
    assert not changed, f"no such texts: {changed}"
    for (context, word), said in (more or {}).items():
        catalog.add(word, said, context=context)
    path = folder / language / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(HEADER.format(rule=rule).encode())
        write_po(file, catalog, omit_header=True)
    return path
