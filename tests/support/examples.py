"""How many examples a property gets: few while somebody waits, all of them in the whole suite."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

_QUICK = 3
"""The quick part tries one in so many."""


def examples(most: int, **options: Any) -> settings:
    """``most`` examples where ``THOROUGH`` is set, as ``scripts/test`` does."""
    tried = most if os.environ.get("THOROUGH") else -(-most // _QUICK)
    return settings(**{"max_examples": tried, "deadline": None} | options)
