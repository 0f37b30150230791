"""Cards come in by CSV: all or none, or the good rows, and every bad row is named."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.http import card_imports
from tests.adapters.http.test_lots import problem
from tests.adapters.http.world import World

GOOD = "number,pin,balance\n4711000001,12345678,5.00\n4711000002,23456789,\n"
BAD = GOOD + "47110000x3,34567890,5.00\n4711000004,34567890,-1\n"


def sent(
    world: World, content: str | bytes, query: str = "group=world", **options: Any
) -> httpx.Response:
    headers = {"Content-Type": "text/csv"} | options.pop("headers", {})
    data = content.encode() if isinstance(content, str) else content
    return world.ask("POST", f"/v1/card-imports?{query}", content=data, headers=headers, **options)


def cards(world: World) -> list[str]:
    return sorted(each["number"] for each in world.get("/v1/cards").json()["items"])


def test_cards_of_an_older_system_come_in_and_the_same_file_brings_none_twice(world: World) -> None:
    first, again = sent(world, GOOD), sent(world, GOOD)
    assert (first.status_code, first.json()) == (200, {"loaded": 2, "there": 0, "bad": []})
    assert again.json() == {"loaded": 0, "there": 2, "bad": []}
    shown = world.get("/v1/cards").json()["items"]
    assert {each["face_value"]["amount"] for each in shown} == {"5.00"}


def test_one_bad_row_keeps_all_out_and_is_named(world: World) -> None:
    answer = sent(world, BAD)
    assert (answer.status_code, problem(answer)) == (422, "bad-rows")
    assert [(row["line"], row["number"]) for row in answer.json()["bad"]] == [
        (4, "47110000x3"),
        (5, "4711000004"),
    ]
    assert "digits only" in answer.json()["bad"][0]["problem"]
    assert cards(world) == []


def test_the_good_rows_come_in_when_told_so(world: World) -> None:
    answer = sent(world, BAD, "group=world&rows=good")
    assert (answer.status_code, answer.json()["loaded"]) == (200, 2)
    assert [row["line"] for row in answer.json()["bad"]] == [4, 5]
    assert cards(world) == ["4711000001", "4711000002"]


def test_a_pin_is_never_repeated_by_a_report(world: World) -> None:
    answer = sent(world, "number,pin\n4711000001,1234567x\n4711000002,1234567\n")
    assert "1234567" not in answer.text


def test_formulas_are_no_numbers(world: World) -> None:
    answer = sent(world, 'number,pin\n"=HYPERLINK(""http://x"")",12345678\n')
    assert "digits only" in answer.json()["bad"][0]["problem"]


def workbook() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "line 1"),
        (b"\n\n", "line 1"),
        (b"a,b,c\n1,2,3\n", "the columns are number, pin, balance"),
        (GOOD.encode("utf-16"), "no CSV in UTF-8"),
        (GOOD.replace("5.00", "\xe9").encode("latin-1"), "no CSV in UTF-8"),
        (b'number,pin\n"4711000001,12345678\n', "unexpected end of data"),
        (b"number,pin\n" + b"1" * 200_000 + b",12345678\n", "field larger than field limit"),
        (workbook(), "this is a workbook"),
        (GOOD.encode() + b"4711000003,34567890,5.00\n" * 50_001, "50000 rows at most"),
    ],
    ids=["empty", "blank", "columns", "utf-16", "latin-1", "half", "huge", "xlsx", "long"],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    world: World, content: bytes, words: str
) -> None:
    answer = sent(world, content)
    assert (answer.status_code, problem(answer)) == (422, "bad-file")
    assert words in answer.json()["detail"]
    assert cards(world) == []


def test_a_mark_of_utf_8_is_no_part_of_the_first_column(world: World) -> None:
    assert sent(world, GOOD.encode("utf-8-sig")).json()["loaded"] == 2


def test_a_file_of_another_type_is_refused_before_it_is_read(world: World) -> None:
    for headers in (
        {"Content-Type": "application/json"},
        {"Content-Type": "text/csv; charset=latin-1"},
        {"Content-Encoding": "gzip"},
    ):
        answer = sent(world, GOOD, headers=headers)
        assert (answer.status_code, problem(answer)) == (415, "bad-content-type")
        assert "text/csv" in answer.json()["detail"]
    assert sent(world, GOOD, headers={"Content-Type": "text/csv; charset=UTF-8"}).status_code == 200


def test_a_file_that_is_too_large_is_refused_and_nothing_stays_on_the_disk(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = sent(world, b"x" * (card_imports.MOST_BYTES + 1))
    assert (answer.status_code, problem(answer)) == (413, "body-too-large")
    assert sent(world, GOOD).status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_the_group_has_to_be_there(world: World) -> None:
    assert problem(sent(world, GOOD, "group=nowhere")) == "not-found"
    assert problem(sent(world, GOOD, "")) == "bad-parameter"
    assert problem(sent(world, GOOD, "group=world&rows=some")) == "bad-parameter"


def test_the_report_of_bad_rows_names_every_one(world: World) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("number", "pin"))
    for place in range(3_000):
        writer.writerow((4711000000 + place, "short"))
    bad = sent(world, out.getvalue()).json()["bad"]
    assert [row["line"] for row in bad] == list(range(2, 3_002))
