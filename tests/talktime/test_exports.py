"""Facts, postings and calls leave as tables, the books as journals, and all tell the same."""

from __future__ import annotations

import builtins
import csv
import json
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pyarrow import parquet

from adapters.cli.program import Failure
from adapters.exports.parquet import write_parquet
from adapters.exports.tables import POSTINGS, posting_rows, write_csv
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.ledger import Move, Transaction
from domain.money import Money
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from talktime.exports import LedgerExports
from talktime.settings import Settings
from talktime.system import running
from tests.support.seals import NOON
from tests.talktime.test_sealing import one_call
from tests.talktime.test_system import settings_in

ROWS = {"facts": "position", "postings": "position", "calls": "session_id"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A ledger with three calls."""
    settings = settings_in(tmp_path_factory.mktemp("exported"))
    with running(settings) as system:
        sheet = [PricedPrefix("48", "Poland", RateTerms("USD", 600_000))]
        since = system.clock.now() - timedelta(days=1)
        system.tariffs.publish_rows("retail", "USD", sheet, since, "ann")
        dollars = Money(5_000_000, "USD")
        system.administration.create_group("Gold", GroupTerms("USD", dollars, "retail"))
        system.access_numbers.add("18005550100", AccessTerms())
        for number in (1, 2, 3):
            one_call(system, number)
    return settings


@pytest.fixture
def exports(settings: Settings) -> LedgerExports:
    return LedgerExports(settings)


def csv_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parquet_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


def test_tables_hold_every_fact_posting_and_call(exports: LedgerExports, tmp_path: Path) -> None:
    counts = exports.tables("csv", tmp_path)
    for name, key in ROWS.items():
        rows = csv_rows(tmp_path, name)
        assert len(rows) == counts[name] > 0
        assert all(row[key] for row in rows)
    facts = csv_rows(tmp_path, "facts")
    assert [int(row["position"]) for row in facts] == list(range(1, len(facts) + 1))
    (opened, *_) = [row for row in facts if row["name"] == "call-started"]
    assert json.loads(opened["fields"])["access_number"] == "18005550100"
    assert datetime.fromisoformat(opened["recorded_at"]).tzinfo
    assert [row["charged"] for row in csv_rows(tmp_path, "calls")] == ["0.600000"] * 3


def test_postings_of_one_fact_sum_to_nothing(exports: LedgerExports, tmp_path: Path) -> None:
    exports.tables("csv", tmp_path)
    sums: Counter[tuple[str, str]] = Counter()
    for row in csv_rows(tmp_path, "postings"):
        sums[row["position"], row["unit"]] += Decimal(row["amount"])  # type: ignore[assignment]
    assert set(sums.values()) == {Decimal()}


def test_parquet_tells_the_same_as_csv(exports: LedgerExports, tmp_path: Path) -> None:
    assert exports.tables("parquet", tmp_path) == exports.tables("csv", tmp_path)
    for name in ROWS:
        found, told = parquet_rows(tmp_path, name), csv_rows(tmp_path, name)
        assert list(found[0]) == list(told[0])
        for one, other in zip(found, told, strict=True):
            assert [_as_csv(value) for value in one.values()] == list(other.values())


def _as_csv(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    return text if isinstance(value, Decimal) or not text.startswith(("+", "-")) else f"'{text}"


def test_pin_digests_do_not_leave(exports: LedgerExports, tmp_path: Path) -> None:
    exports.tables("csv", tmp_path)
    made = [row for row in csv_rows(tmp_path, "facts") if "pin_digest" in row["fields"]]
    assert made
    assert {json.loads(row["fields"])["pin_digest"] for row in made} == {None}


def test_a_journal_is_as_of_a_moment(exports: LedgerExports, tmp_path: Path) -> None:
    assert exports.journal("hledger", tmp_path / "now", None) > 3
    assert exports.journal("hledger", tmp_path / "then", NOON - timedelta(days=9_999)) == 0
    assert "Liabilities:Prepaid:Gold:" in (tmp_path / "now").read_text()


def test_what_leaves_is_for_its_owner_and_is_never_written_over(
    exports: LedgerExports, tmp_path: Path
) -> None:
    path = tmp_path / "books"
    exports.journal("beancount", path, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    was = path.read_text()
    with pytest.raises(Failure, match="is there already, and is not written over"):
        exports.journal("beancount", path, None)
    assert path.read_text() == was


def test_a_file_that_was_not_finished_is_not_left(tmp_path: Path) -> None:
    def failing() -> Iterator[Sequence[object]]:
        yield from posting_rows([Transaction(1, NOON, UUID(int=1), "fee", moves)])
        raise ValueError("the log is damaged")

    moves = [Move("Income:Calls", "Income:Breakage", Money(1, "USD"))]
    for write in (write_csv, write_parquet):
        with pytest.raises(ValueError, match="damaged"):
            write(POSTINGS, failing(), tmp_path)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_amounts_are_exact_from_the_smallest_to_the_largest(tmp_path: Path) -> None:
    amounts = [1, 999_999, 1_000_001, 10**18 - 1]
    transactions = [
        Transaction(n, NOON, UUID(int=n), "fee", [Move("Income:A", "Income:B", Money(m, "USD"))])
        for n, m in enumerate(amounts)
    ]
    for write in (write_csv, write_parquet):
        assert write(POSTINGS, posting_rows(transactions), tmp_path) == 8
    for rows in (csv_rows(tmp_path, "postings"), parquet_rows(tmp_path, "postings")):
        micros = [int(Decimal(row["amount"]).scaleb(6)) for row in rows]
        assert micros == [each for amount in amounts for each in (amount, -amount)]


def test_without_pyarrow_it_is_said_what_to_install(
    exports: LedgerExports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(Failure, match=r"pip install 'talktime\[parquet\]'"):
        exports.tables("parquet", tmp_path)
