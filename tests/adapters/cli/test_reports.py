"""talktime reports: what an operator asks at the terminal after a day of business."""

from __future__ import annotations

import csv
import io
import sqlite3
from pathlib import Path

import pytest

from tests.adapters.cli.commands import Terminal, moved, set_up

ALL_DAYS = ("--from", "2026-01-01", "--whole")


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    terminal = set_up(tmp_path_factory.mktemp("reports"))
    made = terminal.json("cards", "create", "--group", "Gold", "--count", "2", "--activate")
    terminal.ok("cards", "top-up", made[0]["number"], "2.50")
    terminal.ok("cards", "adjust", "--why", "a mistake", "--", made[1]["number"], "-1.25")
    return terminal


@pytest.fixture
def terminal(set_up_once: Terminal, tmp_path: Path) -> Terminal:
    return moved(set_up_once, tmp_path)


def test_sales_tell_of_activated_cards_and_money(terminal: Terminal) -> None:
    (line,) = terminal.json("reports", "sales", "--by", "group", *ALL_DAYS)
    assert (line["name"], line["activated"], line["top_ups"]) == ("Gold", 2, 1)
    assert line["activated_value"] == {"amount": "20.00", "unit": "USD"}
    assert line["adjusted"] == {"amount": "-1.25", "unit": "USD"}
    assert line["owed_more"] == {"amount": "21.25", "unit": "USD"}
    table = terminal.ok("reports", "sales")
    assert "20.00 USD" in table


def test_the_liability_is_what_the_accounts_have(terminal: Terminal) -> None:
    for by, name in (("lot", None), ("group", "Gold"), ("age", "0 to 30 days")):
        (line,) = terminal.json("reports", "liability", "--by", by)
        assert (line["name"], line["accounts"]) == (name, 2)
        assert line["owed"] == {"amount": "21.25", "unit": "USD"}


def test_csv_has_plain_numbers_with_their_unit_beside(terminal: Terminal) -> None:
    told = terminal.ok("reports", "sales", *ALL_DAYS, "--csv")
    (line,) = csv.DictReader(io.StringIO(told))
    assert (line["adjusted"], line["adjusted_unit"]) == ("-1.25", "USD")


def test_reports_without_calls_are_empty_and_not_wrong(terminal: Terminal) -> None:
    for report in ("usage", "minutes", "failed-logins", "suspicious"):
        assert terminal.json("reports", report) == []
        assert terminal.ok("reports", report)
    assert terminal.json("reports", "live") == {"calls_up": 0, "since": None, "at_risk": []}
    assert terminal.ok("reports", "call-log") == ""
    assert terminal.ok("reports", "call-log", "--more").startswith("call_time\t")


def test_the_check_is_content_with_what_is_right(terminal: Terminal) -> None:
    told = terminal.json("reports", "check")
    assert told["difference"] is None
    assert told["facts"] > 10
    assert "none" in terminal.ok("reports", "check")


def test_the_check_names_the_first_difference_and_fails(terminal: Terminal) -> None:
    with sqlite3.connect(terminal.folder / "talktime.db") as database:
        database.execute("UPDATE view_accounts SET balance = balance + 1")
    database.close()
    result = terminal.run("reports", "check")
    assert result.exit_code == 1
    assert "view_accounts: account_id" in result.stderr
    assert "by the facts" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("usage", "--from", "yesterday"), "a day is written 2026-01-31, not 'yesterday'"),
        (("usage", "--from", "2026-02-02", "--to", "2026-02-01"), "one not before it"),
        (("sales", "--from", "2019-01-01", "--to", "2026-01-01"), "at most 1100 days"),
        (("minutes", "--zone", "Mars/Olympus"), "a time zone of the IANA database"),
    ],
)
def test_days_that_cannot_be_are_refused(
    terminal: Terminal, words: tuple[str, ...], told: str
) -> None:
    assert told in terminal.fails("reports", *words)
