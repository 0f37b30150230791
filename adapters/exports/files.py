"""New files for what leaves the ledger: never written over, and none is left half written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """For the owner's eyes: it tells who called whom. Raises FileExistsError and other OSErrors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb", opener=_for_the_owner) as file:
        try:
            yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _for_the_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
