"""No cell of an exported file is run by a spreadsheet, and nothing of it is lost."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.csv_safe import cell, line, table


@pytest.mark.parametrize("text", ["=1+1", "+4822", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_what_looks_like_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert cell(text) == "'" + text


@pytest.mark.parametrize("value", ["plain", "4711", "a=b", ""])
def test_what_is_no_formula_stays_as_it_is(value: str) -> None:
    assert cell(value) == value


@pytest.mark.parametrize("number", [-1, Decimal("-0.50")])
def test_a_number_below_zero_stays_a_number(number: object) -> None:
    assert cell(number) == str(number)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=1))
def test_every_cell_is_read_back_and_none_is_a_formula(values: list[str]) -> None:
    (read,) = csv.reader(io.StringIO(line(values), newline=""))
    assert len(read) == len(values)
    for told, value in zip(read, values, strict=True):
        assert told in (value, "'" + value)
        assert not told.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_table_has_a_header_and_empty_cells_for_nothing() -> None:
    assert list(table(("a", "b"), [(None, 1)])) == ["a,b\r\n", ",1\r\n"]
