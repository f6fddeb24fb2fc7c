"""A bounded way to run coroutines, and a gateway with a node that offers the family."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openclaw_location.family import FAMILY

from openclaw_core.testing import FakeNode, TestGateway, plugins_of

sys.path.append(str(Path(__file__).parent))  # sky.py, for the tests beside it

GPSD_OFF = {"gpsd": {"enabled": False}}
GEOCLUE_OFF = {"geoclue": {"enabled": False}}

Place = Callable[..., AbstractAsyncContextManager[FakeNode]]


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end, at most 50 seconds."""

    def bounded(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(asyncio.wait_for(coroutine, 50))

    return bounded


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A node with these settings, on a gateway of its own."""

    @asynccontextmanager
    async def open_place(**config: Any) -> AsyncIterator[FakeNode]:
        async with (
            TestGateway(tmp_path / "gateway", plugins_of(FAMILY)) as gateway,
            FakeNode(gateway, FAMILY, config={"location": config}) as node,
        ):
            yield node

    return open_place


async def refusal(node: FakeNode, **params: Any) -> tuple[str, str]:
    """The node's own code and the message of an invoke that must fail."""
    frame = await node.attempt("location.get", params)
    assert not frame["ok"], frame
    details = frame["error"].get("details", {})
    return details.get("nodeError", {}).get("code") or frame["error"]["code"], frame["error"]["message"]
