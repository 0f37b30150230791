"""Tables as Parquet files. Needs pyarrow, which is 170 MB and so an extra of its own."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from adapters.exports.files import new_file
from adapters.exports.tables import PLACES, Kind, Row, Table

_ROWS_AT_A_TIME = 20_000
_DIGITS = 25
"""More than any amount has: a number of micros has nineteen digits at most."""


class NoParquet(Exception):
    """pyarrow is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: pip install 'talktime[parquet]'")


def write_parquet(layout: Table, rows: Iterable[Row], folder: Path) -> int:
    """``<folder>/<name>.parquet``, a new file; gives the number of rows. Raises NoParquet."""
    pyarrow, parquet = _pyarrow()
    kinds: dict[Kind, Any] = {
        Kind.NUMBER: pyarrow.int64(),
        Kind.TEXT: pyarrow.string(),
        Kind.MOMENT: pyarrow.timestamp("us", tz="UTC"),
        Kind.AMOUNT: pyarrow.decimal128(_DIGITS, PLACES),
        Kind.FLAG: pyarrow.bool_(),
    }
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in layout.columns])
    rest, count = iter(rows), 0
    with (
        new_file(folder / f"{layout.name}.parquet") as file,
        parquet.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        while some := list(islice(rest, _ROWS_AT_A_TIME)):
            columns = [
                pyarrow.array(column, type=field.type)
                for column, field in zip(zip(*some, strict=True), schema, strict=True)
            ]
            writer.write_batch(pyarrow.record_batch(columns, schema=schema))
            count += len(some)
    return count


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise NoParquet from error
    return pyarrow, parquet
