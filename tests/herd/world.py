"""The gateway and the herd as processes of their own, and what each of them costs."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import psutil

__all__ = ["TOKEN", "Crowd", "Gateway", "spawn"]

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "herd-token-0123456789"
START_S = 60.0
PATIENCE_S = 400.0
"""Bound of one phase on a busy machine; not an expectation."""


async def spawn(directory: Path, module: str, *arguments: str) -> asyncio.subprocess.Process:
    """A module of this folder; what it says on stderr goes into `<module>.log`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENCLAW_")}
    with (directory / f"{module}.log").open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"tests.herd.{module}", *arguments),
            cwd=ROOT,
            env={**kept, "HOME": str(directory), "OPENCLAW_LOG_LEVEL": "warning"},
            limit=1 << 24,  # one line may name every node
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )


class Gateway:
    """The gateway's process; killed and started again on the port it had.

    Attributes:
        up: set while it serves.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state_dir = directory / "gateway"
        self.port = 0
        self.up = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start, and wait until it serves."""
        arguments = (str(self.state_dir), str(self.port), TOKEN)
        self._process = await spawn(self.directory, "gateway_process", *arguments)
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S):
            line = (await self._process.stdout.readline()).decode()
        assert "serves on ws://" in line, self.log()
        self.port = int(line.split("serves on ws://")[1].split()[0].rpartition(":")[2])
        self.up.set()

    async def end(self, number: signal.Signals) -> None:
        """SIGKILL as a power cut would, SIGTERM as a person does."""
        assert self._process is not None
        self.up.clear()
        self._process.send_signal(number)
        async with asyncio.timeout(START_S):
            code = await self._process.wait()
        assert code == (-9 if number is signal.SIGKILL else 0), self.log()

    async def close(self) -> None:
        """End it, whatever its state."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def sockets(self) -> int:
        """Established TCP sockets, as the kernel sees them."""
        return sum(item.status == psutil.CONN_ESTABLISHED for item in self.process.net_connections("tcp"))

    def log(self) -> str:
        """What it complained about."""
        return (self.directory / "gateway_process.log").read_text()[-4000:]


class Crowd:
    """The herd's process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def open(cls, gateway: Gateway, nodes: int) -> AsyncIterator[Crowd]:
        """A herd that waits for orders."""
        arguments = (str(gateway.port), TOKEN, str(nodes))
        process = await spawn(gateway.directory, "crowd_process", *arguments)
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def tell(self, do: str, **order: Any) -> dict[str, Any]:
        """Give an order and wait until it is carried out; its figures."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(orjson.dumps({"do": do, **order}) + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            line = await self._process.stdout.readline()
        assert line, "the herd's process ended; see crowd_process.log"
        answer: dict[str, Any] = orjson.loads(line)
        return answer
