"""Findings that stand in the way of publishing, and who takes which of them upon himself."""

from __future__ import annotations

from collections.abc import Collection

from domain.errors import SettingNotAllowed
from domain.rate_checks import KINDS, NEVER_OVERRIDDEN, Report

OVERRIDABLE = tuple(
    sorted(
        kind
        for kind, (severity, _) in KINDS.items()
        if severity == "error" and kind not in NEVER_OVERRIDDEN
    )
)
"""Kinds of errors that a sheet may be published in spite of, with a reason."""


def check_overridden(overridden: Collection[str], why: str) -> None:
    """Raises SettingNotAllowed for what cannot be overridden, and for no reason."""
    for kind in overridden:
        if kind not in OVERRIDABLE:
            raise SettingNotAllowed(
                "finding to override", kind[:40], "one of " + ", ".join(OVERRIDABLE)
            )
    if overridden and not why:
        raise SettingNotAllowed("why", why, "a reason, because findings are overridden")


def check_errors(report: Report, overridden: Collection[str]) -> None:
    """Raises SettingNotAllowed that tells the errors which are left, the first of each kind."""
    left = [kind for kind in report.errors if kind not in overridden]
    if left:
        told = "; ".join(
            f"{kind} ({report.counts[kind]}): {report.examples[kind][0].sentence}" for kind in left
        )
        raise SettingNotAllowed(
            "rate sheet", told, "free of errors, or they are overridden by name with a reason"
        )
