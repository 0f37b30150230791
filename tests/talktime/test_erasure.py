"""A caller is forgotten: books, seals and reports stay, and no byte anywhere tells the number."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import httpx
import psycopg
import pytest

from adapters.agi.server import FastAgiServer
from adapters.http.keys import digest_of
from adapters.persistence.backups import back_up, restore
from adapters.persistence.person_keys import KeyRingFile
from adapters.persistence.persons import MasterKeyMissing, StoredPersons, key_in_use
from adapters.phone.asterisk_side import AsteriskSide
from adapters.phone.asterisk_side import Settings as Asterisk
from adapters.phone.script import ScriptedLine
from adapters.sealing.keys import PublicKeys, SealKey
from application.calling import Arrival
from application.persons import opened
from application.reports import CallLogAsked, RefusalsAsked, RefusalsBy, UsageAsked
from application.seal_verification import verify
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.errors import LoginFailed, NotFound, SettingNotAllowed
from domain.login import LoginMode
from domain.money import Money
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from domain.seal_checks import Checked
from domain.sealed_numbers import read
from talktime.exports import LedgerExports
from talktime.jobs import working
from talktime.persons import rotates_by_itself
from talktime.sealing import Trusted, sealing
from talktime.settings import Settings, SettingsError, check
from talktime.system import System, build, make_pin_key, open_ledger
from tests.support.stores import FixedClock
from tests.talktime.test_processes import until

BOUND, GUESSES, STAYS = "+48733190482", "+48733905164", "+48602847719"
"""One with a card, one who tried PINs, and one who asks nobody to be forgotten."""

ACCESS = "18005550100"
WARSAW = "48221234567"
KEY = "k" * 43
ROOT = Path(__file__).parents[2]


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


def settings(folder: Path, url: str) -> Settings:
    return check(
        {
            "ledger": {"url": url},
            "secrets": {"pin_key_file": str(folder / "pin.key")},
            "persons": {"rotate": False},
            "trunks": [{"name": "carrier"}],
            "agi": {"port": 0},
            "http": {
                "port": 0,
                "keys": [{"name": "office", "sha256": digest_of(KEY), "scopes": ["admin"]}],
            },
            "seals": {
                "key_file": str(folder / "seal.key"),
                "checkpoint_file": str(folder / "checkpoints"),
            },
        }
    )


@attrs.define
class Business:
    """A day's business with all three callers, and where it is kept."""

    folder: Path
    system: System
    clock: Clock
    seconds: list[float]
    card_id: UUID

    def told(self) -> dict[str, Any]:
        """Every report, and what the lists and the books say."""
        self.system.catch_up()
        reports = self.system.reports
        period = reports.period()
        books = self.system.books
        return {
            "trial balance": books.trial_balance().rows,
            "statement": self.system.views.account(
                self.system.administration.card(self.card_id).account_id
            ),
            "usage": reports.usage(UsageAsked(period)),
            "refusals": reports.refusals(RefusalsAsked(period, RefusalsBy.CALLER_ID)),
            "sources": reports.sources(period, 1),
            "log": list(reports.whole_call_log(CallLogAsked(period))),
            "calls": self.system.views.calls(None, 100),
            "cards": self.system.views.cards(None, 100),
        }

    def seal(self) -> None:
        self.clock.time += timedelta(seconds=5)
        sealing(self.system.settings.seals, self.system.seals, self.clock).run()

    def assert_proved(self) -> None:
        """By who has the public key and a checkpoint, and by who reads all facts."""
        keys = PublicKeys.read(self.folder / "seal.key.pub")
        trusted = Trusted(keys, self.folder / "checkpoints")
        assert isinstance(verify(self.system.seals, trusted), Checked)
        self.system.catch_up()
        audited = self.system.auditor.verify(processes=1, progress=lambda *_: None)
        assert list(audited.found) == []


@pytest.fixture
def business(ledger_url: str, tmp_path: Path) -> Iterator[Business]:
    make_pin_key(tmp_path / "pin.key")
    SealKey.new("example.com/ledger").write(tmp_path / "seal.key")
    clock, seconds = Clock(), [0.0]
    system = build(settings(tmp_path, ledger_url), clock=clock, monotonic=lambda: seconds[0])
    sheet = [PricedPrefix("48", "Poland", RateTerms("USD", 600_000))]
    since = clock.now() - timedelta(days=1)
    system.tariffs.publish_rows("retail", "USD", sheet, since, "ann")
    dollars = Money(5_000_000, "USD")
    system.administration.create_group("Gold", GroupTerms("USD", dollars, "retail"))
    system.access_numbers.add(ACCESS, AccessTerms(country="PL"))
    told = Business(tmp_path, system, clock, seconds, _lives(system, clock))
    told.seal()
    yield told
    system.close()


