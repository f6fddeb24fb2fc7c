"""Shared by every suite."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openclaw_core.database_url import hide_password
from openclaw_core.store.engine import open_engine
from openclaw_core.store.inspection import describe

from .cluster import PASSWORD, Cluster

STARTED = pytest.StashKey[dict[str, str]]()
STORES = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as the gateway does."""
    return "asyncio"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for this run; only tests marked `postgres` may ask for it."""
    with Cluster.running() as running:
        yield running


@pytest.fixture
def store_password() -> str:
    """The secret in the server's URL, which must show nowhere."""
    return PASSWORD


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once for each store."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/openclaw.db"
        how = f"a new file for each test, e.g. {url}"
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.new_database()
        how = f"initdb and pg_ctl in {cluster.directory}, a database for each test, e.g. {hide_password(url)}"
    started = request.config.stash.setdefault(STARTED, {})
    if request.param not in started:
        started[request.param] = f"{facts_of(url)}; {how}"
    return url


def facts_of(url: str) -> str:
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            return describe(connection)
    finally:
        engine.dispose()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist tells the one who prints."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["stores"] = session.config.stash.get(STARTED, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The other end of it."""
    told = getattr(node, "workeroutput", {}).get("stores", {})
    started = node.config.stash.setdefault(STARTED, {})
    for store, how in told.items():
        started.setdefault(store, how)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """How each store was started, once per run."""
    started = config.stash.get(STARTED, {})
    if started:
        terminalreporter.section("stores")
        line: Callable[[str], None] = terminalreporter.write_line
        for store in sorted(started):
            line(f"{store}: {started[store]}")
