"""Gateways as processes of their own, as a person starts them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any, Self

from openclaw_core.testing import PATIENCE_SECONDS, FakeDevice, Wire, node_params, operator_params

__all__ = ["GatewayProcess", "environment_of", "refuse", "run_program"]

_SERVES = re.compile(r"serves on ws://(?P<host>\S+):(?P<port>\d+) ")
_START_SECONDS = 30.0
"""Bound of one start on a busy machine; not an expectation."""


def environment_of(state: Path, **changes: str) -> dict[str, str]:
    """The environment of a fresh user; nothing of the person who runs the tests leaks in."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENCLAW_")}
    return {**kept, "HOME": str(state.parent), "OPENCLAW_STATE_DIR": str(state), **changes}


def _command(*flags: str) -> list[str]:
    port = () if "--port" in flags else ("--port", "0")
    return [sys.executable, "-m", "openclaw_core", "gateway", "run", *port, *flags]


def refuse(state: Path, *flags: str, **environment: str) -> str:
    """Start a gateway that must refuse; what it says on stderr."""
    done = subprocess.run(
        _command(*flags),
        env=environment_of(state, **environment),
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


async def run_program(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run `openclaw …` to its end: its exit code and all it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "openclaw_core", *arguments, env=environment, stdout=-1, stderr=-2
    )
    async with asyncio.timeout(_START_SECONDS):
        printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


async def _first_line(process: asyncio.subprocess.Process) -> str:
    """What it prints when it serves; a start that fails shows why."""
    assert process.stdout is not None
    async with asyncio.timeout(_START_SECONDS):
        line = (await process.stdout.readline()).decode()
        if not line:
            _, errors = await process.communicate()
            raise AssertionError(f"the gateway did not serve: {errors.decode()}")
    return line


class GatewayProcess:
    """A serving gateway.

    Attributes:
        line: what it printed when it served.
        secrets: texts that must not appear in anything it prints; checked when it ends.
    """

    def __init__(self, state: Path, process: asyncio.subprocess.Process, line: str) -> None:
        self.state = state
        self.line = line
        self.secrets: set[str] = set()
        self._process = process
        self._stack = contextlib.AsyncExitStack()

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, state: Path, *flags: str, **environment: str) -> AsyncIterator[Self]:
        """Start one and wait until it serves; it is ended with the block."""
        process = await asyncio.create_subprocess_exec(
            *_command(*flags), env=environment_of(state, **environment), stdout=-1, stderr=-1
        )
        try:
            gateway = cls(state, process, await _first_line(process))
            async with gateway._stack:
                yield gateway
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        """The port it names."""
        found = _SERVES.search(self.line)
        assert found is not None, self.line
        return int(found["port"])

    @property
    def token(self) -> str:
        """The minted token."""
        return (self.state / "gateway-token").read_text().strip()

    async def wire(self) -> Wire:
        """A raw socket that has its challenge."""
        return await self._stack.enter_async_context(Wire.open(f"ws://127.0.0.1:{self.port}"))

    async def operator(self, **options: Any) -> Wire:
        """A connected operator."""
        wire = await self.wire()
        hello = await wire.connect(operator_params(token=self.token, **options))
        assert hello["ok"], hello
        return wire

    async def node(
        self, device: FakeDevice, auth: dict[str, str] | None = None
    ) -> tuple[Wire, dict[str, Any]]:
        """A connected node with the command `demo.any`, and its hello-ok."""
        wire = await self.wire()
        params = {**node_params(["demo.any"]), "auth": auth or {"token": self.token}}
        hello = await wire.connect(params, device)
        assert hello["ok"], hello
        self.secrets.add(hello["payload"]["auth"]["deviceToken"])
        return wire, hello["payload"]

    async def stop(self, signal: Signals = SIGTERM) -> float:
        """Send a signal; the exit code must be 0. Seconds until the process was gone."""
        began = time.monotonic()
        self._process.send_signal(signal)
        await self.gone(0)
        return time.monotonic() - began

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        await self.gone(-9)

    async def gone(self, code: int) -> str:
        """Wait for its end; everything it printed but the first line. It betrayed no secret."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, errors = await self._process.communicate()
        assert out == b"", "more than one line on stdout"
        said = self.line + errors.decode()
        assert self._process.returncode == code, said
        assert "Traceback" not in said
        assert "graceful shutdown exceeded" not in said, "uvicorn waited for something that nobody ended"
        minted = {self.token} if (self.state / "gateway-token").exists() else set()
        assert [secret for secret in self.secrets | minted if secret in said] == []
        return said
