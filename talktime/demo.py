"""A small operator to try everything on: a tariff, a card group, an access number, three cards."""

from __future__ import annotations

import hashlib
import json
import secrets
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from adapters.sealing.keys import SealKey
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.errors import NotFound
from domain.money import parse
from domain.people import Role
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from talktime.settings import Settings, check
from talktime.system import System, make_pin_key

SETTINGS = "talktime.toml"
"""The file in the demo's folder with which every other command finds the demo."""

ACCESS_NUMBER = "18005550100"
GROUP = "Demo 5 dollars"
_CARDS = 3
_SINCE = datetime(2020, 1, 1, tzinfo=UTC)

OWNER = "owner"
_OWNER_ID = uuid5(NAMESPACE_URL, "talktime:demo:owner")

Cards = list[tuple[str, str]]


def _rates() -> list[PricedPrefix]:
    def row(prefix: str, name: str, per_minute: int, **terms: int) -> PricedPrefix:
        return PricedPrefix(prefix, name, RateTerms("USD", per_minute, **terms))  # type: ignore[arg-type]

    by_six = {"initial_block": 30, "increment": 6}
    return [
        row("1", "USA and Canada", 19_000, **by_six),
        row("33", "France", 24_000, **by_six),
        row("34", "Spain", 24_000, **by_six),
        row("44", "United Kingdom", 22_000, **by_six),
        row("447", "United Kingdom, mobile", 65_000, **by_six),
        row("48", "Poland", 29_000, **by_six),
        row("4860", "Poland, mobile", 79_000, connect_fee=50_000, **by_six),
        row("52", "Mexico", 38_000, **by_six),
        row("84", "Vietnam", 95_000, **by_six),
        row("86", "China", 32_000, **by_six),
    ]


def prepare(folder: Path, *, agi_port: int, http_port: int) -> tuple[Settings, str]:
    """The demo's settings and its API key, made the first time and found again later.

    The settings are in a file too, so that every other command can be tried on the demo.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    pin_key, api_key, seal_key = folder / "pin.key", folder / "api.key", folder / "seal.key"
    if not pin_key.exists():
        make_pin_key(pin_key)
    if not api_key.exists():
        api_key.touch(mode=0o600)
        api_key.write_text(secrets.token_urlsafe(32))
    if not seal_key.exists():
        SealKey.new("demo.example/ledger").write(seal_key)
    key = api_key.read_text()
    opens = {
        "name": "demo",
        "sha256": hashlib.sha256(key.encode()).hexdigest(),
        "scopes": ["admin", "node"],
    }
    values: dict[str, Any] = {
        "ledger": {"url": f"sqlite:///{folder}/talktime.db"},
        "secrets": {"pin_key_file": str(pin_key)},
        "agi": {"port": agi_port},
        "http": {"port": http_port, "keys": [opens]},
        "trunks": [{"name": "carrier"}],
        "asterisk": {"spool": str(folder / "spool")},
        "seals": {"key_file": str(seal_key), "checkpoint_file": str(folder / "checkpoints")},
        "voice": {"sounds": str(folder / "sounds")},
        "log": {"level": "warning"},
    }
    (folder / SETTINGS).write_text(_as_toml(values), encoding="utf-8")
    return check(values), key


def _as_toml(values: Mapping[str, Any]) -> str:
    """Texts, numbers and lists of texts are written in TOML as they are in JSON."""
    tables: list[tuple[str, Mapping[str, Any]]] = []
    for name, value in values.items():
        if isinstance(value, list):
            tables += [(f"[[{name}]]", each) for each in value]
            continue
        inside = {key: each for key, each in value.items() if _is_tables(each)}
        tables.append((f"[{name}]", {k: v for k, v in value.items() if k not in inside}))
        tables += [(f"[[{name}.{key}]]", each) for key, many in inside.items() for each in many]
    told = ["# Written anew whenever the demo starts.\n"]
    for heading, fields in tables:
        told += [f"{heading}\n", *(f"{key} = {json.dumps(v)}\n" for key, v in fields.items()), "\n"]
    return "".join(told)


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def set_up(system: System, folder: Path) -> Cards:
    """The demo operator, made once. The PINs of its cards lie in its folder, being a demo's."""
    do = system.administration
    known = folder / "cards.json"
    try:
        do.group(GROUP)
    except NotFound:
        if not system.tariffs.is_published("demo"):
            system.tariffs.publish_rows("demo", "USD", _rates(), _SINCE, "demo")
        system.access_numbers.add(ACCESS_NUMBER, AccessTerms(), "demo")
        # The group last: where it is there, everything is.
        terms = GroupTerms("USD", parse("5.00", "USD"), "demo", operator_number="+18005550199")
        do.create_group(GROUP, terms)
    if not known.exists():
        made = []
        for _ in range(_CARDS):
            card = do.generate_card(GROUP)
            do.issue_card(card.card_id, "demo", "to try the platform")
            made.append((card.number, card.pin))
        known.write_text(json.dumps(made))
    system.catch_up()
    return [(number, pin) for number, pin in json.loads(known.read_text())]


def let_in(system: System, folder: Path) -> str:
    """The password of the demo's owner, for the admin pages. It lies in the demo's folder."""
    known = folder / "owner.password"
    if not known.exists():
        known.touch(mode=0o600)
        known.write_text("-".join(secrets.token_hex(3) for _ in range(3)))
    password = known.read_text()
    system.people.create(_OWNER_ID, OWNER, Role.OWNER, password, "demo")
    return password


def tell(
    settings: Settings, cards: Cards, key: str, password: str, agi_port: int, http_port: int
) -> None:
    """What a newcomer does next."""
    out = Console(highlight=False)
    table = Table()
    table.add_column("card number", style="bold green")
    table.add_column("PIN", style="bold")
    for number, pin in cards:
        table.add_row(number, pin)
    out.print(Panel("[bold]Talktime[/bold] answers calls now. Ctrl-C ends it.", expand=False))
    out.print("\nCards to try, 5.00 USD each:", style="bold")
    out.print(table)
    file = Path(settings.secrets.pin_key_file).with_name(SETTINGS)
    port = "" if agi_port == 4573 else f" --port {agi_port}"
    out.print("\nMake a first call, in another terminal:", style="bold")
    out.print(f"    talktime phone{port}        (.venv/bin/talktime in a checkout)")
    out.print("    then dial a number such as 48774417880#; 111# says the balance")
    out.print("\nRun the business in a browser:", style="bold")
    out.print(
        f"    http://localhost:{http_port}/admin, as {OWNER}, password {password}", soft_wrap=True
    )
    out.print("\nUse the command line on it, in another terminal:", style="bold")
    out.print(f"    export TALKTIME_SETTINGS={shlex.quote(str(file))}", soft_wrap=True)
    out.print("    talktime audit verify        (docs/auditing.md, docs/seals.md)")
    out.print("\nLook at it over HTTP:", style="bold")
    url = f"http://{settings.http.host}:{http_port}/v1/calls"
    out.print(f"    curl -H 'Authorization: Bearer {key}' {url}", soft_wrap=True)
    out.print("\nPoint an Asterisk 18 or later at it:", style="bold")
    out.print("    openssl rand -hex 24 > ami.secret")
    out.print(f"    talktime asterisk config --secret-file ami.secret --agi 127.0.0.1:{agi_port}")
    out.print(f"    callers dial {ACCESS_NUMBER}; calls go out through the PJSIP endpoint carrier")
