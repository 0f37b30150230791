"""Lots over HTTP: ordered once, made behind the door, exported once, whoever is interrupted."""

from __future__ import annotations

import hashlib
import io
from threading import Thread
from typing import Any

import httpx
import pytest

from adapters.http.lots import resume_all
from adapters.http.work import Work
from application.approvals import LOT_EXPORT
from application.printing import read, sealed_parts
from domain.acts import SecretRead
from domain.lots import LotExported
from domain.people import Role
from tests.adapters.http.world import READER, SHOP, World

NOBODY = "00000000-0000-8000-8000-000000000000"


def wanted(**changes: Any) -> dict[str, Any]:
    numbering = {"first": "4711000000", "pack_size": 10}
    return {
        "name": "spring",
        "group": "world",
        "numbering": numbering,
        "count": 25,
        "recipient": "age1printer",
        **changes,
    }


def ordered(world: World, **changes: Any) -> dict[str, Any]:
    answer = world.post("/v1/lots", wanted(**changes))
    assert answer.status_code == 202, answer.text
    lot: dict[str, Any] = answer.json()
    return lot


def made(world: World, **changes: Any) -> str:
    """The path of a lot whose cards are all made."""
    path = f"/v1/lots/{ordered(world, **changes)['lot_id']}"
    while world.services.work.run_next():
        pass
    assert world.get(path).json()["state"] == "made"
    return path


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return str(answer.json()["type"]).removeprefix("/problems/")


# ---- ordered and made


def test_a_lot_is_ordered_at_once_and_made_behind_the_door(world: World) -> None:
    answer = world.post("/v1/lots", wanted())
    lot = answer.json()
    path = answer.headers["location"]

    assert (answer.status_code, lot["state"], lot["made"]) == (202, "being made", 0)
    assert lot["generation"] == {"state": "waiting", "done": 0, "total": 25, "problem": None}
    assert world.services.work.run_next()
    lot = world.get(path).json()
    assert (lot["state"], lot["made"], lot["kept"]) == ("made", 25, 0)
    assert lot["generation"]["state"] == "done"
    (row,) = world.get("/v1/lots").json()["items"]
    assert (row["name"], row["first_number"], row["last_number"]) == (
        "spring",
        "4711000000",
        "4711000024",
    )
    assert len(world.get("/v1/cards").json()["items"]) == 25


def test_how_far_a_lot_is_can_be_seen_while_it_is_made(world: World) -> None:
    path = f"/v1/lots/{ordered(world)['lot_id']}"
    seen: list[dict[str, Any]] = []

    def look() -> None:
        if not seen or seen[-1]["done"] < 20:
            seen.append(world.get(path).json()["generation"])

    world.bulk.before_storing = look
    world.services.work.run_next()
    assert [(each["state"], each["done"]) for each in seen] == [
        ("running", 0),
        ("running", 10),
        ("running", 20),
    ]


def test_the_same_order_again_is_the_same_lot(world: World) -> None:
    first = world.post("/v1/lots", wanted(), once="order-1")
    again = world.post("/v1/lots", wanted(), once="order-1")
    by_name = world.post("/v1/lots", wanted(), once="order-2")

    assert first.json()["lot_id"] == again.json()["lot_id"] == by_name.json()["lot_id"]
    other = world.post("/v1/lots", wanted(name="autumn"), once="order-1")
    assert (other.status_code, problem(other)) == (422, "idempotency-key-used")
    assert problem(world.post("/v1/lots", wanted(count=26))) == "already-exists"
    assert len(world.get("/v1/lots").json()["items"]) == 1


def test_an_order_whose_answer_was_lost_is_found_again(world: World) -> None:
    world.units.lose_next_answer = True
    lost = world.post("/v1/lots", wanted(), once="order-1")
    again = world.post("/v1/lots", wanted(), once="order-1")

    assert (lost.status_code, again.status_code) == (503, 202)
    while world.services.work.run_next():
        pass
    assert len(world.get("/v1/cards").json()["items"]) == 25
    assert world.get("/v1/pin-space?length=8").json()["left"] == 20_000_000 - 25