def _lives(system: System, clock: Clock) -> UUID:
    """A card that is bound over the telephone, calls without its PIN, and wrong PINs."""
    made = system.administration.generate_card("Gold")
    system.administration.issue_card(made.card_id, "ann", "sold")
    login = (f"{made.number}#", f"{made.pin}#")
    with FastAgiServer(("127.0.0.1", 0), {"card": system.answer}) as server:
        calls(
            server.address,
            clock,
            (STAYS, (*login, f"{WARSAW}#", "talk 30", "#", "#")),
            (BOUND, (*login, "*32#", f"{WARSAW}#", "talk 60", "#", "#")),
            (BOUND, (f"{WARSAW}#", "talk 20", "#", "#")),
            (GUESSES, (f"{made.number}#", "1#", f"{made.number}#", "2#", f"{made.number}#", "3#")),
        )
    return made.card_id


def calls(address: tuple[str, int], clock: Clock, *said: tuple[str, tuple[str, ...]]) -> None:
    """One caller after another, each with what they key in."""
    for caller, keys in said:
        clock.time += timedelta(minutes=5)
        began = int(clock.time.timestamp())
        reference = f"pbx1-{began}.1"
        asterisk = Asterisk(reference=reference, started_ms=began * 1000, caller_id=caller)
        assert AsteriskSide(ScriptedLine.of(*keys), asterisk).run(*address).done


