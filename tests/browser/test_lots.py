"""A lot from its order to its first call, in a real Chromium against a real server."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest
from playwright.sync_api import Page, expect

from application.printing import PrintedCard, read, sealed_parts
from tests.browser.rig import GROUP, Shop, call

pytestmark = pytest.mark.browser

CARDS = 4_000
"""Enough to be seen while they are made, and to be changed behind the door."""


def order(page: Page, at: Shop, key: pyrage.x25519.Identity) -> None:
    page.goto(f"{at.url}/lots")
    page.get_by_role("link", name="Order a lot").first.click()
    page.get_by_label("Name of the lot").fill("Spring")
    page.get_by_label("Card group").select_option(GROUP)
    page.get_by_label("Cards", exact=True).fill(str(CARDS))
    page.get_by_label("Numbers go").select_option("run")
    expect(page.get_by_label("First number")).to_be_hidden()
    page.get_by_label("Numbers go").select_option("range")
    page.get_by_label("First number").fill("4711000000")
    page.get_by_label("Cards in a pack").fill("1000")
    page.get_by_label("The printer's public key").fill(str(key.to_public()))
    expect(page.get_by_text("4,000 cards: 4711000000 to 4711003999")).to_be_visible()
    page.get_by_role("button", name="Order the lot").click()


def printed(file: Path, key: pyrage.x25519.Identity) -> list[PrintedCard]:
    """What the printer reads with the secret key."""
    with file.open("rb") as opened:
        parts = [pyrage.decrypt(part, [key]) for part in sealed_parts(opened)]
    return [card for part in parts for card in read(part)]


def change(page: Page, to: str, pack: str = "") -> None:
    page.get_by_label("They become").select_option(to)
    page.get_by_label("Pack", exact=True).fill(pack)
    page.locator("form", has=page.get_by_label("They become")).get_by_label("Why").fill("for sale")
    page.get_by_role("button", name="Change the cards").click()


def test_a_lot_is_ordered_watched_exported_and_a_card_of_it_calls(
    page: Page, at: Shop, tmp_path: Path
) -> None:
    key = pyrage.x25519.Identity.generate()
    order(page, at, key)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Spring")
    lot = page.url
    # A quick machine has made them all before the page is there.
    made = page.get_by_role("heading", name="The printer's file")
    expect(page.get_by_role("progressbar").or_(made)).to_be_visible()
    expect(made).to_be_visible(timeout=60_000)
    expect(page.locator("[data-made]")).to_have_text("4,000")

    page.locator(".tt-export").get_by_label("Why").fill("to the printer")
    with page.expect_download() as begun:
        page.get_by_role("button", name="Take the file out").click()
    assert begun.value.suggested_filename == "Spring.zip"
    file = tmp_path / "Spring.zip"
    begun.value.save_as(file)
    cards = printed(file, key)
    assert [card.number for card in cards] == [str(4711000000 + n) for n in range(CARDS)]

    expect(page.get_by_text("The file is yours")).to_be_visible(timeout=20_000)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(file.read_bytes()[:-1])
    chosen = page.locator(".tt-drop input[type=file]")
    for sent, told in ((broken, "not the whole file"), (file, "nowhere but in it")):
        chosen.set_input_files(sent)
        expect(page.get_by_label("SHA-256 of the file that arrived")).not_to_have_value("")
        page.get_by_role("button", name="It arrived whole").click()
        expect(page.locator("main")).to_contain_text(told, ignore_case=True)

    for to, changed in (("printed", "4,000"), ("shipped", "4,000"), ("active", "1,000")):
        page.goto(lot)
        change(page, to, "2" if to == "active" else "")
        # Whole lots are changed behind the door, and the page tells when it is done.
        expect(page.locator(".tt-stat.tt-strong strong")).to_have_text(changed, timeout=60_000)
    page.goto(lot)
    change(page, "printed")
    refused = page.locator(".tt-stat", has_text="Refused").locator("strong")
    expect(refused).to_have_text("4,000", timeout=60_000)
    card = cards[1_234]
    reference = call(at.system, (card.number, card.pin), "+14155550177", "48221234567", seconds=60)
    at.system.catch_up()
    page.goto(f"{at.url}/find?q={reference}")
    expect(page.locator("main")).to_contain_text("48221234567")


def test_cards_of_an_older_system_are_dropped_in_and_bad_rows_are_named(
    page: Page, at: Shop
) -> None:
    page.goto(f"{at.url}/card-imports")
    rows = "number,pin,balance\n5550000001,73645546,5.00\n5550000002,7364554x,5.00\n"

    def drop() -> None:
        moved = page.evaluate_handle(
            "rows => { const moved = new DataTransfer();"
            " moved.items.add(new File([rows], 'old.csv', { type: 'text/csv' })); return moved; }",
            rows,
        )
        page.dispatch_event(".tt-drop", "drop", {"dataTransfer": moved})
        expect(page.locator(".tt-drop")).to_contain_text("old.csv")

    drop()
    page.get_by_label("Card group").select_option(GROUP)
    page.get_by_label("Why").fill("from the old system")
    page.get_by_role("button", name="Load the cards").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing is loaded: 1 row is bad.")
    expect(page.get_by_role("row", name="3 5550000002")).to_contain_text("The PIN is digits only")
    drop()
    page.get_by_label("Load").select_option("good")
    page.get_by_role("button", name="Load the cards").click()
    expect(page.get_by_role("status")).to_contain_text("1 card is loaded.")
    assert at.system.administration.card_id("5550000001")
