"""From the start of a killed node to the first call it answers.

    python -m benchmarks.restart [--times 5]

``talktime agi`` is killed with SIGKILL and started again, on SQLite and on PostgreSQL. Asterisk's
side of a call connects until it is let in, and the time ends when it is told ANSWER. Importing the
program is most of it, so the plain start of Python with the same database driver stands beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from adapters.phone.asterisk_side import Settings as Call
from benchmarks.calls import set_up, settings_for
from talktime.settings import check
from talktime.system import build, make_pin_key
from tests.support.postgres import free_port, private_server

TARGET_SECONDS = 3.0
_PATIENCE = 60.0

SETTINGS = """\
[ledger]
url = "{url}"
[secrets]
pin_key_file = "{folder}/pin.key"
[agi]
port = {port}
[log]
level = "warning"
"""


def seconds_to_an_answer(settings: Path, port: int) -> float:
    """Starts a node, calls it, and kills it."""
    begun = time.monotonic()
    node = subprocess.Popen(
        [sys.executable, "-m", "talktime", "--settings", str(settings), "agi"],
        stdin=subprocess.DEVNULL,
    )
    try:
        with _connected(port, begun + _PATIENCE) as connection:
            connection.sendall(Call().head("127.0.0.1", port))
            told = connection.makefile("rb")
            while not (line := told.readline()).startswith(b"ANSWER"):
                if not line:
                    raise SystemExit("the node let the call go before it answered")
                connection.sendall(b"200 result=0\n")
        return time.monotonic() - begun
    finally:
        node.kill()
        node.wait()


def _connected(port: int, until: float) -> socket.socket:
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        time.sleep(0.005)
    raise SystemExit(f"nobody answers at port {port}")


def seconds_of_bare_python() -> float:
    """Python with the database's toolkit and driver, and nothing of ours."""
    begun = time.monotonic()
    command = "import sqlalchemy.dialects.postgresql, psycopg, attrs, structlog, msgspec, typer"
    subprocess.run([sys.executable, "-c", command], check=True)
    return time.monotonic() - begun


@contextlib.contextmanager
def ledgers(folder: Path) -> Iterator[dict[str, str]]:
    with private_server() as server:
        yield {
            "SQLite": f"sqlite:///{folder}/ledger.db",
            "PostgreSQL": server.url(server.create_database()),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="From a restart to the first call.")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="talktime-") as name, ledgers(Path(name)) as urls:
        folder = Path(name)
        make_pin_key(folder / "pin.key")
        bare = statistics.median(seconds_of_bare_python() for _ in range(options.times))
        for kind, url in urls.items():
            system = build(check(settings_for(folder, url)))
            set_up(system, 100)
            system.close()
            port = free_port()
            settings = folder / f"{kind}.toml"
            settings.write_text(SETTINGS.format(url=url, folder=folder, port=port))
            took = [seconds_to_an_answer(settings, port) for _ in range(options.times)]
            verdict = "reached" if max(took) <= TARGET_SECONDS else "MISSED"
            print(
                f"{kind}: median {statistics.median(took):.2f} s, worst {max(took):.2f} s of"
                f" {len(took)} (target {TARGET_SECONDS:g} s: {verdict});"
                f" {statistics.median(took) / bare:.1f} times bare Python ({bare:.2f} s)"
            )


if __name__ == "__main__":
    main()
