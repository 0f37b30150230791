"""What an operator types, and what comes back: tables for people, JSON for scripts."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.cli.context import whoever
from tests.adapters.cli.commands import SHEET, Terminal, begun


def new_card(terminal: Terminal, *options: str) -> dict[str, str]:
    made: list[dict[str, str]] = terminal.json("cards", "create", "--group", "Gold", *options)
    return made[0]


# ---- setting up


def test_without_a_command_its_help_is_shown(tmp_path: Path) -> None:
    result = Terminal(tmp_path).run()
    assert result.exit_code == 2
    for word in ("serve", "cards", "tariffs", "rebuild"):
        assert word in result.output


def test_a_group_shows_its_terms(terminal: Terminal) -> None:
    told = terminal.json("groups", "show", "Gold")
    assert told["face_value"] == {"amount": "10.00", "unit": "USD"}
    assert told["login_mode"] == "number and PIN"
    assert "10.00 USD" in terminal.ok("groups", "show", "Gold")


def test_a_group_has_every_term_that_is_asked_for(terminal: Terminal) -> None:
    terminal.ok(
        *("groups", "create", "Tin", "--face-value", "5", "--tariff", "retail"),
        *("--login", "PIN only", "--pin-length", "12", "--number-length", "6"),
        *("--setup-fee", "0.50", "--daily-fee", "0.10", "--valid-days", "90"),
        *("--simultaneous-calls", "2", "--longest-call", "600", "--no-pinless"),
        *("--store-at-login", "--deny-double-use", "--no-say-balance", "--no-say-time"),
        *("--operator-number", "+18005550199", "--expires-on", "2030-12-31T23:59"),
        *("--minimum-balance", "0.10", "--most-held", "2.50", "--ghost-percent", "90"),
        *("--language", "es", "--language", "en", "--first-announcement", "hello-world"),
    )
    told = terminal.json("groups", "show", "Tin")
    assert told["login_mode"] == "PIN only"
    assert (told["pin_length"], told["number_length"]) == (12, 6)
    assert told["setup_fee"]["amount"] == "0.50"
    assert told["daily_fee"]["amount"] == "0.10"
    assert (told["valid_days"], told["simultaneous_calls"], told["longest_call"]) == (90, 2, 600)
    assert (told["pinless_allowed"], told["say_balance"], told["say_time"]) == (False,) * 3
    assert (told["store_caller_id_at_login"], told["deny_double_use"]) == (True, True)
    assert told["operator_number"] == "+18005550199"
    assert told["expires_on"].startswith("2030-12-31T23:59")
    assert (told["minimum_balance"]["amount"], told["most_held"]["amount"]) == ("0.10", "2.50")
    assert (told["ghost_percent"], told["languages"]) == (90, ["es", "en"])
    assert told["first_announcement"] == "hello-world"


def test_terms_that_are_not_said_stay_when_a_group_changes(terminal: Terminal) -> None:
    before = terminal.json("groups", "show", "Gold")
    terminal.ok("groups", "change", "Gold", "--setup-fee", "0.50", "--no-say-time")
    after = terminal.json("groups", "show", "Gold")
    assert after.pop("setup_fee")["amount"] == "0.50"
    assert after.pop("say_time") is False
    assert after == {k: v for k, v in before.items() if k not in ("setup_fee", "say_time")}
    terminal.ok("groups", "change", "Gold", "--setup-fee", "none")
    assert terminal.json("groups", "show", "Gold")["setup_fee"] is None
    assert "is whole" not in terminal.fails("groups", "change", "Gold", "--face-value", "ten")
    assert "Gold" in terminal.json("groups", "list")


def test_the_same_group_again_is_fine_and_another_of_its_name_is_not(terminal: Terminal) -> None:
    same = ("groups", "create", "Gold", "--face-value", "10.00", "--tariff", "retail")
    terminal.ok(*same)
    told = terminal.fails("groups", "create", "Gold", "--face-value", "11", "--tariff", "retail")
    assert told == "error: The card group Gold is there already, with other details."


def test_a_second_sheet_is_the_next_version(terminal: Terminal) -> None:
    told = terminal.json("tariffs", "publish", "retail", str(terminal.folder / "retail.csv"))
    assert told == {"tariff": "retail", "version": 2}


@pytest.mark.parametrize(
    ("sheet", "says"),
    [
        ("", "the file is empty"),
        ("prefix,destination\n48,Poland\n", "line 1: the columns per_minute are missing"),
        ("prefix,destination,per_minute,colour\n", "line 1: unknown columns 'colour'; known are"),
        ("prefix,destination,per_minute,prefix\n", "line 1: the columns 'prefix' and 'prefix'"),
        (SHEET + "49,Germany,0.1\n", "line 4: 3 cells, and the header has 5"),
        (SHEET + "49,Germany,0.1,30,6,7\n", "line 4: 6 cells, and the header has 5"),
        (SHEET + "49,Germany,,30,6\n", "line 4, cell 3: a rate is a plain decimal"),
        (SHEET + "49,Germany,cheap,30,6\n", "line 4, cell 3: an amount is a plain decimal"),
        (SHEET + "49,Germany,-1,30,6\n", "line 4, cell 3: an amount is zero or more"),
        (SHEET + "49,Germany,0.1,x,6\n", "line 4, cell 4: seconds are a whole number"),
        (SHEET + "49,Germany,0.1,1_0,6\n", "line 4, cell 4: seconds are a whole number"),
        (SHEET + "49,Germany,0.1,30,0\n", "line 4: increment is a whole number from 1"),
        (SHEET + "48,Again,0.1,30,6\n", "rate sheet is free of errors"),
        (SHEET + "4x,Germany,0.1,30,6\n", "line 4, cell 1: a prefix is 1 to 15 digits"),
        (SHEET + "49,,0.1,30,6\n", "line 4, cell 2: a destination is a name"),
        (SHEET + '49,"' + "x" * 200_000 + '",0.1,30,6\n', "line 4 has more than 100000"),
        ("prefix,destination,per_minute\n", "rows is a sheet with at least one rate, not '0'."),
    ],
)
def test_a_tampered_sheet_names_its_line_and_publishes_nothing(
    terminal: Terminal, sheet: str, says: str
) -> None:
    path = terminal.write("bad.csv", sheet)
    assert f"error: {says}" in terminal.fails("tariffs", "publish", "retail", path)
    good = str(terminal.folder / "retail.csv")
    assert terminal.json("tariffs", "publish", "retail", good)["version"] == 2


def test_a_sheet_in_latin_1_is_published(terminal: Terminal) -> None:
    path = terminal.folder / "latin.csv"
    path.write_bytes(SHEET.encode() + "43,Österreich,0.1,30,6\n".encode("latin-1"))
    assert terminal.json("tariffs", "publish", "retail", str(path))["version"] == 2
    rows = terminal.json("tariffs", "show", "retail")
    assert "Österreich" in [row["destination"] for row in rows]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("tariffs", "publish", "t", "retail.csv", "--since", "soon"), "a moment is written 2026"),
        (("tariffs", "publish", "t", "retail.csv", "--unit", "usd"), "three capital letters"),
        (("groups", "create", "X", "--face-value", "ten", "--tariff", "t"), "plain decimal"),
        (("groups", "create", "X", "--face-value", "-1", "--tariff", "t"), "zero or more"),
        (("groups", "show", "None"), "There is no card group None."),
        (("access-numbers", "add", "18005550100", "--login", "PIN only"), "is there already"),
        (("access-numbers", "add", "1", "--country", "Mexico"), "country"),
        (("cards", "create", "--group", "None"), "There is no card group None."),
        (("cards", "create", "--group", "[bold]"), "There is no card group [bold]."),
        (("cards", "create", "--group", "Gold", "--count", "2", "--pin", "1"), "leave out --count"),
        (("cards", "create", "--group", "Gold", "--number", "12"), "number is 10 digits, as its"),
        (("cards", "create", "--group", "Gold", "--pin", "12"), "pin is 8 digits, as its card"),
        (("cards", "show", "0000000000"), "There is no card 0000000000."),
        (("cards", "top-up", "0000000000", "5"), "There is no card 0000000000."),
        (("cards", "history", "0000000000"), "There is no card 0000000000."),
        (("accounts", "show", str(uuid4())), "There is no account "),
        (("calls", "show", "pbx1-1763765000.1"), "There is no call session pbx1-1763765000.1."),
        (("calls", "show", "that one"), "the reference of a call is <node>-<Asterisk's unique id>"),
        (("keys", "pin"), "is there already; a new key would lock every card"),
        (("keys", "new", "a b"), "setting http.keys[0].name: "),
        (("keys", "new", "ann", "--scope", "root"), "scopes of ann are admin, read or node"),
        (("prompts", "build", "-l", "tlh"), "no catalogue for ['tlh']; there are en"),
    ],
)
def test_what_a_person_can_mend_ends_with_a_sentence_and_exit_code_1(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(terminal.folder)
    told = terminal.fails(*words)
    assert told.startswith("error: ")
    assert says in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "words",
    [
        ("dance",),
        ("cards", "create"),
        ("cards", "create", "--group", "Gold", "--count", "0"),
        ("cards", "create", "--group", "Gold", "--count", "1001"),
        ("cards", "list", "--limit", "501"),
        ("cards", "list", "--status", "asleep"),
        ("cards", "list", "--after", "the last"),
        ("cards", "status", "1", "asleep", "--why", "x"),
        ("groups", "create", "X", "--face-value", "1", "--tariff", "t", "--login", "voice"),
        ("tariffs", "publish", "retail", "nowhere.csv"),
        ("phone", "--port", "0"),
        ("asterisk", "config"),
    ],
)
def test_a_command_that_is_typed_wrongly_ends_with_exit_code_2(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert "Usage:" in Terminal(tmp_path).fails(*words, code=2)


# ---- cards


def test_new_cards_are_shown_once_with_their_pins(terminal: Terminal) -> None:
    made = terminal.json("cards", "create", "--group", "Gold", "--count", "3")
    assert len({card["number"] for card in made}) == len({card["pin"] for card in made}) == 3
    for card in made:
        assert re.fullmatch(r"\d{10}", card["number"])
        assert re.fullmatch(r"\d{8}", card["pin"])
    told = terminal.ok("cards", "create", "--group", "Gold", "--number", "4711000042")
    assert "4711000042" in told


def test_cards_made_before_one_that_failed_still_show_their_pins(terminal: Terminal) -> None:
    words = ("cards", "create", "--group", "Gold", "--count", "2", "--activate", "--by", " ")
    result = terminal.run(*words, "--json")
    assert result.exit_code == 1
    assert "error: by is" in result.stderr
    (made,) = json.loads(result.stdout)
    assert terminal.json("cards", "show", made["number"])["status"] == "generated"
    assert made["pin"]


def test_a_cards_number_can_be_chosen_once(terminal: Terminal) -> None:
    new_card(terminal, "--number", "4711000042")
    told = terminal.fails("cards", "create", "--group", "Gold", "--number", "4711000042")
    assert "4711000042 is there already" in told


def test_a_chosen_pin_is_refused_twice_without_being_repeated(terminal: Terminal) -> None:
    new_card(terminal, "--pin", "27182818")
    told = terminal.fails("cards", "create", "--group", "Gold", "--pin", "27182818")
    assert "27182818" not in told


def test_a_card_shows_its_status_and_what_it_can_spend(terminal: Terminal) -> None:
    card = new_card(terminal)
    told = terminal.json("cards", "show", card["number"])
    assert (told["status"], told["balance"]["amount"]) == ("generated", "0.00")
    assert told["may_become"] == ["printed", "cancelled", "void"]
    active = new_card(terminal, "--activate")
    told = terminal.json("cards", "show", active["number"])
    assert (told["status"], told["balance"]) == ("active", {"amount": "10.00", "unit": "USD"})
    assert "10.00 USD" in terminal.ok("cards", "show", active["number"])


def test_the_status_of_a_card_changes_as_the_rules_allow(terminal: Terminal) -> None:
    number = new_card(terminal)["number"]
    terminal.ok("cards", "status", number, "printed", "--why", "sent to the printer")
    told = terminal.fails("cards", "status", number, "active", "--why", "in a hurry")
    assert told == (
        "error: A card that is printed cannot become active. Allowed: shipped, cancelled, void."
    )


def test_money_is_added_once_for_a_word(terminal: Terminal) -> None:
    number = new_card(terminal, "--activate")["number"]
    for _ in range(2):
        told = terminal.json("cards", "top-up", number, "2.50", "--key", "receipt 17")
        assert told["available"] == {"amount": "12.50", "unit": "USD"}
    terminal.ok("cards", "top-up", number, "1")
    assert terminal.json("cards", "show", number)["balance"]["amount"] == "13.50"


@pytest.mark.parametrize("amount", ["0", "1e3", "1,50", "0.0000001", "much"])
def test_an_amount_that_is_none_is_refused(terminal: Terminal, amount: str) -> None:
    number = new_card(terminal, "--activate")["number"]
    assert "amount" in terminal.fails("cards", "top-up", number, amount)


def test_lists_are_paged_and_filtered(terminal: Terminal) -> None:
    for _ in range(3):
        new_card(terminal, "--activate")
    new_card(terminal)
    rows = terminal.json("cards", "list", "--status", "active")
    assert len(rows) == 3
    first = terminal.json("cards", "list", "--limit", "1")
    rest = terminal.json("cards", "list", "--after", first[0]["card_id"])
    assert [*first, *rest] == terminal.json("cards", "list")
    assert terminal.json("cards", "list", "--group", "None") == []
    assert "generated" in terminal.ok("cards", "list")


def test_a_history_tells_everything_but_the_pin(terminal: Terminal) -> None:
    card = new_card(terminal, "--activate", "--by", "ann")
    told = terminal.ok("cards", "history", card["number"])
    events = terminal.json("cards", "history", card["number"])
    names = [event["name"] for event in events]
    assert names[0] == "card-generated"
    assert {"card-status-changed", "account-opened", "funds-added"} <= set(names)
    assert "10.00 USD" in told
    assert "ann" in told
    for shown in (told, repr(events)):
        assert card["pin"] not in shown
        assert "digest" not in shown
        assert not re.search(r"[0-9a-f]{64}", shown)


def test_accounts_are_listed_and_shown(terminal: Terminal) -> None:
    new_card(terminal, "--activate")
    (row,) = terminal.json("accounts", "list")
    assert row["balance"] == {"amount": "10.00", "unit": "USD"}
    told = terminal.json("accounts", "show", row["account_id"])
    assert [event["name"] for event in told["events"]] == ["account-opened", "funds-added"]
    assert "funds-added" in terminal.ok("accounts", "show", row["account_id"])
    assert row["account_id"] in terminal.ok("accounts", "list")


def test_no_calls_are_an_empty_list(terminal: Terminal) -> None:
    assert terminal.json("calls", "list") == []
    assert terminal.json("calls", "list", "--open", "--disputed") == []


def test_read_models_are_made_again_from_the_facts(terminal: Terminal) -> None:
    new_card(terminal, "--activate")
    assert terminal.json("rebuild")["facts"] > 0
    assert terminal.json("reconcile")["given up"] == 0


# ---- keys, settings, Asterisk


def test_an_api_key_is_shown_with_the_lines_that_let_it_in(terminal: Terminal) -> None:
    told = terminal.ok("keys", "new", "pbx1", "--scope", "node", "--scope", "read")
    lines = told[told.index("[[http.keys]]") :]
    path = terminal.folder / "talktime.toml"
    path.write_text(path.read_text() + "\n" + lines)
    terminal.ok("cards", "list")
    key = re.search(r"Key \(shown once\): (\S+)", told)
    assert key is not None
    assert key[1] not in lines


def test_a_missing_pin_key_names_the_command_that_makes_one(tmp_path: Path) -> None:
    terminal = begun(tmp_path)
    (tmp_path / "pin.key").unlink()
    told = terminal.fails("cards", "list")
    assert told.startswith("error: setting secrets.pin_key_file: ")
    assert "`talktime keys pin` makes the file" in told


def test_a_pin_key_that_is_too_short_is_refused_by_its_setting(tmp_path: Path) -> None:
    terminal = begun(tmp_path)
    (tmp_path / "pin.key").write_bytes(b"short")
    told = terminal.fails("cards", "list")
    assert "setting secrets.pin_key_file: " in told
    assert "at least 32 bytes, not 5" in told


def test_the_pin_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    begun(tmp_path)
    assert (tmp_path / "pin.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"TALKTIME_LEDGER_URL": "mysql://somewhere/db"}, "setting ledger.url: the address of a"),
        ({"TALKTIME_LEDGER_URL": "sqlite:////nowhere/at/all.db"}, "setting ledger.url: /nowhere"),
        ({"TALKTIME_AGI_PORT": "many"}, "setting agi.port: "),
        ({"TALKTIME_COLOUR": "red"}, "setting TALKTIME_COLOUR: there is no setting"),
        ({"TALKTIME_SETTINGS": "/nowhere.toml"}, "settings file /nowhere.toml: No such"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, environment: dict[str, str], says: str) -> None:
    result = begun(tmp_path).run("cards", "list", environment=environment)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert says in " ".join(result.stderr.split())


def test_the_configuration_for_an_asterisk_is_printed_or_written_once(terminal: Terminal) -> None:
    secret = terminal.write("ami.secret", "0123456789abcdef0123456789abcdef\n")
    told = terminal.ok("asterisk", "config", "--secret-file", secret, "--node", "pbx7")
    assert "talktime_extensions.conf" in told
    assert "pbx7" in told
    out = terminal.folder / "asterisk"
    out.mkdir()
    words = ("asterisk", "config", "--secret-file", secret, "--out", str(out))
    assert "written: " in terminal.ok(*words)
    assert "nothing changed" in terminal.ok(*words)
    file = next(out.glob("*.conf"))
    file.write_text("; mine\n")
    assert file.name in terminal.fails(*words)
    assert file.read_text() == "; mine\n"
    terminal.ok(*words, "--force")
    assert file.read_text() != "; mine\n"


def test_a_node_of_another_form_is_refused(terminal: Terminal) -> None:
    secret = terminal.write("ami.secret", "0123456789abcdef0123456789abcdef\n")
    assert "node" in terminal.fails("asterisk", "config", "--secret-file", secret, "--node", "A-1")


# ---- the telephone


def test_nobody_answers_where_nothing_listens(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    script = terminal.write("keys.txt", "1#\n")
    result = terminal.run("phone", "--port", "1", "--script", script)
    assert result.exit_code == 1
    told = " ".join(result.stderr.split())
    assert told.startswith("error: nobody answers at 127.0.0.1:1 (")
    assert "start `talktime demo` or `talktime serve` first" in told


def test_a_script_that_is_wrong_names_its_line(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    script = terminal.write("keys.txt", "4711#\n\nsing a song\n")
    told = terminal.fails("phone", "--port", "1", "--script", script)
    assert f"error: {script}: line 3: 'sing a song' is none of: keys such as 4711#" in told


# ---- forms of output


def test_times_are_in_utc_and_amounts_exact_in_json(terminal: Terminal) -> None:
    number = new_card(terminal, "--activate")["number"]
    terminal.ok("cards", "top-up", number, "0.000001")
    (row,) = terminal.json("accounts", "list")
    assert row["balance"]["amount"] == "10.000001"
    opened: Any = datetime.fromisoformat(row["opened_at"])
    assert opened.utcoffset().total_seconds() == 0


def test_who_made_a_group_a_card_or_an_access_number_is_on_record(terminal: Terminal) -> None:
    terminal.ok("groups", "create", "Tin", "--face-value", "5", "--tariff", "retail", "--by", "ann")
    terminal.ok("cards", "create", "--group", "Tin", "--by", "bob")
    terminal.ok("access-numbers", "add", "18005550177", "--by", "cleo")
    terminal.ok("cards", "create", "--group", "Tin")
    with closing(sqlite3.connect(terminal.folder / "talktime.db")) as file:
        found = file.execute("SELECT data FROM events WHERE name = 'acted' ORDER BY position")
        acts = [json.loads(data)["fact"] for (data,) in found]
    made = "generate card and read its PIN"
    assert [(act["by"], act["action"]) for act in acts[-4:]] == [
        ("ann", "create card group"),
        ("bob", made),
        ("cleo", "add access number"),
        (whoever(), made),
    ]
