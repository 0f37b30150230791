"""The world that the tests of the HTTP door ask at."""

from __future__ import annotations

import pytest

from tests.adapters.http.world import World


@pytest.fixture
def world() -> World:
    return World()
