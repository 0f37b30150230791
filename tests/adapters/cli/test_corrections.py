"""Corrections, refunds and what-if at the command line, looked at before and done once."""

from __future__ import annotations

import csv
import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.persistence.connecting import connect
from adapters.persistence.person_keys import KeyRingFile
from tests.adapters.cli.commands import Terminal, begun
from tests.adapters.persistence.product import Product
from tests.support.persons import KEYS
from tests.support.story import ALICE, BOB, ROME, WARSAW

CALL = "pbx1-1763765001.42"
DAY = "2025-11-21"
"""When Asterisk began the first call, by the reference."""

HALF = "prefix,destination,per_minute\n48,Poland,0.30\n"
DEAR = "prefix,destination,per_minute\n48,Poland,1.80\n39,Italy,1.20\n"

OVERRIDE = [word for kind in ("in-the-past", "jump") for word in ("--override", kind)]


def opened(folder: Path, calls: int = 1) -> Terminal:
    """A ledger with calls of a minute to Warsaw and half a minute to Rome, at a cent a second."""
    terminal = begun(folder)
    KeyRingFile(terminal.folder / "persons.key").replace(KEYS)
    for name, sheet, since in (("half.csv", HALF, "2026-01-01"), ("dear.csv", DEAR, "2026-02-01")):
        path = terminal.write(name, sheet)
        wanted = ("retail", path, "--since", since, "--by", "ann", "--why", "new prices")
        terminal.ok("tariffs", "publish", *wanted, *OVERRIDE)
    with connect(f"sqlite:///{folder}/talktime.db") as recorder:
        product = Product(recorder)
        product.group("Gold")
        card = product.card()
        terminal.write("card", card.number)
        for number in range(calls):
            if number:
                card = product.card()
            call = product.caller(card, (ALICE, BOB)[number % 2])
            for attempt, (to, seconds) in enumerate(((WARSAW, 60), (ROME, 30)), 1):
                product.dialling.dial(call, to)
                product.settlement.record_leg(product.leg(call, seconds, attempt))
            product.settlement.call_ended(call.reference)
    return terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return opened(tmp_path)


def balance(terminal: Terminal) -> str:
    terminal.ok("calls", "list")  # the read models have seen the newest fact
    (account,) = terminal.json("accounts", "list")
    told: str = account["balance"]["amount"]
    return told


def test_a_preview_tells_each_attempt_and_the_sums_and_records_nothing(terminal: Terminal) -> None:
    asked = ("corrections", "preview", "--from", DAY, "--tariff", "retail", "--version", "1")
    told = terminal.json(*asked)
    (line,) = told["lines"]
    assert (line["attempt"], line["moved"]["amount"], line["after"]["amount"]) == (
        1,
        "0.30",
        "0.30",
    )
    assert told["totals"]["given_back"] == [{"amount": "0.30", "unit": "USD"}]
    assert (told["looked_at"], told["totals"]["unpriced"], told["complete"]) == (2, 1, True)
    assert told["prices"] == "retail version 1"
    shown = terminal.ok(*asked)
    assert "Nothing was recorded" in shown
    assert "+48221234567" in shown
    rows = list(csv.DictReader(io.StringIO(terminal.ok(*asked, "--csv"))))
    assert [(row["call"], row["back"], row["card_is"]) for row in rows] == [(CALL, "0.30", "")]
    few = terminal.ok(*asked, "--lines", "0")
    assert "1 more" in few
    assert balance(terminal) == "9.10"


def test_a_correction_is_run_once_and_tells_what_it_moved(terminal: Terminal) -> None:
    asked = ("corrections", "run", "CORR-2026-11", "--call", CALL, "--tariff", "retail")
    asked = (*asked, "--version", "1", "--why", "wrong sheet", "--by", "ann")
    for _ in range(2):
        told = terminal.json(*asked)
        assert told["totals"]["given_back"] == [{"amount": "0.30", "unit": "USD"}]
    assert balance(terminal) == "9.40"
    shown = terminal.json("corrections", "show", "CORR-2026-11")
    assert (shown["begun"]["by"], shown["begun"]["why"]) == ("ann", "wrong sheet")
    assert "retail version 1" in terminal.ok("corrections", "show", "CORR-2026-11")
    other = (*asked[:-6], "--version", "2", "--why", "other", "--by", "ann")
    assert "CORR-2026-11 is there already" in terminal.fails(*other)
    explained = terminal.json("audit", "explain", CALL)
    assert explained["agrees"]
    assert explained["charged"] == [{"amount": "0.60", "unit": "USD"}]
    (made,) = explained["attempts"][0]["corrections"]
    assert (made["charge_before"]["amount"], made["charge"]["amount"]) == ("0.60", "0.30")
    assert terminal.json("audit", "verify")["clean"]
    assert terminal.json("reports", "check")["difference"] is None


