"""Cards of an older system: all rows or none, and each bad row is named with what is wrong."""

from __future__ import annotations

import pytest

from application.card_import import ImportReport
from domain.errors import PinsUsedUp
from tests.support.shop import Shop
from tests.support.story import dollars

GOOD = ["number,pin,balance", "5000000001,11111111,3.50", "5000000002,22222222,"]


def load(shop: Shop, *lines: str, good_only: bool = False) -> ImportReport:
    return shop.imports.load("Gold", lines, "ann", "from the old one", good_only=good_only)


def test_good_rows_become_cards_with_their_balance_or_the_face_value() -> None:
    shop = Shop()
    assert load(shop, *GOOD) == ImportReport(2, 0, ())
    assert shop.state_of("5000000001").face_value == dollars(3, 50)
    assert shop.state_of("5000000002").face_value == dollars(10)
    assert shop.state_of("5000000001").pin_digest == shop.pins.digest("11111111")


def test_the_same_file_again_changes_nothing() -> None:
    shop = Shop()
    load(shop, *GOOD)
    before = len(shop.units.log())
    assert load(shop, *GOOD) == ImportReport(0, 2, ())
    assert len(shop.units.log()) == before


BAD = {
    "5000000001,33333333,1": "duplicate number: line 2",
    "5000000009,11111111,1": "duplicate PIN: line 2",
    "50000x0009,33333333,1": "number is digits only",
    "5000000009,3333333,1": "PIN has 8 digits",
    "500000009,33333333,1": "number has 10 digits",
    "5000000009,33333333,-1": "balance is zero or more",
    "5000000009,33333333,1e3": "plain decimal",
    "5000000009,33333333": "2 cells, not 3",
    "=5000000009,33333333,1": "number is digits only",
    "5000000009,٣٣٣٣٣٣٣٣,1": "PIN is digits only",
    "4711000000,33333333,1": "duplicate number: a card",
    "5000000009,44444444,1": "duplicate PIN: a card",
    f"5000000009,33333333,{'1' * 300}": "more than 200 characters",
}


@pytest.mark.parametrize("row", BAD)
def test_a_bad_row_is_named_and_nothing_is_loaded_unless_told_so(row: str) -> None:
    shop = Shop()
    shop.admin.generate_card("Gold", number="4711000000", pin="44444444")
    before = len(shop.units.log())
    report = load(shop, *GOOD, row)
    (bad,) = report.bad
    assert bad.line == 4
    assert BAD[row] in bad.problem
    assert report.loaded == 0
    assert len(shop.units.log()) == before
    assert load(shop, *GOOD, row, good_only=True).loaded == 2


def test_no_report_repeats_a_pin() -> None:
    shop = Shop()
    report = load(shop, *GOOD, "5000000009,12345,1")
    assert "12345" not in report.bad[0].problem


@pytest.mark.parametrize("lines", [(), ("pin,number",), ("number,pin,balance", '"5000,1')])
def test_a_file_that_is_none_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="line"):
        load(Shop(), *lines)


def test_somebody_who_takes_a_number_meanwhile_makes_its_row_a_bad_one() -> None:
    shop = Shop()

    def others_first() -> None:
        shop.bulk.before_storing = lambda: None
        shop.admin.generate_card("Gold", number="5000000002")

    shop.bulk.before_storing = others_first
    report = load(shop, *GOOD)
    assert report.loaded == 0
    assert [bad.number for bad in report.bad] == ["5000000002"]
    assert shop.units.find("card-number", "5000000001") is None


def test_an_import_counts_towards_one_pin_in_five() -> None:
    shop = Shop()
    left = shop.lots.pins_left(8)
    load(shop, *GOOD)
    assert shop.lots.pins_left(8) == left - 2
    shop.change("Gold", pin_length=4, number_length=4)
    shop.lot(count=1_999, first="1000")
    pins = [f"{number:04d}" for number in range(10_000)]
    used = shop.bulk.holders("pin", [shop.pins.digest(pin) for pin in pins])
    one, other, *_ = [pin for pin in pins if shop.pins.digest(pin) not in used]
    with pytest.raises(PinsUsedUp):
        load(shop, "number,pin", f"5003,{one}", f"5004,{other}", good_only=True)
