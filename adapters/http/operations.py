"""What an operation of the API is: who may ask, what is sent, what is answered.

To add a resource: write its requests and answers as msgspec Structs with limits, write a handler
``(services, asked) -> Answer`` for each method, put both into a ``ROUTES`` table of the module, and
add the module to ``app.TOPICS``. The permission check, the decoding, the limits, ETags, CSV, the
OpenAPI document and the matrix of roles in the tests all follow from the table::

    ROUTES: Routes = {
        "/v1/lots": {
            "GET": Operation(listed, Action.SEE_LOTS, "Lots, oldest first.", Page[LotShown],
                             query=LotsAsked, csv=True),
            "POST": Operation(order, Action.CHANGE_LOTS, "Order a lot.", LotShown,
                              body=LotWanted, status=201, once=True),
        },
        "/v1/lots/{id}": {"GET": Operation(one, Action.SEE_LOTS, "One lot.", LotShown)},
    }

A handler finds the body as ``asked.body(LotWanted)``, the parameters as
``asked.parameters(LotsAsked)``, and the id in the path as ``asked.id("lot")``. It answers
``asked.page(items, last_id)`` or ``Answer(LotShown(...))``, and lets refusals of the rules pass:
``problems`` has their documents. It runs in a thread, so it may block.

A file as the body is streamed to a temporary file, and the handler finds it as ``asked.file`` with
its path, media type, size and SHA-256; what belongs to it is in the parameters. A file as the
answer leaves in parts, each read when the one before has left::

    "/v1/tariffs/{id}/sheets": {
        "POST": Operation(upload, Action.CHANGE_TARIFFS, "Send a rate sheet.", SheetShown,
                          query=SheetAsked, upload=Upload((CSV, XLSX), 256 * MIB), status=201),
        "GET": Operation(download, Action.SEE_TARIFFS, "The sheet as CSV.", Download(CSV)),
    },

    def download(services, asked):
        return Answer(Stream(lines), headers=attachment("rates.csv"), content_type=CSV)

The file is deleted when the handler has answered; one that is needed for longer is renamed to a
place of its own. What takes longer than a request should is given to ``services.work``, and the
answer is 202 with its task: see ``work``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from adapters.http.asking import MOST_BODY, Answer, Asked, NoParameters
from adapters.http.files import Upload
from adapters.http.problems import ProblemKind
from adapters.http.services import HttpServices
from application.permissions import RULES, Action

Handler = Callable[[HttpServices, Asked], Answer]


@frozen
class Operation:
    """One method of one path.

    ``action`` None: open to everybody. ``answers`` None: there is no body (204); a Download: a
    file. ``upload``: the body is a file. ``once``: needs an ``Idempotency-Key``. ``guarded``: looks
    at ``If-Match``. ``dangerous``: a person shows the password again even if the action does not
    ask for it. ``hashes``: works on passwords, which takes long. ``problems``: kinds beyond those
    that every operation has.
    """

    handler: Handler
    action: Action | None
    summary: str
    answers: Any
    status: int = 200
    body: Any = None
    upload: Upload | None = None
    query: Any = NoParameters
    most_body: int = MOST_BODY
    once: bool = False
    guarded: bool = False
    csv: bool = False
    dangerous: bool = False
    hashes: bool = False
    also: tuple[int, ...] = ()
    problems: tuple[ProblemKind, ...] = field(default=())

    @property
    def asks_password_again(self) -> bool:
        return self.dangerous or (self.action is not None and RULES[self.action].dangerous)


Routes = Mapping[str, Mapping[str, Operation]]