def test_more_is_charged_only_when_it_is_asked_for(terminal: Terminal) -> None:
    wanted = ("--from", DAY, "--tariff", "retail", "--version", "2", "--why", "too cheap")
    assert terminal.json("corrections", "run", "A", *wanted)["totals"]["attempts"] == 0
    told = terminal.json("corrections", "run", "B", *wanted, "--charge-more")["totals"]
    assert told["taken"] == [{"amount": "1.50", "unit": "USD"}]
    assert balance(terminal) == "7.60"
    shown = terminal.ok("corrections", "run", "C", *wanted, "--charge-more")
    assert "nothing" in shown


def test_a_refund_is_of_an_attempt_a_part_or_all(terminal: Terminal) -> None:
    words = ("--why", "bad line", "--by", "ann", "--key", "ticket-17")
    for _ in range(2):
        told = terminal.json("refund", CALL, "1", "0.25", *words)
        assert (told["amount"]["amount"], told["charge"]["amount"]) == ("0.25", "0.35")
    assert "0.35 USD" in terminal.ok("refund", CALL, "1", "--why", "bad line")
    assert balance(terminal) == "9.70"
    assert "0.30 USD" in terminal.ok("refund", CALL, "--why", "the only one left")
    assert "Charge" not in terminal.ok("calls", "list")
    assert terminal.json("audit", "verify")["clean"]
    (call,) = terminal.json("calls", "list")
    assert call["charged"]["amount"] == "0.00"


def test_what_if_tells_each_row_and_writes_nothing(terminal: Terminal) -> None:
    asked = ("what-if", "--month", "2025-11", "--tariff", "retail", "--version", "1")
    told = terminal.json(*asked)
    rows = {(row["by"], row["name"]): row for row in told["rows"]}
    assert rows["group", "Gold"]["difference"]["amount"] == "-0.30"
    card = (terminal.folder / "card").read_text()
    assert rows["customer", card]["would"]["amount"] == "0.30"
    assert [each["attempts"] for each in told["unpriced"]] == [1]
    assert (told["from"], told["to"]) == ("2025-11-01", "2025-11-30")
    shown = terminal.ok(*asked)
    assert "By destination" in shown
    assert "Without a price there" in shown
    lines = list(csv.DictReader(io.StringIO(terminal.ok(*asked, "--csv"))))
    assert {line["by"] for line in lines} >= {"total", "group", "customer", "destination"}
    newest = terminal.json("what-if", "--from", DAY, "--to", "2025-11-22", "--tariff", "retail")
    total = next(row for row in newest["rows"] if row["by"] == "total")
    assert (newest["prices"], total["difference"]["amount"]) == ("retail version 2", "1.50")
    assert newest["unpriced"] == []
    assert balance(terminal) == "9.10"


def test_what_if_takes_a_draft_as_well(terminal: Terminal) -> None:
    path = terminal.write("draft.csv", "prefix,destination,per_minute\n4,Europe,0.60\n")
    sheet = terminal.json("tariffs", "import", path, "--tariff", "retail")["sheet_id"]
    told = terminal.json("what-if", "--month", "2025-11", "--sheet", sheet)
    total = next(row for row in told["rows"] if row["by"] == "total")
    assert total["difference"]["amount"] == "0.00"
    assert "Nobody talked" in terminal.ok("what-if", "--month", "2026-02", "--sheet", sheet)


