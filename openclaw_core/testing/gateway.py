"""A real gateway for one test, and families of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from openclaw_core.commands import Family
from openclaw_core.config import GatewayConfig, Settings, load_settings
from openclaw_core.discovery import Candidate
from openclaw_core.gateway.mounts import MountFactory
from openclaw_core.gateway.server import GatewayServer
from openclaw_core.hookspecs import hookimpl
from openclaw_core.plugins import Plugins
from openclaw_core.services.runtime import wall_clock_ms
from openclaw_core.testing.wire import ADMIN, TOKEN, FakeDevice, Wire, node_params, operator_params

__all__ = ["FakeClock", "TestGateway", "plugins_of"]


class TestGateway:
    """A gateway for one test; use as an async context manager.

    Args:
        directory: for its state.
        plugins: the families it serves; none by default.
        overrides: dotted keys below `gateway`, as of `load_settings`.
        now_ms: its clock, Unix ms; a `FakeClock` lets a test wait minutes in no time.
        mounts: what else it serves on its port.
    """

    __test__ = False  # not a test case, whatever pytest thinks of its name

    def __init__(
        self,
        directory: Path,
        plugins: Plugins | None = None,
        overrides: dict[str, Any] | None = None,
        *,
        now_ms: Callable[[], int] = wall_clock_ms,
        mounts: Iterable[MountFactory] = (),
    ) -> None:
        self._mounts = mounts
        self._directory = directory
        self._now_ms = now_ms
        self._plugins = plugins if plugins is not None else Plugins()
        self._overrides = {"port": 0, "auth.token": TOKEN, **(overrides or {})}
        self._stack = AsyncExitStack()
        self.settings: Settings
        self.server: GatewayServer

    async def __aenter__(self) -> Self:
        self.settings = load_settings(self._directory, self._overrides)
        self.server = GatewayServer(self.settings, self._plugins, now_ms=self._now_ms, mounts=self._mounts)
        await self.server.start()
        self._stack.push_async_callback(self.server.stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        """Its WebSocket URL."""
        return f"ws://127.0.0.1:{self.server.port}"

    @property
    def config(self) -> GatewayConfig:
        """Its configuration."""
        return self.settings.gateway

    async def wire(self, **options: Any) -> Wire:
        """A raw socket that has its challenge; closed with the gateway."""
        return await self._stack.enter_async_context(Wire.open(self.url, **options))

    async def operator(self, scopes: Iterable[str] = ADMIN, **changes: Any) -> Wire:
        """A connected operator with the shared token and no device."""
        wire = await self.wire()
        hello = await wire.connect(operator_params(scopes, **changes))
        assert hello["ok"], hello
        return wire

    async def node(
        self,
        commands: Iterable[str] = (),
        *,
        device: FakeDevice | None = None,
        approve: bool = True,
        **changes: Any,
    ) -> tuple[Wire, str]:
        """A connected node and its id; its surface is approved unless told otherwise."""
        device, wire = device or FakeDevice(), await self.wire()
        hello = await wire.connect(node_params(commands, **changes), device)
        assert hello["ok"], hello
        if approve:
            await self.approve_surface(device.device_id)
        return wire, device.device_id

    async def approve_surface(self, node_id: str) -> None:
        """Approve what a node declared, if anything waits."""
        async with Wire.open(self.url) as operator:
            assert (await operator.connect(operator_params()))["ok"]
            for row in (await operator.call("node.pair.list"))["pending"]:
                if row["nodeId"] == node_id:
                    await operator.call("node.pair.approve", {"requestId": row["requestId"]})


class FakeClock:
    """A clock that stands still until told otherwise; called, it gives Unix ms."""

    def __init__(self) -> None:
        self._now = wall_clock_ms()

    def __call__(self) -> int:
        return self._now

    def advance(self, ms: int) -> None:
        """Let this many milliseconds pass."""
        self._now += ms


def plugins_of(*families: Family, extra: Iterable[object] = ()) -> Plugins:
    """Plugins made of families of the test's own, and of whole plugin objects."""

    def wrap(family: Family) -> object:
        class Wrapped:
            @hookimpl
            def openclaw_family(self) -> Family:
                return family

        return Wrapped()

    objects = [*(wrap(family) for family in families), *extra]
    return Plugins(
        Candidate(f"plugin-{number}", "test-distribution", "0", plugin)
        for number, plugin in enumerate(objects)
    )
