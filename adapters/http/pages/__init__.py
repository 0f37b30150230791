"""The admin pages at ``/admin``: the operations of the API, for people in a browser.

starlette-admin (ADR 0018) brings the frame: menu, theme, lists, static files. A page never does
anything of its own: it asks operations of the API (``visit.ask("GET", "/v1/cards/{id}", id=…)``),
which check the permission, the limits, ``If-Match``, the password for dangerous acts, and write the
audit trail. So build the HTTP resource first (``adapters.http.operations``), then its pages.

**Everything is registered in one table**: ``menu.MENU``. A section has ``ListPage`` and ``Page``
objects; one with a ``label`` (and an ``icon`` of Font Awesome 6 Free) is in the menu for the roles
whose ``action`` opens it. Each is tried with each role by ``tests/adapters/http/pages/``.
Make a module for your topic here (``lots.py``), its templates in ``templates/``, and add its pages
to ``MENU``: ``Section("Cards", (cards.LIST, *cards.PAGES, lots.LIST, *lots.PAGES))``.

A list, with filters, search, CSV and a batch form (see ``cards.LIST``)::

    LIST = ListPage(
        "lots", "Lots", "/v1/lots", Action.SEE_LOTS, "lot_id",        # key, label, GET, action, id
        (
            Column("name", "Lot", link="/lots/{lot_id}"),             # names of the row in braces
            Column("group", "Card group"),
            Column("made", "Made", "number"),                         # right-aligned, 1,000,000
            Column("status", "Status", "status"),                     # a badge: formats.TONES
            Column("ordered_at", "Ordered", "moment"),
            Column("by", "By", value=lambda row: row.by or "the ledger"),
        ),
        icon="fa-solid fa-boxes-stacked",
        filters=(Filter("group", "Card group", choices=groups.choices),   # a parameter of the GET
                 Filter("status", "Status", choices=[("open", "open"), ("done", "done")])),
        search="name", search_label="Name of a lot",                  # the parameter searched by
        buttons=(Button("Order a lot", "/lots/new", Action.CHANGE_LOTS),),
        empty="Order a first lot: cards are made in lots.",           # what to do next
    )

It is at ``/admin/lots`` and ``/admin/lots.csv``; the rows are the structures of the operation's
``Page[LotShown]``. Kinds of columns: text, code, money, status, moment, day, number, duration.

A form whose submit is one operation (see ``groups.NEW``)::

    NEW = form_page(
        "/lots/new", ("POST", "/v1/lots"), Action.CHANGE_LOTS,
        (
            Field("group", "Card group", Kind.CHOICE, choices=groups.choices),
            Field("count", "Cards", Kind.NUMBER, hint="How many to make."),
            Field("terms.fee", "Fee", Kind.MONEY, unit="@terms.unit"),   # dots lead inside
            Field("note", "Note", Kind.LONG_TEXT, heading="For the record"),
        ),
        title="Order a lot", body=LotWanted, then="/lots/{lot_id}", done="The lot is ordered.",
    )

Limits (lengths, least, most) come from the request's structure, messages stand at their fields, the
Idempotency-Key is a hidden field. For a change: ``source=("GET", "/v1/lots/{id}")`` fills the form
in and notices what others change meanwhile; parts of the page's path (``/lots/{id}/change``) are
handed to both operations. Where the operation is dangerous the form asks for the password again.

A page of its own, with a template, and forms that do something there (see ``cards.CARD``)::

    def show(visit: Visit) -> Reply:
        lot = visit.ask("GET", "/v1/lots/{id}", id=visit.here("id"))
        void = form(visit, VOID_FIELDS, submit="Void it", to=f"/lots/{lot.lot_id}/void",
                    asks_password=visit.needs_password("POST", "/v1/lots/{id}/void"), danger=True)
        crumbs = [("/lots", "Lots")]
        return Shown("lot.html", lot.name, {"lot": lot, "void": void, "crumbs": crumbs})

    def void(visit: Visit) -> Reply:
        visit.ask("POST", "/v1/lots/{id}/void", sent=read(VOID_FIELDS, visit.sent), **visit.path)
        return Gone(f"/lots/{visit.here('id')}", "The lot is void.")

    PAGES = (
        Page("/lots/{id}", Action.SEE_LOTS, show),
        Page("/lots/{id}/void", Action.CHANGE_LOTS, show, void),
    )

``show`` with ``send`` at the same path shows the refused form again with what was filled in;
a page with ``show=None`` is told of at the page named by the hidden field ``back``. Handlers run in
threads and may block. What a role may not do is hidden by ``visit.may(Action.CHANGE_LOTS)``.
A template extends ``layout.html`` and fills the blocks ``content``, ``actions``, ``heading``::

    {% extends "layout.html" %}
    {% import "_cells.html" as cells with context %}
    {% import "_forms.html" as forms with context %}
    {% block actions %}
    <a class="btn" href="{{ root }}/lots/{{ lot.lot_id }}/change">Change</a>
    {% endblock %}
    {% block content %}
    <div class="card"><div class="card-body">
      {{ cells.facts([("Cards", "number", lot.made), ("Status", "status", lot.status)]) }}
    </div></div>
    {{ forms.form(void) }}
    {{ forms.button("/lots/" ~ lot.lot_id ~ "/sell", "Sold", once=once) }}
    {% endblock %}

Filters: money, moment, day, duration, number, plain, words, tone. Tables: ``cells.table``. Figures
on top: ``<div class="tt-stats"><div class="tt-stat"><span>…</span><strong>…</strong></div></div>``.
No script stands in a page (the policy forbids it): put it in ``static/`` and data in attributes.
Charts: ``starlette_admin.widgets`` and ``static/js/vendor/apexcharts.min.js`` are there.

A file: ``Field("sheet", "Rate sheet", Kind.FILE, limits={"accept": ".csv,.xlsx"})`` in a form,
``visit.ask("POST", "/v1/tariffs/{id}/sheets", given={…}, file="sheet", **visit.path)`` for an
operation with ``upload``, and ``Page(..., most_body=257 * MIB)``. A file as the answer:
``Download(visit.ask("GET", …), "text/csv", "rates.csv")``.

A permission: an ``Action`` with its rule in ``application.permissions``; name it on the operation
and on the page. A menu entry: a ``label`` on the page. The first page is ``dashboard.DASHBOARD``.
"""
