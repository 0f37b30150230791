"""Tariffs at the door: checked, published, gone back to; by one or by two at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters.http import publications
from application import tariffs
from domain.rate_checks import KINDS, NEVER_OVERRIDDEN
from tests.adapters.http.rates import DEARER, SHEET, draft, published, publishes
from tests.adapters.http.world import SHOP, World


def check(world: World, sheet_id: str, **wanted: Any) -> Any:
    answer = world.post(f"/v1/rate-sheets/{sheet_id}/checks", wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()["report"]


def tariff(world: World) -> Any:
    (item,) = world.get("/v1/tariffs?name=retail").json()["items"]
    return item


def test_a_check_tells_what_is_wrong_and_what_would_change(world: World) -> None:
    published(world)
    sheet_id = draft(world, "prefix,destination,rate\n4860,Poland mobile,0.5\n33,France,0\n")
    report = check(world, sheet_id)
    assert report["errors"] == ["gap", "jump", "zero-price"]
    assert report["counts"]["gap"] == 1
    assert (report["against"], report["added"], report["removed"], report["changed"]) == (
        1,
        1,
        1,
        1,
    )
    sentences = {each["kind"]: each["sentence"] for each in report["findings"]}
    assert "48, Poland, have a price now and would have none" in sentences["gap"]
    gap = next(each for each in report["findings"] if each["kind"] == "gap")
    assert (gap["severity"], gap["prefix"]) == ("error", "48")
    assert check(world, sheet_id, most_rise_percent=10_000)["errors"] == ["gap", "zero-price"]


def test_what_would_change_is_listed_prefix_by_prefix(world: World) -> None:
    published(world)
    sheet_id = draft(world, DEARER.replace("4860,Poland mobile", "33,France"))
    path = f"/v1/rate-sheets/{sheet_id}/changes"
    changes = {each["prefix"]: each for each in world.get(path).json()["items"]}
    assert {prefix: each["what"] for prefix, each in changes.items()} == {
        "33": "added",
        "48": "changed",
        "4860": "removed",
    }
    changed = changes["48"]
    assert changed["old"]["terms"]["per_minute"]["amount"] == "0.029"
    assert changed["new"]["terms"]["per_minute"]["amount"] == "0.129"
    assert changed["percent"] == 345
    (added,) = world.get(f"{path}?only=added").json()["items"]
    assert (added["old"], added["percent"]) == (None, None)
    text = world.get(path, headers={"Accept": "text/csv"}).text
    assert "changed,48" in text


def test_two_long_sheets_that_are_nearly_equal_are_compared_in_short_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"{n},Country {n},0.05" for n in range(200, 260)]
    header = "prefix,destination,rate"
    published(world, "\n".join([header, *lines, ""]))
    lines[50] = "250,Country 250,0.06"
    sheet_id = draft(world, "\n".join([header, *lines, ""]))
    monkeypatch.setattr(tariffs, "MOST_COMPARED", 20)
    path: str | None = f"/v1/rate-sheets/{sheet_id}/changes?limit=5"
    pages = []
    while path is not None:
        answer = world.get(path).json()
        pages.append([each["prefix"] for each in answer["items"]])
        path = answer["next"]
    assert pages == [[], [], ["250"], []]


def test_a_draft_is_published_and_the_same_again_is_the_same_version(world: World) -> None:
    sheet_id = draft(world)
    first = publishes(world, sheet_id, why="new prices")
    assert (first.status_code, first.json()["version"]) == (201, 1)
    assert publishes(world, sheet_id).json()["version"] == 1
    told = tariff(world)
    assert (told["in_force"], told["last_version"], told["drafts"]) == (1, 1, [])
    assert told["schedule"][0]["by"] == "office"
    sheet = world.get(f"/v1/rate-sheets/{sheet_id}").json()
    assert (sheet["state"], sheet["versions"]) == ("published", [1])
    by_another = publishes(world, sheet_id, 1, key=SHOP)
    assert by_another.status_code == 409
    assert by_another.json()["by"] == "office"


def test_errors_keep_a_draft_from_being_published_unless_they_are_overridden(world: World) -> None:
    published(world)
    sheet_id = draft(world, DEARER)
    refused = publishes(world, sheet_id, 1)
    assert refused.status_code == 422
    assert (
        "three minutes to 48, Poland, cost 0.387 USD instead of 0.087" in refused.json()["detail"]
    )
    without_why = publishes(world, sheet_id, 1, overridden=["jump"])
    assert "a reason" in without_why.json()["detail"]
    never = publishes(world, sheet_id, 1, overridden=["duplicate"], why="x")
    assert never.status_code == 422
    assert publishes(world, sheet_id, 1, overridden=["gap"], why="x").status_code == 422
    done = publishes(world, sheet_id, 1, overridden=["jump"], why="dearer since May")
    assert done.json()["version"] == 2
    facts = world.get(f"/v1/tariffs/{tariff(world)['tariff_id']}/events").json()["items"]
    assert facts[-1]["fact"] == {
        "version": 2,
        "overridden": ["jump"],
        "by": "office",
        "why": "dearer since May",
    }


def test_every_error_that_can_be_overridden_has_a_name_at_the_door() -> None:
    names = {kind for kind, (severity, _) in KINDS.items() if severity == "error"}
    accepted = set(publications.Overridable.__args__)  # type: ignore[attr-defined]
    assert accepted == names - NEVER_OVERRIDDEN


def test_a_duplicate_is_found_and_never_published(world: World) -> None:
    sheet_id = draft(world, SHEET + "48,Poland again,0.04,60/60\n")
    (finding,) = (f for f in check(world, sheet_id)["findings"] if f["kind"] == "duplicate")
    assert "in lines 2 and 4" in finding["sentence"]
    assert publishes(world, sheet_id).status_code == 422


def test_a_version_to_come_prices_nothing_yet(world: World) -> None:
    published(world)
    sheet_id = draft(world, SHEET.replace("0.029", "0.030"))
    since = (world.clock.now() + timedelta(days=7)).isoformat()
    assert publishes(world, sheet_id, 1, since=since).json()["version"] == 2
    told = tariff(world)
    assert (told["in_force"], told["last_version"]) == (1, 2)
    versions = world.get(f"/v1/tariffs/{told['tariff_id']}/versions").json()["items"]
    assert [(each["version"], each["rows"]) for each in versions] == [(1, 2), (2, 2)]
    assert publishes(world, draft(world), 2, since="2026-05-01T00:00:00").status_code == 422


def test_the_second_who_publishes_is_told_what_the_first_has_published(world: World) -> None:
    published(world)
    ann, bob = draft(world, DEARER), draft(world, SHEET.replace("0.079", "0.078"))
    assert publishes(world, ann, 1, overridden=["jump"], why="dearer").status_code == 201
    second = publishes(world, bob, 1, key=SHOP)
    told = second.json()
    assert (second.status_code, told["type"]) == (409, "/problems/published-meanwhile")
    assert "version 2 by office" in told["detail"]
    assert told["last_version"] == 2
    assert [(each["version"], each["sheet_id"]) for each in told["versions"]] == [(2, ann)]
    assert tariff(world)["last_version"] == 2
    changes = world.get(f"/v1/rate-sheets/{bob}/changes").json()["items"]
    assert {each["prefix"] for each in changes} == {"48", "4860"}, "against the new one"


def test_two_at_the_same_moment_are_told_as_well(world: World) -> None:
    published(world)
    ann, bob = draft(world, SHEET.replace("0.029", "0.03")), draft(world)

    def first() -> None:
        world.units.before_storing = lambda: None
        assert publishes(world, ann, 1).status_code == 201

    world.units.before_storing = first
    answer = publishes(world, bob, 1, key=SHOP)
    assert answer.json()["type"] == "/problems/published-meanwhile"
    assert tariff(world)["last_version"] == 2


def test_a_version_that_nobody_has_seen_is_no_version_to_publish_after(world: World) -> None:
    assert publishes(world, draft(world), 7).json()["type"] == "/problems/setting-not-allowed"


def test_a_large_draft_is_checked_and_published_behind_the_door(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "SMALL_ROWS", 1)
    published_at = draft(world)
    checking = world.post(f"/v1/rate-sheets/{published_at}/checks", {})
    answer = publishes(world, published_at)
    assert (checking.status_code, answer.status_code) == (202, 202)
    while world.services.work.run_next():
        pass
    assert world.get(checking.headers["Location"]).json()["report"]["rows"] == 2
    told = world.get(answer.headers["Location"]).json()
    assert (told["state"], told["version"]) == ("done", 1)
    dearer = draft(world, DEARER)
    answer = publishes(world, dearer, 1)
    world.services.work.run_next()
    told = world.get(answer.headers["Location"]).json()
    assert (told["state"], told["problem"]["status"]) == ("refused", 422)
    again = publishes(world, dearer, 1, overridden=["jump"], why="yes")
    world.services.work.run_next()
    assert world.get(again.headers["Location"]).json()["version"] == 2


def test_an_older_version_is_published_again(world: World) -> None:
    first = published(world)
    second = draft(world, SHEET.replace("0.029", "0.030"))
    world.clock.pass_by(days=1)
    publishes(world, second, 1)
    path = f"/v1/tariffs/{tariff(world)['tariff_id']}/versions"
    back = {"version": 1, "after_version": 2, "why": "wrong prices"}
    answer = world.post(path, back)
    assert (answer.status_code, answer.json()["version"]) == (201, 3)
    assert answer.json()["sheet_id"] == first
    assert world.post(path, back).json() == answer.json(), "asked again it is the same"
    by_another = world.post(path, back, key=SHOP)
    assert by_another.json()["type"] == "/problems/published-meanwhile"
    assert world.post(path, {**back, "version": 9}).status_code == 404
    assert world.post(path, {"version": 1, "after_version": 3}).status_code == 422
    assert tariff(world)["last_version"] == 3


def test_a_price_below_the_cheapest_route_is_found(world: World) -> None:
    world.post("/v1/providers", {"name": "acme", "unit": "USD"})
    world.post("/v1/trunks", {"name": "acme1", "provider": "acme"})
    costs = draft(world, "prefix,destination,rate\n48,Poland,0.05\n", tariff="provider:acme")
    assert publishes(world, costs).status_code == 201
    report = check(world, draft(world))
    (finding,) = (f for f in report["findings"] if f["kind"] == "below-cost")
    assert (finding["prefix"], report["errors"]) == ("48", ["below-cost"])
    of_the_provider = draft(world, "prefix,destination,rate\n48,PL,0.05\n", tariff="provider:acme")
    assert check(world, of_the_provider)["errors"] == []
