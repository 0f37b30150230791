"""Settings: one TOML file, and environment variables over it. What is wrong is refused at start."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct, field

from adapters.agi.card_call import CardCallSettings
from adapters.agi.entries import Codes
from application.approvals import ACTIONS

Port = Annotated[int, Meta(ge=0, le=65_535)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
Node = Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}$")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Positive = Annotated[int, Meta(ge=1, le=100_000)]

ENVIRONMENT = "TALKTIME_"
SETTINGS = "TALKTIME_SETTINGS"
PLACES = (Path("talktime.toml"), Path("/etc/talktime/talktime.toml"))


class SettingsError(Exception):
    """A setting that cannot be used: says which one, and what it accepts."""


class Ledger(Struct, frozen=True, forbid_unknown_fields=True):
    """``url``: sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>."""

    url: str = "sqlite:///var/talktime.db"


class Secrets(Struct, frozen=True, forbid_unknown_fields=True):
    """``pin_key_file`` holds at least 32 bytes; whoever has it and the ledger can guess PINs."""

    pin_key_file: str = "var/pin.key"


class Persons(Struct, frozen=True, forbid_unknown_fields=True):
    """How callers' numbers are kept, so that they can be forgotten (ADR 0027)."""

    key_file: str = ""
    """The master keys, outside the database and its backups; empty: ``persons.key`` beside the
    PIN key."""
    key_days: Annotated[int, Meta(ge=1, le=3_650)] = 15
    """The age in days at which a master key is replaced by a new one."""
    keep_days: Annotated[int, Meta(ge=0, le=3_650)] = 15
    """Days for which a replaced key stays, so that backups made with it can be restored."""
    rotate: bool | None = None
    """Whether the worker replaces keys by itself; not set: where the ledger is SQLite."""


