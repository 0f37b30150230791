"""The configuration an operator gets for Asterisk: what is in it, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from adapters.asterisk.config import INCLUDES, AsteriskSettings, instructions, render, write

SECRET = "a-secret-that-is-long"


def settings(**changes: Any) -> AsteriskSettings:
    return AsteriskSettings(**{"node": "pbx1", "ami_secret": SECRET, **changes})


def dial_plan(**changes: Any) -> str:
    return render(settings(**changes))["talktime_extensions.conf"]


def test_the_same_settings_give_the_same_text() -> None:
    assert render(settings()) == render(settings())
    assert list(render(settings())) == list(INCLUDES)


def test_nothing_is_left_to_be_filled_in() -> None:
    for name, text in render(settings()).items():
        assert "@{" not in text, name


def test_the_node_is_in_the_reference_and_told_to_the_server() -> None:
    text = dial_plan(node="east2", agi_hosts=["10.0.0.5:4573"])
    assert "Set(TALKTIME_REF=east2-${UNIQUEID})" in text
    assert "AGI(agi://10.0.0.5:4573/card,${TALKTIME_REF},east2)" in text


def test_one_server_is_asked_once() -> None:
    text = dial_plan()
    assert text.count("AGI(agi://") == 1
    assert "FAILURE" not in text


def test_the_second_server_is_asked_when_the_first_was_not_reached() -> None:
    text = dial_plan(agi_hosts=("agi1:4573", "agi2:4573"))
    assert [m[1] for m in re.finditer(r"AGI\(agi://([^/]+)/card", text)] == [
        "agi1:4573",
        "agi2:4573",
    ]
    guard, second = text.index('"${AGISTATUS}" != "FAILURE"'), text.index("agi://agi2")
    assert text.index("agi://agi1") < guard < second


def test_every_label_a_dial_plan_jumps_to_is_there() -> None:
    for hosts in (("a:1",), ("a:1", "b:2")):
        text = dial_plan(agi_hosts=hosts)
        wanted = set(re.findall(r"GotoIf\(.*\?([a-z]+)\)", text))
        assert wanted <= set(re.findall(r"n\(([a-z]+)\)", text))


def test_the_handlers_of_a_leg_wait_for_nobody() -> None:
    """An AGI() or Wait() there would hold, and pay for, the carrier's leg."""
    text = dial_plan()
    for context in ("leg-start", "leg-answer", "leg-end", "now"):
        body = text.split(f"[talktime-{context}]")[1].split("\n[")[0]
        found = set(re.findall(r"(?:,1|n|\)),([A-Z][A-Za-z]+)\(", body))
        assert found <= {"Set", "Gosub", "GotoIf", "UserEvent", "Return"}, context


def test_the_clock_is_not_asked_in_the_way_that_depends_on_the_time_zone() -> None:
    commands = [line for line in dial_plan().splitlines() if not line.startswith(";")]
    assert not any("%s" in line for line in commands)


def test_the_settings_are_where_they_belong() -> None:
    files = render(
        settings(
            spool="/srv/talktime/spool",
            access_context="cards",
            longest_stay=7200,
            sounds="tt",
            ami_user="tt",
            ami_bind="10.0.0.1",
            ami_port=5999,
            ami_permit=("10.0.0.2/32", "10.0.0.3/32"),
        )
    )
    extensions, manager = files["talktime_extensions.conf"], files["talktime_manager.conf"]
    assert "\n[cards]\n" in extensions
    assert "TIMEOUT(absolute)=7200" in extensions
    assert "Playback(tt/system-error)" in extensions
    assert extensions.count("FILE(/srv/talktime/spool/legs.txt,,,al,u)") == 2
    assert "[tt]\nsecret = a-secret-that-is-long\n" in manager
    assert "bindaddr = 10.0.0.1\nport = 5999\n" in manager
    assert "permit = 10.0.0.2/32\npermit = 10.0.0.3/32\n" in manager


def option(text: str, name: str) -> set[str]:
    (line,) = re.findall(rf"^{name} = (.*)$", text, re.MULTILINE)
    return set(line.split(","))


def test_no_record_holds_the_keys_of_a_caller() -> None:
    events = option(render(settings())["talktime_cel.conf"], "events")
    assert not events & {"ALL", "DTMF", "APP_START", "APP_END"}
    assert {"ANSWER", "BRIDGE_EXIT", "HANGUP"} <= events


