"""The contract of a store and the three changes it understands."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import JSON, BigInteger, Connection, Table
from sqlalchemy import inspect as inspect_model

from openclaw_core.store.models import Row

__all__ = [
    "Append",
    "Change",
    "Remove",
    "Save",
    "Store",
    "column_names",
    "insert_columns",
    "is_sealed",
    "table_of",
]

R = TypeVar("R", bound=Row)
T = TypeVar("T")


@cache
def table_of(model: type[Row]) -> Table:
    """The table behind a model."""
    table = inspect_model(model).local_table
    assert isinstance(table, Table)
    return table


@cache
def column_names(model: type[Row]) -> tuple[str, ...]:
    """The model's columns in table order."""
    return tuple(table_of(model).columns.keys())


@cache
def insert_columns(model: type[Row]) -> tuple[str, ...]:
    """The columns a caller may give: all but a row number and a hash, which are not his to choose."""
    table = table_of(model)
    counted = {column.name for column in table.primary_key if isinstance(column.type, BigInteger)}
    counted.update(column.name for column in table.columns if column.info.get("sealed"))
    return tuple(name for name in column_names(model) if name not in counted)


@cache
def is_sealed(model: type[Row]) -> bool:
    """True for a table that only grows, each row hashed onto the one before (see `store.chain`)."""
    return any(column.info.get("sealed") for column in table_of(model).columns)


def _refuse_sealed(model: type[Row]) -> None:
    if is_sealed(model):
        raise TypeError(f"rows of {model.__name__} are only appended; use Append")


@cache
def _insertable(model: type[Row]) -> frozenset[str]:
    return frozenset(insert_columns(model))


@cache
def _json_columns(model: type[Row]) -> frozenset[str]:
    columns = table_of(model).columns
    return frozenset(name for name, column in columns.items() if isinstance(column.type, JSON))


class Save:
    """Insert the row or replace the one with its primary key.

    The values are taken now: what happens to the row (or its lists) afterwards is not stored.
    """

    __slots__ = ("model", "values")

    def __init__(self, row: Row) -> None:
        self.model = type(row)
        _refuse_sealed(self.model)
        held, mutable = row.__dict__, _json_columns(type(row))
        self.values: tuple[Any, ...] = tuple(
            held[name].copy() if name in mutable else held[name] for name in column_names(self.model)
        )

    @classmethod
    def values_of(cls, model: type[Row], values: tuple[Any, ...]) -> Self:
        """The same without a row, for what is stored often.

        Args:
            values: one for every column in table order, none of which changes any more.
        """
        if len(values) != len(column_names(model)) or is_sealed(model):
            _refuse_sealed(model)
            expected = ", ".join(column_names(model))
            raise TypeError(f"{model.__name__} takes a value for each of {expected}; got {len(values)}")
        change = cls.__new__(cls)
        change.model, change.values = model, values
        return change


class Remove:
    """Delete the row with this primary key, given in column order; no such row is no error."""

    __slots__ = ("model", "values")

    def __init__(self, model: type[Row], *key: str | int) -> None:
        expected = [column.name for column in table_of(model).primary_key.columns]
        if len(key) != len(expected):
            raise TypeError(f"{model.__name__} is keyed by {', '.join(expected)}; got {key!r}")
        _refuse_sealed(model)
        self.model = model
        self.values: tuple[Any, ...] = key


class Append:
    """Plain insert; columns left out are NULL, row number and hash are given by the store.

    The cheapest change, for audit rows. `values` must not be changed after it was handed over.

    Raises:
        TypeError: `values` names something that is no column, or the row number.
    """

    __slots__ = ("model", "values")

    def __init__(self, model: type[Row], values: Mapping[str, Any]) -> None:
        if not values.keys() <= _insertable(model):
            unknown = ", ".join(sorted(values.keys() - _insertable(model)))
            raise TypeError(f"{model.__name__} takes {', '.join(insert_columns(model))}; not {unknown}")
        self.model = model
        self.values = values


Change = Save | Remove | Append


class Store(Protocol):
    """Durable rows. Every method belongs to one event loop, the one that awaited `start`.

    Attributes:
        commits: transactions committed since `start`.
        failed: changes given to `write_behind` that could not be stored; each is in the log.
        forced: how often `write_behind` found more than its limit waiting and forced a flush.
        pending: changes handed over and not yet committed.
        stuck: why the last transaction could not be committed; None when it was.
    """

    @property
    def commits(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def forced(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def stuck(self) -> str | None: ...

    async def start(self) -> None:
        """Open the database and bring its schema to this version's.

        Raises:
            StoreError: it cannot be opened, is damaged, or was written by a newer version.
        """

    async def close(self) -> None:
        """Store everything still waiting, then close. A second call does nothing."""

    async def load(self, model: type[R]) -> list[R]:
        """Every row of a table in primary-key order, including all changes handed over before."""

    async def write(self, *changes: Change) -> None:
        """Store all changes in one transaction, all or none; durable (fsynced) on return.

        Concurrent calls share one commit. A call that fails fails alone. A cancelled call goes
        on until its outcome is known, so that memory agrees with the database; the caller is
        then cancelled at its next await.

        Raises:
            StoreError: nothing of this call was stored; the text says why.
        """

    def write_behind(self, *changes: Change) -> None:
        """Store the changes soon (within about 250 ms) without waiting; never blocks, never raises.

        Order is kept, among these and before any later `write`. A crash may lose what is still
        waiting; `close` does not. A failure is logged and counted in `failed`, and so are
        changes refused because the database stands still and four times the limit waits.
        """

    async def query(self, fn: Callable[[Connection], T]) -> T:
        """Run a read on the writer's connection; it sees every change handed over before.

        Args:
            fn: reads and returns plain values; it runs in the writer's thread and its
                transaction is rolled back afterwards. Its own exceptions come back unchanged.

        Raises:
            StoreError: the database refused the read, or the store is not open.
        """