@contextmanager
def served(business: Business) -> Iterator[tuple[int, int]]:
    """The program beside, as an operator runs it; gives its ports, and leaves its log in a file."""
    folder = business.folder
    (folder / "talktime.toml").write_text(
        f"""
        [ledger]
        url = "{business.system.settings.ledger.url}"
        [secrets]
        pin_key_file = "{folder}/pin.key"
        [agi]
        port = 0
        [http]
        port = 0
        keys = [{{ name = "office", sha256 = "{digest_of(KEY)}", scopes = ["admin"] }}]
        [[trunks]]
        name = "carrier"
        [log]
        level = "debug"
        json = true
        """
    )
    environment = os.environ | {"TALKTIME_SETTINGS": str(folder / "talktime.toml")}
    process = subprocess.Popen(
        [sys.executable, "-m", "talktime", "serve"],
        cwd=ROOT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    told: list[str] = []
    ports: dict[str, int] = {}
    try:
        while ports.keys() != {"agi_listening", "http_listening"}:
            told.append(process.stderr.readline())
            assert told[-1], "".join(told)
            line = json.loads(told[-1])
            if line["event"] in ("agi_listening", "http_listening"):
                ports[line["event"]] = line["port"]
        yield ports["agi_listening"], ports["http_listening"]
    finally:
        process.terminate()
        _, rest = process.communicate(timeout=60)
        (folder / "log").write_text("".join(told) + rest)


def replaced(told: Any, numbers: dict[str, str]) -> Any:
    """The same with other names for these numbers, wherever they are shown."""
    if isinstance(told, str):
        return numbers.get(told, told)
    if isinstance(told, dict):
        return {key: replaced(value, numbers) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [replaced(each, numbers) for each in told]
    if attrs.has(type(told)):
        return (type(told).__name__, replaced(attrs.asdict(told, recurse=False), numbers))
    return told


def in_order(told: Any) -> Any:
    """Lists as sets: those that are sorted by number are in another order afterwards."""
    return {
        key: sorted(map(repr, told[key])) if isinstance(told[key], list) else told[key]
        for key in told
    }


def test_books_seals_and_reports_stay_and_the_number_is_a_pseudonym(business: Business) -> None:
    system = business.system
    before = business.told()
    business.assert_proved()
    sealed = {number: system.persons.seal(number) for number in (BOUND, GUESSES, STAYS)}
    assert [row.caller_id for row in before["cards"]] == [BOUND]
    assert {row.caller_id for row in before["calls"]} == {BOUND, GUESSES, STAYS}
    for number in (BOUND, GUESSES):
        system.persons_desk.erase(number, "ann", "asked by letter")
    after = business.told()
    business.seal()
    business.assert_proved()
    shown = {number: read(sealed[number]).pseudonym for number in (BOUND, GUESSES)}
    expected = replaced(before, shown)
    told = replaced(after, {})
    # The card opens to nobody any more; all else is the same, under another name.
    assert [row.caller_id for row in after["cards"]] == [None]
    assert in_order(told | {"cards": []}) == in_order(expected | {"cards": []})
    assert {row.caller_id for row in after["calls"]} == {*shown.values(), STAYS}
    # The facts of calls are those that were sealed.
    assert system.persons.opened(sealed.values()) == {
        sealed[BOUND]: shown[BOUND],
        sealed[GUESSES]: shown[GUESSES],
        sealed[STAYS]: STAYS,
    }


def test_an_erased_number_opens_no_card_and_is_somebody_new(business: Business) -> None:
    system = business.system

    def arrives(unique: int) -> Any:
        reference = f"pbx1-{int(business.clock.now().timestamp())}.{unique}"
        return system.calls.calls.arrive(Arrival(reference, "pbx1", ACCESS, BOUND, "carrier"))

    up = arrives(7)
    assert system.calls.calls.login_by_caller_id(up) is not None
    erased = system.persons_desk.erase(BOUND, "ann", "asked by letter")
    assert erased.card_id == business.card_id
    assert system.administration.card(business.card_id).caller_id is None
    again = arrives(8)
    assert system.calls.calls.login_by_caller_id(again) is None
    assert opened(system.persons, again.caller_id) == BOUND
    assert opened(system.persons, up.caller_id) == erased.pseudonym
    with pytest.raises(LoginFailed):
        system.calls.calls.login(again, LoginMode.PIN_ONLY, "", "99999999")


# ---- byte by byte


def spellings(number: str) -> dict[str, bytes]:
    """How the digits of a number may be written down."""
    digits = number.removeprefix("+")
    text = digits.encode()
    packed = digits + "f" * (len(digits) % 2)
    swapped = "".join(packed[at + 1] + packed[at] for at in range(0, len(packed), 2))
    found = {
        "text": text,
        "national": text[2:],
        "UTF-16": digits.encode("utf-16-le"),
        "hexadecimal": text.hex().encode(),
        "HEXADECIMAL": text.hex().upper().encode(),
        "BCD": bytes.fromhex(packed),
        "semi-octets": bytes.fromhex(swapped),
        "big-endian": int(digits).to_bytes(5, "big"),
        "little-endian": int(digits).to_bytes(5, "little"),
        "backwards": text[::-1],
    }
    for shift in range(3):
        # What surrounds the digits is not known, so only whole groups of theirs are looked for.
        encoded = base64.b64encode(b"\0" * shift + text)
        found[f"base64, {shift}"] = encoded[4 if shift else 0 : len(encoded) - 4]
    return found


def traces(content: bytes, number: str) -> set[str]:
    return {name for name, spelled in spellings(number).items() if spelled in content}


def kept(business: Business, data: Path | None) -> dict[str, bytes]:
    """Everything that is on disks: the folder of the ledger, and that of its server."""
    files = [path for path in business.folder.rglob("*") if path.is_file()]
    if data is not None:
        with psycopg.connect(_conninfo(business.system.settings), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        files += [path for path in data.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files if "exported" not in path.parts}


def _conninfo(of: Settings) -> str:
    return of.ledger.url


@pytest.fixture
def data_folder(store_kind: str, request: pytest.FixtureRequest) -> Path | None:
    """Where a server keeps its databases and its write-ahead log."""
    if store_kind == "sqlite":
        return None
    folder: Path = request.getfixturevalue("postgres_server")._data
    return folder


def test_no_byte_on_any_disk_tells_a_number_neither_before_nor_after(
    business: Business, data_folder: Path | None
) -> None:
    system = business.system
    business.told()
    with served(business) as (agi, http):
        headers = {"Authorization": f"Bearer {KEY}"}
        base = f"http://127.0.0.1:{http}/v1"
        asked = {"caller_id": BOUND}
        found = httpx.get(f"{base}/cards", params=asked, headers=headers).json()["items"]
        assert [card["caller_id"] for card in found] == [BOUND]
        for path in ("reports/failed-logins", "reports/call-log"):
            assert httpx.get(f"{base}/{path}", params=asked, headers=headers).status_code == 200
        # Asked wrongly, by who may not, and for what is not there.
        assert httpx.get(f"{base}/cards?caller_id=%2B{BOUND[1:]}x", headers=headers).is_error
        assert httpx.post(f"{base}/persons/known", json={"number": BOUND}, headers=headers).is_error
        calls(("127.0.0.1", agi), business.clock, (BOUND, (f"{WARSAW}#", "talk 5", "#", "#")))
    (business.folder / "exported").mkdir()
    LedgerExports(system.settings).tables("csv", business.folder / "exported")
    back_up(system.settings.ledger.url, business.folder / "backup")
    system.persons_desk.known(GUESSES)
    for number in (BOUND, GUESSES):
        system.persons_desk.erase(number, "ann", "asked by letter")
        business.told()
    # What was exported in clear has it, in that spelling: who looks for it this way finds it.
    exported = (business.folder / "exported" / "calls.csv").read_bytes()
    assert traces(exported, BOUND) == {"text", "national"}
    facts = (business.folder / "exported" / "facts.csv").read_bytes()
    disks = kept(business, data_folder)
    log = disks[str(business.folder / "log")]
    assert all(each in log for each in (b"agi_listening", b"request", b"failed-logins"))
    assert any(b"person-erased" in content for content in disks.values())
    for number in (BOUND, GUESSES, STAYS):
        assert traces(facts, number) == set()
        assert {
            path: found for path, each in disks.items() if (found := traces(each, number))
        } == {}


@pytest.mark.parametrize("name", spellings(BOUND))
def test_a_number_is_found_however_it_is_spelled(name: str) -> None:
    spelled = spellings(BOUND)[name]
    if name.startswith("base64"):
        spelled = base64.b64encode(b"x" * int(name[-1]) + BOUND[1:].encode() + b"y" * 5)
    assert name in traces(b"before" + spelled + b"after", BOUND)


def test_a_backup_tells_an_erased_number_until_its_master_key_is_gone(
    business: Business, empty_url_for_restore: str
) -> None:
    system = business.system
    sealed = system.persons.seal(BOUND)
    back_up(system.settings.ledger.url, business.folder / "backup")
    system.persons_desk.erase(BOUND, "ann", "asked by letter")
    with pytest.raises(SettingNotAllowed, match="--prepare"):
        system.person_keys.rotate()
    system.person_keys.prepare()
    # A timer does not use it: it may not have been copied to all machines.
    assert system.person_keys.rotate(due=True).moved == 0
    rotated = system.person_keys.rotate()
    assert rotated.moved == 2
    file = KeyRingFile(business.folder / "persons.key")
    restore(business.folder / "backup", empty_url_for_restore)
    with open_ledger(empty_url_for_restore) as recorder:
        # The negative control: as long as the replaced master key is there, the backup opens.
        copy = StoredPersons(recorder, file.read, FixedClock())
        assert copy.find(BOUND) == sealed
        assert copy.opened((sealed,)) == {sealed: BOUND}
        business.clock.time += timedelta(days=15)
        assert len(system.person_keys.rotate(due=True).dropped) == 1
        late = StoredPersons(recorder, file.read, FixedClock())
        with pytest.raises(MasterKeyMissing):
            late.find(BOUND)
        with pytest.raises(MasterKeyMissing):
            late.opened((sealed,))
    with pytest.raises(SettingsError, match=r"persons\.key_file.*master key"):
        build(settings(business.folder, empty_url_for_restore))
    # In the ledger of today the others are known as ever, under the new master key.
    business.seconds[0] += 31
    assert system.persons_desk.known(GUESSES).number == GUESSES
    with pytest.raises(NotFound):
        system.persons_desk.known(BOUND)


@pytest.fixture
def empty_url_for_restore(
    store_kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'restored.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


# ---- master keys are replaced beside the answers


def test_the_worker_replaces_a_master_key_in_its_time(tmp_path: Path) -> None:
    make_pin_key(tmp_path / "pin.key")
    clock = Clock()
    told = check(
        {
            "ledger": {"url": f"sqlite:///{tmp_path}/ledger.db"},
            "secrets": {"pin_key_file": str(tmp_path / "pin.key")},
        }
    )
    system = build(told, clock=clock)
    try:
        sealed = system.persons.seal(BOUND)
        first = key_in_use(system.recorder)
        clock.time += timedelta(days=15)
        with working(system):
            until(lambda: key_in_use(system.recorder) != first)
        assert StoredPersons(
            system.recorder, KeyRingFile(tmp_path / "persons.key").read, clock
        ).opened((sealed,)) == {sealed: BOUND}
    finally:
        system.close()


@pytest.mark.parametrize("chosen", [None, True, False])
def test_several_machines_replace_master_keys_by_hand(
    ledger_url: str, chosen: bool | None, store_kind: str
) -> None:
    with open_ledger(ledger_url) as recorder:
        given = {} if chosen is None else {"rotate": chosen}
        by_itself = rotates_by_itself(check({"persons": given}), recorder)
    assert by_itself is (store_kind == "sqlite" if chosen is None else chosen)


def test_a_second_machine_with_a_file_of_its_own_does_not_start(
    ledger_url: str, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        make_pin_key(tmp_path / name / "pin.key")
    build(settings(tmp_path / "one", ledger_url)).close()
    KeyRingFile(tmp_path / "other" / "persons.key").make(datetime(2026, 11, 21, tzinfo=UTC))
    with pytest.raises(SettingsError, match="copy the file from the machine"):
        build(settings(tmp_path / "other", ledger_url))
    (tmp_path / "other" / "persons.key").unlink()
    with pytest.raises(SettingsError, match=r"persons\.key_file: .*No such file"):
        build(settings(tmp_path / "other", ledger_url))
