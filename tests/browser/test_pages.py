"""The admin pages as people use them, in a real Chromium against a real server."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from application import kinds
from application.signing_in import IDLE
from tests.browser.conftest import Windows
from tests.browser.rig import GROUP, OWNER, PASSWORD, Shop, call, sign_in

pytestmark = pytest.mark.browser

TELEPHONE = ViewportSize(width=390, height=844)


def test_signing_in_wrongly_then_rightly_then_out(browser: Browser, at: Shop) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{at.url}/cards")
        page.get_by_label("Name").fill(OWNER)
        page.get_by_label("Password").fill("not it")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("is not right")
        expect(page.get_by_label("Name")).to_have_value(OWNER)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Cards")
        (cookie,) = [each for each in context.cookies() if each["name"] == "__Host-talktime"]
        assert cookie["secure"]
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        page.locator(".tt-user summary").click()
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.go_back()
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_session_that_nobody_used_leads_to_signing_in_and_back(
    windows: Windows, at: Shop
) -> None:
    page = windows()
    page.goto(f"{at.url}/groups")
    at.clock.ahead += IDLE + timedelta(minutes=1)
    page.get_by_role("link", name=GROUP).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Name").fill(OWNER)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(GROUP)


def test_a_card_is_found_blocked_and_its_story_told(page: Page, at: Shop) -> None:
    number = at.cards[2][0]
    page.get_by_role("searchbox", name="Find a card or a call").fill(number)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(number)
    page.get_by_label("New status").select_option("on hold")
    page.get_by_label("Why").fill("reported stolen")
    page.get_by_role("button", name="Change the status").click()
    expect(page.get_by_role("status")).to_contain_text("The card is on hold now.")
    newest = page.locator(".tt-timeline li").first
    expect(newest).to_contain_text("Became on hold")
    expect(newest).to_contain_text("“reported stolen”")
    expect(newest).to_contain_text(OWNER)


def test_money_is_put_on_a_card_once_although_the_button_is_pressed_twice(
    page: Page, at: Shop
) -> None:
    card_id = at.system.administration.card_id(at.cards[1][0])
    page.goto(f"{at.url}/cards/{card_id}")
    page.get_by_label("Amount").fill("12.34")
    page.get_by_label("How the money came").fill("cash")
    page.get_by_role("button", name="Add the money").dblclick()
    expect(page.get_by_role("status")).to_contain_text("The money is on the card.")
    expect(page.locator(".tt-timeline").get_by_text("Money added: cash")).to_have_count(1)
    page.go_back()
    page.get_by_label("Amount").fill("12.34")
    page.get_by_label("How the money came").fill("cash")
    page.get_by_role("button", name="Add the money").click()
    expect(page.get_by_role("status")).to_contain_text("The money is on the card.")
    expect(page.locator(".tt-timeline").get_by_text("Money added: cash")).to_have_count(2)


def test_cards_are_filtered_ticked_and_changed_together(page: Page, at: Shop) -> None:
    administration = at.system.administration
    administration.create_group("Proofs", administration.group(GROUP).terms)
    made = [administration.generate_card("Proofs") for _ in range(3)]
    at.system.catch_up()
    page.goto(f"{at.url}/cards?group=Proofs")
    page.get_by_label("Status", exact=True).select_option("generated")
    expect(page).to_have_url(re.compile("status=generated"))
    bar = page.get_by_role("button", name="Change the status")
    expect(bar).not_to_be_visible()
    page.get_by_label("All rows of this page").check()
    expect(bar).to_be_visible()
    expect(page.locator("[data-batch-bar]")).to_contain_text("3 ticked")
    page.get_by_label("New status").select_option("printed")
    page.get_by_label("Why, for the record").fill("proofs are fine")
    bar.click()
    expect(page.get_by_role("status")).to_contain_text("3 of 3 cards: printed.")
    states = {administration.card(each.card_id).status for each in made}
    assert states == {"printed"}


def test_a_list_goes_into_a_file(page: Page, at: Shop, tmp_path: Path) -> None:
    page.goto(f"{at.url}/cards?q={at.cards[0][0]}")
    with page.expect_download() as begun:
        page.get_by_role("link", name="CSV").click()
    begun.value.save_as(tmp_path / "cards.csv")
    lines = (tmp_path / "cards.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines] == ["number", at.cards[0][0]]


def test_a_call_tells_why_it_cost_what_it_did(page: Page, at: Shop) -> None:
    reference = call(at.system, at.cards[1], "+48600316058", "48774417880", seconds=100)
    at.system.catch_up()
    page.goto(f"{at.url}/calls")
    page.locator("tbody tr").first.get_by_role("link").first.click()
    expect(page.locator("main")).to_contain_text(reference)
    for told in ("The rate", "0.029 USD a minute", "102 s"):
        expect(page.locator("main")).to_contain_text(told)
    page.locator("main").get_by_role("link", name=re.compile("^Card")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(at.cards[1][0])


def test_a_card_group_is_made_and_changed_by_two_at_once(windows: Windows, at: Shop) -> None:
    page = windows()
    page.goto(f"{at.url}/groups")
    page.get_by_role("link", name="New card group").first.click()
    page.get_by_label("Name", exact=False).first.fill("<b>Gold</b>")
    page.get_by_label("Currency").fill("EUR")
    expect(page.locator("[data-unit-of]").first).to_have_text("EUR")
    page.get_by_label("Face value").fill("20")
    page.get_by_label("Tariff").select_option("demo")
    page.get_by_label("Daily fee").fill("0.05")
    page.get_by_role("button", name="Create the card group").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("<b>Gold</b>")
    expect(page.locator("main")).to_contain_text("0.05 EUR")
    group_id = kinds.card_group_id("<b>Gold</b>")
    other = windows()
    for each in (page, other):
        each.goto(f"{at.url}/groups/{group_id}/change")
    page.get_by_label("Daily fee").fill("0.07")
    page.get_by_role("button", name="Save the terms").click()
    other.get_by_label("Days after first use").fill("90")
    other.get_by_role("button", name="Save the terms").click()
    expect(other.get_by_role("alert")).to_contain_text(f"Changed meanwhile by {OWNER}")
    expect(other.get_by_text("in force now: 0.07 EUR")).to_be_visible()
    expect(other.get_by_label("Days after first use")).to_have_value("90")
    assert at.system.administration.group("<b>Gold</b>").terms.valid_days == 0


def test_what_is_missing_is_said_before_anything_is_sent(page: Page, at: Shop) -> None:
    page.goto(f"{at.url}/groups/new")
    page.get_by_role("button", name="Create the card group").click()
    assert page.locator("input:invalid").count() > 0
    expect(page).to_have_url(f"{at.url}/groups/new")


def test_one_time_codes_are_set_up_and_asked_for(windows: Windows, at: Shop) -> None:
    page = windows("Sam")
    page.goto(f"{at.url}/me")
    page.get_by_role("button", name="Set up one-time codes").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    secret = (page.locator("#secret").text_content() or "").replace(" ", "")
    totp = pyotp.TOTP(secret)
    page.get_by_role("textbox", name="Code").fill(totp.at(at.clock.now()))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("status")).to_contain_text("From now on a code is asked for")
    at.clock.ahead += timedelta(minutes=1)
    page.locator(".tt-user summary").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    sign_in(page, at, "Sam")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("One-time code").fill(totp.at(at.clock.now()))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Sam")


def test_what_is_dangerous_asks_for_the_password_again(windows: Windows, at: Shop) -> None:
    page = windows()
    at.clock.ahead += timedelta(minutes=15)
    page.goto(f"{at.url}/keys/new")
    page.get_by_label("Name").fill("billing-export")
    page.get_by_label("read: looks only").check()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Make the key").click()
    expect(page.locator("#secret")).to_be_visible()
    page.get_by_role("link", name="Done").click()
    page.get_by_role("button", name="Revoke it for ever").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("revoked")


def test_who_only_reads_finds_no_buttons(windows: Windows, at: Shop) -> None:
    page = windows("Aud")
    for path in ("/groups", "/people", "/keys", f"/groups/{kinds.card_group_id(GROUP)}"):
        page.goto(f"{at.url}{path}")
        expect(page.locator(".tt-actions .btn-primary")).to_have_count(0)
    page.goto(f"{at.url}/groups/new")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your role does not open this")


def test_on_a_telephone_nothing_is_cut_off(windows: Windows, at: Shop) -> None:
    page = windows(viewport=TELEPHONE)
    card_id = at.system.administration.card_id(at.cards[0][0])
    session_id = at.system.views.calls(None, 1)[0].session_id
    paths = ("/", "/cards", f"/cards/{card_id}", "/calls", f"/calls/{session_id}", "/groups/new",
             "/people", "/audit", "/me")  # fmt: skip
    for path in paths:
        page.goto(f"{at.url}{path}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= TELEPHONE["width"], path
    expect(page.get_by_role("link", name="Cards", exact=True)).not_to_be_visible()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Cards", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cards")


def test_no_other_site_frames_a_page(browser: Browser, at: Shop) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        frame = f"<iframe src='{at.url}/login'></iframe>"
        page.goto(f"data:text/html,{frame}")
        page.wait_for_load_state()
        assert "Sign in" not in page.frames[-1].content()
