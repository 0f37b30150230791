"""Callers' numbers at the command line: shown, erased, and the master keys replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.persistence.connecting import connect
from adapters.persistence.person_keys import KeyRingFile
from tests.adapters.cli.commands import Terminal, begun, moved
from tests.adapters.persistence.product import Product
from tests.support.persons import KEYS
from tests.support.story import ALICE, BOB, WARSAW


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A ledger with two callers; the card of one is bound to her number."""
    terminal = begun(tmp_path_factory.mktemp("persons"))
    KeyRingFile(terminal.folder / "persons.key").replace(KEYS)
    terminal.ok("accounts", "list")  # makes the ledger
    with connect(f"sqlite:///{terminal.folder}/talktime.db") as recorder:
        product = Product(recorder)
        product.group("Gold", longest_call=600)
        for caller in (BOB, ALICE):
            card = product.card()
            call = product.caller(card, caller)
            product.dialling.dial(call, WARSAW)
            product.settlement.record_leg(product.leg(call, 60))
            product.settlement.call_ended(call.reference)
        assert call.caller_id is not None
        product.bindings.bind(call.caller_id, card.card_id)
        (terminal.folder / "card").write_text(card.number)
    terminal.write("retail.csv", "")
    return terminal


@pytest.fixture
def terminal(made: Terminal, tmp_path: Path) -> Terminal:
    card = (made.folder / "card").read_text()
    (tmp_path / "card").write_text(card)
    return moved(made, tmp_path)


def test_all_that_is_known_of_a_number_is_shown(terminal: Terminal) -> None:
    card = (terminal.folder / "card").read_text()
    told = terminal.json("persons", "show", ALICE)
    assert told["person"]["card"]["number"] == card
    assert [each["fact"]["number"] for each in told["person"]["bindings"]] == [ALICE]
    assert [(each["caller_id"], each["seconds"]) for each in told["calls"]] == [(ALICE, 60)]
    text = terminal.ok("persons", "show", ALICE)
    assert card in text
    assert "There is no person" in terminal.fails("persons", "show", "+390612345678")
    assert "country code" in terminal.fails("persons", "show", "0612345678")


def test_an_erased_number_is_a_pseudonym_in_every_list(terminal: Terminal) -> None:
    erased = terminal.json("persons", "erase", ALICE, "--why", "asked by letter", "--by", "ann")
    pseudonym = erased["pseudonym"]
    shown = {call["caller_id"] for call in terminal.json("calls", "list")}
    assert shown == {pseudonym, BOB}
    assert {card["caller_id"] for card in terminal.json("cards", "list")} == {None}
    assert "There is no person" in terminal.fails("persons", "show", ALICE)
    terminal.ok("audit", "verify")
    lines = terminal.ok("audit", "replay")
    assert ALICE[1:] not in lines
    assert BOB[1:] not in lines
    assert '"person-erased"' in lines


def test_a_new_master_key_changes_nothing_that_is_shown(terminal: Terminal) -> None:
    before = terminal.json("persons", "show", ALICE)
    (old,) = KeyRingFile(terminal.folder / "persons.key").read().keys
    prepared = terminal.json("persons", "rotate", "--prepare")["prepared"]
    told = terminal.json("persons", "rotate")
    assert told == {"in use": prepared, "persons moved": 2, "dropped": []}
    assert terminal.json("persons", "rotate", "--due")["dropped"] == []
    told = terminal.json("persons", "rotate", "--due", "--drop-replaced")
    assert told["dropped"] == [old.key_id]
    assert terminal.json("persons", "show", ALICE) == before


def test_without_the_master_key_in_use_nothing_starts_until_it_is_given_up(
    terminal: Terminal,
) -> None:
    file = terminal.folder / "persons.key"
    (lost,) = KeyRingFile(file).read().keys
    file.unlink()
    assert "persons.key" in terminal.fails("calls", "list")
    assert "persons.key" in terminal.fails("persons", "rotate")
    # A folder that is not mounted looks like a lost key: nobody is erased for it.
    assert f"--lost-key {lost.key_id}" in terminal.fails("persons", "abandon", "--why", "lost")
    assert not file.exists()
    named = ("--lost-key", lost.key_id)
    assert terminal.json("persons", "abandon", *named, "--why", "lost") == {"erased": 2}
    shown = {call["caller_id"] for call in terminal.json("calls", "list")}
    assert len(shown) == 2
    assert all(each.startswith("erased-") for each in shown)
    assert {card["caller_id"] for card in terminal.json("cards", "list")} == {None}
    assert terminal.json("persons", "abandon", "--why", "again") == {"erased": 0}
    terminal.ok("audit", "verify")


def test_the_file_of_keys_is_made_once(tmp_path: Path) -> None:
    terminal = begun(tmp_path)
    file = tmp_path / "persons.key"
    assert str(file) in terminal.ok("keys", "persons").replace("\n", "")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "is there already" in terminal.fails("keys", "persons")
    file.write_text("something else")
    assert "holds no master keys" in terminal.fails("accounts", "list")
