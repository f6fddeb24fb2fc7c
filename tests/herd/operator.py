"""An operator at work while the herd runs: how long each answer took, and whether it was right."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter, defaultdict
from contextlib import suppress
from itertools import count
from statistics import quantiles
from typing import Any

from openclaw_core.client import ConnectOptions, connect
from openclaw_core.client.connection import Connection
from openclaw_core.errors import GatewayUnreachableError, RpcError

from .world import TOKEN, Gateway

__all__ = ["PAYLOAD", "Operator", "Watch", "invoke_of"]

SCOPES = ("operator.admin", "operator.read", "operator.write", "operator.pairing")
ANSWER_S = 30.0
"""Bound of one answer on a busy machine; not an expectation."""
PAUSE_S = 0.02
LISTS_EVERY = 10
PAYLOAD = {"bins": {"python3": "/usr/bin/python3"}}


def invoke_of(node_id: str) -> dict[str, Any]:
    """Params of an invoke that every member of the herd answers with `PAYLOAD`."""
    return {
        "nodeId": node_id,
        "command": "system.which",
        "params": {"bins": ["python3"]},
        "timeoutMs": 20_000,
        "idempotencyKey": str(uuid.uuid4()),
    }


class Operator:
    """Calls over one connection; a new one when the gateway went away."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._heard = asyncio.Event()

    async def connected(self) -> Connection:
        """The connection that stands, or the next one that does."""
        async with self._connecting:
            while self._connection is None:
                await self._gateway.up.wait()
                options = ConnectOptions(url=self._gateway.url, token=TOKEN, scopes=SCOPES)
                try:
                    self._connection = await connect(options, self._on_event)
                except GatewayUnreachableError:
                    await asyncio.sleep(0)
            return self._connection

    async def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """The answer's payload.

        Raises:
            RpcError: the gateway refused, or the connection was lost.
        """
        connection = await self.connected()
        try:
            return await connection.request(method, params or {}, timeout_ms=int(ANSWER_S * 1000))
        except RpcError as error:
            if (error.details or {}).get("code") == "CONNECTION_LOST":
                if self._connection is connection:
                    self._connection = None
                await connection.close()
            raise

    async def boot_id(self) -> str:
        """Of the gateway it is connected to."""
        return (await self.connected()).hello.server.boot_id

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def news(self) -> None:
        """Until the gateway tells something, or half a second has passed."""
        self._heard.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await self._heard.wait()

    def _on_event(self, _event: str, _payload: Any) -> None:
        self._heard.set()


class Watch:
    """Describes, invokes and lists, over and over; `steady` are nodes that should answer.

    Attributes:
        seconds: method → how long each answer took, while there was a connection.
        invoked: invokes that ran.
        failed: what was refused or lost, by its code.
    """

    def __init__(self, operator: Operator, steady: list[str]) -> None:
        self.seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.invoked = 0
        self.failed: Counter[str] = Counter()
        self._operator = operator
        self._steady = steady
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watch:
        await self._operator.connected()
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping.set()
        assert self._task is not None
        await self._task

    def lines(self) -> list[str]:
        """What the operator waited, a line for each method."""
        lines = []
        for method, times in self.seconds.items():
            cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
            lines.append(
                f"    {method:<14} {len(times):>5} answers; p50 {cuts[49] * 1e3:.1f} ms, "
                f"p99 {cuts[98] * 1e3:.1f} ms, max {max(times) * 1e3:.1f} ms"
            )
        return lines

    async def _work(self) -> None:
        for number in count():
            if self._steady:
                node_id = self._steady[number % len(self._steady)]
                await self._time("node.describe", {"nodeId": node_id})
                await self._invoke(node_id)
            else:
                await self._time("health", {})
            if number % LISTS_EVERY == 0:
                await self._time("node.list", {})
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_S):
                    await self._stopping.wait()
            if self._stopping.is_set():
                return

    async def _invoke(self, node_id: str) -> None:
        answer = await self._time("node.invoke", invoke_of(node_id))
        if answer is not None:
            assert answer["payload"] == PAYLOAD, answer
            self.invoked += 1

    async def _time(self, method: str, params: dict[str, Any]) -> Any:
        """The answer, timed as soon as there is a connection; None when it was refused or lost."""
        await self._operator.connected()
        begun = time.perf_counter()
        answer, refusal = None, None
        try:
            answer = await self._operator.call(method, params)
        except RpcError as error:
            refusal = str((error.details or {}).get("code") or error.code)
        assert refusal != "REQUEST_TIMEOUT", f"{method} had no answer within {ANSWER_S} s"
        if refusal is not None:
            self.failed[refusal] += 1
        if refusal != "CONNECTION_LOST":
            self.seconds[method].append(time.perf_counter() - begun)
        return answer
