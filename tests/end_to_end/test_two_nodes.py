"""Two FastAGI nodes, a door for requests and a worker on one ledger: any of them may be lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from domain.call_sessions import Evidence
from tests.end_to_end import books
from tests.end_to_end.books import account
from tests.end_to_end.callers import OnLine, Stay
from tests.end_to_end.rig.asterisk import Rig, free_port, until
from tests.end_to_end.rig.scenario import await_bye, hangup, wait
from tests.end_to_end.system import Program, Service, entry, leaves_after
from tests.end_to_end.test_kills import LEFT_BY_ITS_SERVER, NO_SERVER
from tests.support.postgres import private_server

pytestmark = [pytest.mark.asterisk, pytest.mark.postgres]


class Nodes(Service):
    """The service in processes of its own for each task, with a second node for calls."""

    def __init__(self, rig: Rig, ledger: str) -> None:
        super().__init__(rig, ledger=ledger)
        first, second = (host.rsplit(":", 1)[1] for host in rig.settings.agi_hosts)
        other = self.folder / "second.toml"
        text = self.settings.read_text()
        other.write_text(text.replace(f"\nport = {first}\n", f"\nport = {second}\n"))
        self.server = Program(self.settings, "agi", "agi_listening")
        self.second = Program(other, "agi", "agi_listening")
        self.http = Program(self.settings, "http", "http_listening")
        self.worker = Program(self.settings, "worker", "worker_ready")
        self.other_worker = Program(other, "worker", "worker_ready")
        self.shipper = Program(self.settings, "ship", "asterisk_found")
        self.programs = [
            *(self.server, self.second, self.http, self.worker, self.other_worker, self.shipper),
        ]

    def start(self) -> None:
        with ThreadPoolExecutor(len(self.programs)) as pool:
            for started in [pool.submit(program.start) for program in self.programs]:
                started.result()

    def asked(self, stay: Stay) -> list[int]:
        """Which nodes Asterisk asked for a call, in their order: 0 is the first, 1 the second."""
        ports = [host.rsplit(":", 1)[1] for host in self.rig.settings.agi_hosts]
        wanted = rf'"agi://127\.0\.0\.1:([0-9]+)/card,{re.escape(stay.reference)},'
        return [ports.index(port) for port in re.findall(wanted, self.rig.log())]


def has(program: Program, job: str) -> bool:
    """Whether a worker does a job, by what it says last of it."""
    said = [each for each in program.log() if each.get("job") == job]
    return bool(said) and said[-1]["event"] == "job_taken"


@pytest.fixture(scope="module")
def operator(rendered_prompts: Path) -> Iterator[Nodes]:
    hosts = tuple(f"127.0.0.1:{free_port('127.0.0.1')}" for _ in range(2))
    with private_server() as database:
        ledger = database.url(database.create_database())
        with Rig(sounds=rendered_prompts, agi_hosts=hosts) as rig, Nodes(rig, ledger) as nodes:
            yield nodes


@pytest.fixture
def nodes(operator: Nodes) -> Iterator[Nodes]:
    with books.in_order(operator):
        yield operator


def test_a_node_lost_with_calls_up_costs_nobody_anything(nodes: Nodes) -> None:
    nodes.expected += [LEFT_BY_ITS_SERVER, *NO_SERVER]
    cards = [nodes.card(), nodes.card(), nodes.card("0.15")]
    stays, leaves, runs_out = (nodes.number(does) for does in ("0000", leaves_after(99), "0000"))
    before = [
        OnLine(nodes, *cards[0].login(), *entry(stays + "#"), wait(16), hangup()),
        OnLine(nodes, *cards[1].login(), *entry(leaves + "#"), await_bye()),
        OnLine(nodes, *cards[2].login(), *entry(runs_out + "#"), await_bye()),
    ]
    for number in (stays, leaves, runs_out):
        nodes.await_talk(number, 1.0)
    nodes.server.kill()
    # The calls of the lost node are up, and a new one is answered by the other at once.
    number, card = nodes.number(leaves_after(15)), nodes.card()
    late = OnLine(nodes, *card.login(), *entry(number + "#"), wait(3), hangup())
    nodes.await_talk(number)
    assert account(nodes, cards[0]).holds
    assert nodes.talks(stays) == []
    stay = late.finish()
    assert nodes.asked(stay) == [0, 1]
    assert len(stay.settled()) == 1
    for caller in before:
        ended = caller.finish()
        assert nodes.asked(ended) == [0]
        (settled,) = ended.settled()
        assert settled.evidence is Evidence.LEG_RECORD
        assert settled.seconds > 2
    assert not account(nodes, cards[2]).balance
    nodes.server.start()
    number = nodes.number(leaves_after(5))
    again = OnLine(nodes, *card.login(), *entry(number + "#"), wait(2), hangup()).finish()
    assert nodes.asked(again) == [0]
    assert len(again.settled()) == 1


def test_calls_through_both_nodes_go_on_when_the_second_is_lost(nodes: Nodes) -> None:
    nodes.expected += [LEFT_BY_ITS_SERVER, *NO_SERVER]
    shared = nodes.card()
    nodes.server.stop()
    on_second = nodes.number("0000")
    callers = [OnLine(nodes, *shared.login(), *entry(on_second + "#"), wait(8), hangup())]
    nodes.await_talk(on_second)
    nodes.server.start()
    on_first, card = nodes.number(leaves_after(30)), nodes.card()
    callers.append(OnLine(nodes, *card.login(), *entry(on_first + "#"), wait(4), hangup()))
    nodes.await_talk(on_first)
    nodes.second.kill()
    stays = [each.finish() for each in callers]
    assert [nodes.asked(each) for each in stays] == [[0, 1], [0]]
    for stay in stays:
        assert len(stay.settled()) == 1
    nodes.second.start()


def test_a_worker_that_is_killed_is_followed_by_the_other(nodes: Nodes) -> None:
    jobs = ("follow", "sweep", "fees", "lots")
    both = nodes.worker, nodes.other_worker
    until("each job is done", lambda: all(any(has(w, j) for w in both) for j in jobs))
    assert not any(has(nodes.worker, job) and has(nodes.other_worker, job) for job in jobs)
    holder, other = both if has(nodes.worker, "follow") else both[::-1]
    holder.kill()
    until("the other has taken over", lambda: all(has(other, job) for job in jobs), 5)
    card = nodes.card()
    until(
        "the new card is in the read models",
        lambda: any(row.number == card.number for row in nodes.office.views.cards(None, 1_000)),
    )
    assert httpx.get(f"http://127.0.0.1:{nodes.http_port}/health/ready").status_code == 200
    holder.start()
