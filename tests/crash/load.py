"""What the operator asks for while things are killed, and what must be true of it in the end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from openclaw_core.errors import RpcError

from .world import Operator

__all__ = ["Load"]

FINAL = {"done", "failed", "unknown", "expired", "cancelled", "dropped"}
PER_ROUND = 24


@dataclass
class Load:
    """Requests at random, each with a token that its execution leaves on disk.

    Attributes:
        queued: token → id of work that the gateway acknowledged.
        invoked: token → whether the direct invoke answered ok.
    """

    operator: Operator
    nodes: list[str]
    chance: random.Random
    queued: dict[str, str] = field(default_factory=dict)
    invoked: dict[str, bool] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    async def round(self) -> None:
        """One burst of requests, all answered when this returns."""
        asks = (
            self._enqueue,
            self._enqueue,
            self._enqueue,
            self._invoke,
            self._invoke_or_queue,
            self._cancel,
        )
        async with asyncio.TaskGroup() as group:
            for _ in range(PER_ROUND):
                group.create_task(self.chance.choice(asks)())

    def _request(self) -> tuple[str, dict[str, Any]]:
        self._count += 1
        token = f"t{self._count}"
        command = self.chance.choice(("crash.once", "crash.once", "crash.again"))
        self.commands[token] = command
        node_id = self.chance.choice(self.nodes)
        return token, {
            "nodeId": node_id,
            "command": command,
            "params": {"token": token},
            "idempotencyKey": token,
        }

    async def _enqueue(self) -> None:
        token, request = self._request()
        priority = self.chance.choice(("normal", "high"))
        answer = await self.operator.call(
            "node.pending.enqueue", {**request, "type": "node.invoke", "priority": priority}
        )
        self.queued[token] = answer["queued"]["id"]

    async def _invoke(self) -> None:
        token, request = self._request()
        try:
            await self.operator.call("node.invoke", {**request, "timeoutMs": 5_000})
        except RpcError:
            self.invoked[token] = False
        else:
            self.invoked[token] = True

    async def _invoke_or_queue(self) -> None:
        token, request = self._request()
        try:
            answer = await self.operator.call(
                "node.invoke", {**request, "timeoutMs": 5_000, "ifOffline": "queue"}
            )
        except RpcError:
            self.invoked[token] = False
            return
        if answer.get("queued"):
            self.queued[token] = answer["queuedId"]
        else:
            self.invoked[token] = True

    async def _cancel(self) -> None:
        if not self.queued:
            return
        token = self.chance.choice(list(self.queued))
        try:
            await self.operator.call("node.pending.cancel", {"id": self.queued[token]})
        except RpcError as error:
            if (error.details or {}).get("reason") != "final":
                raise

    async def settle(self, seconds: float) -> dict[str, str]:
        """Wait until nothing is open any more; token → state, asked for one by one.

        Raises:
            TimeoutError: somebody waits for ever.
        """
        async with asyncio.timeout(seconds):
            while True:
                params = {"states": ["queued", "delivered"], "limit": 1}
                if not (await self.operator.call("node.pending.list", params))["items"]:
                    break
                await self.operator.wait_for_news()
        states = {}
        for token, item_id in self.queued.items():
            item = (await self.operator.call("node.pending.get", {"id": item_id}))["item"]
            states[token] = item["state"]
        return states

    def broken_promises(self, states: dict[str, str], runs: Counter[str]) -> list[str]:
        """What was lost, run twice, or never ended."""
        broken = [
            f"{token} ({self.commands[token]}) ran {count} times"
            for token, count in runs.items()
            if count > 1 and self.commands[token] == "crash.once"
        ]
        for token, state in states.items():
            if state not in ("done", "unknown", "cancelled"):
                broken.append(f"{token} ended as {state}")
            if state == "done" and not runs[token]:
                broken.append(f"{token} is done and never ran")
            if state == "unknown" and self.commands[token] == "crash.again":
                broken.append(f"{token} could have been run again and was given up")
        broken += [
            f"{token} answered ok and never ran" for token, ok in self.invoked.items() if ok > runs[token]
        ]
        return broken
