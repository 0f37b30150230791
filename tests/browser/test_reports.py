"""The first page and the reports in a real Chromium: pictures, filters, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.rig import GROUP, Shop, call

pytestmark = pytest.mark.browser


def test_what_happened_is_on_the_first_page_and_in_the_reports(
    page: Page, at: Shop, tmp_path: Path
) -> None:
    call(at.system, at.cards[1], "+14155550123", "48221234567", seconds=125)
    at.system.catch_up()
    page.goto(f"{at.url}/")
    expect(page.locator(".tt-stat").first).to_contain_text("Calls up now")
    revenue = page.get_by_role("img", name="Revenue", exact=False).first
    expect(revenue).to_be_visible()
    box = revenue.bounding_box()
    assert box is not None
    assert box["width"] > 300
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    figures = page.locator("#minutes details")
    figures.locator("summary").click()
    expect(figures.locator("tbody tr")).to_have_count(30)

    page.get_by_role("link", name="Usage and margin").click()
    page.get_by_label("By", exact=True).select_option("group")
    page.wait_for_url(re.compile("by=group"))
    expect(page.get_by_role("table", name="Usage and margin")).to_contain_text(GROUP)
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()
    started.value.save_as(tmp_path / "usage.csv")
    assert GROUP in (tmp_path / "usage.csv").read_text()

    page.get_by_role("link", name="Call log for VICIdial").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Call log", exact=True).click()
    started.value.save_as(tmp_path / "log.txt")
    assert "\t125\t" in (tmp_path / "log.txt").read_text()


def test_the_first_page_fits_a_telephone(page: Page, at: Shop) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{at.url}/")
    expect(page.locator(".tt-picture").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
