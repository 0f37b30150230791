"""Checkpoints are for everybody, a page at a time, as they were signed."""

from __future__ import annotations

from adapters.sealing.keys import unchecked
from tests.adapters.http.world import World


def test_the_newest_checkpoint_is_for_everybody(world: World) -> None:
    answer = world.get("/v1/checkpoints/latest", key=None)
    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["blocks"], shown["facts"], shown["last_position"]) == (3, 10, 10)
    signed = unchecked(shown["note"])
    assert (signed.origin, signed.root.hex()) == (shown["origin"], shown["root"])


def test_all_checkpoints_are_there_a_page_at_a_time(world: World) -> None:
    first = world.get("/v1/checkpoints?limit=2", key=None).json()
    assert [each["blocks"] for each in first["items"]] == [1, 2]
    rest = world.get(first["next"], key=None).json()
    assert [each["blocks"] for each in rest["items"]] == [3]
    assert rest["next"] is None


def test_before_the_first_seal_there_is_no_newest_one(world: World) -> None:
    world.services.checkpoints.sealed.clear()  # type: ignore[attr-defined]
    assert world.get("/v1/checkpoints/latest", key=None).status_code == 404
    assert world.get("/v1/checkpoints", key=None).json() == {"items": [], "next": None}
