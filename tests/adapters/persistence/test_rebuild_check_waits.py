"""Rebuild and compare may take its time between two pages: the limits of calls are not for it."""

from __future__ import annotations

import time

import pytest

from adapters.persistence import postgres
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.rebuild_check import RebuildCheck
from tests.adapters.persistence.product import Product, mapper
from tests.support.postgres import PostgresServer


@pytest.mark.postgres
def test_a_check_that_is_slower_than_a_call_may_be_comes_to_its_end(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = postgres_server.create_database()
    with connect(postgres_server.url(name)) as recorder:
        upgrade(recorder)
        product = Product(recorder)
        product.group()
        product.catch_up()
    monkeypatch.setattr(postgres, "SERVER_SECONDS", 1.0)
    pauses = []

    def folds_slowly(facts: int) -> None:
        if not pauses:
            pauses.append(facts)
            time.sleep(1.5)

    with connect(postgres_server.url(name)) as recorder:
        checked = RebuildCheck(recorder, mapper(), page=1).run(folds_slowly)
    assert pauses
    assert checked.difference is None
    postgres_server.drop_database(name)
