"""Changes as the driver's own SQL: compiled once per table, many rows per statement.

Every statement makes the driver give up the interpreter lock, and a busy event loop hands it
back only after up to 5 ms. So rows of one table travel in one multi-row INSERT: measured
beside a busy loop, 640 audit rows take 300 ms by `executemany` and 30 ms this way.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Dialect, String, Table, bindparam, delete
from sqlalchemy.dialects import sqlite
from sqlmodel.sql.sqltypes import AutoString

from openclaw_core.store.base import (
    Append,
    Change,
    Remove,
    Save,
    column_names,
    insert_columns,
    is_sealed,
    table_of,
)
from openclaw_core.store.chain import Chain
from openclaw_core.store.models import Row

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

__all__ = ["Statements"]

# Below the parameter limits of SQLite (32,766) and PostgreSQL (65,535).
_MAX_PARAMETERS = 8_000

Bind = Callable[[Any], Any]


class Statements:
    """Applies changes over one connection's dialect; keeps each table's compiled SQL.

    Args:
        chain: numbers and hashes the rows of a sealed table.
    """

    def __init__(self, dialect: Dialect, chain: Chain) -> None:
        self._dialect = dialect
        self._chain = chain
        self._tables: dict[type[Row], _TableSql | _SealedTableSql] = {}

    def apply(self, connection: Connection, changes: Iterable[Change]) -> None:
        """Run the changes inside the caller's transaction.

        Order is kept within each table. Between tables it is not: no table refers to another
        by a foreign key, and a transaction becomes visible at once.
        """
        by_model: dict[type[Row], list[Change]] = {}
        for change in changes:
            by_model.setdefault(change.model, []).append(change)
        for model, of_model in by_model.items():
            if model not in self._tables:
                self._tables[model] = self._compile(model)
            self._tables[model].apply(connection, of_model)

    def _compile(self, model: type[Row]) -> "_TableSql | _SealedTableSql":
        if is_sealed(model):
            return _SealedTableSql(self._dialect, model, self._chain)
        return _TableSql(self._dialect, model)


class _TableSql:
    def __init__(self, dialect: Dialect, model: type[Row]) -> None:
        table = table_of(model)
        key_names = {column.name for column in table.primary_key}
        self._key = itemgetter(*(i for i, name in enumerate(column_names(model)) if name in key_names))
        self._given = insert_columns(model)
        self._upsert = _Insert(dialect, table, column_names(model), replace=True)
        self._insert = _Insert(dialect, table, self._given, replace=False)
        matches = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
        self._delete = str(delete(table).where(*matches).compile(dialect=dialect))

    def apply(self, connection: Connection, changes: Sequence[Change]) -> None:
        for kind, rows in self._runs(changes):
            if kind is Save:
                self._upsert.run(connection, rows)
            elif kind is Append:
                self._insert.run(connection, rows)
            else:
                connection.exec_driver_sql(self._delete, rows)

    def _runs(self, changes: Sequence[Change]) -> Iterator[tuple[type[Change], list[tuple[Any, ...]]]]:
        """Neighbours of one kind. Of a row that is saved twice in a run the last version is enough."""
        rows: dict[Any, tuple[Any, ...]] = {}
        kind: type[Change] = Append
        for change in changes:
            if type(change) is not kind and rows:
                yield kind, list(rows.values())
                rows = {}
            kind = type(change)
            if isinstance(change, Append):
                rows[len(rows)] = tuple(map(change.values.get, self._given))
            else:
                values = change.values
                rows[values if isinstance(change, Remove) else self._key(values)] = values
        if rows:
            yield kind, list(rows.values())


class _SealedTableSql:
    """A table that only grows; `Save` and `Remove` refuse its model."""

    def __init__(self, dialect: Dialect, model: type[Row], chain: Chain) -> None:
        self._chain = chain
        self._takes_nul = dialect.name == "sqlite"
        self._insert = _Insert(dialect, table_of(model), column_names(model), replace=False, as_given=True)

    def apply(self, connection: Connection, changes: Sequence[Change]) -> None:
        seal = self._chain.seal
        rows = (change.values for change in changes if type(change) is Append)
        if not self._takes_nul:  # before the hash: it is over what is stored
            rows = ({name: _without_nul(value) for name, value in row.items()} for row in rows)
        self._insert.run(connection, [seal(row) for row in rows])


class _Insert:
    """A single-row INSERT, widened to any number of rows in powers of two (so few texts exist).

    `as_given`: every value is one the driver takes as it is (no JSON), so none is looked at.
    """

    def __init__(
        self, dialect: Dialect, table: Table, names: Sequence[str], *, replace: bool, as_given: bool = False
    ) -> None:
        text = _compile_insert(dialect, table, names, replace=replace)
        self._head, _, tail = text.partition(" VALUES ")
        self._group, conflict, action = tail.partition(" ON CONFLICT ")
        self._tail = conflict + action
        self._most = 1 << (_MAX_PARAMETERS // len(names)).bit_length() - 1
        self._texts: dict[int, str] = {}
        self._binds = [] if as_given else _binds(dialect, table, names)

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        at = 0
        while left := len(rows) - at:
            count = min(self._most, 1 << left.bit_length() - 1)
            values = list(chain.from_iterable(rows[at : at + count]))
            for column, bind in self._binds:
                values[column :: len(rows[0])] = map(bind, values[column :: len(rows[0])])
            connection.exec_driver_sql(self._text(count), tuple(values))
            at += count

    def _text(self, count: int) -> str:
        if count not in self._texts:
            groups = ", ".join([self._group] * count)
            self._texts[count] = f"{self._head} VALUES {groups}{self._tail}"
        return self._texts[count]


def _insert_into(dialect: Dialect, table: Table) -> "sqlite.Insert | postgresql.Insert":
    if dialect.name == "postgresql":
        # A tenth of the gateway's start, which one with SQLite need not wait for.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def _compile_insert(dialect: Dialect, table: Table, names: Sequence[str], *, replace: bool) -> str:
    """The only place that knows how a database spells "insert or replace"."""
    statement = _insert_into(dialect, table).inline()
    if replace:
        keys = [column.name for column in table.primary_key]
        others = {name: statement.excluded[name] for name in names if name not in keys}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=others)
    return " ".join(str(statement.compile(dialect=dialect, column_keys=list(names))).split())


def _binds(dialect: Dialect, table: Table, names: Sequence[str]) -> list[tuple[int, Bind]]:
    """The columns whose values are converted for the driver (JSON, text), with the converter."""
    found: list[tuple[int, Bind]] = []
    for position, name in enumerate(names):
        kind = table.columns[name].type
        bind = kind.dialect_impl(dialect).bind_processor(dialect)
        if bind is None and isinstance(kind, String | AutoString) and dialect.name != "sqlite":
            bind = _without_nul
        if bind is not None:
            found.append((position, bind))
    return found


def _without_nul(value: Any) -> Any:
    """PostgreSQL's texts hold no NUL: a stranger who sends one must not escape the trail by it."""
    return value.replace("\0", "\N{SYMBOL FOR NULL}") if isinstance(value, str) and "\0" in value else value
