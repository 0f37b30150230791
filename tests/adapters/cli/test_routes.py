"""talktime providers, trunks, routes, access-numbers: from a rate sheet to the cheapest trunk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.adapters.cli.commands import SETTINGS, Terminal, begun

ACME = "prefix,destination,per_minute,connect_fee\n48,Poland,0.010,0.003\n"
BEST = "prefix,destination,per_minute\n48,Poland,0.008\n"
EXCHANGE = '\n[[exchange]]\nfrom = "EUR"\nto = "USD"\nrate = "1.10"\n'


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Two carriers with a line each. What a test changes, it changes in a copy."""
    terminal = begun(tmp_path_factory.mktemp("office"))
    terminal.write("talktime.toml", SETTINGS.format(folder=terminal.folder) + EXCHANGE)
    terminal.ok("providers", "add", "acme", "--by", "ann", "--why", "cheap")
    terminal.ok("providers", "add", "best", "--unit", "EUR")
    terminal.ok("providers", "rates", "acme", terminal.write("acme.csv", ACME))
    terminal.ok("providers", "rates", "best", terminal.write("best.csv", BEST))
    terminal.ok("trunks", "add", "acme1", "--provider", "acme", "--translate", "48:2:0")
    terminal.ok("trunks", "add", "best1", "--provider", "best", "--capacity", "5")
    return terminal


@pytest.fixture
def own(office: Terminal, tmp_path: Path) -> Terminal:
    shutil.copytree(office.folder, tmp_path, dirs_exist_ok=True)
    copy = Terminal(tmp_path)
    copy.write("talktime.toml", SETTINGS.format(folder=tmp_path) + EXCHANGE)
    return copy


def test_the_ways_to_a_number_are_shown_cheapest_first_with_their_costs(office: Terminal) -> None:
    found = office.json("routes", "find", "48221234567")
    assert found["nominal_seconds"] == 180
    assert found["routes"] == [
        {
            "leg": 1,
            "trunk": "best1",
            "provider": "best",
            "sent": "48221234567",
            "cost": {"amount": "0.024", "unit": "EUR"},
        },
        {
            "leg": 2,
            "trunk": "acme1",
            "provider": "acme",
            "sent": "0221234567",
            "cost": {"amount": "0.033", "unit": "USD"},
        },
    ]
    assert "acme1" in office.ok("routes", "find", "+48221234567")


def test_lists_show_who_did_what_and_why(office: Terminal) -> None:
    acme, best = office.json("providers", "list")
    assert (acme["name"], acme["changed_by"], acme["why"]) == ("acme", "ann", "cheap")
    assert (best["unit"], best["active"]) == ("EUR", True)
    trunks = office.json("trunks", "list", "--provider", "acme")
    assert [(each["name"], each["translations"]) for each in trunks] == [("acme1", ["48:2:0"])]
    assert office.json("providers", "show", "acme")["tariff"] == "provider:acme"
    assert office.json("trunks", "show", "best1")["capacity"] == 5
    assert "48:2:0" in office.ok("trunks", "show", "acme1")


def test_trunks_and_providers_are_changed_and_what_is_not_named_stays(own: Terminal) -> None:
    told = own.json("trunks", "change", "acme1", "--capacity", "9", "--caller-id", "+18005550100")
    assert (told["capacity"], told["priority"], len(told["translations"])) == (9, 100, 1)
    told = own.json("trunks", "change", "acme1", "--caller-id", "own", "--translate", "none")
    assert (told["caller_id"], told["translations"], told["capacity"]) == (None, [], 9)
    assert own.json("providers", "change", "best", "--inactive")["active"] is False
    found = own.json("routes", "find", "48221234567")["routes"]
    assert [each["trunk"] for each in found] == ["acme1"]


def test_a_route_is_set_listed_and_removed(own: Terminal) -> None:
    own.ok("routes", "set", "48", "--trunk", "acme1", "--why", "quality", "--by", "ann")
    own.ok("routes", "set", "all", "--trunk", "best1", "--trunk", "acme1", "--order", "as listed")
    everything, poland = own.json("routes", "list")
    assert (everything["prefix"], everything["trunks"]) == ("", ["best1", "acme1"])
    assert (poland["prefix"], poland["order"], poland["why"]) == ("48", "cheapest first", "quality")
    assert len(own.json("routes", "find", "48221234567")["routes"]) == 1
    own.ok("routes", "remove", "48")
    assert len(own.json("routes", "find", "48221234567")["routes"]) == 2


