"""Commands run inside the tests' own process, whose logs stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.cli.commands import Terminal, moved, set_up


@pytest.fixture(autouse=True, scope="package")
def _logs_stay_as_they_are() -> Iterator[None]:
    # A program configures its logs once. Here they would end in the closed terminal of a command.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("talktime.main.configure", lambda settings: None)
        yield


@pytest.fixture(scope="package")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """What an operator has set up, to be copied."""
    return set_up(tmp_path_factory.mktemp("operator"))


@pytest.fixture
def terminal(operator: Terminal, tmp_path: Path) -> Terminal:
    """An operator's terminal that nobody else uses."""
    return moved(operator, tmp_path)
