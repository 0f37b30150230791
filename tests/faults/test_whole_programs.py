"""Whole programs are killed, started as users start them: the wait for the first call is theirs."""

from __future__ import annotations

import pytest

from tests.faults.processes import APART, Programs, set_up
from tests.faults.storm import blow, new_postgres, rounds
from tests.faults.summary import Happened
from tests.support.postgres import PostgresServer


@pytest.mark.postgres
@pytest.mark.faults
@pytest.mark.processes
def test_programs_started_as_users_start_them_lose_nothing(
    postgres_server: PostgresServer, happened: Happened
) -> None:
    """Each start imports the whole program again, so this is for the long run."""
    happened.fault = "kill -9 of whole programs, PostgreSQL"
    for seed, kills in rounds(100):
        programs = Programs()
        try:
            with new_postgres(postgres_server) as url, set_up(url, APART, programs) as made:
                blow(made, seed, kills, 10, happened)
        finally:
            programs.close()
