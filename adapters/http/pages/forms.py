"""Forms: fields with labels, limits and hints, read into what an operation of the API takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import uuid4

import msgspec
from attrs import evolve as changed
from attrs import field, frozen
from starlette.datastructures import FormData, UploadFile

from adapters.http.pages.formats import as_input, plain
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit, refused, seen
from adapters.http.problems import CHANGED_MEANWHILE
from application.permissions import Action

Choices = Sequence[tuple[str, str]]


class Kind(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long text"
    NUMBER = "number"
    CHOICE = "choice"
    CHOICES = "choices"
    TICK = "tick"
    MONEY = "money"
    MOMENT = "moment"
    LIST = "list"
    PASSWORD = "password"  # noqa: S105 - a kind of field
    FILE = "file"


@frozen
class Field:
    """One field. ``name`` is that of the request; dots lead inside: ``terms.face_value``.

    ``choices``: values and their labels, or how to find them. ``unit``: what stands behind the
    field; of money the unit of its amount, or the name of the field that says it, behind an ``@``.
    ``heading`` begins a new part of the form. ``limits`` are attributes of the HTML element.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    hint: str = ""
    choices: Choices | Callable[[Visit], Choices] = ()
    required: bool = False
    unit: str = ""
    default: object = None
    heading: str = ""
    wide: bool = False
    limits: Mapping[str, object] = field(factory=dict)


