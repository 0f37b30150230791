"""An auditor's way through a call, a moment of the past, and the books, in a real Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import Windows
from tests.browser.rig import Shop

pytestmark = pytest.mark.browser

TELEPHONE = ViewportSize(width=390, height=844)


def fits(page: Page) -> bool:
    """Whether nothing makes the page wider than its window."""
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
    return wide


def test_a_call_is_explained_and_printed_without_what_is_for_the_office(
    page: Page, at: Shop
) -> None:
    page.goto(f"{at.url}/calls")
    page.get_by_role("row", name=re.compile("7:13")).get_by_role("link").first.click()
    page.get_by_role("link", name="Step by step").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Why this call cost")
    office = page.get_by_text("trunk carrier")
    expect(office).to_be_visible()
    page.evaluate("window.print = () => document.body.dataset.printed = 'yes'")
    page.get_by_role("button", name="Print for the customer").click()
    assert page.locator("body[data-printed=yes]").count() == 1
    page.emulate_media(media="print")
    expect(office).to_be_hidden()
    expect(page.locator(".tt-side")).to_be_hidden()
    expect(page.get_by_text("Charged", exact=True)).to_be_visible()
    expect(page.locator(".tt-printed")).to_be_visible()


def test_a_card_is_looked_at_from_change_to_change(windows: Windows, at: Shop) -> None:
    page = windows("Aud")
    card_id = at.system.administration.card_id(at.cards[1][0])
    page.goto(f"{at.url}/cards/{card_id}")
    page.get_by_label("As it was at (UTC)").fill("2020-01-31T08:00:00")
    page.get_by_role("button", name="Look").click()
    expect(page.locator("main")).to_contain_text("was not there yet")
    page.get_by_role("link", name="Look when it began").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("as of")
    marked = page.locator(".tt-other")
    expect(marked.first).to_be_visible()
    page.get_by_role("link", name="Now").click()
    expect(marked).to_have_count(0)


def test_an_auditor_reads_the_books_at_a_desk_and_on_a_telephone(
    windows: Windows, at: Shop, tmp_path: Path
) -> None:
    for viewport in (None, TELEPHONE):
        page = windows("Aud") if viewport is None else windows("Aud", viewport)
        page.goto(f"{at.url}/books")
        expect(page.locator("main")).to_contain_text("debit and credit are even")
        assert fits(page)
        page.get_by_role("link", name="Income:Calls").click()
        expect(page.locator("main")).to_contain_text("Closing balance")
        assert fits(page)
        with page.expect_download() as begun:
            page.get_by_role("link", name="CSV").click()
        file = tmp_path / "statement.csv"
        begun.value.save_as(file)
        assert file.read_text().splitlines()[-1].startswith(",,closing,USD")
        page.get_by_role("link", name="Owed by day").click()
        expect(page.get_by_role("img", name="Owed to cardholders, USD")).to_be_visible()
        assert fits(page)