def test_one_order_that_comes_twice_at_once_makes_one_lot(world: World) -> None:
    answers = []

    def the_other_one() -> None:
        world.units.before_storing = lambda: None
        answers.append(world.post("/v1/lots", wanted(), once="order-1"))

    hooks = iter([lambda: None, the_other_one])
    world.units.before_storing = lambda: next(hooks, lambda: None)()
    answers.append(world.post("/v1/lots", wanted(), once="order-1"))

    assert [each.status_code for each in answers] == [202, 202], [each.text for each in answers]
    assert answers[0].json()["lot_id"] == answers[1].json()["lot_id"]
    assert world.get("/v1/pin-space?length=8").json()["left"] == 20_000_000 - 25


def test_a_lot_that_was_killed_half_made_is_gone_on_with_by_the_next_program(world: World) -> None:
    path = f"/v1/lots/{ordered(world)['lot_id']}"

    class Killed(BaseException):
        pass

    calls = iter(range(10))

    def die() -> None:
        if next(calls) == 2:
            raise Killed

    world.bulk.before_storing = die
    with pytest.raises(Killed):
        world.services.work.run_next()
    world.bulk.before_storing = lambda: None
    world.restart()

    half = world.get(path).json()
    assert (half["made"], half["generation"]["state"]) == (20, "stopped")
    assert resume_all(world.services) == 1
    assert world.get(path).json()["generation"]["state"] == "waiting"
    world.services.work.run_next()
    assert world.get(path).json()["made"] == 25
    assert len(world.get("/v1/cards").json()["items"]) == 25
    assert resume_all(world.services) == 0


def test_a_lot_that_stopped_says_why_and_goes_on_when_told(world: World) -> None:
    path = f"/v1/lots/{ordered(world)['lot_id']}"
    world.units.unavailable = True
    world.services.work.run_next()
    world.units.unavailable = False

    generation = world.get(path).json()["generation"]
    assert generation["state"] == "stopped"
    assert "unknown whether anything was stored" in generation["problem"]
    assert world.post(f"{path}/generation", None).json()["generation"]["state"] == "waiting"
    world.services.work.run_next()
    assert world.get(path).json()["state"] == "made"
    assert world.post(f"{path}/generation", None).json()["generation"]["state"] == "done"


def test_a_server_that_stops_leaves_whole_chunks_behind(world: World) -> None:
    path = f"/v1/lots/{ordered(world)['lot_id']}"
    world.bulk.before_storing = world.services.work.stop
    world.services.work.run_next()

    lot = world.get(path).json()
    assert (lot["made"], lot["generation"]["state"]) == (10, "stopped")
    assert "goes on where it was" in lot["generation"]["problem"]


def test_numbers_in_use_are_kept_and_told(world: World) -> None:
    card = world.card(number="4711000007")
    path = made(world)

    lot = world.get(path).json()
    assert (lot["made"], lot["kept"]) == (24, 1)
    kept = world.get(f"{path}/kept")
    assert kept.headers["content-type"].startswith("text/csv")
    assert kept.headers["content-disposition"] == 'attachment; filename="spring-kept.csv"'
    assert kept.text == "number\r\n4711000007\r\n"
    counts = world.get(f"{path}/statuses").json()["counts"]
    assert counts == [{"status": "generated", "sold": False, "cards": 24}]
    assert world.get(f"/v1/cards/{card['card_id']}").json()["status"] == "active"


def test_packs_are_listed_page_by_page_and_counted(world: World) -> None:
    path = made(world)
    first = world.get(f"{path}/packs?limit=2").json()
    second = world.get(first["next"]).json()

    assert [each["pack"] for each in first["items"] + second["items"]] == [1, 2, 3]
    assert second["items"] == [
        {"pack": 3, "first_number": "4711000020", "last_number": "4711000024", "cards": 5}
    ]
    counts = world.get(f"{path}/statuses?pack=3").json()["counts"]
    assert counts == [{"status": "generated", "sold": False, "cards": 5}]
    answer = world.get(f"{path}/statuses?pack=4")
    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")


