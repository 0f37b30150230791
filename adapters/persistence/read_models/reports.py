"""What the reports are made of, in step with the facts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Table

from adapters.persistence.projections import Page
from adapters.persistence.read_models import report_tables
from adapters.persistence.read_models.report_calls import CallsOfAPage
from adapters.persistence.read_models.report_money import Money


class Reports:
    """One model, so that the facts are read once and all reports tell of the same moment."""

    name = "reports"
    tables: Sequence[Table] = report_tables.ALL

    def apply(self, connection: Connection, page: Page) -> None:
        facts = [recorded for _, recorded in page]
        # The accounts first: calls are counted in the card group of the account that pays.
        Money(connection, facts).apply()
        CallsOfAPage(connection, facts).apply()
