"""Blocking work of a command ends with its invoke."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from openclaw_core import in_thread

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_results_and_errors_come_through() -> None:
    assert await in_thread(lambda stop: (stop.is_set(), threading.current_thread().daemon)) == (False, True)

    def fail(_stop: threading.Event) -> Any:
        raise ValueError("no film")

    with pytest.raises(ValueError, match="no film"):
        await in_thread(fail)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_cancellation_waits_until_the_device_is_released(fails: bool) -> None:
    loop, opened = asyncio.get_running_loop(), asyncio.Event()
    steps: list[str] = []

    def work(stop: threading.Event) -> None:
        loop.call_soon_threadsafe(opened.set)
        assert stop.wait(10)
        steps.append("released")
        if fails:
            raise OSError("gone")

    task = asyncio.create_task(in_thread(work))
    await opened.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["released"]


async def test_a_deadline_waits_for_the_work_too() -> None:
    def work(stop: threading.Event) -> None:
        released.append(stop.wait(10))

    released: list[bool] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await in_thread(work)
    assert released == [True]