WHY = ("--why", "w")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("corrections", "preview"), "--from a day, with --to a later one, or one --call"),
        (("corrections", "preview", "--from", DAY, "--call", CALL), "or one --call"),
        (("corrections", "preview", "--to", DAY), "begin with --from"),
        (("corrections", "preview", "--from", "November"), "a day is written 2026-01-31"),
        (("corrections", "preview", "--from", DAY, "--to", "2025-01-01"), "a first day"),
        (("corrections", "preview", "--from", DAY, "--zone", "Mars/North"), "IANA"),
        (("corrections", "preview", "--from", DAY, "--version", "1"), "--tariff or --priced-by"),
        (
            ("corrections", "preview", "--from", DAY, "--tariff", "retail", "--version", "9"),
            "There is no version 9 of tariff retail",
        ),
        (
            ("corrections", "preview", "--from", DAY, "--tariff", "x", "--version", "1"),
            "There is no tariff x",
        ),
        (
            ("corrections", "preview", "--from", DAY, "--priced-by", "retail"),
            "say which --version",
        ),
        (("corrections", "preview", "--from", DAY, "--prefix", "+48"), "1 to 15 digits"),
        (("corrections", "preview", "--call", "me"), "<node>-<Asterisk's unique id>"),
        (("corrections", "run", "", "--from", DAY, *WHY), "1 to 60 printable characters"),
        (("corrections", "run", "A", "--from", DAY, "--why", ""), "a reason"),
        (("corrections", "run", "A", "--call", "pbx1-1763765999.1", *WHY), "There is no call"),
        (("corrections", "show", "A"), "There is no correction A"),
        (("refund", CALL, *WHY), "one of 1, 2"),
        (("refund", CALL, "3", *WHY), "attempt is one of 1, 2"),
        (("refund", CALL, "1", "0.61", *WHY), "at most the 0.60 USD that is still charged"),
        (("refund", CALL, "1", "-1", *WHY), "No such option"),
        (("refund", CALL, "1", "0,10", *WHY), "a plain decimal"),
        (("refund", CALL, "1", "0.10"), "a reason"),
        (("refund", "pbx1-1763765999.1", *WHY), "There is no call"),
        (("what-if", "--tariff", "retail"), "--month, or --from"),
        (("what-if", "--month", "2025-13", "--tariff", "retail"), "a month is written 2026-10"),
        (("what-if", "--to", DAY, "--tariff", "retail"), "begin with --from"),
        (("what-if", "--month", "2025-11"), "--tariff with a --version, or --sheet"),
        (("what-if", "--month", "2025-11", "--tariff", "x"), "There is no tariff x"),
        (
            ("what-if", "--month", "2025-11", "--version", "1", "--sheet", str(0) * 32),
            "a --sheet has none",
        ),
        (("what-if", "--month", "2025-11", "--sheet", str(0) * 32), "There is no rate sheet"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_told(
    refused: Terminal, words: tuple[str, ...], told: str
) -> None:
    code = 2 if "option" in told else 1
    assert told in refused.fails(*words, code=code)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A ledger that nothing changes, because all that is asked of it is refused."""
    return opened(tmp_path_factory.mktemp("refused"))


@pytest.mark.processes
def test_a_correction_that_is_killed_is_finished_by_the_same_command(tmp_path: Path) -> None:
    terminal = opened(tmp_path, calls=120)
    words = ("corrections", "run", "CORR-1", "--from", DAY, "--to", "2025-11-22")
    words = (*words, "--tariff", "retail", "--version", "1", "--why", "wrong sheet", "--by", "ann")
    killed = subprocess.Popen(
        # So that who is to kill it is the faster one, however busy the machine is.
        ["nice", "-n", "19", sys.executable, "-m", "talktime", *words],
        env=os.environ | {"TALKTIME_SETTINGS": str(tmp_path / "talktime.toml")},
        stdout=subprocess.DEVNULL,
    )
    while _corrected(tmp_path) < 3 and killed.poll() is None:
        time.sleep(0.001)  # until some are corrected: the file tells nobody
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(30) == -signal.SIGKILL, "it was faster than who kills it"
    half = _corrected(tmp_path)
    assert 3 <= half < 120
    told = terminal.json(*words)["totals"]
    assert (told["attempts"], told["given_back"][0]["amount"]) == (120, "36.00")
    assert _corrected(tmp_path) == 120
    assert terminal.json("audit", "verify")["clean"]
    assert terminal.json("reports", "check")["difference"] is None


def _corrected(folder: Path) -> int:
    with sqlite3.connect(folder / "talktime.db") as connection:
        query = "SELECT count(*) FROM events WHERE name = 'charge-corrected'"
        return int(connection.execute(query).fetchone()[0])
