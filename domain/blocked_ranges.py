"""Numbers that nobody may dial unless the operator says so: satellites, premium and shared cost.

A range is here because one call to it can cost what a whole card is worth, and because fraud lives
on it. National premium numbers are not listed: what knows the numbering plans tells of those.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class BlockedRange:
    """Numbers that begin with ``prefix`` (E.164 digits), what they are, and who says so."""

    prefix: str
    name: str
    source: str


_CODES = "ITU-T E.164, list of assigned country codes (Operational Bulletin 1114, 15.XII.2016)"
_ORIGINS = "Inmarsat's numbering plan, communication of 20.I.2005 to the ITU (withdrawn since)"

BLOCKED_RANGES: tuple[BlockedRange, ...] = (
    BlockedRange("808", "international shared cost service", f"{_CODES}; ITU-T E.169.3"),
    BlockedRange("870", "Inmarsat satellites", _CODES),
    BlockedRange("871", "Inmarsat satellites, Atlantic East", _ORIGINS),
    BlockedRange("872", "Inmarsat satellites, Pacific", _ORIGINS),
    BlockedRange("873", "Inmarsat satellites, Indian Ocean", _ORIGINS),
    BlockedRange("874", "Inmarsat satellites, Atlantic West", _ORIGINS),
    BlockedRange("878", "universal personal telecommunication", f"{_CODES}; ITU-T E.168"),
    BlockedRange("881", "global mobile satellites (Iridium, Globalstar)", _CODES),
    BlockedRange("882", "international networks (Thuraya and others)", _CODES),
    BlockedRange("883", "international networks", _CODES),
    BlockedRange("888", "telecommunications for disaster relief", _CODES),
    BlockedRange("979", "international premium rate service", f"{_CODES}; ITU-T E.169.2"),
)
"""By prefix, none of which begins another."""
