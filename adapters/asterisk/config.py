"""The configuration an operator adds to Asterisk so that it works with Talktime."""

from __future__ import annotations

import ipaddress
import os
import re
import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

import attrs

OLDEST_ASTERISK = 18
LONGEST_STAY_SECONDS = 24 * 3600

SPOOL_FILE = "legs.txt"
"""The file of the spool folder that the dial plan appends leg and call records to."""

CEL_FILE = "cel-custom/talktime.csv"
"""Where channel events go, below Asterisk's log folder."""

CEL_FIELDS = {
    "eventtype": "eventtype",
    "eventtime": "eventtime",
    "uniqueid": "CHANNEL(uniqueid)",
    "linkedid": "CHANNEL(linkedid)",
    "channame": "CHANNEL(channame)",
    "accountcode": "CHANNEL(accountcode)",
    "userfield": "CHANNEL(userfield)",
    "extra": "eventextra",
}
"""The columns of `CEL_FILE` in their order, and what each is called in cel_custom.conf."""

INCLUDES = {
    "talktime_extensions.conf": ("extensions.conf", None, "the contexts of callers and legs"),
    "talktime_cel.conf": ("cel.conf", "general", "channel events, the second witness of a leg"),
    "talktime_cel_custom.conf": ("cel_custom.conf", "mappings", "the file those events go to"),
    "talktime_manager.conf": ("manager.conf", "general", "asking which channels are alive"),
}
"""Per file: the file of Asterisk that includes it, below which section, and what for."""

OWN_CONTEXTS = (
    "talktime-call-end",
    "talktime-leg-start",
    "talktime-leg-answer",
    "talktime-leg-end",
)


def _text(what: str, pattern: str, accepted: str) -> Any:
    """A validator: the value is text that matches as a whole."""

    def check(_: object, __: attrs.Attribute[str], value: object) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"{what} {value!r} is not accepted: {accepted}")

    return check


def _number(what: str, lowest: int, highest: int) -> Any:
    """A validator: the value is a whole number between two bounds."""

    def check(_: object, __: attrs.Attribute[int], value: object) -> None:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not lowest <= value <= highest:  # type: ignore[operator]
            raise ValueError(
                f"{what} {value!r} is not accepted: a whole number from {lowest} to {highest}"
            )

    return check


def _address(_: object, __: attrs.Attribute[str], value: str) -> None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(
            f"the manager's address {value!r} is not accepted: an IP address of this machine, "
            "such as 127.0.0.1"
        ) from None


def _secret(_: object, __: attrs.Attribute[str], value: object) -> None:
    # The value is a secret: the message must not repeat it.
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._~+/=-]{16,128}", value):
        raise ValueError(
            "the manager's secret is not accepted: 16 to 128 letters, digits or . _ ~ + / = -"
        )


