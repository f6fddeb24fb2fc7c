"""The real program as a child process, against a gateway of the test."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from openclaw_core import Command, Family
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.testing import TOKEN, TestGateway, plugins_of

PATIENCE_S = 50


class Anything(BaseModel, extra="allow"):
    pass


DEMO = Family(
    "demo",
    "Demo",
    caps=("demo",),
    commands=(
        Command("demo.any", Anything, Anything, platforms=ALL_PLATFORMS),
        Command("demo.root", Anything, Anything, platforms=ALL_PLATFORMS, admin_invoke=True),
    ),
)


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Awaitable[Result]]
Start = Callable[..., Awaitable[TestGateway]]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of a person with an empty home."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENCLAW_")}
    return {**kept, "HOME": str(tmp_path / "home"), "OPENCLAW_STATE_DIR": str(tmp_path / "client")}


@pytest.fixture
def cli(env: dict[str, str]) -> Cli:
    """Runs `openclaw …` to its end."""

    async def run(*arguments: str, **extra: str) -> Result:
        process = await spawn(arguments, {**env, **extra})
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Result(process.returncode, out.decode(), err.decode())

    return run


async def spawn(arguments: tuple[str, ...], env: dict[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "openclaw_core",
        *arguments,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A suite that runs in the background passes on an ignored Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture
async def start(tmp_path: Path, env: dict[str, str]) -> AsyncIterator[Start]:
    """Starts the gateway that `cli` talks to by default."""
    async with AsyncExitStack() as stack:

        async def make(overrides: dict[str, Any] | None = None) -> TestGateway:
            gateway = TestGateway(tmp_path / "gateway", plugins_of(DEMO), overrides)
            await stack.enter_async_context(gateway)
            env["OPENCLAW_GATEWAY_PORT"] = str(gateway.server.port)
            env["OPENCLAW_GATEWAY_TOKEN"] = TOKEN
            return gateway

        yield make
