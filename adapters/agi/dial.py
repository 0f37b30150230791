"""One leg as it is asked of Asterisk's Dial, and how it ended; only plain values are dialled.

Facts of Asterisk 22 that this module is built on: `L(x)` without any sound counts in whole seconds,
and lets a limit below one second run for ever; a LIMIT_TIMEOUT_FILE would be played before the far
end is cut, and paid for; `f(x)` is the caller ID that is sent (`o(x)` is only stored).
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import Attribute, field, frozen
from attrs.validators import and_, ge, instance_of, le, matches_re, optional

from adapters.agi.causes import DialStatus, leg_outcome
from application.legs import LegOutcome, LegRecord

REFERENCE = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""A call's reference: nothing that means anything to a dial plan."""

_SOUND = re.compile(r"(?!.*\.\.)/?[A-Za-z0-9][A-Za-z0-9_./-]{0,199}")


@lru_cache(maxsize=4096)
def checked_sound(name: str) -> str:
    """The name, if it is a sound's. Raises ValueError for anything but a plain path."""
    if not _SOUND.fullmatch(name):
        raise ValueError(
            f"a sound is a path of letters, digits, _, - and ., without `..`, not {name!r}"
        )
    return name


def _plain_endpoint(_: object, __: Attribute[str], value: str) -> None:
    filled = value.replace("{number}", "0").replace("{trunk}", "t")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9@/:._-]{1,119}", filled) or "{number}" not in value:
        raise ValueError(
            "an endpoint is a channel string such as PJSIP/{number}@{trunk}, "
            f"letters, digits and @/:._- around {{number}}, not {value!r}"
        )


def _plain_sound(_: object, __: Attribute[str | None], value: str | None) -> None:
    if value is not None:
        checked_sound(value)


@frozen(kw_only=True)
class Leg:
    """One leg to dial. Raises ValueError for any value that could be more than it says.

    The number is ASCII digits, dialled as they are. The leg is cut `limit_ms` after its answer;
    the caller, and nobody else, hears `warning_sound` when `warn_ms` are left, or at once when the
    limit is not longer than that. `caller_id` is the number to present, None for the caller's own.
    """

    reference: str = field(validator=matches_re(REFERENCE))
    attempt: int = field(validator=[instance_of(int), ge(1), le(999_999)])
    leg: int = field(validator=[instance_of(int), ge(1), le(999_999)])
    number: str = field(validator=matches_re(r"[0-9]{1,32}", re.ASCII), repr=False)
    trunk: str = field(validator=matches_re(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}"))
    ring_seconds: int = field(validator=[instance_of(int), ge(1), le(600)])
    limit_ms: int = field(validator=[instance_of(int), ge(1000), le(86_400_000)])
    warn_ms: int = field(default=120_000, validator=[instance_of(int), ge(1000), le(3_600_000)])
    warning_sound: str | None = field(default=None, validator=_plain_sound)
    caller_id: str | None = field(
        default=None, validator=optional(and_(instance_of(str), matches_re(r"\+?[0-9]{1,32}")))
    )
    endpoint: str = field(default="PJSIP/{number}@{trunk}", validator=_plain_endpoint)

    @property
    def warns_at_once(self) -> bool:
        """The limit is not longer than the warning mark: the warning comes at the answer."""
        return self.limit_ms <= self.warn_ms

    @property
    def command(self) -> str:
        """The argument of Dial: channel, ring time, options.

        g: the conversation goes on when the called party hangs up. H: the caller ends the leg by
        FEATUREMAP(disconnect). L: the limit and its warning. b and U: the subroutines of the
        dialled channel that write the leg record. f: the caller ID to send.
        """
        name = f"{self.reference}^{self.attempt}^{self.leg}"
        warns = self.warning_sound is not None and not self.warns_at_once
        limit = f"{self.limit_ms}:{self.warn_ms}" if warns else f"{self.limit_ms}"
        channel = self.endpoint.replace("{trunk}", self.trunk).replace("{number}", self.number)
        sends = f"f({self.caller_id})" if self.caller_id else ""
        return (
            f"{channel},{self.ring_seconds},gHL({limit}){sends}"
            f"b(talktime-leg-start^s^1({name}))U(talktime-leg-answer^{name})"
        )

    @property
    def variables(self) -> dict[str, str]:
        """What Dial reads from the caller's channel: sounds for the caller, none at the end."""
        sound = self.warning_sound or ""
        return {
            "LIMIT_PLAYAUDIO_CALLER": "yes",
            "LIMIT_PLAYAUDIO_CALLEE": "no",
            "LIMIT_WARNING_FILE": sound,
            "LIMIT_CONNECT_FILE": sound if self.warns_at_once else "",
            "LIMIT_TIMEOUT_FILE": "",
        }


@frozen
class Outcome:
    """How a leg ended. `cause` is Q.850's, None when Asterisk's is that of an earlier leg.

    `leg` is None when the record did not come in time, or the connection closed: it is then settled
    by whoever reads the spool.
    """

    status: DialStatus
    cause: int | None
    leg: LegRecord | None
    caller_gone: bool = False

    @property
    def result(self) -> LegOutcome:
        """The outcome in the product's words, and whether it lets the next route be tried."""
        return leg_outcome(self.status, self.cause)

    @property
    def talked(self) -> bool:
        """The record of an answered leg is there."""
        return self.leg is not None and self.leg.answered_ms is not None