class Agi(Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Port = 4573
    most_calls: Positive = 5_000
    allow: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    one_core: bool = True
    """Keeps the server on one core, which its threads share in turn anyway."""


class Key(Struct, frozen=True, forbid_unknown_fields=True):
    """An API key is stored as its SHA-256; ``talktime keys new`` makes one."""

    name: Name
    sha256: Sha256
    scopes: tuple[str, ...] = ("read",)


class Http(Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Port = 8080
    trusted_proxies: tuple[str, ...] = ()
    """Networks of reverse proxies: what they say about the address of a client is believed."""
    keys: tuple[Key, ...] = ()


class Trunk(Struct, frozen=True, forbid_unknown_fields=True):
    """A PJSIP endpoint that calls go out through; the first that can connects the call."""

    name: Name
    prefix: Annotated[str, Meta(pattern=r"^[0-9]{0,10}$")] = ""
    """Digits sent in front of the number."""


class Exchange(Struct, frozen=True, forbid_unknown_fields=True):
    """What one whole of a unit is worth in another: a plain decimal such as "1.0845"."""

    from_: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = field(name="from")
    to: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    rate: Annotated[str, Meta(pattern=r"^[0-9]{1,7}(\.[0-9]{1,6})?$")]


class Routing(Struct, frozen=True, forbid_unknown_fields=True):
    """How routes are compared and tried."""

    nominal_seconds: Annotated[int, Meta(ge=1, le=7_200)] = 180
    """The length of call whose price and cost are compared."""
    unit: Annotated[str, Meta(pattern="^[A-Z]{3}$")] = "USD"
    """What the costs of routes are compared in."""
    most_routes: Annotated[int, Meta(ge=1, le=20)] = 5
    """Routes tried in one attempt."""
    below_cost: Annotated[str, Meta(pattern="^(allow|warn|refuse)$")] = "warn"
    """A call that costs more than it is sold for."""
    servers: Annotated[int, Meta(ge=1, le=1_000)] = 1
    """Servers that dial through the same trunks: each has an equal share of their capacity."""


class Calls(Struct, frozen=True, forbid_unknown_fields=True):
    login_tries: Annotated[int, Meta(ge=1, le=10)] = 3
    ring_seconds: Annotated[int, Meta(ge=5, le=180)] = 60
    first_key_ms: Annotated[int, Meta(ge=1_000, le=60_000)] = 8_000
    next_key_ms: Annotated[int, Meta(ge=1_000, le=60_000)] = 5_000
    caller_id_code: str = "*32"
    redial_code: str = "*0"
    balance_code: str = "111"
    hangup_keys: str = "*"
    endpoint: str = "PJSIP/{number}@{trunk}"

    def card_call(self) -> CardCallSettings:
        codes = Codes(self.caller_id_code, self.redial_code, self.balance_code, self.hangup_keys)
        return CardCallSettings(
            codes,
            login_tries=self.login_tries,
            first_key_ms=self.first_key_ms,
            next_key_ms=self.next_key_ms,
            endpoint=self.endpoint,
        )


class Ami(Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: Port = 5038
    user: Name = "talktime"
    secret_file: str = ""
    """Empty: Asterisk is not asked, and open attempts wait for their records or their limit."""


class Asterisk(Struct, frozen=True, forbid_unknown_fields=True):
    """The Asterisk on this host, for ``talktime ship`` and ``talktime serve``."""

    node: Node = "pbx1"
    spool: str = ""
    """Folder of the leg records; empty: there is no Asterisk on this host."""
    cel: str = ""
    """The file of channel events; empty: they are not looked at."""
    ledger: str = ""
    """URL of the ledger's HTTP server when the ledger is on another host."""
    key_file: str = ""
    """The API key for it, with scope node."""
    ami: Ami = field(default_factory=Ami)


class Voice(Struct, frozen=True, forbid_unknown_fields=True):
    sounds: str = "var/sounds"
    """Where rendered prompts go; Asterisk finds them when its sounds folder links here."""
    recordings: str = ""
    """Folder of an operator's own recordings, used instead of rendered prompts."""


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    level: Annotated[str, Meta(pattern="^(debug|info|warning|error)$")] = "info"
    json: bool = False


class Cards(Struct, frozen=True, forbid_unknown_fields=True):
    """How the card business is run."""

    approvals: tuple[str, ...] = ()
    """What a second person has to approve: lot export, lot void, balance adjustment."""
    time_zone: str = "UTC"
    """Where the days of daily fees begin (IANA)."""
    time_zones: dict[str, str] = {}
    """Other zones, by name of card group."""
    forfeit_after_days: Annotated[int, Meta(ge=0, le=3_650)] = 30
    """Days after its expiry at which what is left on a card falls to the operator."""


class Seals(Struct, frozen=True, forbid_unknown_fields=True):
    """How the log is sealed; without a key it is not."""

    key_file: str = ""
    """The key that seals are signed with, outside the database; ``talktime seal keys new``."""
    checkpoint_file: str = "var/checkpoints"
    """Where signed checkpoints are published; it only grows, and belongs off this host."""
    webhook: Annotated[str, Meta(pattern="^$|^https?://[^ ]{1,2000}$")] = ""
    """The newest checkpoint is sent there as well."""
    seconds: Annotated[int, Meta(ge=1, le=3_600)] = 1
    """A block is made so often at most, unless it is full."""
    most_facts: Annotated[int, Meta(ge=1, le=65_536)] = 16_384
    """The facts of a full block."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    ledger: Ledger = field(default_factory=Ledger)
    secrets: Secrets = field(default_factory=Secrets)
    persons: Persons = field(default_factory=Persons)
    agi: Agi = field(default_factory=Agi)
    http: Http = field(default_factory=Http)
    trunks: tuple[Trunk, ...] = ()
    exchange: tuple[Exchange, ...] = ()
    routing: Routing = field(default_factory=Routing)
    calls: Calls = field(default_factory=Calls)
    cards: Cards = field(default_factory=Cards)
    asterisk: Asterisk = field(default_factory=Asterisk)
    seals: Seals = field(default_factory=Seals)
    voice: Voice = field(default_factory=Voice)
    log: Log = field(default_factory=Log)

    @property
    def person_key_file(self) -> Path:
        beside = Path(self.secrets.pin_key_file).with_name("persons.key")
        return Path(self.persons.key_file) if self.persons.key_file else beside


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a file (or of the first of PLACES that exists), environment over it.

    ``TALKTIME_LEDGER_URL`` sets ``ledger.url``, and so on. Raises SettingsError.
    """
    named = path or (Path(environment[SETTINGS]) if environment.get(SETTINGS) else None)
    source = named or next((place for place in PLACES if place.is_file()), None)
    values: dict[str, Any] = {}
    if source is not None:
        try:
            values = tomllib.loads(source.read_text())
        except OSError as error:
            raise SettingsError(f"settings file {source}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"settings file {source} is not TOML: {error}") from error
    _overlay(values, environment)
    return check(values)


def check(values: Mapping[str, Any]) -> Settings:
    """Raises SettingsError, naming the setting and what it accepts."""
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        setting = where.rstrip("`") or "the settings"
        raise SettingsError(f"{setting}: {what}") from error
    try:
        settings.calls.card_call()
    except ValueError as error:
        raise SettingsError(f"calls: {error}") from error
    if others := set(settings.cards.approvals) - set(ACTIONS):
        raise SettingsError(f"cards.approvals: {', '.join(ACTIONS)}, not {sorted(others)}")
    for zone in (settings.cards.time_zone, *settings.cards.time_zones.values()):
        try:
            ZoneInfo(zone)
        except (ValueError, ZoneInfoNotFoundError) as error:
            raise SettingsError(
                f"cards.time_zone: a zone such as Europe/Warsaw, not {zone!r}"
            ) from error
    for setting, networks in (
        ("agi.allow", settings.agi.allow),
        ("http.trusted_proxies", settings.http.trusted_proxies),
    ):
        for network in networks:
            try:
                ipaddress.ip_network(network)
            except ValueError as error:
                raise SettingsError(f"{setting}: networks such as 10.0.0.0/8; {error}") from error
    for key in settings.http.keys:
        if unknown := set(key.scopes) - {"admin", "read", "node"}:
            raise SettingsError(
                f"http.keys: scopes of {key.name} are admin, read or node, not {sorted(unknown)}"
            )
    return settings


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> None:
    sections = {each.name: each.type for each in msgspec.structs.fields(Settings)}
    for variable, value in environment.items():
        if not variable.startswith(ENVIRONMENT) or variable in (SETTINGS, "TALKTIME_CACHE"):
            continue
        section, _, name = variable.removeprefix(ENVIRONMENT).lower().partition("_")
        kind = sections.get(section)
        if not (isinstance(kind, type) and issubclass(kind, Struct)) or name not in {
            each.name for each in msgspec.structs.fields(kind)
        }:
            raise SettingsError(
                f"{variable}: there is no setting of this name; a setting ledger.url is "
                f"{ENVIRONMENT}LEDGER_URL in the environment"
            )
        table = values.setdefault(section, {})
        if isinstance(table, dict):
            table[name] = value
