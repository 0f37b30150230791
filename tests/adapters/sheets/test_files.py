"""Rate sheets as providers send them: read exactly, or refused naming the line or the cell."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from adapters.sheets.columns import MOST_CELL
from adapters.sheets.files import SheetFiles
from adapters.sheets.workbook import _exact
from application.rate_files import Reading
from domain.rate_checks import PricedPrefix
from domain.rating import Band, RateTerms

USD = Reading("USD")
HEADER = "prefix,destination,rate\n"
POLAND = PricedPrefix("48", "Poland", RateTerms("USD", 29_000), 2)


def read(path: Path, reading: Reading = USD) -> list[PricedPrefix]:
    return list(SheetFiles().read(path, reading))


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str | bytes, name: str = "rates.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Sheet = Callable[..., Path]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(sheet: Sheet, delimiter: str) -> None:
    text = (HEADER + "48,Poland,0.029\n").replace(",", delimiter)
    assert read(sheet(text)) == [POLAND]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_the_encoding_is_found_out(sheet: Sheet, encoding: str) -> None:
    path = sheet((HEADER + "43,Österreich,0.029\n").encode(encoding))
    assert [row.destination for row in read(path)] == ["Österreich"]


def test_an_encoding_that_is_told_counts(sheet: Sheet) -> None:
    path = sheet((HEADER + "43,Österreich,0.029\n").encode("utf-16-le"))
    with pytest.raises(ValueError, match="zero byte: this is no text in UTF-8"):
        read(path)
    path = sheet((HEADER + "43,Österreich,0.029\n").encode())
    told = read(path, Reading("USD", encoding="latin-1"))
    assert [row.destination for row in told] == ["Ã–sterreich"]


def test_the_columns_have_many_names_and_the_header_may_come_late(sheet: Sheet) -> None:
    text = (
        "ACME Carrier;;;;\nRates of November;;;;\n"
        "Dial Code;Country;Price per Minute;Billing Increment;Effective Date\n"
        "48;Poland;0.029;30/6;2026-12-01\n"
    )
    terms = RateTerms("USD", 29_000, initial_block=30, increment=6)
    assert read(sheet(text)) == [PricedPrefix("48", "Poland", terms, 4, date(2026, 12, 1))]


def test_every_field_is_read(sheet: Sheet) -> None:
    text = (
        "prefix,destination,rate,connection fee,disconnect fee,min charge,initial,increment,"
        "min duration,grace,currency\n"
        "+48,Poland,0.029,0.01,0.02,0.03,30,6,12,3,usd\n"
    )
    terms = RateTerms(
        "USD",
        29_000,
        connect_fee=10_000,
        disconnect_fee=20_000,
        minimum_charge=30_000,
        initial_block=30,
        increment=6,
        minimum_duration=12,
        grace_seconds=3,
    )
    assert read(sheet(text)) == [PricedPrefix("48", "Poland", terms, 2)]


@pytest.mark.parametrize(
    ("cell", "prefixes"),
    [
        ('"48,4860;4861"', ["48", "4860", "4861"]),
        ("4860-4863", ["4860", "4861", "4862", "4863"]),
        ("48600-3", ["48600", "48601", "48602", "48603"]),
        ('"+48, 0049"', ["48", "49"]),
    ],
)
def test_lists_and_ranges_are_counted_out(sheet: Sheet, cell: str, prefixes: list[str]) -> None:
    rows = read(sheet(f"{HEADER}{cell},Poland,0.029\n"))
    assert [row.prefix for row in rows] == prefixes


def test_a_country_code_in_a_column_of_its_own_comes_first(sheet: Sheet) -> None:
    text = 'country code,area codes,destination,rate\n48,"22,60-62",Poland,0.029\n48,,Poland,1\n'
    text = text.replace("country code", "country_code")
    assert [row.prefix for row in read(sheet(text))] == ["4822", "4860", "4861", "4862", "48"]


def test_a_decimal_comma_is_read_when_told_and_refused_otherwise(sheet: Sheet) -> None:
    path = sheet("prefix;destination;rate\n48;Poland;0,029\n")
    with pytest.raises(ValueError, match=r"line 2, cell 3: .*decimal point.* decimal comma"):
        read(path)
    assert read(path, Reading("USD", decimal_comma=True)) == [POLAND]
    with pytest.raises(ValueError, match=r"decimal comma here, as in 0,05, not '0.029'"):
        read(sheet(HEADER + "48,Poland,0.029\n"), Reading("USD", decimal_comma=True))


def test_talk_minutes_need_no_price(sheet: Sheet) -> None:
    (row,) = read(sheet("prefix,destination\n48,Poland\n"), Reading("MIN"))
    assert (row.terms.unit, row.terms.per_minute, row.terms.increment) == ("MIN", 1_000_000, 60)


def test_a_column_that_is_not_known_is_refused_unless_ignored(sheet: Sheet) -> None:
    path = sheet("prefix,destination,rate,colour\n48,Poland,0.029,red\n")
    with pytest.raises(ValueError, match="line 1: unknown columns 'colour'; known are prefix"):
        read(path)
    for ignored in ("colour", "*"):
        assert read(path, Reading("USD", ignore=frozenset({ignored}))) == [POLAND]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("hello\nworld\n", "no header within the first 20 lines"),
        ("prefix,destination\n48,Poland\n", "line 1: the columns per_minute are missing"),
        ("prefix,code,destination,rate\n", "line 1: the columns 'prefix' and 'code' both mean"),
        (HEADER + "48,Poland\n", "line 2: 2 cells, and the header has 3"),
        (HEADER + "48,Poland,1,2\n", "line 2: 4 cells, and the header has 3"),
        (HEADER + "48,Poland,cheap\n", "line 2, cell 3: an amount is a plain decimal"),
        (HEADER + "48,Poland,0.0000001\n", "line 2, cell 3: .* at most six places"),
        (HEADER + "48,Poland,-1\n", "line 2, cell 3: an amount is zero or more"),
        (HEADER + "48,Poland,\n", "line 2, cell 3: a rate .* is empty"),
        (HEADER + "48,,0.1\n", "line 2, cell 2: a destination is a name"),
        (HEADER + "4x,Poland,0.1\n", "line 2, cell 1: a prefix is 1 to 15 digits"),
        (HEADER + ",Poland,0.1\n", "line 2, cell 1: a prefix is 1 to 15 digits"),
        (HEADER + "4.8E+12,Poland,0.1\n", r"line 2, cell 1: .*not '4.8E\+12'"),
        (HEADER + "49-48,Poland,0.1\n", "line 2, cell 1: a prefix"),
        (HEADER + "10000000-29999999,Poland,0.1\n", "line 2, cell 1: a prefix"),
        (HEADER + "1234567890123456,Poland,0.1\n", "line 2, cell 1: a prefix is 1 to 15"),
        (HEADER + "48,=1+1,0.1\n", "line 2, cell 2: a formula"),
        (HEADER + "48,Poland,=A1\n", "line 2, cell 3: a formula"),
        (HEADER + "48,Poland,0.1\n49,Germany,0.0", "the last line does not end"),
        (HEADER + '48,"Poland,0.1\n', "line .*: unexpected end of data"),
        (HEADER + "48," + "x" * (MOST_CELL + 1) + ",0.1\n", "line 2: a cell has at most"),
        (HEADER + "48," + "x" * 100_000 + ",0.1\n", "line 2 has more than 100000 characters"),
        ("prefix,destination,rate,billing\n48,Poland,0.1,often\n", "cell 4: billing is written"),
        ("prefix,destination,rate,initial\n48,Poland,0.1,0\n", "line 2: initial_block is a whole"),
        ("prefix,destination,rate,grace\n48,Poland,0.1,1_0\n", "cell 4: seconds are a whole"),
        ("prefix,destination,rate,date\n48,Poland,0.1,01/02/2026\n", "cell 4: a day is written"),
        ("prefix,destination,rate,currency\n48,Poland,0.1,EUR\n", "cell 4: the unit of this sheet"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_line(sheet: Sheet, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        read(sheet(text))


def test_a_file_in_two_encodings_is_refused_by_lines(sheet: Sheet) -> None:
    text = HEADER.encode() + "43,Österreich,1\n".encode() + "90,Türkei,1\n".encode("latin-1")
    with pytest.raises(ValueError, match="line 2 is in UTF-8 and line 3 is not"):
        read(sheet(text))
    with pytest.raises(ValueError, match="line 2 is neither UTF-8 nor Latin-1"):
        read(sheet(HEADER.encode() + b"43,\x81\x8d,1\n"))


# ---- workbooks


def workbook(path: Path, *rows: tuple[object, ...], title: str = "Rates") -> Path:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    book.create_sheet("Notes").append(("nothing",))
    book.save(path)
    return path


def test_a_workbook_is_read_exactly(tmp_path: Path) -> None:
    path = workbook(
        tmp_path / "rates.xlsx",
        ("Rates of ACME",),
        (),
        ("Code", "Destination", "Rate", "Increments", "Effective date"),
        (48, "Poland", 0.1 + 0.2, "60/60", date(2026, 12, 1)),
        ("4860-4861", "Poland, mobile", 0.079, "30/6", None),
    )
    minute = RateTerms("USD", 300_000, initial_block=60, increment=60)
    mobile = RateTerms("USD", 79_000, initial_block=30, increment=6)
    expected = [
        PricedPrefix("48", "Poland", minute, 4, date(2026, 12, 1)),
        PricedPrefix("4860", "Poland, mobile", mobile, 5),
        PricedPrefix("4861", "Poland, mobile", mobile, 5),
    ]
    assert read(path) == expected
    assert read(path, Reading("USD", worksheet="Rates")) == expected


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((48, "Poland", "=1+1"), "cell C2 is a formula"),
        ((48, "Poland", "cheap"), "cell C2: an amount is a plain decimal"),
        ((48, "x" * (MOST_CELL + 1), 1), "a cell has at most"),
        ((48.5, "Poland", 1), "cell A2: a prefix"),
        ((48, "Poland", 0.00000012), "cell C2: an amount .* six places"),
        ((48, "Poland", "#N/A"), "cell C2"),
    ],
)
def test_a_bad_cell_is_refused_by_name(tmp_path: Path, row: tuple[object, ...], says: str) -> None:
    path = workbook(tmp_path / "rates.xlsx", ("prefix", "destination", "rate"), row)
    with pytest.raises(ValueError, match=says):
        read(path)


def test_a_worksheet_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = workbook(tmp_path / "rates.xlsx", ("prefix", "destination", "rate"))
    with pytest.raises(ValueError, match="no worksheet 'Prices'; there are 'Rates', 'Notes'"):
        read(path, Reading("USD", worksheet="Prices"))


def test_a_file_that_is_not_what_it_says_is_refused(tmp_path: Path, sheet: Sheet) -> None:
    book = workbook(tmp_path / "a.xlsx", ("prefix", "destination", "rate"), (48, "Poland", 1))
    with pytest.raises(ValueError, match="is a ZIP file or an XLSX workbook, not text"):
        read(sheet(book.read_bytes()))
    with pytest.raises(ValueError, match=r"is no XLSX workbook; if it is text, name it \.csv"):
        read(sheet(HEADER, "rates.xlsx"))
    with pytest.raises(ValueError, match="Excel 97 or one with a password"):
        read(sheet(b"\xd0\xcf\x11\xe0" + b"0" * 600, "rates.xlsx"))
    with pytest.raises(ValueError, match="a rate sheet is a CSV file"):
        read(sheet(HEADER, "rates.pdf"))
    with pytest.raises(ValueError, match="a PDF document"):
        read(sheet(b"%PDF-1.7\n"))


def test_half_a_workbook_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    rows = [(48_000 + n, f"Poland {n}", 0.1) for n in range(200)]
    whole = workbook(tmp_path / "a.xlsx", ("prefix", "destination", "rate"), *rows).read_bytes()
    assert len(read(tmp_path / "a.xlsx")) == 200
    for part in range(1, 10):
        path = tmp_path / f"half{part}.xlsx"
        path.write_bytes(whole[: len(whole) * part // 10])
        with pytest.raises(ValueError, match="no XLSX workbook, or half of one"):
            read(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * 50_000_000)
    with pytest.raises(ValueError, match=r"unpacks from .* to 50000000 bytes"):
        read(path)


def test_a_workbook_with_entities_is_refused(tmp_path: Path) -> None:
    source = workbook(tmp_path / "a.xlsx", ("prefix", "destination", "rate"), (48, "Poland", 1))
    path = tmp_path / "b.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            if part == "xl/workbook.xml":
                content = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + content[content.find(b"<work") :]
            new.writestr(part, content)
    with pytest.raises(ValueError, match="declares a document type"):
        read(path)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("48", "48"),
        ("4.8E1", "48"),
        ("0.30000000000000004", "0.3"),
        ("1.2E-2", "0.012"),
        ("7.9000000000000001E-2", "0.079"),
        ("123456789012345", "123456789012345"),
        ("0.99999999999999989", "1"),
        ("9.99999999999999999", "10"),
        ("0", "0"),
    ],
)
def test_a_number_of_a_workbook_is_the_one_that_its_maker_saw(text: str, exact: str) -> None:
    assert _exact(text) == exact


@forall(st.integers(0, 10**12))
def test_an_amount_survives_the_way_through_a_workbook(micros: int) -> None:
    whole, fraction = divmod(micros, 10**6)
    told = f"{whole}.{fraction:06d}".rstrip("0").rstrip(".")
    assert _exact(repr(micros / 10**6)) == told


# ---- writing


def test_what_is_written_is_read_back_and_is_no_formula(tmp_path: Path) -> None:
    rows = [
        PricedPrefix("48", "=HYPERLINK(1)", RateTerms("USD", 29_000, initial_block=30), 2),
        PricedPrefix("49", "Germany, “all”", RateTerms("USD", 1, grace_seconds=3), 3),
    ]
    path = tmp_path / "out.csv"
    assert SheetFiles().write(path, rows) == 2
    assert "'=HYPERLINK" in path.read_text()
    assert read(path) == rows
    with pytest.raises(FileExistsError):
        SheetFiles().write(path, rows)


def test_prices_by_the_hour_are_not_written_as_if_they_had_none(tmp_path: Path) -> None:
    banded = RateTerms("USD", 1, bands=(Band((1,), 0, 60, 2),))
    with pytest.raises(ValueError, match="prefix 48 has prices by the hour"):
        SheetFiles().write(tmp_path / "out.csv", [PricedPrefix("48", "Poland", banded)])
    assert not (tmp_path / "out.csv").exists()


def test_reading_tells_how_far_it_is(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(HEADER + "".join(f"{n},Somewhere,0.1\n" for n in range(100_000, 120_000)))
    told: list[tuple[int, int]] = []
    rows = SheetFiles().read(path, USD, lambda what, done, total: told.append((done, total)))
    assert len(list(rows)) == 20_000
    size = path.stat().st_size
    assert told[-1] == (size, size)
    assert len(told) > 2
    assert [done for done, _ in told] == sorted(done for done, _ in told)