def limited(body: Any, fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields with the limits that the request states of them."""
    return tuple(_limited(body, each) for each in fields)


def _limited(body: Any, one: Field) -> Field:
    info: Any = msgspec.inspect.type_info(body)
    required = False
    for part in one.name.split("."):
        found = next((each for each in info.fields if each.name == part), None)
        assert found is not None, f"{body.__name__} has no {one.name}"
        info, required = found.type, found.required
        while isinstance(info, msgspec.inspect.Metadata | msgspec.inspect.UnionType):
            if isinstance(info, msgspec.inspect.Metadata):
                info = info.type
            else:
                info = next(
                    each for each in info.types if not isinstance(each, msgspec.inspect.NoneType)
                )
    limits: dict[str, object] = {}
    if one.kind in (Kind.TEXT, Kind.LONG_TEXT, Kind.PASSWORD):
        limits = {
            "maxlength": getattr(info, "max_length", None),
            "minlength": getattr(info, "min_length", None) if required else None,
        }
    elif one.kind is Kind.NUMBER:
        limits = {"min": getattr(info, "ge", None), "max": getattr(info, "le", None)}
    elif one.kind is Kind.MONEY:
        limits = {"maxlength": 32}
    known = {name: value for name, value in limits.items() if value is not None}
    return changed(one, limits={**known, **one.limits}, required=one.required or required)


def read(fields: Sequence[Field], form: FormData) -> dict[str, Any]:
    """What was filled in, in the shape of the request; what was left empty is left out."""
    out: dict[str, Any] = {}
    for each in fields:
        value = _value(each, form)
        if value is None:
            continue
        *outer, name = each.name.split(".")
        inside = out
        for part in outer:
            inside = inside.setdefault(part, {})
        inside[name] = value
    return out


def _value(one: Field, form: FormData) -> Any:
    if one.kind is Kind.TICK:
        return one.name in form
    if one.kind is Kind.CHOICES:
        return [each for each in form.getlist(one.name) if isinstance(each, str)]
    sent = form.get(one.name)
    if isinstance(sent, UploadFile):
        return None
    text = sent if one.kind is Kind.PASSWORD else (sent or "").strip()
    if not text:
        if one.required:
            raise refused(f"{one.label}: fill this in", one.name)
        return None
    match one.kind:
        case Kind.NUMBER if not (text.isascii() and text.removeprefix("-").isdigit()):
            raise refused(f"{one.label}: a whole number, not {text[:40]!r}", one.name)
        case Kind.NUMBER:
            return int(text[:20])
        case Kind.MONEY:
            unit = one.unit
            if unit.startswith("@"):
                said = form.get(unit[1:], "")
                unit = said.strip() if isinstance(said, str) else ""
            return {"amount": text.replace(",", "") if text.count(".") else text, "unit": unit}
        case Kind.MOMENT:
            return text + (":00Z" if len(text) == len("2026-01-01T00:00") else "Z")
        case Kind.LIST:
            return [part for part in text.replace(",", " ").replace(";", " ").split() if part]
    return text


def form(
    visit: Visit,
    fields: Sequence[Field],
    *,
    source: object = None,
    submit: str = "Save",
    to: str = "",
    seen: str = "",
    asks_password: bool = False,
    danger: bool = False,
    cancel: str = "",
) -> dict[str, object]:
    """What the macro ``form`` of ``_forms.html`` shows.

    Filled from what was sent before, if a problem sent it back, or else from ``source``, a
    request's structure. ``to``: the page it is sent to, itself if empty. ``seen``: the ETag of
    what is changed. ``cancel``: where to go instead.
    """
    blamed = ""
    changed_meanwhile = visit.problem is not None and visit.problem.kind is CHANGED_MEANWHILE
    if visit.problem is not None:
        blamed = str(visit.problem.fields.get("field", "")).removeprefix("$").lstrip(".")
    rows = []
    # A page may hold several forms with fields of one name: labels belong to ids.
    place = uuid4().hex[:8]
    for each in fields:
        choices = each.choices(visit) if callable(each.choices) else each.choices
        rows.append(
            {
                "field": each,
                "id": f"f-{each.name.replace('.', '-')}-{place}",
                "value": _filled(visit, each, source),
                "choices": choices,
                "error": bool(blamed) and _blames(blamed, each.name),
                "now": _now(each, source, visit) if changed_meanwhile else None,
            }
        )
    return {
        "rows": rows,
        "submit": submit,
        "to": to,
        "seen": seen,
        "once": visit.filled("once") or str(uuid4()),
        "place": place,
        "asks_password": asks_password,
        "asks_code": visit.session.person.totp is not None,
        "danger": danger,
        "cancel": cancel,
        "multipart": any(each.kind is Kind.FILE for each in fields),
    }


def _blames(blamed: str, name: str) -> bool:
    return blamed == name or blamed.startswith((f"{name}.", f"{name}["))


def _filled(visit: Visit, one: Field, source: object) -> object:
    if one.kind in (Kind.PASSWORD, Kind.FILE):
        return ""
    if visit.form is not None and visit.problem is not None:
        if one.kind is Kind.TICK:
            return one.name in visit.form
        if one.kind is Kind.CHOICES:
            return list(visit.form.getlist(one.name))
        return visit.form.get(one.name, "")
    value = _inside(one, source)
    if value is None:
        value = one.default
    if one.kind is Kind.TICK:
        return bool(value)
    if one.kind is Kind.CHOICES:
        return [as_input(each) for each in value or ()]
    return as_input(value)


def _inside(one: Field, source: object) -> Any:
    value: Any = source
    for part in one.name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return value


def _now(one: Field, source: object, visit: Visit) -> str | None:
    """What is in force now, where it is not what was sent."""
    value = _inside(one, source)
    now = bool(value) if one.kind is Kind.TICK else as_input(value)
    sent = _filled(visit, one, source)
    return None if sent == now else plain(value)


def form_page(
    path: str,
    operation: tuple[str, str],
    action: Action,
    fields: Sequence[Field],
    *,
    title: str,
    body: Any,
    then: str,
    done: str,
    source: tuple[str, str] | None = None,
    submit: str = "Save",
    intro: str = "",
    fixed: Mapping[str, object] | None = None,
    hashes: bool = False,
    danger: bool = False,
    label: str = "",
    icon: str = "",
) -> Page:
    """A page with one form, whose submit is one operation of the API.

    ``body`` is the request that the operation takes. ``source``: the operation whose answer fills
    the form in; with it, a change by somebody else in the meantime is noticed. Parts of the path
    are handed to both. ``then``: where to go, parts of the path and of the answer filled in.
    """
    shown = limited(body, fields)

    def show(visit: Visit) -> Reply:
        before = visit.ask(*source, **visit.path) if source else fixed
        made = form(
            visit,
            shown,
            source=before,
            submit=submit,
            seen=seen(before) if source else "",
            asks_password=visit.needs_password(*operation),
            danger=danger,
            cancel=_filled_in(then, visit, before) if "{" not in _unknown(then, visit) else "",
        )
        name = title.format_map(_Known({**_names(before), **visit.path}))
        return Shown("form.html", name, {"form": made, "intro": intro})

    def send(visit: Visit) -> Reply:
        sent = {**(fixed or {}), **read(shown, visit.sent)}
        answer = visit.ask(*operation, sent=sent, **visit.path)
        return Gone(_filled_in(then, visit, answer), done)

    return Page(path, action, show, send, label, icon, hashes)


class _Known(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


def _names(answer: object) -> dict[str, object]:
    fields = getattr(answer, "__struct_fields__", ())
    return {name: getattr(answer, name) for name in fields}


def _unknown(then: str, visit: Visit) -> str:
    return then.format_map(_Known(visit.path))


def _filled_in(then: str, visit: Visit, answer: object) -> str:
    return then.format_map(_Known({**_names(answer), **visit.path}))
