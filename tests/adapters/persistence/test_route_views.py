"""Lists of providers, trunks, routes, blocked prefixes and access numbers say what facts say."""

from __future__ import annotations

import pytest
from attrs import evolve
from sqlalchemy import select

from adapters.persistence.projections import Projections
from adapters.persistence.read_models.routes import AccessNumbers as AccessNumbersModel
from adapters.persistence.read_models.routes import Routing as RoutingModel
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.route_views import LedgerRouteViews
from application.access_numbers import AccessNumbers
from application.route_views import (
    AccessNumberRow,
    PrefixRuleRow,
    ProviderRow,
    RouteRow,
    TrunkRow,
)
from application.routing import Routing
from application.views import MOST_ROWS
from domain.access_numbers import AccessTerms
from domain.login import LoginMode
from domain.providers import ProviderTerms
from domain.routing import Order, RouteTerms
from domain.trunks import Translation, TrunkTerms
from tests.adapters.persistence.product import Product, mapper
from tests.support.story import ACCESS, dollars

MODELS = (RoutingModel(), AccessNumbersModel())


class Office:
    """An operator at work, and the lists."""

    def __init__(self, recorder: EventRecorder) -> None:
        self.product = Product(recorder)
        self.recorder = recorder
        self.routing = Routing(self.product.ledger)
        self.access = AccessNumbers(self.product.ledger)
        self.views = LedgerRouteViews(recorder)
        self.now = self.product.clock.now()

    def catch_up(self, page: int = 1_000) -> None:
        projections = Projections(self.recorder, mapper(), page=page)
        for model in MODELS:
            projections.catch_up(model)

    def rows(self) -> dict[str, list[object]]:
        found: dict[str, list[object]] = {}
        with self.recorder.reading() as connection:
            for table in (each for model in MODELS for each in model.tables):
                query = select(table).order_by(*table.primary_key.columns)
                found[table.name] = [tuple(row) for row in connection.execute(query)]
        return found

    def set_up(self) -> None:
        do = self.routing
        do.add_provider("acme", ProviderTerms("EUR"), "ann", "cheap")
        do.add_provider("best", ProviderTerms("USD", rated=False), "ann", "")
        terms = TrunkTerms("acme", 7, 5, (Translation("48", 2, "0"), Translation("", 0, "00")))
        do.add_trunk("acme1", terms, "ann", "first line")
        do.add_trunk("best1", TrunkTerms("best", caller_id="+18005550100"), "ann", "")
        do.set_route("48", RouteTerms(("best1", "acme1"), Order.LISTED), "ann", "quality")
        do.set_route("", RouteTerms(), "ann", "")
        do.block("53", "Cuba", "ann", "fraud")
        do.allow("8816", "Iridium", "bob", "ships")
        self.access.add("442079460000", AccessTerms())


@pytest.fixture
def office(recorder: EventRecorder) -> Office:
    made = Office(recorder)
    made.set_up()
    return made


def test_lists_say_what_was_set_up(office: Office) -> None:
    office.catch_up()
    views, now = office.views, office.now
    assert views.providers(None, 10) == [
        ProviderRow("acme", "EUR", True, True, now, "ann", "cheap"),
        ProviderRow("best", "USD", False, True, now, "ann", ""),
    ]
    acme1 = TrunkRow(
        "acme1", "acme", 7, 5, ("48:2:0", ":0:00"), None, True, now, "ann", "first line"
    )
    best1 = TrunkRow("best1", "best", 30, 100, (), "+18005550100", True, now, "ann", "")
    assert views.trunks(None, 10) == [acme1, best1]
    assert views.trunks(None, 10, provider="best") == [best1]
    assert views.routes(None, 10) == [
        RouteRow("", (), "cheapest first", now, "ann", ""),
        RouteRow("48", ("best1", "acme1"), "as listed", now, "ann", "quality"),
    ]
    assert views.prefix_rules(None, 10) == [
        PrefixRuleRow("53", "Cuba", False, now, "ann", "fraud"),
        PrefixRuleRow("8816", "Iridium", True, now, "bob", "ships"),
    ]


def test_changes_and_removals_arrive_with_who_and_when(office: Office) -> None:
    office.catch_up()
    office.product.clock.pass_by(seconds=60)
    later = office.product.clock.now()
    do = office.routing
    do.change_provider("acme", lambda now: evolve(now, active=False), "bob", "unpaid")
    do.change_trunk("acme1", lambda now: evolve(now, capacity=60, translations=()), "bob", "more")
    do.remove_route("48", "bob", "over")
    do.remove_rule("53", "bob", "over")
    do.block("8816", "Iridium", "bob", "too dear")
    office.catch_up()
    views = office.views
    assert views.providers(None, 1) == [
        ProviderRow("acme", "EUR", True, False, later, "bob", "unpaid")
    ]
    assert views.trunks(None, 1) == [
        TrunkRow("acme1", "acme", 60, 5, (), None, True, later, "bob", "more")
    ]
    assert [row.prefix for row in views.routes(None, 10)] == [""]
    assert views.prefix_rules(None, 10) == [
        PrefixRuleRow("8816", "Iridium", False, later, "bob", "too dear")
    ]


def test_access_numbers_are_listed_with_all_their_terms(office: Office) -> None:
    wanted = AccessTerms(
        login_mode=LoginMode.PIN_ONLY,
        language="es",
        first_announcement="acme/hello",
        surcharge=dollars(0),
        surcharge_per_minute=dollars(0, 1),
        country="MX",
    )
    office.access.change(ACCESS, lambda _: wanted, "ann")
    office.access.close("442079460000", "ann")
    office.catch_up()
    now = office.now
    assert office.views.access_numbers(None, 10) == [
        AccessNumberRow(
            ACCESS,
            "card",
            "PIN only",
            "es",
            "acme/hello",
            dollars(0),
            dollars(0, 1),
            "MX",
            True,
            now,
            "ann",
        ),
        AccessNumberRow(
            "442079460000",
            "card",
            "number and PIN",
            "en",
            None,
            None,
            None,
            "US",
            False,
            now,
            "ann",
        ),
    ]


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_rows_are_the_same_whatever_the_pages_and_after_a_rebuild(
    office: Office, page: int
) -> None:
    office.routing.remove_route("48", "bob", "")
    office.routing.set_route("48", RouteTerms(("acme1",)), "bob", "again")
    office.routing.change_trunk("acme1", lambda now: evolve(now, capacity=9), "bob", "")
    office.catch_up(page)
    found = office.rows()
    projections = Projections(office.recorder, mapper())
    projections.rebuild(*MODELS)
    assert office.rows() == found
    assert len(found["view_routes"]) == 2


def test_lists_are_paged_by_name_and_bounded(office: Office) -> None:
    office.catch_up()
    assert [row.name for row in office.views.trunks("acme1", 10)] == ["best1"]
    assert [row.prefix for row in office.views.routes("", 1)] == ["48"]
    assert [row.number for row in office.views.access_numbers(ACCESS, 10)] == ["442079460000"]
    assert len(office.views.providers(None, MOST_ROWS * 2)) == 2
