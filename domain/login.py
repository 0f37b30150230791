"""How a caller shows which card pays: number and PIN, number alone, PIN alone, or a caller ID."""

from __future__ import annotations

from enum import StrEnum


class LoginMode(StrEnum):
    """What a card group or an access number asks of a caller."""

    NUMBER_AND_PIN = "number and PIN"
    PIN_ONLY = "PIN only"
    NUMBER_ONLY = "number only"


class Proof(StrEnum):
    """What a caller has shown."""

    NUMBER_AND_PIN = "number and PIN"
    PIN_ONLY = "PIN only"
    NUMBER_ONLY = "number only"
    CALLER_ID = "caller ID"

    @property
    def has_pin(self) -> bool:
        return self in (Proof.NUMBER_AND_PIN, Proof.PIN_ONLY)

    def satisfies(self, mode: LoginMode) -> bool:
        """Whether the proof is at least what the mode asks; more is always enough."""
        return _STRENGTH[self] >= _STRENGTH[Proof(mode)]


_STRENGTH = {
    Proof.NUMBER_ONLY: 1,
    Proof.PIN_ONLY: 2,
    Proof.NUMBER_AND_PIN: 3,
    Proof.CALLER_ID: 3,  # it was bound under a login that was strong enough
}
