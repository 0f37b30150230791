"""A world with a person of each role, and their browsers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.people import Role
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import World

Visits = Callable[[Role], Visitor]


def staffed() -> World:
    made = World()
    for role in Role:
        made.person(role.value, role, "East" if role is Role.DISTRIBUTOR else None)
    return made


@pytest.fixture
def world() -> World:
    return staffed()


@pytest.fixture
def visits(world: World) -> Visits:
    """A browser in which a person of this role has signed in."""

    def visit(role: Role) -> Visitor:
        visitor = Visitor(world)
        assert visitor.signs_in(role.value).status_code == 303
        return visitor

    return visit


@pytest.fixture
def owner(visits: Visits) -> Visitor:
    return visits(Role.OWNER)
