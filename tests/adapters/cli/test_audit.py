"""The books and the audit at the command line: for people, for scripts, for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.persistence.connecting import connect
from adapters.persistence.person_keys import KeyRingFile
from tests.adapters.cli.commands import SETTINGS, Terminal, begun
from tests.adapters.persistence.product import Product
from tests.support.persons import KEYS
from tests.support.story import NOON, WARSAW, dollars

LATER = (NOON + timedelta(hours=3)).isoformat()
CALL = "pbx1-1763765001.42"


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A ledger with a card that was sold at noon, used an hour later, and topped up after two."""
    terminal = begun(tmp_path_factory.mktemp("audit"))
    KeyRingFile(terminal.folder / "persons.key").replace(KEYS)
    terminal.ok("accounts", "list")  # makes the ledger
    with connect(f"sqlite:///{terminal.folder}/talktime.db") as recorder:
        product = Product(recorder)
        product.group("Gold", longest_call=600)
        card = product.card()
        product.clock.pass_by(hours=1)
        call = product.caller(card)
        product.dialling.dial(call, WARSAW)
        product.settlement.record_leg(product.leg(call, 60))
        product.settlement.call_ended(call.reference)
        product.clock.pass_by(hours=1)
        product.top_up(card, dollars(5))
        (terminal.folder / "card").write_text(card.number)
    return terminal


def card(terminal: Terminal) -> str:
    return (terminal.folder / "card").read_text()


def accounts(told: Any) -> dict[str, str]:
    return {row["account"]: row["balance"] for row in told["accounts"]}


def test_a_trial_balance_is_printed_as_of_any_moment(terminal: Terminal) -> None:
    told = terminal.json("books", "trial-balance", "--depth", "3")
    assert accounts(told) == {
        "Assets:Clearing:Cash": "5.00",
        "Assets:Clearing:Face-value": "10.00",
        "Income:Calls": "-0.60",
        "Liabilities:Held:Gold": "0.00",
        "Liabilities:Prepaid:Gold": "-14.40",
    }
    assert told["sums"] == {"USD": {"debits": "15.00", "credits": "15.00"}}
    then = terminal.json("books", "trial-balance", "--depth", "3", "--at", NOON.isoformat())
    assert accounts(then) == {
        "Assets:Clearing:Face-value": "10.00",
        "Liabilities:Prepaid:Gold": "-10.00",
    }
    assert "Liabilities:Prepaid:Gold" in terminal.ok("books", "trial-balance", "--depth", "3")


def test_a_spreadsheet_reads_the_books(terminal: Terminal) -> None:
    text = terminal.ok("books", "trial-balance", "--depth", "2", "--csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["account"], row["balance"]) for row in rows] == [
        ("Assets:Clearing", "15.00"),
        ("Income:Calls", "-0.60"),
        ("Liabilities:Held", "0.00"),
        ("Liabilities:Prepaid", "-14.40"),
    ]


def test_a_statement_is_of_an_account_or_of_a_card(terminal: Terminal) -> None:
    told = terminal.json("books", "statement", "--card", card(terminal), "--since", LATER[:13])
    assert [each["amount"] for each in told["opening"]] == ["-14.40"]
    assert told["lines"] == []
    whole = terminal.json("books", "statement", "--card", card(terminal))
    assert [(line["what"], line["amount"]["amount"]) for line in whole["lines"]] == [
        ("top-up", "-10.00"),
        ("capture", "0.60"),
        ("top-up", "-5.00"),
    ]
    revenue = terminal.ok("books", "statement", "Income", "--csv")
    assert len(list(csv.reader(io.StringIO(revenue)))) == 4
    assert "one of the two" in terminal.fails("books", "statement")
    assert "capture" in terminal.ok("books", "statement", "Income")
    own = terminal.ok("books", "statement", "--card", card(terminal))
    assert own.startswith(f"Statement of card {card(terminal)}\n")


