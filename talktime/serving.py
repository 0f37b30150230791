"""The server: calls and requests are answered, read models follow, what is overdue is settled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from adapters.agi.server import FastAgiServer
from adapters.http.server import HttpServer
from application.node_reports import DirectReports
from talktime import agi_door, http_door, node
from talktime.jobs import jobs
from talktime.system import System


@contextmanager
def servers(system: System) -> Iterator[tuple[FastAgiServer, HttpServer]]:
    """Everything that ``talktime serve`` runs in one process, started, and stopped at the end."""
    with ExitStack() as stack:
        agi = stack.enter_context(agi_door.agi_bound(system))
        services = http_door.http_services(system, agi)
        http = stack.enter_context(http_door.http_bound(system, services))
        stack.enter_context(jobs(system, services))
        if system.settings.asterisk.spool:
            stack.enter_context(_shipped(system))
        http_door.start(http)
        agi.start()
        stack.callback(agi.stop, agi_door.CUT_OFF_SECONDS)
        yield agi, http


@contextmanager
def _shipped(system: System) -> Iterator[None]:
    """The leg records of the Asterisk on this host are settled for as long as this is open."""
    reports = DirectReports(system.settlement, system.views)
    with node.shipper(system.settings.asterisk, reports, system.clock) as shipper:
        thread = threading.Thread(target=shipper.run, name="ship", daemon=True)
        thread.start()
        try:
            yield
        finally:
            shipper.stop()
            thread.join(30)
