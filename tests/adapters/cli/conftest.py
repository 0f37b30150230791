"""Commands run inside the tests' own process, whose logs stay as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def _logs_stay_as_they_are() -> Iterator[None]:
    # A program configures its logs once. Here they would end in the closed terminal of a command.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("talktime.main.configure", lambda settings: None)
        yield
