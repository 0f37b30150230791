"""The fixtures that every part of the tests may use."""

from __future__ import annotations

pytest_plugins = ["tests.support.stores"]
