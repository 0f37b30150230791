"""A private Asterisk on loopback, with the configuration that operators get.

    with Rig(run=folder) as rig:
        rig.cli("core show channels")

Several run side by side: ports are free ones, and all files lie in the folder of the run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template
from types import TracebackType

import attrs

from adapters.asterisk.config import CEL_FILE, SPOOL_FILE, AsteriskSettings, render
from tests.end_to_end.rig.fetch import ARCHITECTURE, LOADER, MODULES, fetch
from tests.end_to_end.rig.records import ChannelEvent, Record, channel_events, records

CONF = Path(__file__).parent / "conf"
SIP_HOST = "127.0.0.1"
ACCESS_HOST = "127.0.0.10"
CARRIER_HOSTS = {"carrier": "127.0.0.20", "backup": "127.0.0.21"}
SECRET = "a-secret-of-the-rig"
FOLDERS = (
    *("etc", "run", "cache", "lib/agi-bin", "lib/keys", "log/cel-custom"),
    *("spool/talktime", "spool/monitor", "data/sounds"),
)
BOOT_SECONDS = 30.0
CALLER_JUST_LEFT = ("Variable 'TALKTIME_LEG' not set", "pbx_builtins.c: ast_streamfile failed")
"""The caller's channel ended between the dial plan's look for it and the next step, or between two
sounds of a sentence. Nobody is left to read the variable or to hear the rest, so these are no
complaints to look into. Of a sound that is missing another warning tells, with its name."""
LONGEST_RUN_PATH = 80


class RigError(RuntimeError):
    """The rig could not do what a test asked for."""


class _ConfTemplate(Template):
    delimiter = "@"


def free_port(host: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of that address nobody uses at this moment."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def until(what: str, condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until the condition holds; `RigError` with `what` when it never does."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RigError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.02)


class Rig:
    """One Asterisk with its own folder and ports.

    `agi_hosts` are the FastAGI servers as `host:port`, by default one on a free port;
    `sounds` holds a folder per language (`en/talktime/…`) that is laid over the core prompts;
    `dialplan` adds contexts; `settings` changes what operators can change; `environment` is added
    to the process's own. The folder of the run is a new one by default, and removed at the end.
    """

    def __init__(
        self,
        *,
        run: Path | None = None,
        cache: Path | None = None,
        agi_hosts: tuple[str, ...] | None = None,
        sounds: Path | None = None,
        dialplan: str = "",
        environment: dict[str, str] | None = None,
        **settings: object,
    ) -> None:
        self.root = fetch(cache)
        # The control socket lies in the folder of the run, and the path of a socket is short.
        self.run = (run or Path(tempfile.mkdtemp(prefix="talktime-rig-"))).resolve()
        if len(str(self.run)) > LONGEST_RUN_PATH:
            raise RigError(f"{self.run}: a path of {LONGEST_RUN_PATH} characters at most")
        self._temporary = run is None
        self.sounds, self.dialplan = sounds, dialplan
        self.environment = environment or {}
        self.sip_port = free_port(SIP_HOST, socket.SOCK_DGRAM)
        self.carrier_ports = {
            name: free_port(host, socket.SOCK_DGRAM) for name, host in CARRIER_HOSTS.items()
        }
        base = AsteriskSettings(
            node="rig",
            ami_secret=SECRET,
            ami_port=free_port(SIP_HOST),
            agi_hosts=agi_hosts or (f"127.0.0.1:{free_port('127.0.0.1')}",),
            spool=str(self.run / "spool/talktime"),
        )
        self.settings = attrs.evolve(base, **settings)  # type: ignore[arg-type]
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------------ configuration

    @property
    def agi_address(self) -> tuple[str, int]:
        """Where Asterisk looks for the first FastAGI server."""
        host, port = self.settings.agi_hosts[0].rsplit(":", 1)
        return host, int(port)

    def configure(self) -> None:
        """Write the configuration: the rig's own base, and what operators get."""
        for folder in FOLDERS:
            (self.run / folder).mkdir(parents=True, exist_ok=True)
        share = self.root / "usr/share/asterisk"
        _link(share / "documentation", self.run / "data/documentation")
        self._lay_out_sounds(share / "sounds/en_US_f_Allison")
        values = {
            "run": str(self.run),
            "modules": str(self.root / MODULES),
            "sip_host": SIP_HOST,
            "sip_port": str(self.sip_port),
            "access_host": ACCESS_HOST,
            **{f"{name}_host": host for name, host in CARRIER_HOSTS.items()},
            **{f"{name}_port": str(port) for name, port in self.carrier_ports.items()},
        }
        for source in CONF.glob("*.conf"):
            text = _ConfTemplate(source.read_text()).substitute(values)
            (self.run / "etc" / source.name).write_text(text)
        (self.run / "etc/rig_dialplan.conf").write_text(self.dialplan or "; None.\n")
        for name, text in render(self.settings).items():
            (self.run / "etc" / name).write_text(text)

    def _lay_out_sounds(self, core: Path) -> None:
        """Core prompts in English, and over them a folder per language of our own."""
        sounds = self.run / "data/sounds"
        for folder in self.sounds.iterdir() if self.sounds else ():
            (sounds / folder.name).mkdir(exist_ok=True)
            for entry in folder.iterdir():
                _link(entry.resolve(), sounds / folder.name / entry.name)
        (sounds / "en").mkdir(exist_ok=True)
        for entry in core.iterdir():
            if not (sounds / "en" / entry.name).exists():
                _link(entry, sounds / "en" / entry.name)

    # ------------------------------------------------------------------ life

    @property
    def _command(self) -> list[str]:
        return [
            str(self.root / LOADER),
            "--library-path",
            str(self.root / "usr/lib" / ARCHITECTURE),
            str(self.root / "usr/sbin/asterisk"),
            "-C",
            str(self.run / "etc/asterisk.conf"),
        ]

    def up(self) -> Rig:
        """Start, and return when calls are taken."""
        self.configure()
        with (self.run / "log/stdout").open("wb") as out:
            self._process = subprocess.Popen(
                [*self._command, "-f"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self.run,
                env={**os.environ, **self.environment},
            )
        try:
            until("Asterisk is up", self._has_come_up, BOOT_SECONDS)
        except RigError as error:
            self.down()
            said = (self.run / "log/stdout").read_text(errors="replace")[-3000:]
            raise RigError(f"{error}\n{said}") from None
        return self

    def _has_come_up(self) -> bool:
        if not self.running():
            raise RigError("Asterisk ended while it started")
        control = self.run / "run/asterisk.ctl"
        return control.exists() and "fully booted" in self.cli("core waitfullybooted", check=False)

    def running(self) -> bool:
        """Whether the process this rig started is still there."""
        return self._process is not None and self._process.poll() is None

    def down(self) -> None:
        """Hang up everything and stop, by the id of the process and nothing else."""
        if self._process is None:
            return
        if self.running():
            with contextlib.suppress(RigError, subprocess.TimeoutExpired):
                self.cli("core stop now", check=False, timeout=5)
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(10)
                return
            except subprocess.TimeoutExpired:
                end()
        self._process.wait(10)

    def kill(self) -> None:
        """Die at once, as a machine that loses its power."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Rig:
        return self.up()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.down()
        if self._temporary and kind is None:
            shutil.rmtree(self.run, ignore_errors=True)

    # ------------------------------------------------------------------ use

    def cli(self, command: str, *, check: bool = True, timeout: float = 15) -> str:
        """What Asterisk's console answers."""
        done = subprocess.run(
            [*self._command, "-rx", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode:
            raise RigError(f"{command}: {done.stdout.strip()}")
        return done.stdout

    def channels(self) -> int:
        """How many channels are up."""
        return int(self.cli("core show channels count").split()[0])

    def idle(self, seconds: float = 20.0) -> None:
        """Wait until no channel is left, so that every record is written."""
        until("no channel is left", lambda: self.channels() == 0, seconds)

    def records(self) -> list[Record]:
        """The leg and call records of the spool, in the order they were written."""
        return records(self.run / "spool/talktime" / SPOOL_FILE)

    def channel_events(self) -> list[ChannelEvent]:
        """The channel events written so far."""
        return channel_events(self.run / "log" / CEL_FILE)

    def log(self) -> str:
        """Everything Asterisk logged."""
        return (self.run / "log/full").read_text(errors="replace")

    def warnings(self, since: int = 0) -> list[str]:
        """Its warnings and errors, behind the first `since` characters of the log."""
        return [
            line
            for line in self.log()[since:].splitlines()
            if ("] WARNING[" in line or "] ERROR[" in line)
            and not any(each in line for each in CALLER_JUST_LEFT)
        ]

    @contextlib.contextmanager
    def quiet(self, *expected: str) -> Iterator[None]:
        """Asterisk complains about nothing, or nothing but what holds one of these texts.

        AGI takes a missing prompt for a hangup and says no more: a warning is all there is.
        """
        before = len(self.log())
        yield
        surprises = [w for w in self.warnings(before) if not any(text in w for text in expected)]
        assert surprises == [], "\n".join(surprises)


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.symlink_to(source)
