"""Tasks of several processes: which of them does one, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from attrs import frozen


@frozen
class KeptTask:
    """A task as others may know it. What its topic remembers is bytes of the topic's own.

    ``alive``: the process that does it, or will, was heard of lately; over or not.
    """

    task_id: UUID
    what: str
    owner: str
    total: int
    done: int
    state: str
    about: bytes = b""
    result: bytes = b""
    problem: bytes = b""
    alive: bool = True


class KeptTasks(Protocol):
    """Raises LedgerUnavailable."""

    def begin(self, task: KeptTask) -> KeptTask | None:
        """Makes it a task of this process: None, unless another process has it or had it done,
        which is then given. One that was refused or whose process is gone may be begun again."""
        ...

    def save(self, task: KeptTask) -> None:
        """What became of it so far. Says also that this process is alive."""
        ...

    def find(self, task_id: UUID) -> KeptTask | None: ...

    def still_here(self, task_ids: Collection[UUID]) -> None:
        """These tasks of this process, which are not over, are alive."""
        ...
