"""One gateway and twenty nodes as real processes, and an operator who does not give up."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openclaw_core.client import ConnectOptions, connect
from openclaw_core.client.connection import Connection
from openclaw_core.errors import GatewayUnreachableError, RpcError

from .family import TRACE

__all__ = ["NODES", "Operator", "World", "opened"]

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "crash-token-0123456789"
PROCESSES = 4
PER_PROCESS = 5
NODES = PROCESSES * PER_PROCESS
START_S = 30.0
LOST = ("CONNECTION_LOST", "REQUEST_TIMEOUT")
SCOPES = ("operator.admin", "operator.read", "operator.write", "operator.pairing")


class World:
    """The processes; `up` is set while the gateway serves."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = 0
        self.up = asyncio.Event()
        self.kills: Counter[str] = Counter()
        self._gateway: asyncio.subprocess.Process | None = None
        self._nodes: list[asyncio.subprocess.Process] = []
        self._reader: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def start(self) -> None:
        await self.start_gateway()
        for number in range(PROCESSES):
            self._nodes.append(await self._start_nodes(number))

    async def start_gateway(self) -> None:
        """Start it on the port it had, and wait until it serves."""
        arguments = (str(self.directory / "gateway"), str(self.port), TOKEN)
        self._gateway = await self._spawn("gateway", "gateway_process", *arguments)
        assert self._gateway.stdout is not None
        async with asyncio.timeout(START_S):
            line = (await self._gateway.stdout.readline()).decode()
        assert line.startswith("ready "), f"the gateway did not start; see {self.directory}/gateway.log"
        self.port = int(line.split()[1])
        self.up.set()

    async def kill_gateway(self) -> None:
        """`kill -9`, and start it anew."""
        assert self._gateway is not None
        self.up.clear()
        self.kills["gateway"] += 1
        self._gateway.kill()
        await self._gateway.wait()
        await self.start_gateway()

    async def kill_nodes(self, number: int) -> None:
        """`kill -9` of one process and its five nodes, and start it anew."""
        self.kills["nodes"] += 1
        self._nodes[number].kill()
        await self._nodes[number].wait()
        self._nodes[number] = await self._start_nodes(number)

    async def kill_somebody(self, chance: random.Random) -> None:
        """The gateway in half of all cases."""
        if chance.random() < 0.5:
            await self.kill_gateway()
        else:
            await self.kill_nodes(chance.randrange(PROCESSES))

    async def stop(self) -> None:
        """End everything."""
        for process in (self._gateway, *self._nodes):
            if process is not None and process.returncode is None:
                process.kill()
                await process.wait()

    def executions(self) -> Counter[str]:
        """How often each token was really run, over all nodes."""
        found: Counter[str] = Counter()
        for trace in self.directory.glob(f"nodes/*/{TRACE}"):
            found.update(trace.read_text().split())
        return found

    async def _start_nodes(self, number: int) -> asyncio.subprocess.Process:
        names = [f"node-{number * PER_PROCESS + place}" for place in range(PER_PROCESS)]
        nodes = str(self.directory / "nodes")
        return await self._spawn(f"nodes-{number}", "node_process", nodes, self.url, TOKEN, *names)

    async def _spawn(self, log: str, module: str, *arguments: str) -> asyncio.subprocess.Process:
        with (self.directory / f"{log}.log").open("ab") as errors:
            output = asyncio.subprocess.PIPE if log == "gateway" else errors
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", f"tests.crash.{module}", *arguments),
                cwd=ROOT,
                stdout=output,
                stderr=errors,
            )


class Operator:
    """Calls until there is an answer, over as many connections as that takes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self.told = asyncio.Event()

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        """The answer's payload; a lost connection only costs another try of the same request.

        Raises:
            RpcError: the gateway refused.
        """
        while True:
            connection = await self._connected()
            try:
                return await connection.request(method, params)
            except RpcError as error:
                if (error.details or {}).get("code") not in LOST:
                    raise
                await self._forget(connection)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> Connection:
        async with self._connecting:
            while self._connection is None:
                await self._world.up.wait()
                options = ConnectOptions(url=self._world.url, token=TOKEN, scopes=SCOPES)
                try:
                    self._connection = await connect(options, self._on_event)
                except (GatewayUnreachableError, RpcError):
                    await asyncio.sleep(0)  # killed while we came
            return self._connection

    async def _forget(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
        await connection.close()

    def _on_event(self, event: str, _payload: Any) -> None:
        if event.startswith("node."):
            self.told.set()

    async def wait_for_news(self) -> None:
        """Until the gateway tells something, or a second has passed."""
        self.told.clear()
        await asyncio.wait({asyncio.ensure_future(self.told.wait())}, timeout=1.0)
        self.told.set()


async def approve_all(operator: Operator) -> list[str]:
    """Wait for every node, approve what it declares; their ids."""
    async with asyncio.timeout(START_S):
        while True:
            for row in (await operator.call("node.pair.list", {}))["pending"]:
                await operator.call("node.pair.approve", {"requestId": row["requestId"]})
            nodes = (await operator.call("node.list", {}))["nodes"]
            ready = [row["nodeId"] for row in nodes if row["approvalState"] == "approved"]
            if len(ready) == NODES:
                return ready
            await operator.wait_for_news()


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[tuple[World, Operator, list[str]]]:
    """A world with its operator and the ids of its nodes, all approved."""
    world = World(directory)
    operator = Operator(world)
    try:
        await world.start()
        yield world, operator, await approve_all(operator)
        await operator.close()
    finally:
        await world.stop()