def test_a_lot_is_numbered_by_run_batch_pack_and_sequence(world: World) -> None:
    numbering = {
        "run": "12",
        "batch": "003",
        "first_pack": 5,
        "pack_size": 10,
        "pack_digits": 3,
        "sequence_digits": 2,
    }
    lot = ordered(world, numbering=numbering)
    assert (lot["first_number"], lot["last_number"]) == ("1200300501", "1200300705")
    assert (lot["run"], lot["batch"], lot["packs"]) == ("12", "003", 3)


@pytest.mark.parametrize(
    ("changes", "status", "slug", "words"),
    [
        ({"numbering": {}}, 422, "bad-field", "$.numbering"),
        ({"numbering": {"first": "471100000"}}, 422, "setting-not-allowed", "10 digits"),
        ({"numbering": {"first": "9999999999"}}, 422, "setting-not-allowed", "more digits"),
        ({"count": 0}, 422, "bad-field", "$.count"),
        ({"count": 1_000_001}, 422, "bad-field", "$.count"),
        ({"recipient": "pgp"}, 422, "setting-not-allowed", "age1"),
        ({"group": "nowhere"}, 404, "not-found", "card group nowhere"),
        ({"name": "x" * 81}, 422, "bad-field", "$.name"),
        ({"name": "a\x00b"}, 422, "bad-field", "$.name"),
        ({"by": "somebody else"}, 422, "bad-field", "by"),
    ],
)
def test_what_cannot_be_made_is_refused_with_what_can(
    world: World, changes: dict[str, Any], status: int, slug: str, words: str
) -> None:
    answer = world.post("/v1/lots", wanted(**changes))
    assert (answer.status_code, problem(answer)) == (status, slug)
    assert words in answer.json()["detail"]
    assert world.get("/v1/lots").json()["items"] == []


def test_more_pins_than_the_space_has_are_refused_and_what_is_left_is_told(world: World) -> None:
    terms = {
        "unit": "USD",
        "face_value": {"amount": "5", "unit": "USD"},
        "tariff": "retail",
        "pin_length": 4,
    }
    world.post("/v1/groups", {"name": "small", "terms": terms})
    answer = world.post("/v1/lots", wanted(group="small", count=2001))

    assert (answer.status_code, problem(answer)) == (409, "pins-used-up")
    assert answer.json()["left"] == 2000
    space = world.get("/v1/pin-space?length=4").json()
    assert space == {"length": 4, "most": 2000, "left": 2000}


# ---- exported


def test_the_printers_file_leaves_once_and_its_arrival_ends_it(world: World) -> None:
    path = made(world)
    leaving = world.post(f"{path}/export", {"why": "to print"})

    assert leaving.status_code == 200
    assert leaving.headers["content-disposition"] == 'attachment; filename="spring.zip"'
    assert leaving.headers["cache-control"] == "no-store"
    assert int(leaving.headers["content-length"]) == len(leaving.content)
    parts = sealed_parts(io.BytesIO(leaving.content))
    cards = [card for part in parts for card in read(part.removeprefix(b"age1printer\n"))]
    assert [card.number for card in cards] == [str(4711000000 + place) for place in range(25)]
    digest = hashlib.sha256(leaving.content).hexdigest()
    confirmed = world.post(f"{path}/export/confirmation", {"sha256": digest})
    assert confirmed.json()["export"]["sha256"] == digest
    assert world.drawer.kept == {}
    again = world.post(f"{path}/export", {"why": "once more"})
    assert (again.status_code, problem(again)) == (409, "already-done")
    assert world.post(f"{path}/export/confirmation", {"sha256": digest}).status_code == 200
    other = world.post(f"{path}/export/confirmation", {"sha256": "0" * 64})
    assert problem(other) == "already-done"


