"""A call that was corrected tells what it cost first, what became of it, and what it costs now."""

from __future__ import annotations

import pytest

from application import kinds
from application.approvals import CORRECTION
from domain.people import Role
from tests.adapters.http.pages.test_cards import called
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import World


def test_the_page_of_a_call_tells_its_corrections(world: World, owner: Visitor) -> None:
    card = world.card()
    session_id = kinds.session_id(called(world, card))
    sent = {"amount": {"amount": "0.05", "unit": "USD"}, "why": "bad <b>line</b>"}
    assert world.post(f"/v1/calls/{session_id}/refunds", sent).status_code == 200
    for page in (owner.get(f"/calls/{session_id}"), owner.get(f"/calls/{session_id}/explanation")):
        assert page.status_code == 200
        assert "Refunded" in page.text
        assert page.text.count("Charged now") == 1
        assert "0.07" in page.text
        assert "bad &lt;b&gt;line&lt;/b&gt;" in page.text
    told = owner.get(f"/cards/{card['card_id']}").text
    assert "Given back for a call to +442071838750" in told


def test_a_refund_is_made_on_a_page_of_the_call(world: World, owner: Visitor) -> None:
    at = f"/calls/{kinds.session_id(called(world, world.card()))}"
    assert f"{at}/refund" in owner.get(at).text
    form = owner.form(f"{at}/refund", f"{at}/refund")
    told = owner.follow(owner.send(form, attempt="1", amount="0.05", why="bad line")).text
    assert "It was given back." in told
    assert "Why it cost 0.07 USD" in told
    whole = owner.form(f"{at}/refund", f"{at}/refund")
    assert "Why it cost 0.00 USD" in owner.follow(owner.send(whole, why="bad line")).text
    again = owner.form(f"{at}/refund", f"{at}/refund")
    assert "none is" in owner.send(again, why="bad line").text


@pytest.mark.parametrize("filled", [{"attempt": "1", "amount": "0.05"}, {}])
def test_a_refund_that_needs_a_second_person_is_asked_for_and_then_made(
    filled: dict[str, str],
) -> None:
    world = World(needed=(CORRECTION,))
    for name in ("ann", "bob"):
        world.person(name, Role.OPERATOR)
    ann, bob = Visitor(world), world.signs_in("bob")
    ann.signs_in("ann")
    at = f"/calls/{kinds.session_id(called(world, world.card()))}"

    def refunded() -> str:
        form = ann.form(f"{at}/refund", f"{at}/refund")
        sent = ann.send(form, **filled, why="bad line")
        told: str = ann.follow(sent).text
        return told

    assert "A second person was asked" in refunded()
    assert "waits for a second person" in ann.get(f"{at}/refund").text
    (asked,) = world.get("/v1/approvals").json()["items"]
    bob.post(f"/v1/approvals/{asked['approval_id']}/approval", None)
    assert "It was given back." in refunded()


def test_corrections_that_were_run_are_listed(world: World, owner: Visitor) -> None:
    assert "No charges were corrected yet" in owner.get("/corrections").text
    reference = called(world, world.card())
    sent = {"name": "CORR-2026-11", "why": "wrong sheet", "call": reference}
    assert world.post("/v1/corrections", sent).status_code == 202
    told = owner.get("/corrections").text
    assert "CORR-2026-11" in told
    assert f"call {reference}" in told
