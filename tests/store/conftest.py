"""One suite over every store: SQLite in `make test`, PostgreSQL as well in `make test-postgres`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from openclaw_core.store.models import Device, PairRequest
from openclaw_core.store.sql import SqlStore


@pytest.fixture
def url(store_url: str) -> str:
    """The URL of an empty database."""
    return store_url


Scenario = Callable[[SqlStore], Coroutine[Any, Any, None]]


@pytest.fixture
def run(url: str) -> Callable[..., None]:
    """Runs an async scenario on an open store; bounded, closed afterwards."""

    @asynccontextmanager
    async def opened(**options: Any) -> AsyncIterator[SqlStore]:
        store = SqlStore(url, **options)
        await store.start()
        try:
            yield store
        finally:
            await store.close()

    def run_scenario(scenario: Scenario, **options: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20), opened(**options) as store:
                await scenario(store)

        asyncio.run(bounded())

    return run_scenario


@pytest.fixture
def device() -> Callable[..., Device]:
    """Makes a device row; keywords change columns."""

    def make(device_id: str = "d1", **columns: Any) -> Device:
        row = Device(
            device_id=device_id, public_key="key", approved_via="person", created_at_ms=1, approved_at_ms=2
        )
        return row.model_copy(update=columns)

    return make


@pytest.fixture
def pair_request() -> Callable[[str, str], PairRequest]:
    """Makes a pairing request; two of one device violate the table's unique column."""

    def make(request_id: str, device_id: str) -> PairRequest:
        return PairRequest(
            request_id=request_id,
            device_id=device_id,
            public_key="key",
            role="node",
            silent=False,
            is_repair=False,
            ts_ms=1,
            expires_at_ms=2,
        )

    return make
