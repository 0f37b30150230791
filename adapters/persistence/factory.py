"""Lets an Application of the eventsourcing library work on this ledger.

Set ``PERSISTENCE_MODULE=adapters.persistence.factory`` and ``LEDGER_URL``.
"""

from __future__ import annotations

from typing import NoReturn

from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    NotSupportedError,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType

from adapters.persistence.connecting import connect
from adapters.persistence.recorder import EventRecorder


class Factory(InfrastructureFactory[TrackingRecorder]):
    """One recorder for the application, on the address in ``LEDGER_URL``."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        url = self.env.get("LEDGER_URL")
        if not url:
            raise InfrastructureFactoryError("LEDGER_URL says where the ledger is, and is not set")
        self._recorder = connect(url)

    def application_recorder(self) -> EventRecorder:
        return self._recorder

    def aggregate_recorder(self, purpose: str = "events") -> EventRecorder:
        """Raises NotSupportedError for snapshots: states are cached, and streams are short."""
        if purpose != "events":
            raise NotSupportedError(f"this ledger keeps events and no {purpose}")
        return self._recorder

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> NoReturn:
        """Not offered on purpose: read models keep their own position in their transaction."""
        raise NotSupportedError("follow this ledger with adapters.persistence.projections")

    def process_recorder(self) -> NoReturn:
        """Not offered on purpose, see ``tracking_recorder``."""
        raise NotSupportedError("follow this ledger with adapters.persistence.projections")

    def close(self) -> None:
        self._recorder.close()