def test_an_interrupted_download_is_repeated_by_the_same_person_and_by_no_other(
    world: World,
) -> None:
    path = made(world)
    first = world.post(f"{path}/export", {"why": "to print"})
    again = world.post(f"{path}/export", {"why": "it broke off"})
    other = world.post(f"{path}/export", {"why": "me too"}, key=SHOP)
    half = hashlib.sha256(first.content[:-1]).hexdigest()
    unlike = world.post(f"{path}/export/confirmation", {"sha256": half})
    digest = hashlib.sha256(first.content).hexdigest()
    stranger = world.post(f"{path}/export/confirmation", {"sha256": digest}, key=SHOP)

    assert again.content == first.content
    assert (other.status_code, problem(other)) == (409, "already-done")
    assert (unlike.status_code, problem(unlike)) == (422, "bad-field")
    assert "nothing is lost" in unlike.json()["detail"]
    assert problem(stranger) == "already-done"
    assert world.drawer.kept
    reads = [each.fact for each in world.units.log() if isinstance(each.fact, SecretRead)]
    assert [(each.by, each.what) for each in reads] == [("office", "sealed PINs of a lot")] * 2


def test_a_confirmation_before_any_export_deletes_nothing(world: World) -> None:
    path = made(world)
    answer = world.post(f"{path}/export/confirmation", {"sha256": "0" * 64})

    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")
    assert world.drawer.kept


def test_a_lot_that_is_not_finished_is_not_exported(world: World) -> None:
    path = f"/v1/lots/{ordered(world)['lot_id']}"
    answer = world.post(f"{path}/export", {"why": "to print"})
    assert (answer.status_code, problem(answer)) == (422, "setting-not-allowed")


def test_pins_leave_for_who_shows_the_password_again_and_never_for_a_reader() -> None:
    world = World()
    path = made(world)
    world.person("ann", Role.OPERATOR)
    world.person("sue", Role.SUPPORT)
    ann, sue = world.signs_in("ann"), world.signs_in("sue")
    world.clock.pass_by(minutes=11)

    refused = ann.post(f"{path}/export", {"why": "to print"})
    assert (refused.status_code, problem(refused)) == (403, "confirmation-needed")
    assert problem(sue.post(f"{path}/export", {"why": "to print"})) == "not-allowed"
    reader = world.post(f"{path}/export", {"why": "to print"}, key=READER)
    assert problem(reader) == "not-allowed"
    assert world.signs_in("ann").post(f"{path}/export", {"why": "to print"}).status_code == 200


def test_an_export_waits_for_a_second_person_where_the_setting_says_so() -> None:
    world = World(needed=(LOT_EXPORT,))
    path = made(world)
    for name in ("ann", "bob"):
        world.person(name, Role.OPERATOR)
    ann, bob = world.signs_in("ann"), world.signs_in("bob")

    asked = [ann.post(f"{path}/export", {"why": "to print"}, once="e-1") for _ in range(3)]
    assert {problem(each) for each in asked} == {"approval-needed"}
    (approval,) = world.get("/v1/approvals?state=waiting").json()["items"]
    assert {each.json()["approval_id"] for each in asked} == {approval["approval_id"]}
    at = f"/v1/approvals/{approval['approval_id']}"
    alone = ann.post(f"{at}/approval", None)
    assert (alone.status_code, problem(alone)) == (409, "approval-not-usable")
    assert bob.post(f"{at}/approval", None).json()["state"] == "approved"
    # The one who asked repeats the request, and nobody else may.
    assert problem(bob.post(f"{path}/export", {"why": "I will"})) == "approval-needed"
    assert ann.post(f"{path}/export", {"why": "to print"}, once="e-1").status_code == 200
    assert world.get(at).json()["state"] == "used"


