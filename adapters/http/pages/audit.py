"""The audit trail: who changed what, who read which secret, who was let in or refused."""

from __future__ import annotations

from adapters.http.audit import EntryShown
from adapters.http.pages.formats import plain, words
from adapters.http.pages.lists import Column, Filter, ListPage
from application.permissions import Action

_TOLD_ELSEWHERE = frozenset({"by", "target", "pin_digest"})
_EMPTY: tuple[object, ...] = (None, "", [], {})
_MOST_TOLD = 240


def what(entry: EntryShown) -> str:
    """The fields of the fact in one line, without ids."""
    told = [
        f"{words(name).lower()}: {_short(value)}"
        for name, value in entry.fact.items()
        if not name.endswith("_id") and name not in _TOLD_ELSEWHERE and value not in _EMPTY
    ]
    text = ", ".join(told)
    return text if len(text) <= _MOST_TOLD else text[: _MOST_TOLD - 1] + "…"


def _short(value: object) -> str:
    if isinstance(value, dict) and set(value) != {"amount", "unit"}:
        inside = [f"{words(name).lower()} {_short(each)}" for name, each in value.items() if each]
        return "(" + ", ".join(inside) + ")"
    return plain(value)


LIST = ListPage(
    "audit",
    "Audit trail",
    "/v1/audit",
    Action.SEE_AUDIT,
    "position",
    (
        Column("recorded_at", "When", "moment", sort=True),
        Column("by", "Who", value=lambda row: row.by or "nobody"),
        Column("action", "What", value=lambda row: words(row.action)),
        Column("fact", "In detail", value=what),
    ),
    icon="fa-solid fa-clipboard-list",
    filters=(
        Filter("by", "Who", hint="Name of who did it"),
        Filter("action", "Action", hint="Such as card-status-changed"),
        Filter("since", "Since", day=True),
        Filter("until", "Before", day=True),
    ),
    sorts={"recorded_at__desc": {"order": "newest"}, "recorded_at__asc": {"order": "oldest"}},
    intro="Every change, every secret that was read, every refusal. It only grows.",
)
