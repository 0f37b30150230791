"""Whatever goes wrong while records are shipped, they reach the ledger later."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.asterisk.shipper import Shipper
from adapters.asterisk.spool import Tail
from application.node_reports import NodeReport, Verdict
from tests.adapters.asterisk.support import FakeLedger, Node, leg_line, reference

CALL = reference(1)


class Trips(FakeLedger):
    """A ledger behind a fault of ours, as long as there are some."""

    def __init__(self, *faults: Exception) -> None:
        super().__init__()
        self.faults = list(faults)
        self.told = threading.Event()

    def apply(self, reports: Sequence[NodeReport]) -> Sequence[Verdict]:
        if self.faults:
            raise self.faults.pop()
        verdicts = super().apply(reports)
        self.told.set()
        return verdicts


def shipped(folder: Path, ledger: Trips, fails: Callable[[], object] = lambda: None) -> None:
    """``fails`` is called when the shipper was made, and before it works."""
    node = Node(folder)
    node.writes(leg_line(CALL))
    shipper = Shipper(node.settings, ledger, None, node.time)
    fails()
    thread = threading.Thread(target=shipper.run)
    thread.start()
    try:
        assert ledger.told.wait(30)
    finally:
        shipper.stop()
        thread.join(10)
        shipper.close()
    assert ledger.legs() == [(CALL, 1, 5000, "leg record")]


@pytest.mark.parametrize("fault", [ArithmeticError("ours"), OSError("the disk")])
def test_a_fault_is_no_end(tmp_path: Path, fault: Exception) -> None:
    shipped(tmp_path, Trips(fault))


def test_a_disk_that_still_fails_when_the_spool_is_opened_again_is_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [OSError("it fails")] * 2
    load = Tail._load

    def fails(self: Tail) -> Any:
        if faults:
            raise faults.pop()
        return load(self)

    shipped(tmp_path, Trips(OSError("first")), lambda: monkeypatch.setattr(Tail, "_load", fails))
    assert not faults
