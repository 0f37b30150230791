"""``python -m talktime`` is the same as ``talktime``."""

from __future__ import annotations

from talktime.main import main

main()
