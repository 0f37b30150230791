"""The ways out: trunks in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from application.ports import Route


@frozen
class TrunkList:
    """The port ``Routes`` for an operator whose every trunk reaches every number.

    ``trunks`` are names with the digits each wants in front of the number, cheapest first.
    """

    trunks: tuple[tuple[str, str], ...]

    def to(self, number: str) -> Sequence[Route]:
        digits = number.removeprefix("+")
        return [Route(trunk, prefix + digits) for trunk, prefix in self.trunks]
