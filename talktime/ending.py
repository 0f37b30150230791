"""How a process that serves is told to end."""

from __future__ import annotations

import os
import signal


class Ending:
    """The end of the program, told by SIGTERM or SIGINT from the moment this is made.

    Made before anything is started, so that a signal during the start ends it in order as well. A
    pipe that the interpreter writes to, because a signal may reach any thread, and the Python code
    of a handler would wait until the main thread, which waits here, is woken by something else.
    """

    _ENDS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self._told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        for number_ in self._ENDS:
            signal.signal(number_, lambda *_: None)

    def wait(self) -> None:
        while os.read(self._told, 1)[0] not in self._ENDS:
            pass
