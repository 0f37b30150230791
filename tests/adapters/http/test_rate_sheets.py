"""Rate sheets at the door: files become drafts, or are refused by the line that is wrong."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path

import pytest

from adapters.http import rate_sheets, rate_work
from domain.people import Role
from tests.adapters.http.rates import (
    CSV,
    DEARER,
    SHEET,
    XLSX,
    draft,
    published,
    publishes,
    sends,
    workbook,
)
from tests.adapters.http.world import READER, World


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files of other tests come and go in the folder that all share."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def leftovers() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("talktime-*"))


def tariffs(world: World) -> list[dict[str, object]]:
    items: list[dict[str, object]] = world.get("/v1/tariffs").json()["items"]
    return items


def test_a_file_becomes_a_draft_that_prices_no_call(world: World) -> None:
    answer = sends(world, file="may.csv", why="new prices")
    told = answer.json()
    assert (answer.status_code, told["state"], told["tariff"]) == (201, "done", "retail")
    assert (told["done"], told["total"], told["problem"]) == (1000, 1000, None)
    sheet = world.get(f"/v1/rate-sheets/{told['sheet_id']}").json()
    assert (sheet["state"], sheet["rows"], sheet["file"]) == ("draft", 2, "may.csv")
    assert (sheet["by"], sheet["why"], sheet["versions"]) == ("office", "new prices", [])
    (tariff,) = tariffs(world)
    assert (tariff["in_force"], tariff["last_version"]) == (None, 0)
    assert [each["sheet_id"] for each in tariff["drafts"]] == [told["sheet_id"]]  # type: ignore[attr-defined]
    rows = world.get(f"/v1/rate-sheets/{told['sheet_id']}/rates").json()["items"]
    assert [(row["prefix"], row["terms"]["per_minute"]["amount"]) for row in rows] == [
        ("48", "0.029"),
        ("4860", "0.079"),
    ]


def test_a_workbook_is_read_as_well(world: World) -> None:
    sheet_id = draft(world, workbook(("48", "Poland", 0.029)), media_type=XLSX)
    (row,) = world.get(f"/v1/rate-sheets/{sheet_id}/rates").json()["items"]
    assert row["terms"]["per_minute"] == {"amount": "0.029", "unit": "USD"}


def test_a_file_that_is_sent_again_is_the_same_draft(world: World) -> None:
    first = draft(world, once="may")
    assert draft(world, once="may") == first
    (tariff,) = tariffs(world)
    assert len(tariff["drafts"]) == 1  # type: ignore[arg-type]
    for_another = sends(world, tariff="wholesale", once="may")
    assert for_another.json()["type"] == "/problems/idempotency-key-used"
    assert publishes(world, first).status_code == 201
    assert draft(world, once="may") == first, "even when it was published meanwhile"


def test_a_large_file_is_read_behind_the_door(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_sheets, "SMALL_BYTES", 10)
    answer = sends(world, once="may")
    told = answer.json()
    assert (answer.status_code, told["state"], told["sheet_id"]) == (202, "waiting", None)
    path = answer.headers["Location"]
    assert world.get(path).json()["tariff"] == "retail"
    assert sends(world, once="may").json()["work_id"] == told["work_id"]
    assert tariffs(world) == []
    assert world.services.work.run_next()
    done = world.get(path).json()
    assert (done["state"], done["done"]) == ("done", 1000)
    assert not world.services.work.run_next(), "asked twice, it is done once"
    assert world.get(f"/v1/rate-sheets/{done['sheet_id']}").json()["rows"] == 2


def test_what_a_killed_server_was_asked_is_known_by_what_it_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_sheets, "SMALL_BYTES", 10)
    path = sends(world, once="may").headers["Location"]
    lost = sends(world, DEARER, once="june").headers["Location"]
    assert world.services.work.run_next()
    sheet_id = world.get(path).json()["sheet_id"]
    world.services.work._tasks.clear()
    world.services.work._waiting.clear()
    told = world.get(path).json()
    assert (told["state"], told["sheet_id"]) == ("done", sheet_id)
    assert "same Idempotency-Key" in world.get(lost).json()["detail"]
    assert sends(world, DEARER, once="june").status_code == 202
    assert world.services.work.run_next()
    assert world.get(lost).json()["state"] == "done"


@pytest.mark.parametrize("there", [True, False])
def test_clearing_away_follows_no_link_out_of_its_own_folders(
    world: World, tmp_path: Path, there: bool
) -> None:
    kept = tmp_path / "ledger" / "kept.db"
    if there:
        kept.parent.mkdir()
        kept.touch()
        os.utime(kept.parent, (0, 0))
    (tmp_path / "talktime-sheet-planted").symlink_to(kept.parent)
    assert sends(world).status_code == 201
    assert kept.exists() is there


def test_what_is_wrong_in_a_large_file_is_told_where_it_is_looked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_sheets, "SMALL_BYTES", 10)
    before = leftovers()
    path = sends(world, SHEET + "49,Germany,cheap,60/60\n").headers["Location"]
    world.services.work.run_next()
    told = world.get(path).json()
    assert told["state"] == "refused"
    assert told["problem"]["type"] == "/problems/bad-rate-sheet"
    assert "line 4" in told["problem"]["detail"]
    assert tariffs(world) == []
    assert leftovers() == before


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>" + b" " * 60_000_000)
    return out.getvalue()


FORMULA = workbook(("48", "Poland", "=1/20"))
BAD_FILES = {
    "an empty file": (CSV, b"", "empty"),
    "half a line": (CSV, SHEET[:-1].encode(), "last line does not end"),
    "half a workbook": (XLSX, workbook(("48", "Poland", 0.03))[:-200], "or half of one"),
    "a workbook called text": (CSV, workbook(("48", "Poland", 0.03)), "name it .xlsx"),
    "text called a workbook": (XLSX, SHEET.encode(), "no XLSX workbook"),
    "a ZIP bomb": (XLSX, bomb(), "unpacks from"),
    "any ZIP file": (XLSX, b"PK\x03\x04nothing", "no XLSX workbook"),
    "a PDF document": (CSV, b"%PDF-1.7\n", "a PDF document"),
    "an old workbook": (XLSX, b"\xd0\xcf\x11\xe0" + bytes(600), "save it as XLSX"),
    "two encodings": (CSV, (SHEET + "33,Alpes Côte,1,1/1\n").encode() + b"34,Espa\xf1a,1,1/1\n",
                      "mixes encodings"),
    "no encoding": (CSV, SHEET.encode() + b"34,\x81\x82,1,1/1\n", "neither UTF-8 nor Latin-1"),
    "UTF-16 without saying so": (CSV, SHEET.encode("utf-16-le"), "zero byte"),
    "a huge cell": (CSV, f"{SHEET}49,{'x' * 30_000},1,1/1\n".encode(), "at most 20000"),
    "a line without end": (CSV, SHEET.encode() + b"x" * 200_000 + b"\n", "line 4 has more"),
    "a formula": (CSV, SHEET.encode() + b"49,Germany,=1/20,1/1\n", "line 4, cell 3: a formula"),
    "a formula in a workbook": (XLSX, FORMULA, "is a formula"),
    "no header": (CSV, b"48,Poland,0.03\n49,Germany,0.04\n", "no header"),
    "an unknown column": (CSV, b"prefix,destination,rate,moon\n48,Poland,1,full\n", "'moon'"),
    "no rows": (CSV, b"prefix,destination,rate\n", "at least one rate"),
    "a negative price": (CSV, b"prefix,destination,rate\n48,Poland,-1\n", "line 2, cell 3"),
    "a decimal comma": (CSV, b"prefix;destination;rate\n48;Poland;0,03\n", "decimal comma"),
    "no prefix": (CSV, b"prefix,destination,rate\nabc,Poland,1\n", "line 2, cell 1"),
    "an endless quote": (CSV, b'prefix,destination,rate\n48,"Poland,1\n', "quoted cell"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_in_words_and_leaves_nothing(world: World, name: str) -> None:
    media_type, content, says = BAD_FILES[name]
    before = leftovers()
    answer = sends(world, content, media_type=media_type)
    told = answer.json()
    assert answer.status_code == 422, told
    assert told["type"] in ("/problems/bad-rate-sheet", "/problems/setting-not-allowed")
    assert says in told["detail"]
    assert tariffs(world) == []
    assert world.services.tariffs.sheets.stored == {}  # type: ignore[attr-defined]
    assert leftovers() == before


def test_what_is_no_rate_sheet_by_its_type_is_not_even_read(world: World) -> None:
    assert sends(world, media_type="application/pdf").status_code == 415
    assert sends(world, unit="dollars").status_code == 400
    assert sends(world, encoding="ebcdic").status_code == 400
    assert sends(world, tariff="x" * 101).status_code == 400
    assert sends(world, delimiter="pipe").status_code == 400
    assert tariffs(world) == []


def test_how_a_file_is_to_be_read_can_be_told(world: World) -> None:
    text = "prefix;destination;rate;notes\n33;Côte d’Azur;0,05;x\n"
    sheet_id = draft(
        world,
        text.encode("utf-16"),
        encoding="utf-16",
        delimiter="semicolon",
        decimal_comma="true",
        ignore="notes, comments",
    )
    (row,) = world.get(f"/v1/rate-sheets/{sheet_id}/rates").json()["items"]
    assert (row["destination"], row["terms"]["per_minute"]["amount"]) == ("Côte d’Azur", "0.05")


def test_a_file_for_a_provider_needs_the_provider_and_its_unit(world: World) -> None:
    assert sends(world, tariff="provider:acme").json()["type"] == "/problems/not-found"
    world.post("/v1/providers", {"name": "acme", "unit": "EUR"})
    wrong = sends(world, tariff="provider:acme")
    assert "EUR, the unit of provider acme" in wrong.json()["detail"]
    assert sends(world, tariff="provider:acme", unit="EUR").status_code == 201


def test_a_draft_is_discarded_with_a_reason(world: World) -> None:
    sheet_id = draft(world)
    assert world.ask("DELETE", f"/v1/rate-sheets/{sheet_id}").status_code == 400
    gone = world.ask("DELETE", f"/v1/rate-sheets/{sheet_id}?why=wrong+file")
    assert gone.status_code == 204
    for path in ("", "/rates", "/changes", "/file"):
        assert world.get(f"/v1/rate-sheets/{sheet_id}{path}").status_code == 404
    assert publishes(world, sheet_id).status_code == 404
    (tariff,) = tariffs(world)
    facts = world.get(f"/v1/tariffs/{tariff['tariff_id']}/events").json()["items"]
    assert (facts[-1]["fact"]["by"], facts[-1]["fact"]["why"]) == ("office", "wrong file")
    kept = published(world)
    assert world.ask("DELETE", f"/v1/rate-sheets/{kept}?why=x").status_code == 409


def test_rates_are_paged_and_come_as_csv(world: World) -> None:
    lines = [f"48{n},Poland {n},0.0{n}" for n in range(1, 8)]
    sheet_id = draft(world, "\n".join(["prefix,destination,rate", *lines, ""]))
    path: str | None = f"/v1/rate-sheets/{sheet_id}/rates?limit=3"
    seen = []
    while path:
        page = world.get(path).json()
        seen += [row["prefix"] for row in page["items"]]
        path = page["next"]
    assert seen == [f"48{n}" for n in range(1, 8)]
    path = f"/v1/rate-sheets/{sheet_id}/rates"
    text = world.get(path, headers={"Accept": "text/csv"}).text
    assert text.splitlines()[0].startswith("prefix,destination,terms.per_minute.amount")
    assert len(text.splitlines()) == 8


def test_a_sheet_leaves_as_a_file_that_can_be_sent_again(world: World) -> None:
    evil = SHEET + "49,\"'=cmd|' /C calc'!A0\",0.05,60/60\n"
    sheet_id = draft(world, evil)
    before = leftovers()
    answer = world.get(f"/v1/rate-sheets/{sheet_id}/file")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert 'filename="retail-' in answer.headers["Content-Disposition"]
    assert ",'=cmd|" in answer.text, "no spreadsheet runs it"
    assert leftovers() == before
    again = draft(world, answer.content)
    one = world.get(f"/v1/rate-sheets/{sheet_id}").json()
    assert world.get(f"/v1/rate-sheets/{again}").json()["sheet_digest"] == one["sheet_digest"]


RATES = {
    "tariff": "evenings",
    "unit": "USD",
    "rates": [
        {"prefix": "48", "destination": "Poland", "per_minute": "0.10"},
        {
            "prefix": "4877",
            "destination": "Poland, Opole",
            "per_minute": "0.03",
            "connect_fee": "0.01",
            "initial_block": 60,
            "increment": 60,
            "bands": [
                {
                    "weekdays": [7],
                    "start_minute": 1320,
                    "end_minute": 1440,
                    "per_minute": "0.02",
                }
            ],
            "time_zone": "Europe/Warsaw",
        },
    ],
}


def test_a_small_tariff_comes_as_json_with_prices_by_the_hour(world: World) -> None:
    answer = world.post("/v1/rates", RATES, once="once")
    assert answer.status_code == 201, answer.text
    sheet = answer.json()
    assert (sheet["state"], sheet["rows"], sheet["unit"]) == ("draft", 2, "USD")
    assert world.post("/v1/rates", RATES, once="once").json() == sheet
    rows = world.get(f"/v1/rate-sheets/{sheet['sheet_id']}/rates").json()["items"]
    assert rows[1]["terms"]["bands"][0]["per_minute"]["amount"] == "0.02"
    told = world.get(f"/v1/rate-sheets/{sheet['sheet_id']}/file")
    assert told.status_code == 422
    assert "prices by the hour" in told.json()["detail"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"per_minute": "0,1"}, "per_minute"),
        ({"per_minute": None}, "talk minutes alone"),
        ({"time_zone": "Mars/Olympus"}, "$.rates[0]: time_zone"),
        ({"bands": [{"weekdays": [8], "start_minute": 0, "end_minute": 1, "per_minute": "0"}]}, ""),
        ({"bands": [{"weekdays": [1], "start_minute": 9, "end_minute": 1, "per_minute": "0"}]},
         "$.rates[0]: end_minute"),
        ({"prefix": "+48"}, "prefix"),
        ({"destination": "a\nb"}, "destination"),
    ],
)  # fmt: skip
def test_a_bad_rate_is_named_by_its_place(
    world: World, changed: dict[str, object], says: str
) -> None:
    rates = [{"prefix": "48", "destination": "Poland", "per_minute": "0.10", **changed}]
    answer = world.post("/v1/rates", {**RATES, "rates": rates})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert tariffs(world) == []


def test_a_reader_looks_and_changes_nothing(world: World) -> None:
    sheet_id = draft(world)
    assert world.get(f"/v1/rate-sheets/{sheet_id}/rates", key=READER).status_code == 200
    for method, path in (
        ("DELETE", f"/v1/rate-sheets/{sheet_id}?why=x"),
        ("POST", f"/v1/rate-sheets/{sheet_id}/publication"),
    ):
        assert world.ask(method, path, key=READER, json={}).status_code == 403


def test_a_browser_sends_a_file_with_the_token_of_its_page(world: World) -> None:
    world.person("ann", Role.OPERATOR)
    ann = world.signs_in("ann")
    assert sends(world, asker=ann).status_code == 201


def test_too_many_drafts_are_told_before_a_file_is_read(world: World) -> None:
    for _ in range(20):
        draft(world)
    answer = sends(world, "not even a sheet")
    assert "publish or discard some" in answer.json()["detail"]


def test_small_is_what_takes_no_time() -> None:
    assert rate_work.SMALL_ROWS * 40 <= rate_work.SMALL_BYTES
