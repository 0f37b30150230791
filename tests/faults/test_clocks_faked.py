"""A real process takes calls while somebody sets its clock forward and back."""

from __future__ import annotations

import random
import time
from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_reader import LogReader
from tests.faults.clocks import STEPS
from tests.faults.clocks_faked import FakedPrograms
from tests.faults.processes import set_up
from tests.faults.sizes import SEED, size
from tests.faults.storm import new_sqlite, storm
from tests.faults.summary import Happened
from tests.faults.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.processes]


def test_a_server_whose_clock_is_set_forth_and_back_loses_nothing(
    sqlite_template: Path, tmp_path: Path, happened: Happened
) -> None:
    chance = random.Random(SEED)
    with closing(FakedPrograms(tmp_path)) as programs, new_sqlite(sqlite_template, tmp_path) as url:
        with set_up(url, ("serve",), programs) as made, storm(made, SEED) as blown:
            for _ in range(size(1, 60)):
                for step in chance.sample(STEPS, len(STEPS)):
                    for off in (step, timedelta()):
                        programs.set(off)
                        happened.times += 1
                        calls = blown.load.calls
                        until("somebody calls", lambda calls=calls: blown.load.calls > calls)
                        time.sleep(chance.uniform(0.0, 0.1))
        happened.checks = blown.checks
        assert blown.load.sold > 0
        # It was another time indeed: the log tells of times that go back by a day.
        with connect(url) as recorder:
            log = LogReader(recorder, FactMapper(FACTS, UPCASTS))
            times = [each.recorded_at for each in log.facts()]
        assert max(a - b for a, b in pairwise(times)) > timedelta(hours=23), f"seed {SEED}"
