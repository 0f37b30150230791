"""What a caller hears when the rules refuse, and how an attempt ended."""

from __future__ import annotations

from application.legs import LegOutcome
from application.speech import Prompt
from domain import errors

REFUSALS: dict[type[errors.Refused], Prompt] = {
    errors.NotFound: Prompt.NUMBER_NOT_ALLOWED,
    errors.AlreadyExists: Prompt.SYSTEM_ERROR,
    errors.SettingNotAllowed: Prompt.INVALID_ENTRY,
    errors.InsufficientFunds: Prompt.NOT_ENOUGH_FOR_DESTINATION,
    errors.ChargeExceedsHold: Prompt.SYSTEM_ERROR,
    errors.TooManyCalls: Prompt.CARD_IN_USE,
    errors.TooManyAttempts: Prompt.TRY_AGAIN_LATER,
    errors.LoginFailed: Prompt.LOGIN_FAILED,
    errors.CardNotUsable: Prompt.NO_CREDIT,
    errors.StatusChangeNotAllowed: Prompt.SYSTEM_ERROR,
    errors.CallerIdNotUsable: Prompt.CALLER_ID_HIDDEN,
    errors.PinlessNotAllowed: Prompt.PINLESS_NOT_ALLOWED,
    errors.NumberNotDialable: Prompt.INVALID_NUMBER,
    errors.DestinationNotSold: Prompt.NUMBER_NOT_ALLOWED,
    errors.CallEndedAlready: Prompt.SYSTEM_ERROR,
    errors.PinsUsedUp: Prompt.SYSTEM_ERROR,
    errors.ApprovalNeeded: Prompt.SYSTEM_ERROR,
    errors.ApprovalNotUsable: Prompt.SYSTEM_ERROR,
    errors.AlreadyDone: Prompt.SYSTEM_ERROR,
    errors.RangeTaken: Prompt.SYSTEM_ERROR,
}

OUTCOMES: dict[LegOutcome, Prompt | None] = {
    LegOutcome.ANSWERED: None,
    LegOutcome.BUSY: Prompt.BUSY,
    LegOutcome.NO_ANSWER: Prompt.NO_ANSWER,
    LegOutcome.CONGESTION: Prompt.CONGESTED,
    LegOutcome.UNAVAILABLE: Prompt.UNAVAILABLE,
    LegOutcome.REJECTED: Prompt.BUSY,
    LegOutcome.CANCELLED: None,
    LegOutcome.UNKNOWN: Prompt.UNAVAILABLE,
}
"""None: the caller knows, or caused it."""
