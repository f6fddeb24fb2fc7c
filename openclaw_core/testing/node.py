"""A node for tests of families: the real node host in this process, approved and invoked."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from openclaw_core.commands import Command, Family, NodeContext
from openclaw_core.family_settings import FamilySettings
from openclaw_core.node_host import Machine, NodeHost, NodeHostOptions
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.testing.gateway import TestGateway, plugins_of
from openclaw_core.testing.wire import PATIENCE_SECONDS, TOKEN, Wire

__all__ = ["FakeNode"]


class FakeNode:
    """A connected, approved node that offers some families; use as an async context manager.

    It is the node host that `openclaw node run` runs, so commands, probes, services and
    shared resources behave as on a device.

    Args:
        gateway: where it connects; it must serve the same families.
        families: what the node offers.
        answers: command name → result to give instead of running the command, e.g. what a
            phone's app was seen to answer. Such a command is offered even if nothing runs it.
        config: family name → its settings, as in `plugins.entries.<family>.config`.
        name: for people.

    Attributes:
        operator: an operator with every scope, for whatever else a test asks.
        node_id: once it is connected.
        said: what the node host tells the person at its terminal.
    """

    def __init__(
        self,
        gateway: TestGateway,
        *families: Family,
        answers: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        name: str = "Fake Node",
    ) -> None:
        self._gateway = gateway
        self._families = tuple(_with_answers(family, answers or {}) for family in families)
        self._config = {key: {"config": value} for key, value in (config or {}).items()}
        self._name = name
        self._stack = AsyncExitStack()
        self.operator: Wire
        self.node_id = ""
        self.said: list[str] = []

    async def __aenter__(self) -> Self:
        directory = Path(self._stack.enter_context(TemporaryDirectory(prefix="openclaw-node-")))
        machine = Machine(plugins_of(*self._families), FamilySettings(directory, self._config))
        options = NodeHostOptions(
            url=self._gateway.url, directory=directory, display_name=self._name, token=TOKEN
        )
        self.operator = await self._gateway.operator()
        host = NodeHost(options, await asyncio.to_thread(machine.look), Narrator(self.said.append))
        task = asyncio.create_task(host.run())
        self._stack.push_async_callback(self._stop, host, task)
        try:
            await self._approve()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def invoke(self, command: str, params: Any = None, **fields: Any) -> Any:
        """Invoke a command as an operator does; its payload.

        Args:
            fields: more of `node.invoke`, e.g. `timeoutMs`.

        Raises:
            AssertionError: it failed; the message is the error frame.
        """
        frame = await self.attempt(command, params, **fields)
        assert frame["ok"], frame["error"]
        return frame["payload"].get("payload")

    async def attempt(self, command: str, params: Any = None, **fields: Any) -> dict[str, Any]:
        """The same; the response frame, whatever it says."""
        request = {"nodeId": self.node_id, "command": command, "idempotencyKey": str(uuid.uuid4())}
        if params is not None:
            request["params"] = params
        return await self.operator.request("node.invoke", {**request, **fields})

    async def _approve(self) -> None:
        # Whose request it is shows in the event: other nodes may wait on the same gateway.
        asked = await self.operator.event(
            "node.pair.requested", lambda payload: payload.get("displayName") == self._name
        )
        self.node_id = asked["payload"]["nodeId"]
        await self.operator.call("node.pair.approve", {"requestId": asked["payload"]["requestId"]})

    @staticmethod
    async def _stop(host: NodeHost, task: asyncio.Task[int]) -> None:
        host.stop()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await task


def _with_answers(family: Family, answers: Mapping[str, Any]) -> Family:
    commands: Iterable[Command] = (
        _recorded(item, answers[item.name]) if item.name in answers else item for item in family.commands
    )
    return replace(family, commands=tuple(commands))


def _recorded(command: Command, answer: Any) -> Command:
    async def give(_args: Any, _node: NodeContext) -> Any:
        return command.result.model_validate(answer)

    return replace(command, handler=give)
