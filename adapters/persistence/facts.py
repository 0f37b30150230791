"""The facts that are stored, each under a name that is its own for ever.

A class may be renamed or moved; its stored name may not. A change of fields is an upcast here and a
new line in the golden file, never an edit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain import (
    access_numbers,
    accounts,
    call_sessions,
    caller_ids,
    card_groups,
    cards,
    tariffs,
    top_ups,
)

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

FACTS: dict[str, type] = {
    "account-opened": accounts.AccountOpened,
    "funds-added": accounts.FundsAdded,
    "hold-placed": accounts.HoldPlaced,
    "hold-captured": accounts.HoldCaptured,
    "hold-released": accounts.HoldReleased,
    "daily-fee-charged": accounts.DailyFeeCharged,
    "top-up-received": top_ups.TopUpReceived,
    "card-generated": cards.CardGenerated,
    "card-status-changed": cards.CardStatusChanged,
    "card-first-used": cards.CardFirstUsed,
    "card-caller-id-changed": cards.CardCallerIdChanged,
    "card-group-created": card_groups.CardGroupCreated,
    "card-group-terms-changed": card_groups.CardGroupTermsChanged,
    "caller-id-bound": caller_ids.CallerIdBound,
    "caller-id-rebound": caller_ids.CallerIdRebound,
    "caller-id-unbound": caller_ids.CallerIdUnbound,
    "access-number-added": access_numbers.AccessNumberAdded,
    "access-number-changed": access_numbers.AccessNumberChanged,
    "tariff-created": tariffs.TariffCreated,
    "tariff-published": tariffs.TariffPublished,
    "call-started": call_sessions.CallStarted,
    "login-refused": call_sessions.LoginRefused,
    "payer-identified": call_sessions.PayerIdentified,
    "attempt-started": call_sessions.AttemptStarted,
    "attempt-seen": call_sessions.AttemptSeen,
    "attempt-settled": call_sessions.AttemptSettled,
    "settlement-disputed": call_sessions.SettlementDisputed,
    "call-ended": call_sessions.CallEnded,
}

UPCASTS: dict[str, tuple[Upcast, ...]] = {}
"""The n-th upcast of a name turns version n of its fields into version n + 1."""
