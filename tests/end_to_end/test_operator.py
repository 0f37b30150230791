"""A new operator's first day: from a rate sheet to a card that calls, and to the reports."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyrage
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from application.printing import read, sealed_parts
from tests.browser.rig import launch
from tests.end_to_end.callers import call
from tests.end_to_end.rig.asterisk import until
from tests.end_to_end.rig.scenario import hangup, wait
from tests.end_to_end.system import A_MOMENT, ACCESS, ROOT, Service, entry

pytestmark = pytest.mark.asterisk

OWNER = "Olga"
PASSWORD = "a long and quiet river"
SHEET = "prefix,destination,rate,billing\n1,USA,0.012,1/1\n849,Vietnam mobile,0.60,1/1\n"
TALK_SECONDS = 3
CENT = 10_000
"""Millionths: what a second costs."""


def talktime(service: Service, *arguments: str, told: str = "") -> str:
    """What the command says; the test fails with the command."""
    done = subprocess.run(
        [sys.executable, "-m", "talktime", "--settings", service.settings, *arguments],
        cwd=ROOT,
        input=told,
        text=True,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout


def talk(service: Service, number: str, pin: str, access: str) -> int:
    """Somebody calls with the card and talks for some seconds; gives how many were charged."""
    destination = service.number()
    stay = call(
        service,
        wait(A_MOMENT),
        *entry(number + "#"),
        *entry(pin + "#"),
        *entry(destination + "#"),
        wait(TALK_SECONDS),
        hangup(),
        access=access,
    )
    (settled,) = stay.settled()
    assert settled.seconds >= 1
    assert settled.charge.micros == settled.seconds * CENT
    return settled.seconds


def usage(service: Service, group: str) -> list[dict[str, Any]]:
    rows = json.loads(talktime(service, "reports", "usage", "--by", "group", "--whole", "--json"))
    return [row for row in rows if row["name"] == group]


def test_by_command_line_a_card_of_a_new_lot_calls_and_is_in_the_reports(
    service: Service, tmp_path: Path
) -> None:
    sheet, sealed, secret = tmp_path / "May.csv", tmp_path / "Spring.age", tmp_path / "key.txt"
    key = pyrage.x25519.Identity.generate()
    secret.write_text(f"{key}\n")
    sheet.write_text(SHEET)
    talktime(service, "tariffs", "publish", "holiday", str(sheet), "--why", "first prices")
    terms = ("--face-value", "5.00", "--tariff", "holiday", "--no-say-time")
    lengths = ("--number-length", "6", "--pin-length", "6")
    talktime(service, "groups", "create", "Holiday 5", *terms, *lengths)
    talktime(service, "access-numbers", "add", "18005550177")
    order = ("--group", "Holiday 5", "--count", "300", "--first", "471100")
    talktime(service, "lots", "create", "Spring", *order, "--recipient", str(key.to_public()))
    export = ("--to", str(sealed), "--why", "to the printer")
    talktime(service, "lots", "export", "Spring", *export)
    opened = talktime(service, "lots", "open", str(sealed), "--identity", str(secret))
    cards = {row["number"]: row["pin"] for row in csv.DictReader(io.StringIO(opened))}
    assert list(cards) == [str(471100 + n) for n in range(300)]
    for status in ("printed", "shipped", "active"):
        talktime(service, "lots", "status", status, "Spring", "--why", "for sale")

    seconds = talk(service, "471123", cards["471123"], access="18005550177")

    (row,) = usage(service, "Holiday 5")
    assert (row["attempts"], row["answered"], row["seconds"]) == (1, 1, seconds)


def send_rates(page: Page, url: str, sheet: Path) -> None:
    page.goto(f"{url}/rate-sheets/new?tariff=winter")
    page.get_by_label("Rate sheet").set_input_files(sheet)
    page.get_by_label("Why").fill("first prices")
    page.get_by_role("button", name="Send and read it").click()
    expect(page.get_by_text("Checked: no errors")).to_be_visible()
    page.get_by_role("button", name="Publish as version 1").click()
    expect(page.get_by_text("Version 1 of winter is published.")).to_be_visible()


def make_group(page: Page, url: str) -> None:
    page.goto(f"{url}/groups/new")
    page.get_by_label("Name", exact=True).fill("Winter 5")
    page.get_by_label("Currency").fill("USD")
    page.get_by_label("Face value").fill("5.00")
    page.get_by_label("Tariff").select_option("winter")
    page.get_by_label("Digits of a card number").fill("6")
    page.get_by_label("Digits of a PIN").fill("6")
    page.get_by_role("button", name="Create the card group").click()
    expect(page.get_by_text("The card group is there.")).to_be_visible()


def order_lot(page: Page, url: str, recipient: str) -> None:
    page.goto(f"{url}/lots")
    page.get_by_role("link", name="Order a lot").first.click()
    page.get_by_label("Name of the lot").fill("Frost")
    page.get_by_label("Card group").select_option("Winter 5")
    page.get_by_label("Cards", exact=True).fill("300")
    page.get_by_label("Numbers go").select_option("range")
    page.get_by_label("First number").fill("881100")
    page.get_by_label("The printer's public key").fill(recipient)
    page.get_by_role("button", name="Order the lot").click()
    expect(page.get_by_role("heading", name="The printer's file")).to_be_visible(timeout=60_000)


def export_lot(page: Page, sealed: Path) -> None:
    page.locator(".tt-export").get_by_label("Why").fill("to the printer")
    with page.expect_download() as begun:
        page.get_by_role("button", name="Take the file out").click()
    begun.value.save_as(sealed)


def switch_lot(page: Page, lot: str, to: str) -> None:
    page.goto(lot)
    page.get_by_label("They become").select_option(to)
    page.locator("form", has=page.get_by_label("They become")).get_by_label("Why").fill("for sale")
    page.get_by_role("button", name="Change the cards").click()
    changed = page.locator(".tt-stat.tt-strong strong")
    expect(changed).to_have_text("300", timeout=60_000)


def test_in_the_browser_a_card_of_a_new_lot_calls_and_is_in_the_reports(
    service: Service, tmp_path: Path
) -> None:
    sheet, sealed = tmp_path / "May.csv", tmp_path / "Frost.zip"
    key = pyrage.x25519.Identity.generate()
    sheet.write_text(SHEET)
    talktime(service, "people", "create", OWNER, "--role", "owner", told=f"{PASSWORD}\n")
    url = f"http://localhost:{service.http_port}/admin"
    with sync_playwright() as playwright, launch(playwright) as browser:
        page = browser.new_page(viewport={"width": 1400, "height": 900}, accept_downloads=True)
        page.goto(url)
        page.get_by_label("Name").fill(OWNER)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        send_rates(page, url, sheet)
        make_group(page, url)
        order_lot(page, url, str(key.to_public()))
        lot = page.url
        export_lot(page, sealed)
        with sealed.open("rb") as file:
            parts = [pyrage.decrypt(part, [key]) for part in sealed_parts(file)]
        cards = {card.number: card.pin for part in parts for card in read(part)}
        for status in ("printed", "shipped", "active"):
            switch_lot(page, lot, status)

        seconds = talk(service, "881177", cards["881177"], access=ACCESS)

        row = page.get_by_role("row", name="Winter 5")
        report = f"{url}/reports/usage?by=group"
        # Reports follow the ledger a moment behind.
        until("the call is in the report", lambda: bool(page.goto(report) and row.count()))
        expect(row.first).to_contain_text(f"0.0{seconds}")
        page.goto(f"{url}/find?q=881177")
        expect(page.get_by_role("heading", level=1)).to_contain_text("881177 used")
