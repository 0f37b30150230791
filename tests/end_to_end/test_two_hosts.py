"""Asterisk on one host, the ledger on another: what was talked gets there, once, over HTTP."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from adapters.http.keys import digest_of
from domain.call_sessions import Evidence
from tests.end_to_end import books
from tests.end_to_end.books import account
from tests.end_to_end.callers import OnLine
from tests.end_to_end.rig.asterisk import Rig
from tests.end_to_end.rig.scenario import hangup, wait
from tests.end_to_end.system import Program, Service, entry
from tests.end_to_end.test_kills import AFTER_A_DEATH

pytestmark = pytest.mark.asterisk


@attrs.frozen
class Hosts:
    """The host of the ledger, and the shipper beside the Asterisk on the other."""

    service: Service
    shipper: Program


@pytest.fixture(scope="module")
def both_hosts(rendered_prompts: Path) -> Iterator[Hosts]:
    key = secrets.token_urlsafe(32)
    keys = f'[[http.keys]]\nname = "rig"\nsha256 = "{digest_of(key)}"\nscopes = ["node"]'
    with Rig(sounds=rendered_prompts) as rig, Service(rig, api_keys=keys) as service:
        key_file = service.folder / "node.key"
        key_file.write_text(key)
        ledger = f'ledger = "http://127.0.0.1:{service.http_port}"\nkey_file = "{key_file}"'
        settings = service.folder / "ship.toml"
        log = '[log]\nlevel = "debug"\njson = true\n'
        settings.write_text(service.companion(ledger) + log)
        shipper = Program(settings, "ship", "asterisk_found")
        service.programs.append(shipper)
        shipper.start()
        yield Hosts(service, shipper)


@pytest.fixture
def hosts(both_hosts: Hosts) -> Iterator[Hosts]:
    with books.in_order(both_hosts.service):
        yield both_hosts


def talks(service: Service, count: int, *, seconds: float) -> tuple[list[OnLine], list[str]]:
    """Callers who leave in mid-talk, so that only the spool knows how long they talked."""
    numbers = [service.number() for _ in range(count)]
    online = [
        OnLine(service, *service.card().login(), *entry(number + "#"), wait(seconds), hangup())
        for number in numbers
    ]
    return online, numbers


def test_a_shipper_killed_again_and_again_loses_nothing(hosts: Hosts) -> None:
    service = hosts.service
    service.expected.append("asterisk_not_asked")
    online, numbers = talks(service, 3, seconds=10)
    for number in numbers:
        service.await_talk(number)
    for _ in range(2):
        hosts.shipper.kill()
        hosts.shipper.start()
    hosts.shipper.kill()
    stays = [each.finish() for each in online]
    assert all(account(service, card).holds for card in service.cards)
    hosts.shipper.start()
    hosts.shipper.kill()
    hosts.shipper.start()
    for stay in stays:
        (settled,) = stay.settled()
        assert settled.evidence is Evidence.LEG_RECORD


def test_a_ledger_that_is_away_for_a_while_is_told_later(hosts: Hosts) -> None:
    service = hosts.service
    service.expected += ["ledger_unavailable", "not_reconciled", "was left by its server"]
    # A ledger that is away longer than the patience with a record: its events are told of as well.
    service.expected.append("leg_without_record")
    online, numbers = talks(service, 2, seconds=3)
    for number in numbers:
        service.await_talk(number)
    service.server.kill()
    stays = [each.finish() for each in online]
    service.server.start()
    for stay in stays:
        assert len(stay.settled()) == 1


def test_an_asterisk_that_was_killed_is_charged_over_http_to_its_last_sign_of_life(
    hosts: Hosts,
) -> None:
    service = hosts.service
    service.expected += AFTER_A_DEATH
    (caller,), (number,) = talks(service, 1, seconds=60)
    service.await_talk(number, 1.5)
    service.rig.kill()
    service.cut[number] = time.time() - service.answered_at(number)
    caller.cut_off()
    service.rig.up()
    (settled,) = books.settlements(service, number)
    assert settled.evidence is Evidence.LAST_SIGN_OF_LIFE
    again, _ = talks(service, 1, seconds=1.5)
    assert len(again[0].finish().settled()) == 1
