"""How much the fault tests do: little in every run of the suite, all of it with FAULTS=long."""

from __future__ import annotations

import os
import secrets

LONG = os.environ.get("FAULTS", "") == "long"
"""Whether this is the long run, which `scripts/faults` starts."""

SEED = int(os.environ.get("FAULTS_SEED") or secrets.randbelow(1_000_000))
"""What chance begins with; each test prints it, so that a run can be made again."""


PATIENCE = 600.0 if LONG else 60.0
"""Seconds that something may take on a machine with much else to do; only a fault takes longer."""


def size(short: int, long: int) -> int:
    """How often something is done in the run that this is."""
    return long if LONG else short
