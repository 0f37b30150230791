"""A server seals what it records, and a call is proved to somebody who has no ledger."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve

from adapters.cli.program import Failure
from adapters.sealing.keys import SealKey, unchecked
from application.calling import Arrival
from application.legs import LegRecord
from application.sealing import LedgerIsBehind
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.checkpoints import NotACheckpoint, UnknownKey, notes_in
from domain.login import LoginMode
from domain.money import Money
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from domain.seal_checks import Checked
from domain.seal_proofs import NotProved
from talktime.sealing import LedgerSealDesk, sealing
from talktime.serving import servers
from talktime.settings import Settings, SettingsError
from talktime.system import System, running
from tests.talktime.test_system import WARSAW, settings_in

NAME = "example.com/ledger"
SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "check_proof.py"


def settings(folder: Path, **others: object) -> Settings:
    seals = {
        "key_file": str(folder / "seal.key"),
        "checkpoint_file": str(folder / "checkpoints"),
    }
    return settings_in(folder, seals=seals | others, agi={"port": 0}, http={"port": 0})


def desk(folder: Path, **others: object) -> LedgerSealDesk:
    return LedgerSealDesk(settings(folder, **others))


def one_call(system: System, unique: int) -> str:
    """Somebody talks to Warsaw for a minute; gives the call's reference."""
    do = system.administration
    made = do.generate_card("Gold")
    do.issue_card(made.card_id, "ann", "sold")
    assert made.pin is not None
    began = int(system.clock.now().timestamp())
    reference = f"pbx1-{began}.{unique}"
    calls = system.calls
    call = calls.calls.arrive(Arrival(reference, "pbx1", "18005550100", None, "carrier"))
    calls.calls.login(call, LoginMode.NUMBER_AND_PIN, made.number, made.pin)
    calls.dialling.dial(call, WARSAW)
    leg = LegRecord(reference, 1, 1, began * 1000, (began + 60) * 1000, 16, f"{began}.{unique}9")
    calls.settlement.record_leg(leg)
    calls.settlement.call_ended(reference)
    return reference


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A ledger with two calls, and a seal key."""
    desk(tmp_path).new_key(NAME)
    with running(settings(tmp_path)) as system:
        sheet = [PricedPrefix("48", "Poland", RateTerms("USD", 600_000))]
        since = system.clock.now() - timedelta(days=1)
        system.tariffs.publish_rows("retail", "USD", sheet, since, "ann")
        dollars = Money(5_000_000, "USD")
        system.administration.create_group("Gold", GroupTerms("USD", dollars, "retail"))
        system.access_numbers.add("18005550100", AccessTerms())
        references = [one_call(system, number) for number in (1, 2)]
    (tmp_path / "references").write_text("\n".join(references))
    return tmp_path


def references(folder: Path) -> list[str]:
    return (folder / "references").read_text().split()


def proof_of(folder: Path) -> Path:
    desk(folder).run()
    path = folder / "proof.json"
    path.write_text(desk(folder).prove(references(folder)[1]))
    return path


def run_script(*words: Path) -> subprocess.CompletedProcess[str]:
    """The stand-alone check, by a Python that knows nothing of Talktime."""
    command = [sys.executable, "-I", str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# ---- sealing


def test_a_ledger_is_sealed_and_verified(folder: Path) -> None:
    at = desk(folder)
    assert at.run() == 1
    assert at.run() == 0
    found = at.verify(folder / "seal.key.pub", folder / "checkpoints", lambda facts: None)
    assert isinstance(found, Checked)
    assert (found.blocks, found.unsealed, found.checkpoints) == (1, 0, 1)


def test_a_server_with_a_key_seals_and_shows_its_checkpoints_to_everybody(folder: Path) -> None:
    with running(settings(folder)) as system:
        sealed = threading.Event()
        add = system.seals.add

        def watched(*blocks: Any) -> bool:
            stored = add(*blocks)
            sealed.set()
            return stored

        system.seals.add = watched  # type: ignore[method-assign]
        with servers(system) as (_, http):
            assert sealed.wait(20)
            url = f"http://127.0.0.1:{http.port}/v1/checkpoints"
            shown = httpx.get(f"{url}/latest").json()
            (listed,) = httpx.get(url).json()["items"]
        thread_names = {thread.name for thread in threading.enumerate()}
    assert listed == shown
    assert shown["origin"] == NAME
    assert unchecked(shown["note"]).size == shown["blocks"] == 1
    published = (folder / "checkpoints").read_text().splitlines(keepends=True)
    assert list(notes_in(published)) == [shown["note"]]
    assert "seal" not in thread_names


def test_a_server_without_a_key_seals_nothing(folder: Path) -> None:
    unsealed = settings_in(folder, agi={"port": 0}, http={"port": 0})
    with running(unsealed) as system, servers(system) as (_, http):
        assert "seal" not in {thread.name for thread in threading.enumerate()}
        url = f"http://127.0.0.1:{http.port}/v1/checkpoints"
        assert httpx.get(f"{url}/latest").status_code == 404
        assert httpx.get(url).json() == {"items": [], "next": None}


def test_a_key_that_cannot_be_used_is_told_before_anything_starts(folder: Path) -> None:
    (folder / "seal.key").write_text("no key")
    with running(settings(folder)) as system:
        job = settings(folder).seals
        with pytest.raises(SettingsError, match=r"^seals\.key_file: .* is no seal key"):
            sealing(job, system.seals, system.clock)


def test_a_key_is_never_replaced(folder: Path) -> None:
    before = (folder / "seal.key").read_text()
    with pytest.raises(Failure, match="is there already"):
        desk(folder).new_key(NAME)
    assert (folder / "seal.key").read_text() == before
    with pytest.raises(Failure, match=r"seals\.key_file"):
        LedgerSealDesk(settings_in(folder)).new_key(NAME)


def test_a_ledger_behind_its_checkpoints_is_not_sealed(folder: Path) -> None:
    desk(folder).run()
    (folder / "talktime.db").unlink()
    with running(settings(folder)) as system:
        job = sealing(settings(folder).seals, system.seals, system.clock)
        with pytest.raises(LedgerIsBehind):
            job.run()
    with pytest.raises(Failure, match="go on with a new one"):
        desk(folder).run()


# ---- proofs


def test_a_call_is_proved_with_all_the_money_it_moved(folder: Path) -> None:
    told = desk(folder).check(proof_of(folder), folder / "seal.key.pub", folder / "checkpoints")
    assert told.call == references(folder)[1]
    assert told.checkpoint.origin == NAME
    assert [fact.name for fact, _, _ in told.facts] == [
        "call-started",
        "payer-identified",
        "attempt-started",
        "routes-planned",
        "hold-placed",
        "attempt-settled",
        "attempt-routed",
        "hold-captured",
        "call-ended",
    ]
    charges = [content["fact"].get("charge") for _, _, content in told.facts]
    assert {json.dumps(each) for each in charges if each} == {'{"micros": 600000, "unit": "USD"}'}


def test_a_customer_can_check_it_with_forty_lines_of_python(folder: Path) -> None:
    code = [
        line
        for line in SCRIPT.read_text().splitlines()
        if line.strip() and not line.startswith(("import", "from", '"""'))
    ]
    assert len(code) <= 40
    assert "talktime." not in SCRIPT.read_text()
    done = run_script(proof_of(folder), folder / "seal.key.pub")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{NAME} signed these 9 facts" in done.stdout


