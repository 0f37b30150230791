"""What is wrong in the settings is refused at the start, by the setting's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.agi.entries import Codes
from talktime.settings import Settings, SettingsError, check, load

SHA = "0" * 64
SECTIONS = [
    each.name
    for each in msgspec.structs.fields(Settings)
    if isinstance(each.type, type) and issubclass(each.type, msgspec.Struct)
]


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as refused:
        check(values)
    return str(refused.value)


def test_without_any_setting_the_defaults_hold() -> None:
    settings = check({})
    assert settings == Settings()
    assert settings.agi.host == settings.http.host == "127.0.0.1"
    assert settings.calls.card_call().codes == Codes()


def test_every_section_is_read() -> None:
    settings = check(
        {
            "ledger": {"url": "postgresql://talktime@/talktime"},
            "secrets": {"pin_key_file": "/etc/talktime/pin.key"},
            "agi": {"host": "::1", "port": 4574, "most_calls": 7, "allow": ["10.0.0.0/8"]},
            "http": {
                "port": 0,
                "keys": [{"name": "pbx1", "sha256": SHA, "scopes": ["node", "read"]}],
            },
            "trunks": [{"name": "cheap"}, {"name": "dear", "prefix": "00"}],
            "calls": {"login_tries": 5, "hangup_keys": "#1#", "endpoint": "SIP/{trunk}/{number}"},
            "asterisk": {"node": "pbx2", "spool": "/var/spool", "ami": {"port": 5039}},
            "voice": {"sounds": "/srv/sounds"},
            "log": {"level": "debug", "json": True},
        }
    )
    assert settings.agi.allow == ("10.0.0.0/8",)
    assert settings.http.keys[0].scopes == ("node", "read")
    assert [(each.name, each.prefix) for each in settings.trunks] == [("cheap", ""), ("dear", "00")]
    assert settings.asterisk.ami.port == 5039
    card_call = settings.calls.card_call()
    assert (card_call.login_tries, card_call.codes.hang_up) == (5, "#1#")
    assert card_call.endpoint == "SIP/{trunk}/{number}"


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_field_is_refused_in_every_section(section: str) -> None:
    told = refusal({section: {"colour": "red"}})
    assert told.startswith(f"{section}: ")
    assert "colour" in told


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"colour": "red"}, "the settings"),
        ({"trunks": [{"name": "cheap", "colour": 1}]}, "trunks[0]"),
        ({"http": {"keys": [{"name": "a", "sha256": SHA, "colour": 1}]}}, "http.keys[0]"),
        ({"asterisk": {"ami": {"colour": 1}}}, "asterisk.ami"),
        ({"agi": 7}, "agi"),
        ({"agi": {"port": "many"}}, "agi.port"),
        ({"agi": {"port": 65_536}}, "agi.port"),
        ({"agi": {"port": -1}}, "agi.port"),
        ({"agi": {"most_calls": 0}}, "agi.most_calls"),
        ({"agi": {"allow": "127.0.0.1"}}, "agi.allow"),
        ({"agi": {"allow": ["10.0.0.0/33"]}}, "agi.allow"),
        ({"agi": {"allow": ["everybody"]}}, "agi.allow"),
        ({"http": {"port": 99_999}}, "http.port"),
        ({"http": {"trusted_proxies": ["*"]}}, "http.trusted_proxies"),
        ({"http": {"trusted_proxies": ["10.0.0.1/8"]}}, "http.trusted_proxies"),
        ({"http": {"keys": [{"name": "a"}]}}, "http.keys[0]"),
        ({"http": {"keys": [{"name": "a b", "sha256": SHA}]}}, "http.keys[0].name"),
        ({"http": {"keys": [{"name": "a", "sha256": "secret"}]}}, "http.keys[0].sha256"),
        ({"http": {"keys": [{"name": "a", "sha256": SHA, "scopes": ["root"]}]}}, "http.keys"),
        ({"trunks": [{"prefix": "00"}]}, "trunks[0]"),
        ({"trunks": [{"name": "a trunk"}]}, "trunks[0].name"),
        ({"trunks": [{"name": "cheap", "prefix": "+"}]}, "trunks[0].prefix"),
        ({"calls": {"login_tries": 0}}, "calls.login_tries"),
        ({"calls": {"login_tries": 11}}, "calls.login_tries"),
        ({"calls": {"ring_seconds": 4}}, "calls.ring_seconds"),
        ({"calls": {"first_key_ms": 999}}, "calls.first_key_ms"),
        ({"calls": {"next_key_ms": 60_001}}, "calls.next_key_ms"),
        ({"calls": {"endpoint": "PJSIP/{trunk}"}}, "calls"),
        ({"calls": {"endpoint": "PJSIP/{number}@{trunk},60,S(1)"}}, "calls"),
        ({"calls": {"hangup_keys": "1"}}, "calls"),
        ({"asterisk": {"node": "PBX-1"}}, "asterisk.node"),
        ({"asterisk": {"ami": {"port": "x"}}}, "asterisk.ami.port"),
        ({"log": {"level": "loud"}}, "log.level"),
        ({"log": {"json": "perhaps"}}, "log.json"),
        ({"ledger": {"url": 7}}, "ledger.url"),
    ],
)
def test_a_wrong_value_is_refused_by_name(values: dict[str, Any], setting: str) -> None:
    name, _, accepted = refusal(values).partition(": ")
    assert name == setting
    assert accepted


@pytest.mark.parametrize(
    ("calls", "says"),
    [
        ({"caller_id_code": "*0"}, "caller_id and redial are both *0: codes must differ"),
        ({"redial_code": "*32"}, "caller_id and redial are both *32: codes must differ"),
        ({"balance_code": "0"}, "balance is 2 to 4 digits, the first not 0, not '0'"),
        ({"redial_code": "0"}, "redial is * and 1 to 6 digits, not '0'"),
    ],
)
def test_codes_that_collide_are_refused_when_settings_load(
    calls: dict[str, str], says: str
) -> None:
    assert refusal({"calls": calls}) == f"calls: {says}"


# ---- files and the environment


def written(folder: Path, text: str) -> Path:
    path = folder / "talktime.toml"
    path.write_text(text)
    return path


def test_the_environment_lies_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[agi]\nport = 4999\nmost_calls = 9\n[log]\nlevel = 'error'\n")
    environment = {
        "TALKTIME_AGI_PORT": "5001",
        "TALKTIME_LOG_JSON": "true",
        "TALKTIME_SECRETS_PIN_KEY_FILE": "/run/secrets/pin",
        "PATH": "/usr/bin",
    }
    settings = load(path, environment)
    assert (settings.agi.port, settings.agi.most_calls) == (5001, 9)
    assert (settings.log.level, settings.log.json) == ("error", True)
    assert settings.secrets.pin_key_file == "/run/secrets/pin"


def test_a_wrong_value_in_the_environment_is_named_as_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^agi\.port: "):
        load(written(tmp_path, ""), {"TALKTIME_AGI_PORT": "many"})


@pytest.mark.parametrize(
    "variable",
    ["TALKTIME_AGI_COLOUR", "TALKTIME_TRUNKS", "TALKTIME_TRUNKS_NAME", "TALKTIME_", "TALKTIME_X_Y"],
)
def test_a_variable_that_is_no_setting_is_refused(tmp_path: Path, variable: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable}: there is no setting of this name"):
        load(written(tmp_path, ""), {variable: "1"})


def test_a_section_that_is_no_table_is_refused_even_under_the_environment(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^agi: "):
        load(written(tmp_path, "agi = 7\n"), {"TALKTIME_AGI_PORT": "1"})


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[agi]\nport = 4999\n")
    assert load(None, {"TALKTIME_SETTINGS": str(path)}).agi.port == 4999


def test_the_file_in_the_present_folder_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "[agi]\nport = 4998\n")
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).agi.port == 4998


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings file .*none\.toml: No such file"):
        load(tmp_path / "none.toml", {})


@pytest.mark.parametrize("content", [b"[agi\n", b"\xff\xfe", b"port ="])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "talktime.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="is not TOML"):
        load(path, {})
