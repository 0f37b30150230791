"""Processes seal one log together, and one that is killed leaves nothing half done."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from adapters.persistence.connecting import connect
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.seals import StoredSeals
from adapters.sealing.checkpoint_file import CheckpointFile
from adapters.sealing.keys import PublicKeys, SealKey
from application.seal_verification import verify
from application.sealing import Sealing
from domain.seal_checks import Checked
from talktime.sealing import Trusted
from talktime.system import SystemClock
from tests.support.seals import ORIGIN

FACTS = 300


def seal_until(url: str, key: Path, checkpoints: Path, facts: int) -> None:
    """What each process does: seals again and again until so many facts are sealed."""
    with connect(url) as recorder:
        store = StoredSeals(recorder)
        publishers = [CheckpointFile(checkpoints)]
        job = Sealing(
            store,
            SealKey.read(key),
            SystemClock(),
            publishers,
            every=timedelta(milliseconds=5),
            most_facts=20,
        )
        while True:
            job.run()
            newest = store.last()
            if newest and newest.block.total >= facts:
                return


def record(recorder: EventRecorder, facts: int) -> None:
    for _ in range(facts):
        recorder.insert_events([StoredEvent(uuid4(), 1, "funds-added", b'{"v":1}')])


@pytest.mark.processes
def test_processes_seal_one_log_and_one_that_is_killed_is_not_missed(
    recorder: EventRecorder, ledger_url: str, tmp_path: Path
) -> None:
    key, checkpoints = tmp_path / "seal.key", tmp_path / "checkpoints"
    SealKey.new(ORIGIN).write(key)
    context = multiprocessing.get_context("spawn")
    sealing = [
        context.Process(target=seal_until, args=(ledger_url, key, checkpoints, FACTS))
        for _ in range(3)
    ]
    for each in sealing:
        each.start()
    record(recorder, FACTS // 2)
    killed, *others = sealing
    assert killed.pid is not None
    while StoredSeals(recorder).last() is None:
        assert all(each.exitcode is None for each in sealing)
    os.kill(killed.pid, signal.SIGKILL)
    record(recorder, FACTS - FACTS // 2)
    for each in others:
        each.join(60)
    killed.join(60)
    assert [each.exitcode for each in others] == [0, 0]
    seal_until(ledger_url, key, checkpoints, FACTS)  # publishes what the killed one did not
    keys = PublicKeys((SealKey.read(key).public_key,))
    found = verify(StoredSeals(recorder), Trusted(keys, checkpoints))
    assert isinstance(found, Checked)
    assert (found.facts, found.unsealed) == (FACTS, 0)
    assert found.checkpoints == found.blocks