def test_what_is_owed_is_told_by_day(terminal: Terminal) -> None:
    day = NOON.date().isoformat()
    rows = terminal.json("books", "liability", "--at", day)
    assert [(row["day"], row["group"], row["total"]) for row in rows] == [(day, "Gold", "14.40")]
    two = ("books", "liability", "--since", "2026-11-20", "--until", day, "--csv")
    assert len(terminal.ok(*two).splitlines()) == 2
    assert "2026-01-31" in terminal.fails("books", "liability", "--at", "noon")
    assert "first" in terminal.fails("books", "liability", "--since", day, "--until", "2026-01-01")
    for end in ("0001-01-01", "9999-12-31"):
        assert "days" in terminal.fails("books", "liability", "--at", end)


def test_a_replay_is_lines_of_json(terminal: Terminal) -> None:
    file = terminal.folder / "facts.jsonl"
    terminal.ok("audit", "replay", "--out", str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[-1]["name"] == "top-up-received"
    assert terminal.ok("audit", "replay") == file.read_text()
    some = terminal.ok("audit", "replay", "--after", "3", "--until", "9", "--name", "funds-added")
    assert {json.loads(line)["name"] for line in some.splitlines()} <= {"funds-added"}
    assert "exists" in terminal.fails("audit", "replay", "--out", str(file)).lower()


def test_a_clean_ledger_is_verified_and_ends_with_0(terminal: Terminal) -> None:
    told = terminal.json("audit", "verify")
    assert (told["clean"], told["found"], told["counts"]) == (True, [], {})
    assert told["facts"] > 10
    assert "broken" in terminal.ok("audit", "verify")


def test_a_broken_ledger_names_the_first_wrong_fact_and_ends_with_1(
    terminal: Terminal, tmp_path: Path
) -> None:
    copy = _copied(terminal, tmp_path)
    database = sqlite3.connect(tmp_path / "talktime.db", isolation_level=None)
    (position,) = database.execute(
        "SELECT position FROM events WHERE name = 'hold-captured'"
    ).fetchone()
    database.execute(
        "UPDATE events SET data = replace(data, '600000', '600001') WHERE position = ?", [position]
    )
    database.close()
    result = copy.run("audit", "verify", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    first = told["found"][0]
    assert (first["position"], first["rule"]) == (position, "price")
    assert "0.600001 USD was captured, and 0.60 USD settled" in first["why"]
    shown = copy.run("audit", "verify")
    assert shown.exit_code == 1
    assert str(position) in shown.stdout
    assert "The first fact that is wrong" in shown.stdout


def test_a_call_is_explained(terminal: Terminal) -> None:
    told = terminal.json("audit", "explain", CALL)
    assert told["agrees"]
    assert [each["amount"] for each in told["charged"]] == ["0.60"]
    assert told["attempts"][0]["price"]["billed_seconds"] == 60
    text = terminal.ok("audit", "explain", CALL)
    assert "attempt 1 is charged 0.60 USD" in text
    assert "as the recorded terms say  yes" in text
    assert "pbx1-1763765000.99" in terminal.fails("audit", "explain", "pbx1-1763765000.99")


def test_a_card_is_told_as_it_was(terminal: Terminal) -> None:
    then = terminal.json("audit", "at", NOON.isoformat(), "card", card(terminal))
    assert (then["status"], then["account"]["balance"]["amount"]) == ("active", "10.00")
    now = terminal.json("audit", "at", LATER, "card", card(terminal))
    assert (now["status"], now["account"]["balance"]["amount"]) == ("used", "14.40")
    account = terminal.json("audit", "at", LATER, "account", now["account"]["account_id"])
    assert account == now["account"]
    assert "14.40 USD" in terminal.ok("audit", "at", LATER, "card", card(terminal))
    early = terminal.fails("audit", "at", "2026-01-01", "card", card(terminal))
    assert f"There is no card {card(terminal)} at 2026-01-01 00:00:00 UTC." in early
    assert "still to come" in terminal.ok("audit", "at", "9000-01-01", "card", card(terminal))
    assert "card NUMBER" in terminal.fails("audit", "at", LATER, "account", "4711")
    other = now["card_id"]
    assert "There is no account" in terminal.fails("audit", "at", LATER, "account", other)


def _copied(terminal: Terminal, folder: Path) -> Terminal:
    copy = Terminal(folder)
    copy.write("talktime.toml", SETTINGS.format(folder=folder))
    for name in ("talktime.db", "pin.key", "persons.key"):
        (folder / name).write_bytes((terminal.folder / name).read_bytes())
    return copy
