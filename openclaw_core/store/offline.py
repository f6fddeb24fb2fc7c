"""Reading a stored database without being its gateway: no lock, no migration, no change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from openclaw_core.errors import StoreError
from openclaw_core.store.engine import explain, open_engine

__all__ = ["database_file", "read_database"]

T = TypeVar("T")


def database_file(url: str) -> Path:
    """The file of an SQLite database.

    Raises:
        StoreError: the database is no file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise StoreError(
            f"the database is {parsed.get_backend_name()}, not a file: use that database's own tools for it"
        )
    return Path(parsed.database)


def read_database(url: str, fn: Callable[[Connection], T]) -> T:
    """Run a read in one transaction; works beside a running gateway.

    Raises:
        StoreError: there is no database, or it cannot be read.
    """
    target = make_url(url)
    is_server = target.get_backend_name() != "sqlite"
    if not is_server:
        file = database_file(url)
        if not file.exists():
            raise StoreError(f"there is no database at {file}: start a gateway once: openclaw gateway run")
        # Not `immutable`: a running gateway's newest rows are in the -wal file.
        target = target.set(database=f"file:{file}", query={"mode": "ro", "uri": "true"})
    engine = open_engine(target.render_as_string(hide_password=False)) if is_server else create_engine(target)
    try:
        with engine.connect() as connection:
            return fn(connection)
    except SQLAlchemyError as error:
        raise explain(error, "reading") from error
    finally:
        engine.dispose()