def test_an_export_that_is_declined_stays_so(world: World) -> None:
    world = World(needed=(LOT_EXPORT,))
    path = made(world)
    for name in ("ann", "bob"):
        world.person(name, Role.OPERATOR)
    ann, bob = world.signs_in("ann"), world.signs_in("bob")
    approval_id = ann.post(f"{path}/export", {"why": "x"}, once="e-1").json()["approval_id"]
    at = f"/v1/approvals/{approval_id}"
    assert bob.post(f"{at}/refusal", {"why": "not yet"}).json()["state"] == "declined"

    assert problem(bob.post(f"{at}/approval", None)) == "approval-not-usable"
    assert problem(ann.post(f"{path}/export", {"why": "x"}, once="e-1")) == "approval-needed"
    answer = ann.post(f"{path}/export", {"why": "x", "approval_id": approval_id}, once="e-2")
    assert (answer.status_code, problem(answer)) == (409, "approval-not-usable")


def test_no_machine_is_a_second_person() -> None:
    world = World(needed=(LOT_EXPORT,))
    path = made(world)
    approval_id = world.post(f"{path}/export", {"why": "x"}).json()["approval_id"]
    answer = world.post(f"/v1/approvals/{approval_id}/approval", None, key=SHOP)
    assert (answer.status_code, problem(answer)) == (403, "not-allowed")


def test_of_two_operators_who_export_at_once_one_gets_the_file(world: World) -> None:
    path = made(world)
    answers: list[httpx.Response] = []

    def the_other_one() -> None:
        world.units.before_storing = lambda: None
        thread = Thread(
            target=lambda: answers.append(
                world.post(f"{path}/export", {"why": "x"}, key=SHOP, once="other")
            )
        )
        thread.start()
        thread.join()

    # Not the looks at the lot and the approvals, but the recording that it starts.
    world.units.before_storing = the_other_one
    answers.append(world.post(f"{path}/export", {"why": "x"}, once="mine"))

    assert sorted(each.status_code for each in answers) == [200, 409]
    assert not any(isinstance(each.fact, LotExported) for each in world.units.log())


# ---- lists


def test_lots_are_listed_page_by_page_and_as_csv(world: World) -> None:
    for place in range(3):
        name = f"=lot-{place}"
        world.clock.pass_by(seconds=1)
        world.post("/v1/lots", wanted(name=name, count=1, numbering={"first": f"47110000{place}0"}))
    page = world.get("/v1/lots?limit=2").json()
    assert [each["name"] for each in page["items"]] == ["=lot-0", "=lot-1"]
    assert [each["name"] for each in world.get(page["next"]).json()["items"]] == ["=lot-2"]
    lines = world.get("/v1/lots", headers={"Accept": "text/csv"}).text.splitlines()
    assert lines[0].startswith("lot_id,name,group,")
    assert ",'=lot-0,world," in lines[1]
    assert world.get("/v1/lots?group=other").json()["items"] == []


def test_a_lot_that_is_not_there_is_not_there(world: World) -> None:
    for path in ("", "/packs", "/statuses", "/kept"):
        answer = world.get(f"/v1/lots/{NOBODY}{path}")
        assert (answer.status_code, problem(answer)) == (404, "not-found"), path
    assert world.post(f"/v1/lots/{NOBODY}/generation", None).status_code == 404


def test_a_lot_has_an_etag_that_moves_with_its_progress(world: World) -> None:
    path = f"/v1/lots/{ordered(world)['lot_id']}"
    etag = world.get(path).headers["etag"]
    assert world.get(path, headers={"If-None-Match": etag}).status_code == 304
    world.services.work.run_next()
    assert world.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_work_that_nobody_fetches_is_not_piled_up_without_end() -> None:
    world = World()
    assert isinstance(world.services.work, Work)
    for place in range(100):
        ordered(world, name=f"lot {place}", count=1, numbering={"first": f"47110{place:05d}"})
    answer = world.post("/v1/lots", wanted(name="one too many", count=1))
    assert (answer.status_code, problem(answer)) == (503, "overloaded")
    # It is ordered, though, and made as soon as somebody asks for it or the server starts anew.
    lots = world.get("/v1/lots?limit=500").json()["items"]
    assert [each["state"] for each in lots if each["name"] == "one too many"] == ["being made"]
