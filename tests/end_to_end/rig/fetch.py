"""Fetch a real Asterisk for the tests: Debian's packages, unpacked and not installed.

No root, chroot, mount or systemd is needed: the binary is started through the dynamic loader
that came with it, so the libraries of this machine do not matter. Debian has Asterisk in its
unstable suite only; the folder of the cache keeps the version that was fetched first.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ARCHITECTURE = "x86_64-linux-gnu"
LOADER = f"usr/lib/{ARCHITECTURE}/ld-linux-x86-64.so.2"
MODULES = f"usr/lib/{ARCHITECTURE}/asterisk/modules"
PACKAGES = ("asterisk", "asterisk-core-sounds-en-wav")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEFAULT_MIRROR = "http://deb.debian.org/debian"
STEP_SECONDS = 900

# Packages are verified by Debian's signature as always. The age of the index is not asked for: a
# mirror that stands still, or a machine whose clock does, still gives a good Asterisk.
APT_CONFIGURATION = """\
Dir::Etc "{apt}/etc";
Dir::State "{apt}";
Dir::State::status "{apt}/status";
Dir::State::lists "{apt}/lists";
Dir::Cache "{apt}";
Dir::Cache::archives "{apt}/archives";
Dir::Log "{apt}";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "5";
Acquire::Check-Valid-Until "false";
Acquire::Check-Date "false";
Debug::NoLocking "true";
"""


class CannotFetch(RuntimeError):
    """This machine cannot fetch or run the Asterisk of the tests; the text says what it lacks."""


def cache_folder() -> Path:
    """Where the unpacked Asterisk is kept: `TALKTIME_CACHE`, or a folder of this user."""
    if named := os.environ.get("TALKTIME_CACHE"):
        return Path(named).expanduser().resolve() / "asterisk"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "talktime" / "asterisk"


def fetch(cache: Path | None = None) -> Path:
    """The root of an unpacked Asterisk; the first call downloads it.

    Raises `CannotFetch` when the machine is not amd64 Linux with apt, or the download fails.
    """
    cache = cache or cache_folder()
    root = cache / "root"
    if (root / ".complete").exists():
        return root
    _demand_debian_tools()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        # Two runs of the suite may start at once: one downloads, the other waits for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / ".complete").exists():
            _download(cache)
            _unpack(cache, root)
    return root


def _demand_debian_tools() -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise CannotFetch(
            "the tests with a real Asterisk need Linux on amd64, "
            f"this is {platform.system()} on {platform.machine()}"
        )
    for tool in ("apt-get", "apt-config", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise CannotFetch(
                f"{tool} is missing: a real Asterisk is fetched with the tools of Debian or Ubuntu"
            )
    if not KEYRING.exists():
        raise CannotFetch(
            f"{KEYRING} is missing, so Debian's packages cannot be verified; "
            "install it with: apt-get install debian-archive-keyring"
        )


def _mirror() -> str:
    """The Debian mirror that apt uses on this machine already, else Debian's own address."""
    if named := os.environ.get("TALKTIME_DEBIAN_MIRROR"):
        return named
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"], capture_output=True, text=True
    )
    uris = [uri.rstrip("/") for uri in listed.stdout.split()]
    return next((uri for uri in uris if uri.endswith("/debian")), DEFAULT_MIRROR)


def _proxies() -> str:
    """What apt was told on this machine about proxies, as lines of configuration."""
    dump = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
    return "".join(
        f"{line}\n"
        for line in dump.splitlines()
        if line.startswith(("Acquire::http", "Acquire::https"))
    )


def _download(cache: Path) -> None:
    apt = cache / "apt"
    shutil.rmtree(apt, ignore_errors=True)
    parts = ("sources.list.d", "preferences.d", "apt.conf.d", "trusted.gpg.d")
    for folder in ("lists/partial", "archives/partial", *(f"etc/{part}" for part in parts)):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "etc/sources.list").write_text(
        f"deb [arch=amd64 signed-by={KEYRING}] {_mirror()} sid main\n"
    )
    (apt / "apt.conf").write_text(APT_CONFIGURATION.format(apt=apt) + _proxies())
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "LC_ALL": "C.UTF-8"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "-y", "--download-only", "install", *PACKAGES],
    ):
        sys.stderr.write(f"fetching Asterisk: {' '.join(command)}\n")
        done = subprocess.run(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=STEP_SECONDS,
        )
        if done.returncode:
            raise CannotFetch(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")


def _unpack(cache: Path, root: Path) -> None:
    unfinished = cache / "root.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    packages = sorted((cache / "apt/archives").glob("*.deb"))
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", str(package), str(unfinished)], check=True)
    (unfinished / ".complete").write_text("".join(f"{package.name}\n" for package in packages))
    shutil.rmtree(root, ignore_errors=True)
    unfinished.rename(root)
    shutil.rmtree(cache / "apt")


if __name__ == "__main__":
    sys.stdout.write(f"{fetch()}\n")
