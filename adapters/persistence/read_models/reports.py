"""What the reports are made of, in step with the facts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table

from adapters.persistence.read_model import Page
from adapters.persistence.read_models import report_tables
from adapters.persistence.read_models.report_calls import OF_CALLS, CallsOfAPage
from adapters.persistence.read_models.report_corrections import (
    OF_CORRECTIONS,
    CorrectionsOfAPage,
)
from adapters.persistence.read_models.report_money import OF_MONEY, Money
from adapters.persistence.view_store import ViewStore


class Reports:
    """One model, so that the facts are read once and all reports tell of the same moment."""

    name = "reports"
    tables: Sequence[Table] = report_tables.ALL
    facts: Sequence[type] = (*OF_MONEY, *OF_CALLS, *OF_CORRECTIONS)

    def apply(self, views: ViewStore, page: Page) -> None:
        facts = [recorded for _, recorded in page]
        # The accounts first: calls are counted in the card group of the account that pays.
        Money(views, facts).apply()
        CallsOfAPage(views, facts).apply()
        CorrectionsOfAPage(views, facts).apply()
