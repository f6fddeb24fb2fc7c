"""A node context, a method context and a bounded way to run coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from openclaw_host_commands import HostCommands

from openclaw_core.commands import Command
from openclaw_core.hookspecs import Caller

NODE_ID = "a" * 64


@dataclass
class Node:
    """A node's surroundings for one command; `events` is what it emitted, `heard` its progress."""

    state_dir: Path
    node_id: str = NODE_ID
    display_name: str = "workbench"
    idempotency_key: str | None = None
    timeout_ms: int | None = 20_000
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    listening: bool = False
    heard: list[str] = field(default_factory=list)

    async def emit(self, event: str, payload: Mapping[str, Any]) -> bool:
        self.events.append((event, dict(payload)))
        return True

    async def progress(self, text: str) -> bool:
        self.heard.append(text)
        return self.listening

    async def inputs(self) -> AsyncIterator[Any]:
        return
        yield


ASKER = Caller("c1", "cli", "cli", "d" * 64, frozenset({"operator.admin"}))
APPROVER = Caller(
    "c2",
    "gateway-client",
    "backend",
    "e" * 64,
    frozenset({"operator.approvals"}),
    frozenset({"exec-approvals"}),
)


@dataclass
class Context:
    """An operator's call: private commands run on the node for real."""

    node: Node
    commands: Mapping[str, Command]
    caller: Caller = ASKER
    operators: tuple[Caller, ...] = (ASKER, APPROVER)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    announce: Callable[[], None] = lambda: None

    async def invoke_node(
        self, node_id: str, command: str, params: Any, timeout_ms: int | None = None
    ) -> Any:
        assert node_id == self.node.node_id
        found = self.commands[command]
        assert found.handler is not None
        result = await found.handler(found.params.model_validate(params), self.node)
        return result.model_dump(mode="json")

    def broadcast(self, event: str, payload: Mapping[str, Any]) -> None:
        self.events.append((event, dict(payload)))
        self.announce()


class Desk:
    """The family as a gateway loads it, and an operator at it."""

    def __init__(self, node: Node) -> None:
        self.plugin = HostCommands()
        self.methods = {method.name: method for method in self.plugin.openclaw_methods()}
        commands = {item.name: item for item in self.plugin.openclaw_family().commands}
        self.context = Context(node, commands)

    async def call(self, name: str, params: dict[str, Any], caller: Caller = ASKER) -> Any:
        method = self.methods[name]
        return await method.handler(
            method.params.model_validate(params), replace(self.context, caller=caller)
        )


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "state")


@pytest.fixture
def desk(node: Node) -> Desk:
    return Desk(node)


@pytest.fixture
def asker() -> Caller:
    return ASKER


@pytest.fixture
def approver() -> Caller:
    return APPROVER


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end, at most 30 seconds."""

    def bounded(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(asyncio.wait_for(coroutine, 30))

    return bounded


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write an executable file and return its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    return write
