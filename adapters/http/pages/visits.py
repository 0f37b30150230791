"""One visit of a page: who looks, what was filled in, and the operations of the API behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile
from typing import Any, NoReturn

from attrs import field, frozen
from starlette.datastructures import FormData, QueryParams, UploadFile

from adapters.http import problems
from adapters.http.asking import Asked, read_fields, read_parameters
from adapters.http.auth import Caller, check_confirmed, check_permission
from adapters.http.conditional import etag_of
from adapters.http.files import CSV, MIB, XLSX, SentFile, Stream
from adapters.http.operations import Operation, Routes
from adapters.http.problems import AskedWrongly, Problem, asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import encode
from application.permissions import Action
from application.signing_in import Opened, SignedInAs

ROOT = "/admin"

MOST_FORM = 64 * 1024
"""Bytes in an ordinary form."""


@frozen
class Shown:
    """A page: its template, its title, and what the template tells of."""

    template: str
    title: str
    context: Mapping[str, object] = field(factory=dict)


@frozen
class Gone:
    """Elsewhere, with a message at the top of the page there. ``to`` begins behind ``/admin``.

    ``opened``: the session goes on under this token.
    """

    to: str
    message: str = ""
    category: str = "success"
    opened: Opened | None = None


@frozen
class Download:
    """A file for the browser to keep: bytes, or a stream of them."""

    content: bytes | Stream
    content_type: str
    name: str


_MEDIA_TYPES = {".csv": CSV, ".xlsx": XLSX}
"""By the ending of a file's name: browsers say other things of them on some systems."""

Reply = Shown | Gone | Download
Handler = Callable[["Visit"], Reply]


@frozen
class Page:
    """A page at a path behind ``/admin``: what is shown there, and what a form there does.

    ``action``: who may not do this does not find the page in the menu and is refused. ``label`` and
    ``icon`` (of Font Awesome) are for the menu. Handlers run in a thread, so they may block.
    ``hashes``: the form works on passwords, which takes long. ``most_body``: bytes of a form.
    """

    path: str
    action: Action
    show: Handler | None
    send: Handler | None = None
    label: str = ""
    icon: str = ""
    hashes: bool = False
    most_body: int = MOST_FORM


@frozen
class Visit:
    """``form`` is None when somebody only looks; ``problem``: why the form was not taken."""

    services: HttpServices
    operations: Routes
    caller: Caller
    source: str
    address: str
    path: Mapping[str, Any]
    query: QueryParams = field(factory=QueryParams)
    form: FormData | None = None
    problem: Problem | None = None

    @property
    def session(self) -> SignedInAs:
        assert self.caller.signed_in is not None, "pages are for people"
        return self.caller.signed_in

    @property
    def sent(self) -> FormData:
        """The form, where one was sent."""
        assert self.form is not None, "only a form gets here"
        return self.form

    @property
    def by(self) -> str:
        """Who did it, for the record."""
        return self.caller.actor.name

    def may(self, action: Action) -> bool:
        return self.caller.actor.may(action)

    def check(self, action: Action) -> None:
        """Raises AskedWrongly unless the role opens this; the refusal is on the trail."""
        check_permission(self.services, self.source, self.caller.actor, action)

    def filled(self, name: str) -> str:
        """What was filled in under this name, without spaces around it; empty if nothing was."""
        value = self.form.get(name, "") if self.form is not None else ""
        return value.strip() if isinstance(value, str) else ""

    def operation(self, method: str, path: str) -> Operation:
        return self.operations[path][method]

    def needs_password(self, method: str, path: str) -> bool:
        """Whether the form has to ask for the password again before this operation."""
        operation = self.operation(method, path)
        now = self.services.clock.now()
        return operation.asks_password_again and not self.session.session.is_confirmed(now)

    def ask(
        self,
        method: str,
        path: str,
        *,
        given: Mapping[str, object] | None = None,
        sent: Mapping[str, object] | None = None,
        file: str = "",
        once: str = "",
        **ids: object,
    ) -> Any:
        """The answer of an operation of the API, with its permission, its limits and its checks.

        ``given`` are parameters, those that are empty left out; ``sent`` is the body, or ``file``
        the field of the form with the file that is the body. The hidden fields ``once`` and
        ``seen`` of the form are the Idempotency-Key (``once`` is added to it, for a form that asks
        for several things) and the ETag.
        """
        operation = self.operation(method, path)
        if operation.action is not None:
            self.check(operation.action)
            check_confirmed(self.services, self.caller, operation)
        pairs = [(k, str(v)) for k, v in (given or {}).items() if v not in (None, "")]
        with self._sent(operation, file) as sent_file:
            return self._asked(operation, path, pairs, sent, sent_file, once, ids)

    def _asked(
        self,
        operation: Operation,
        path: str,
        pairs: list[tuple[str, str]],
        sent: Mapping[str, object] | None,
        sent_file: SentFile | None,
        once: str,
        ids: Mapping[str, object],
    ) -> Any:
        asked = Asked(
            actor=self.caller.actor,
            url=path,
            path={name: str(value) for name, value in ids.items()},
            sent=read_fields(sent or {}, operation.body) if operation.body is not None else None,
            given=read_parameters(pairs, operation.query),
            sent_file=sent_file,
            idempotency_key=f"{self.filled('once')}{once}"[:200] or None,
            if_match=self.filled("seen") or None,
            source=self.source,
            signed_in=self.caller.signed_in,
            token=self.caller.token or "",
        )
        return operation.handler(self.services, asked).body

    @contextmanager
    def _sent(self, operation: Operation, name: str) -> Iterator[SentFile | None]:
        """The file in this field of the form, for as long as this lasts."""
        if operation.upload is None:
            yield None
            return
        field = self.form.get(name) if self.form is not None else None
        if not isinstance(field, UploadFile) or not field.filename:
            raise refused("choose a file", name)
        ending = PurePath(field.filename).suffix.lower()
        media_type = _MEDIA_TYPES.get(ending, (field.content_type or "").partition(";")[0])
        if media_type not in operation.upload.media_types:
            taken = operation.upload.media_types
            known = " or ".join(each for each, kind in _MEDIA_TYPES.items() if kind in taken)
            raise refused(f"a file that ends in {known}, not {ending or 'this'}", name)
        with NamedTemporaryFile(prefix="talktime-", delete=False) as out:
            path = Path(out.name)
            try:
                digest = hashlib.sha256()
                while part := field.file.read(MIB):
                    out.write(part)
                    digest.update(part)
                out.flush()
                yield SentFile(path, media_type, out.tell(), digest.hexdigest())
            finally:
                path.unlink(missing_ok=True)

    def here(self, name: str) -> str:
        """A part of the page's own path."""
        return str(self.path[name])

    def nothing_here(self) -> NoReturn:
        """Raises AskedWrongly: what the path names is not there."""
        raise asked_wrongly(problems.NO_RESOURCE, "there is nothing at this address")


def seen(answer: object) -> str:
    """What a form remembers of what it was filled from, to notice what others change meanwhile."""
    return etag_of(encode(answer))


def refused(detail: str, name: str = "") -> AskedWrongly:
    """For a form that cannot be taken; ``name`` is that of the field to blame."""
    return asked_wrongly(problems.BAD_FIELD, detail, field=f"$.{name}")