def test_the_manager_may_do_no_more_than_it_needs() -> None:
    asks = render(settings())["talktime_manager.conf"]
    calls = render(settings(callback=True))["talktime_manager.conf"]
    assert option(asks, "write") == {"reporting"}
    assert option(calls, "write") == {"reporting", "originate", "call"}
    for text in (asks, calls):
        assert option(text, "read") == {"call", "user"}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"node": "PBX-1"}, "1 to 16 of a-z and 0-9"),
    ({"node": ""}, "the node's name '' is not accepted"),
    ({"node": "a" * 17}, "1 to 16"),
    ({"node": "a\nb"}, "1 to 16"),
    ({"agi_hosts": ()}, "0 FastAGI servers are not accepted: name one or two"),
    ({"agi_hosts": ("a:1", "b:1", "c:1")}, "3 FastAGI servers"),
    ({"agi_hosts": ("a:1", "a:1")}, "named twice"),
    ({"agi_hosts": ("localhost",)}, "'localhost' is not accepted: host:port"),
    ({"agi_hosts": ("localhost:0",)}, "host:port"),
    ({"agi_hosts": ("localhost:65536",)}, "host:port"),
    ({"agi_hosts": ("a/b:1",)}, "host:port"),
    ({"agi_hosts": ("a,b:1",)}, "host:port"),
    ({"spool": "spool"}, "an absolute path"),
    ({"spool": "/a,b"}, "a comma would end it"),
    ({"spool": "/a b"}, "an absolute path"),
    ({"access_context": "[x]"}, "the access context"),
    ({"access_context": "talktime-leg-end"}, "the name is taken"),
    ({"access_context": "globals"}, "the name is taken"),
    ({"longest_stay": 0}, "a whole number from 1 to 86400"),
    ({"longest_stay": 86401}, "the longest stay 86401"),
    ({"longest_stay": True}, "a whole number"),
    ({"longest_stay": 60.5}, "a whole number"),
    ({"sounds": "../x"}, "one folder name"),
    ({"ami_user": "general"}, "the name is taken"),
    ({"ami_user": "a b"}, "the manager's user"),
    ({"ami_port": 70000}, "from 1 to 65535"),
    ({"ami_bind": "localhost"}, "an IP address"),
    ({"ami_permit": ()}, "permits no address"),
    ({"ami_permit": ("10.0.0.1/8",)}, "address/prefix"),
]


@pytest.mark.parametrize(("changes", "said"), REFUSED)
def test_what_would_not_work_is_refused_with_what_is_accepted(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        settings(**changes)


@pytest.mark.parametrize(
    "secret", ["short", "x" * 129, "semicolon;comments-it", "line\nbreak-break-x"]
)
def test_a_bad_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="16 to 128") as refusal:
        settings(ami_secret=secret)
    assert secret not in str(refusal.value)


def test_the_secret_is_not_shown_with_the_settings() -> None:
    assert SECRET not in repr(settings())


def test_files_are_written_for_asterisk_alone(tmp_path: Path) -> None:
    files = render(settings())
    assert write(tmp_path, files) == [tmp_path / name for name in files]
    for name, text in files.items():
        assert (tmp_path / name).read_text() == text
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == set(files)


def test_writing_the_same_again_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, render(settings()))
    assert write(tmp_path, render(settings())) == []


def test_what_an_operator_changed_is_not_overwritten_unasked(tmp_path: Path) -> None:
    write(tmp_path, render(settings()))
    changed = tmp_path / "talktime_cel.conf"
    changed.write_text("mine")
    with pytest.raises(FileExistsError, match=r"talktime_cel\.conf in .* would change"):
        write(tmp_path, render(settings(node="pbx2")))
    assert "pbx1-${UNIQUEID}" in (tmp_path / "talktime_extensions.conf").read_text()
    assert changed.read_text() == "mine"
    assert changed in write(tmp_path, render(settings(node="pbx2")), force=True)
    assert changed.read_text() != "mine"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match=r"etc is no folder: name Asterisk's"):
        write(tmp_path / "etc", render(settings()))


def test_the_instructions_name_every_line_to_add() -> None:
    text = instructions(settings(spool="/srv/spool"))
    for name, (including, _, reason) in INCLUDES.items():
        assert f"{including}: {reason}" in text
        assert f"#include {name}" in text
    assert "/srv/spool" in text
    assert SECRET not in text
