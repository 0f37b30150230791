"""What a stream of facts is about: an account, a card, a call session, a caller ID."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

State = TypeVar("State")
Fact = TypeVar("Fact")


@frozen
class Kind(Generic[State, Fact]):
    """A kind of stream: its name, and the function that folds its facts into a state.

    ``evolve`` gets None before the first fact, never refuses, and returns a new immutable state:
    states are cached and shared between threads without copies.
    """

    name: str
    evolve: Callable[[State | None, Fact], State]