def changed(document: dict[str, Any], where: tuple[Any, ...], value: Any) -> dict[str, Any]:
    at: Any = document
    for step in where[:-1]:
        at = at[step]
    assert at[where[-1]] != value
    at[where[-1]] = value
    return document


CHANGES: dict[str, tuple[tuple[Any, ...], Any]] = {
    "what a fact says": (("facts", 6, "data"), "{}"),
    "a fact's name": (("facts", 6, "name"), "hold-released"),
    "a fact's position": (("facts", 6, "position"), 1),
    "a fact's version": (("facts", 6, "version"), 99),
    "a fact's stream": (("facts", 6, "stream"), "00000000-0000-0000-0000-000000000001"),
    "a fact's place": (("facts", 6, "place"), 0),
    "a path": (("facts", 6, "path", 0), "A" * 43 + "="),
    "a header's root": (("blocks", 0, "root"), "A" * 43 + "="),
    "a header's time": (("blocks", 0, "sealed_at"), 1),
    "the checkpoint": (("checkpoint",), "no note"),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_a_proof_in_which_anything_was_changed_proves_nothing(folder: Path, change: str) -> None:
    path = proof_of(folder)
    document = changed(json.loads(path.read_text()), *CHANGES[change])
    path.write_text(json.dumps(document))
    with pytest.raises((NotProved, NotACheckpoint)):
        desk(folder).check(path, folder / "seal.key.pub", None)
    assert run_script(path, folder / "seal.key.pub").returncode != 0


def test_a_proof_is_of_the_log_whose_key_one_trusts(folder: Path) -> None:
    path, other = proof_of(folder), folder / "other.key"
    public = SealKey.new(NAME).write(other)
    with pytest.raises(UnknownKey):
        desk(folder).check(path, public, None)
    assert run_script(path, public).returncode != 0


def test_a_proof_may_be_asked_to_lead_to_a_published_checkpoint(folder: Path) -> None:
    path = proof_of(folder)
    with running(settings(folder)) as system:
        one_call(system, 3)
        key = SealKey.read(folder / "seal.key")
        job = sealing(settings(folder, seconds=1).seals, system.seals, system.clock)
        system.clock = Later()  # type: ignore[assignment]
        evolve(job, clock=system.clock, publishers=[]).run()
        assert key.public_key.name == NAME
    later = folder / "later.json"
    later.write_text(desk(folder).prove(references(folder)[1]))
    desk(folder).check(later, folder / "seal.key.pub", None)
    with pytest.raises(Failure, match="a checkpoint of 2 blocks that is not in"):
        desk(folder).check(later, folder / "seal.key.pub", folder / "checkpoints")
    desk(folder).check(path, folder / "seal.key.pub", folder / "checkpoints")


class Later:
    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=1)


def test_a_call_that_is_not_sealed_yet_is_not_proved(folder: Path) -> None:
    with pytest.raises(Failure, match="no seals yet"):
        desk(folder).prove(references(folder)[0])
    desk(folder).run()
    with running(settings(folder)) as system:
        reference = one_call(system, 9)
    with pytest.raises(Failure, match="not sealed yet"):
        desk(folder).prove(reference)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[1", b"\xff", b'{"format": "talktime proof v1"}']
)
def test_what_is_no_proof_is_refused(folder: Path, content: bytes) -> None:
    path = folder / "proof.json"
    path.write_bytes(content)
    with pytest.raises(NotProved, match="this is no proof"):
        desk(folder).check(path, folder / "seal.key.pub", None)
