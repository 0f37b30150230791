"""A rate sheet from file to force, and what a call costs then, in a real Chromium."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.rig import GROUP, Shop

pytestmark = pytest.mark.browser

RATES = {"1": "0.019", "33": "0.024", "34": "0.024", "44": "0.022", "447": "0.065",
         "48": "0.029", "4860": "0.079", "52": "0.038", "84": "0.095", "86": "0.032"}  # fmt: skip


def sheet(folder: Path, name: str, **changed: str) -> Path:
    """The rates of the demo with some prices changed; ``p48="0.05"``."""
    rates = RATES | {prefix.removeprefix("p"): rate for prefix, rate in changed.items()}
    lines = [f"{prefix},Country {prefix},{rate},30/6" for prefix, rate in rates.items()]
    path = folder / name
    path.write_text("\n".join(["prefix,destination,rate,billing", *lines, ""]))
    return path


def send(page: Page, at: Shop, file: Path, why: str = "") -> None:
    page.goto(f"{at.url}/rate-sheets/new?tariff=demo")
    page.get_by_label("Rate sheet").set_input_files(file)
    page.get_by_label("Why").fill(why)
    page.get_by_role("button", name="Send and read it").click()


def test_a_sheet_is_refused_put_right_compared_published_and_prices_calls(
    page: Page, at: Shop, tmp_path: Path
) -> None:
    send(page, at, sheet(tmp_path, "formula.csv", p48="=1/20"))
    expect(page.get_by_role("alert")).to_contain_text("Line 7, cell 3: a formula")
    send(page, at, sheet(tmp_path, "dear.csv", p48="0.129", p86="0"), "new prices")
    expect(page.get_by_text("Checked: 2 kinds of errors")).to_be_visible()
    expect(page.get_by_text("cost 0.387 USD instead of 0.087 USD (+345 %)")).to_be_visible()
    page.get_by_role("button", name="Publish as version 2").click()
    expect(page.get_by_text("tick what you publish it in spite of").first).to_be_visible()
    page.get_by_role("link", name="demo").first.click()
    page.get_by_role("link", name="dear.csv").click()
    page.get_by_text("Discard it").click()
    discard = page.get_by_role("button", name="Discard the draft")
    page.locator("form", has=discard).get_by_label("Why").fill("a mistake")
    discard.click()
    expect(page.get_by_text("The draft is discarded.")).to_be_visible()

    send(page, at, sheet(tmp_path, "May.csv", p48="0.031", p39="0.026"))
    expect(page.get_by_text("Nothing is wrong with it.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="Country 48").first
    expect(row).to_contain_text("0.029")
    expect(row).to_contain_text("0.031")
    page.get_by_role("link", name=re.compile("^Added")).click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Publish as version 2").click()
    expect(page.get_by_text("Version 2 of demo is published.")).to_be_visible()

    page.get_by_role("link", name="What does a call cost now?").click()
    page.get_by_label("With a card of").select_option(GROUP)
    page.get_by_label("And calls").fill("+48 774 417 880")
    tomorrow = at.clock.now() + timedelta(days=1)
    page.get_by_label("Answered at").fill(f"{tomorrow:%Y-%m-%d}T21:58")
    page.get_by_label("By the clock of").select_option("Europe/Warsaw")
    page.get_by_label("Lasts").fill("7")
    page.get_by_role("button", name="Tell the price").click()
    expect(page.get_by_text("0.217 USD").first).to_be_visible()
    expect(page.get_by_text("The longest prefix that fits is 48, Country 48.")).to_be_visible()
    page.get_by_label("And calls").fill("0048 774")
    page.get_by_role("button", name="Tell the price").click()
    expect(page.get_by_role("alert")).to_contain_text("Write the country code first")