def _listed(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@attrs.frozen(kw_only=True)
class AsteriskSettings:
    """What differs between one Asterisk and another; `ValueError` names what is wrong.

    `longest_stay` is in seconds: no caller stays on the line longer, whatever else fails.
    `callback` gives the manager user the rights to make calls and to hang them up.
    """

    node: str = attrs.field(
        validator=_text("the node's name", "[a-z0-9]{1,16}", "1 to 16 of a-z and 0-9")
    )
    ami_secret: str = attrs.field(validator=_secret, repr=False)
    agi_hosts: tuple[str, ...] = attrs.field(default=("127.0.0.1:4573",), converter=_listed)
    spool: str = attrs.field(
        default="/var/spool/asterisk/talktime",
        validator=_text(
            "the spool folder",
            r"(/[A-Za-z0-9._-]+){1,32}",
            "an absolute path of letters, digits and . _ - (a comma would end it in a dial plan)",
        ),
    )
    access_context: str = attrs.field(
        default="talktime-access",
        validator=_text(
            "the access context", "[a-z][a-z0-9-]{0,63}", "a letter, then a-z, 0-9 and -"
        ),
    )
    longest_stay: int = attrs.field(
        default=4 * 3600, validator=_number("the longest stay", 1, LONGEST_STAY_SECONDS)
    )
    sounds: str = attrs.field(
        default="talktime",
        validator=_text(
            "the folder of the prompts",
            "[a-z0-9][a-z0-9_-]{0,31}",
            "one folder name of a-z, 0-9, _ and -, inside the folder of each language",
        ),
    )
    ami_user: str = attrs.field(
        default="talktime",
        validator=_text("the manager's user", "[a-z][a-z0-9_-]{0,31}", "a letter, then a-z, 0-9"),
    )
    ami_bind: str = attrs.field(default="127.0.0.1", validator=_address)
    ami_port: int = attrs.field(default=5038, validator=_number("the manager's port", 1, 65535))
    ami_permit: tuple[str, ...] = attrs.field(default=("127.0.0.1/32",), converter=_listed)
    callback: bool = False

    @agi_hosts.validator
    def _check_hosts(self, _: attrs.Attribute[tuple[str, ...]], hosts: tuple[str, ...]) -> None:
        if not 1 <= len(hosts) <= 2:
            raise ValueError(f"{len(hosts)} FastAGI servers are not accepted: name one or two")
        for host in hosts:
            name, port = host.rsplit(":", 1) if ":" in host else (host, "")
            fits = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", name)
            if not fits or not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
                raise ValueError(
                    f"the FastAGI server {host!r} is not accepted: host:port, such as "
                    "127.0.0.1:4573"
                )
        if len(set(hosts)) != len(hosts):
            raise ValueError(f"the FastAGI server {hosts[0]!r} is named twice: name two or one")

    @access_context.validator
    def _check_context(self, _: attrs.Attribute[str], name: str) -> None:
        if name in (*OWN_CONTEXTS, "general", "globals"):
            raise ValueError(f"the access context {name!r} is not accepted: the name is taken")

    @ami_user.validator
    def _check_user(self, _: attrs.Attribute[str], name: str) -> None:
        if name == "general":
            raise ValueError("the manager's user 'general' is not accepted: the name is taken")

    @ami_permit.validator
    def _check_permit(self, _: attrs.Attribute[tuple[str, ...]], nets: tuple[str, ...]) -> None:
        if not nets:
            raise ValueError("the manager permits no address: name one network or more")
        for net in nets:
            try:
                ipaddress.ip_network(net)
            except ValueError as error:
                raise ValueError(
                    f"the manager's network {net!r} is not accepted ({error}): "
                    "address/prefix, such as 10.0.0.0/24"
                ) from None


class _ConfTemplate(Template):
    """A template with `@{name}`, since `${…}` belongs to Asterisk."""

    delimiter = "@"


def render(settings: AsteriskSettings) -> dict[str, str]:
    """The text of every file Asterisk reads, by file name. The same settings, the same text."""
    values = {
        "node": settings.node,
        "access_context": settings.access_context,
        "first_host": settings.agi_hosts[0],
        "second_host": _second_host(settings),
        "longest_stay": str(settings.longest_stay),
        "spool": settings.spool,
        "sounds": settings.sounds,
        "cel_fields": ",".join(f"${{CSV_QUOTE(${{{name}}})}}" for name in CEL_FIELDS.values()),
        "ami_user": settings.ami_user,
        "ami_secret": settings.ami_secret,
        "ami_bind": settings.ami_bind,
        "ami_port": str(settings.ami_port),
        "ami_permit": "\n".join(f"permit = {net}" for net in settings.ami_permit),
        "ami_write": "reporting,originate,call" if settings.callback else "reporting",
        "ami_write_reason": (
            "ask for channels, make the calls of a callback and hang them up."
            if settings.callback
            else "ask for channels, nothing else."
        ),
    }
    folder = resources.files("adapters.asterisk.templates")
    return {
        name: _ConfTemplate((folder / name).read_text(encoding="utf-8")).substitute(values)
        for name in INCLUDES
    }


def _second_host(settings: AsteriskSettings) -> str:
    if len(settings.agi_hosts) == 1:
        return ""
    return (
        "; FAILURE: the first server was not reached, so no conversation has begun.\n"
        ' same => n,GotoIf($["${AGISTATUS}" != "FAILURE"]?talked)\n'
        f" same => n,AGI(agi://{settings.agi_hosts[1]}/card,${{TALKTIME_REF}},{settings.node})\n"
    )


def write(folder: Path, files: dict[str, str], force: bool = False) -> list[Path]:
    """Write the files to a folder of Asterisk's configuration; returns those that changed.

    A file is readable for its owner and group alone, one of them holds a secret, and belongs to
    whoever owns the folder. Raises `FileExistsError` before anything is written when another text
    stands there and `force` was not given, `NotADirectoryError` when there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder: name Asterisk's, such as /etc/asterisk")
    paths = {folder / name: text for name, text in files.items()}
    changed = {p: t for p, t in paths.items() if not p.exists() or p.read_text("utf-8") != t}
    if not force and (taken := [path.name for path in changed if path.exists()]):
        raise FileExistsError(
            f"{', '.join(taken)} in {folder} would change: look at the difference, then overwrite"
        )
    for path, text in changed.items():
        _replace(path, text)
    return list(changed)


def _replace(path: Path, text: str) -> None:
    """Put a whole file in place at once: Asterisk may be reloading at this moment."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o640)
            if os.geteuid() == 0:
                owner = path.parent.stat()
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


MODULES = (
    "app_dial, app_playback, app_stack, app_userevent, app_verbose, bridge_builtin_features, "
    "cel_custom, func_channel, func_env, func_global, func_logic, func_strings, func_timeout, "
    "pbx_config, res_agi, and res_cdrel_custom where there is one"
)
"""What an Asterisk without `autoload` has to load for Talktime, besides its trunks and codecs."""


def instructions(settings: AsteriskSettings) -> str:
    """What an operator adds to an existing Asterisk, each line with its reason."""
    return "\n".join(_instruction_lines(settings)) + "\n"


def _instruction_lines(settings: AsteriskSettings) -> Iterable[str]:
    yield f"For Asterisk {OLDEST_ASTERISK} or later. Add these lines; a section that is there "
    yield "already is not named a second time:"
    for name, (including, section, reason) in INCLUDES.items():
        yield f"\n  {including}: {reason}"
        if section:
            yield f"    [{section}]"
        yield f"    #include {name}"
    yield f"\nIn cel.conf no other line may name the events DTMF or ALL: {CEL_FILE}"
    yield "would hold the PINs of the callers."
    yield f"\nSend the calls of an access trunk to the context {settings.access_context}, such as"
    yield f"in pjsip.conf: context = {settings.access_context}"
    yield "and give its endpoint dtmf_mode = auto, or the mode its carrier uses."
    yield "\nThe folder of the records, which Asterisk appends to and Talktime reads:"
    yield f"    install -d -o asterisk -g asterisk -m 2770 {settings.spool}"
    yield "\nThe folder of the channel events, which Asterisk does not make by itself:"
    yield "    install -d -o asterisk -g asterisk -m 2750 /var/log/asterisk/cel-custom"
    yield f"\nThe prompts: <Asterisk's sounds>/<language>/{settings.sounds}, for each language."
    yield "\nOnly where modules.conf says autoload = no, load besides the trunks' modules:"
    yield f"    {MODULES}"
    yield "\nThen: core reload, and once: module reload manager, module reload cel_custom.so"
