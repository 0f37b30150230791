"""Which index SQLite is not to take: it keeps no statistics here, and guesses."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal


class unindexed(ColumnElement[Any]):
    """A column that SQLite compares, but does not choose an index by: the unary plus of
    https://sqlite.org/optoverview.html (section 5.1). PostgreSQL, which knows how many rows each
    value has, sees the column alone."""

    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        self.column = column
        self.type = column.type


@compiles(unindexed, "sqlite")
def _with_plus(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return "+" + compiler.process(element.column, **options)


@compiles(unindexed)
def _alone(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.column, **options)