def test_a_blocked_range_is_allowed_by_name_with_a_reason_and_blocked_again(own: Terminal) -> None:
    assert "satellites" in own.fails("routes", "find", "881612345678")
    own.ok("routes", "allow", "8816", "--name", "Iridium", "--why", "ships", "--by", "ann")
    # It is not blocked any more, but nobody has a rate for it either.
    assert "no rate or no route" in own.fails("routes", "find", "881612345678")
    told = own.json("routes", "blocked")
    assert [each["prefix"] for each in told["operator"]] == ["8816"]
    assert "979" in [each["prefix"] for each in told["built_in"]]
    own.ok("routes", "unrule", "8816")
    own.ok("routes", "block", "4822", "--name", "Warsaw", "--why", "fraud")
    assert "Warsaw" in own.fails("routes", "find", "48221234567")


def test_access_numbers_are_added_changed_closed_and_listed(own: Terminal) -> None:
    own.ok("access-numbers", "add", "18005550100", "--surcharge", "0.25 USD")
    told = own.json(
        *("access-numbers", "change", "18005550100", "--language", "es"),
        *("--announcement", "acme/hello", "--surcharge-per-minute", "0.01 USD"),
        *("--login", "PIN only", "--by", "ann"),
    )
    assert (told["language"], told["login_mode"]) == ("es", "PIN only")
    assert told["surcharge"] == {"amount": "0.25", "unit": "USD"}
    told = own.json("access-numbers", "change", "18005550100", "--surcharge", "none")
    assert told["surcharge"] is None
    assert own.json("access-numbers", "close", "18005550100")["open"] is False
    (row,) = own.json("access-numbers", "list")
    assert (row["number"], row["open"], row["first_announcement"]) == (
        "18005550100",
        False,
        "acme/hello",
    )
    assert own.json("access-numbers", "change", "18005550100", "--open")["open"] is True
    assert "acme/hello" in own.ok("access-numbers", "show", "18005550100")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("providers", "add", "a b"), "name of a provider"),
        (("providers", "add", "euro", "--unit", "Euro"), "three capital letters"),
        (("providers", "add", "acme", "--unit", "EUR"), "is there already"),
        (("providers", "change", "nobody", "--inactive"), "no provider nobody"),
        (("providers", "show", "nobody"), "no provider nobody"),
        (("trunks", "add", "x", "--provider", "nobody"), "no provider nobody"),
        (("trunks", "add", "x@y", "--provider", "acme"), "name of a trunk"),
        (("trunks", "add", "x", "--provider", "acme", "--translate", "48"), "match:strip:prepend"),
        (("trunks", "add", "x", "--provider", "acme", "--translate", "48:3:0"), "strip is at most"),
        (("trunks", "add", "x", "--provider", "acme", "--caller-id", "me"), "caller_id"),
        (("trunks", "change", "nobody", "--capacity", "2"), "no trunk nobody"),
        (("routes", "set", "48", "--trunk", "nobody"), "no trunk nobody"),
        (("routes", "set", "x48"), "prefix is 0 to 15 digits"),
        (("routes", "set", "48", "--order", "as listed"), "names its trunks"),
        (("routes", "remove", "99"), "no route 99"),
        (("routes", "allow", "all", "--name", "n", "--why", "w"), "prefix is 1 to 15 digits"),
        (("routes", "block", "48", "--name", "", "--why", "w"), "name is 1 to 200"),
        (("routes", "unrule", "48"), "no blocked or allowed prefix 48"),
        (("routes", "find", "48x"), "E.164"),
        (("access-numbers", "add", "18005550199", "--surcharge", "0.25"), "'0.25 USD'"),
        (("access-numbers", "add", "12"), "access number is 3 to 20 digits"),
        (("access-numbers", "change", "18005550199"), "no access number"),
        (("access-numbers", "close", "18005550199"), "no access number"),
    ],
)
def test_bad_input_is_named_with_what_is_accepted(
    office: Terminal, words: tuple[str, ...], named: str
) -> None:
    assert named in office.fails(*words)


def test_a_bad_rate_sheet_leaves_the_rates_as_they_were(own: Terminal) -> None:
    before = own.json("routes", "find", "48221234567")
    bad = own.write("bad.csv", "prefix,destination,per_minute\n48,Poland,cheap\n")
    assert "line 2" in own.fails("providers", "rates", "acme", bad)
    assert own.json("routes", "find", "48221234567") == before


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ('[routing]\nbelow_cost = "maybe"\n', "routing.below_cost"),
        ("[routing]\nservers = 0\n", "routing.servers"),
        ('[[exchange]]\nfrom = "EUR"\nto = "USD"\nrate = "0"\n', "exchange"),
        ('[[exchange]]\nfrom = "EUR"\nto = "USD"\nrate = "1,1"\n', "exchange"),
    ],
)
def test_wrong_settings_of_routing_are_refused_by_name(
    own: Terminal, lines: str, named: str
) -> None:
    path = own.folder / "talktime.toml"
    path.write_text(path.read_text().replace(EXCHANGE, "\n") + lines)
    assert named in own.fails("routes", "list")
