"""What a family's code finds around it on a node: settings, shared resources, services, scoped URLs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from openclaw_core import Family, NodeContext, NodeHostContext, Probe, command, hookimpl
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.family_settings import FamilySettings
from openclaw_core.hookspecs import GatewayContext, NodeView, SurfaceGrant
from openclaw_core.node_host import Machine, NodeHost, NodeHostOptions, Surface
from openclaw_core.node_host.contexts import FamilyContexts, NodeFacts
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.node_host.services import FamilyServices
from openclaw_core.protocol.base import OpenWire
from openclaw_core.protocol.base import Wire as WireModel
from openclaw_core.testing import TOKEN, TestGateway, Wire, plugins_of

pytestmark = pytest.mark.anyio

WAIT_S = 10.0


class Empty(WireModel):
    pass


class Told(OpenWire):
    text: str


class LampConfig(OpenWire):
    colour: str = "white"


class Shop:
    """A family that uses everything, on both sides; `opened` and `closed` count its resource."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.probe = Probe(permissions={"light": True})
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.gateway: GatewayContext
        self.seen: list[tuple[str, Any]] = []
        self.heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.family = self._declare()

    @asynccontextmanager
    async def lamp(self, node: NodeHostContext) -> AsyncIterator[str]:
        self.opened += 1
        yield f"{node.config.colour} lamp {self.opened}"
        self.closed += 1

    async def listen(self, node: NodeHostContext) -> None:
        self.started.set()
        try:
            async for event, payload in node.gateway_events("lamp.colour"):
                await node.emit("lamp.seen", {"event": event, **payload})
        finally:
            self.stopped.set()

    def _declare(self) -> Family:
        @command("lamp.which", platforms=ALL_PLATFORMS, idempotent=True)
        async def which(_args: Empty, node: NodeContext) -> Told:
            """Tell the lamp."""
            return Told(text=await node.resource(self.lamp))

        @command("lamp.replace", platforms=ALL_PLATFORMS)
        async def replace(_args: Empty, node: NodeContext) -> Told:
            """Take a new lamp."""
            await node.release(self.lamp)
            return Told(text=await node.resource(self.lamp))

        @command("lamp.url", platforms=ALL_PLATFORMS, idempotent=True)
        async def url(_args: Empty, node: NodeContext) -> Told:
            """Tell the scoped URL, an old and a new one."""
            old = await node.surface_url("lamp")
            new = await node.surface_url("lamp", fresh=True)
            return Told(text=f"{old} {new} {await node.surface_url('nothing')}")

        return Family(
            "lamp",
            "Lamp",
            (which, replace, url),
            caps=("lamp",),
            events={"lamp.shone": "operator.read"},
            pushes=("lamp.colour",),
            config=LampConfig,
            probe=lambda _config: self.probe,
            service=self.listen,
        )

    @hookimpl
    def openclaw_family(self) -> Family:
        return self.family

    @hookimpl
    def openclaw_gateway_started(self, gateway: GatewayContext) -> None:
        self.gateway = gateway

    @hookimpl
    def openclaw_refresh_surface(self, surface: str) -> SurfaceGrant:
        return SurfaceGrant()

    @hookimpl
    def openclaw_node_connected(self, node: NodeView) -> None:
        self.gateway.push(node.node_id, "lamp.colour", {"colour": self.gateway.state.get("colour", "none")})

    @hookimpl
    def openclaw_node_event(self, node: NodeView, event: str, payload: Any) -> dict[str, Any]:
        self.heard.put_nowait((event, payload["colour"]))
        return {"ok": True}

    @hookimpl
    def openclaw_invoke_succeeded(self, invocation: Any, result: Any) -> None:
        self.gateway.broadcast("lamp.shone", {"command": invocation.command, "text": result["text"]})


def machine(shop: Shop, directory: Path, config: str = "{colour: 'red'}") -> Machine:
    directory.mkdir(exist_ok=True)
    file = directory / "openclaw.json"
    file.write_text("{plugins: {entries: {lamp: {config: " + config + "}}}}")
    return Machine(plugins_of(extra=[shop]), FamilySettings.load(file))


@asynccontextmanager
async def running(shop: Shop, gateway: TestGateway, directory: Path) -> AsyncIterator[tuple[NodeHost, Wire]]:
    """A node host that serves, approved, and an operator."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    own = machine(shop, directory)
    options = NodeHostOptions(url=gateway.url, directory=directory, display_name="Desk", token=TOKEN)
    host = NodeHost(options, own.look(), Narrator(lines.put_nowait))
    task = asyncio.create_task(host.run())
    operator = await gateway.operator()
    try:
        await operator.event("node.pair.requested")
        (row,) = (await operator.call("node.pair.list"))["pending"]
        await operator.call("node.pair.approve", {"requestId": row["requestId"]})
        yield host, operator
    finally:
        host.stop()
        assert await asyncio.wait_for(task, WAIT_S) == 0


async def ask(operator: Wire, name: str, key: str = "k") -> str:
    (node,) = (await operator.call("node.list"))["nodes"]
    params = {"nodeId": node["nodeId"], "command": name, "idempotencyKey": key}
    text: str = (await operator.call("node.invoke", params))["payload"]["text"]
    return text


async def test_a_resource_is_shared_until_it_is_released_and_closed_with_the_host(tmp_path: Path) -> None:
    shop = Shop()
    async with TestGateway(tmp_path / "gateway", plugins_of(extra=[shop])) as gateway:
        async with running(shop, gateway, tmp_path / "node") as (_, operator):
            assert await ask(operator, "lamp.which", "k1") == "red lamp 1"
            assert await ask(operator, "lamp.which", "k2") == "red lamp 1"
            assert await ask(operator, "lamp.replace", "k3") == "red lamp 2"
            assert (shop.opened, shop.closed) == (2, 1)
            shone = await operator.event("lamp.shone")
            assert shone["payload"] == {"command": "lamp.which", "text": "red lamp 1"}
        assert (shop.opened, shop.closed) == (2, 2)


async def test_a_service_hears_what_the_gateway_pushes_and_ends_with_the_host(tmp_path: Path) -> None:
    shop = Shop()
    async with TestGateway(tmp_path / "gateway", plugins_of(extra=[shop])) as gateway:
        await shop.gateway.keep("colour", "blue")
        async with running(shop, gateway, tmp_path / "node") as (host, _):
            async with asyncio.timeout(WAIT_S):
                await shop.started.wait()
            (node,) = shop.gateway.nodes
            assert shop.gateway.push(node.node_id, "lamp.colour", {"colour": "green"})
            async with asyncio.timeout(WAIT_S):
                while await shop.heard.get() != ("lamp.seen", "green"):
                    pass
            shop.probe = Probe(unavailable="no current")
            await host.redeclare(machine(shop, tmp_path / "node").look())
            async with asyncio.timeout(WAIT_S):
                await shop.stopped.wait()
        assert not shop.gateway.push(node.node_id, "lamp.colour", {})


async def test_a_service_that_came_anew_waits_until_the_former_one_has_cleaned_up(tmp_path: Path) -> None:
    steps: asyncio.Queue[str] = asyncio.Queue()
    clean = asyncio.Event()

    async def serve(_context: NodeHostContext) -> None:
        await steps.put("began")
        try:
            await asyncio.Event().wait()
        finally:
            await clean.wait()
            await steps.put("let go")

    family = Family("lamp", "Lamp", (), service=serve)
    services = FamilyServices(FamilyContexts(NodeFacts("id", "Desk", tmp_path)))
    services.offer([family])
    assert await asyncio.wait_for(steps.get(), WAIT_S) == "began"
    for offered in ([], [family], [], [family]):
        services.offer(offered)
    await asyncio.sleep(0)
    clean.set()
    assert [await asyncio.wait_for(steps.get(), WAIT_S) for _ in range(2)] == ["let go", "began"]
    await services.close()
    assert steps.get_nowait() == "let go"


async def test_a_scoped_url_is_the_current_one_or_a_new_one(tmp_path: Path) -> None:
    shop = Shop()
    async with (
        TestGateway(tmp_path / "gateway", plugins_of(extra=[shop])) as gateway,
        running(shop, gateway, tmp_path / "node") as (_, operator),
    ):
        old, new, none = (await ask(operator, "lamp.url")).split()
        assert "/__openclaw__/cap/" in old
        assert "/__openclaw__/cap/" in new
        assert old != new
        assert none == "None"


async def test_what_a_family_keeps_is_there_after_a_restart(tmp_path: Path) -> None:
    for colours in ({}, {"colour": "blue"}, {}):
        shop = Shop()
        async with TestGateway(tmp_path, plugins_of(extra=[shop])):
            assert dict(shop.gateway.state) == colours
            await shop.gateway.keep("colour", None if colours else "blue")


async def test_a_familys_files_have_a_private_place_that_outlives_the_gateway(tmp_path: Path) -> None:
    for found in ([], ["note"]):
        shop = Shop()
        async with TestGateway(tmp_path, plugins_of(extra=[shop])) as gateway:
            place = shop.gateway.state_dir
            assert place == gateway.settings.state_dir / "families" / "lamp"
            assert place.stat().st_mode & 0o777 == 0o700
            assert [path.name for path in place.iterdir()] == found
            (place / "note").touch()


async def test_only_declared_events_are_pushed(tmp_path: Path) -> None:
    shop = Shop()
    async with TestGateway(tmp_path, plugins_of(extra=[shop])):
        with pytest.raises(ValueError, match=r"does not list 'lamp\.other' in Family\.pushes"):
            shop.gateway.push("n", "lamp.other", {})


async def test_permissions_of_the_probe_are_declared(tmp_path: Path) -> None:
    shop = Shop()
    async with (
        TestGateway(tmp_path / "gateway", plugins_of(extra=[shop])) as gateway,
        running(shop, gateway, tmp_path / "node") as (_, operator),
    ):
        (node,) = (await operator.call("node.list"))["nodes"]
        assert node["permissions"] == {"light": True}


def test_wrong_settings_withhold_the_family_and_name_the_key(tmp_path: Path) -> None:
    surface = machine(Shop(), tmp_path, "{colour: 3}").look()
    assert surface.families == ()
    assert "plugins.entries.lamp.config.colour is 3" in surface.withheld["lamp.which"]


def test_a_probe_that_raises_withholds_its_family(tmp_path: Path) -> None:
    def broken(_config: Any) -> Probe:
        raise OSError("no bus")

    shop = Shop()
    shop.family = Family("lamp", "Lamp", shop.family.commands, probe=broken)
    surface = Machine(plugins_of(extra=[shop]), FamilySettings.load(tmp_path / "absent.json")).look()
    assert surface.withheld["lamp.which"] == "its probe failed with OSError: no bus"


async def test_a_family_learns_which_certificate_is_pinned(tmp_path: Path) -> None:
    pins: asyncio.Queue[str | None] = asyncio.Queue()

    async def tell(node: NodeHostContext) -> None:
        pins.put_nowait(node.tls_fingerprint)
        await asyncio.Event().wait()

    surface = Surface({}, (), families=(Family("pin", "Pin", (), service=tell),))
    for number, (given, told) in enumerate(((":".join(["AB"] * 32), "ab" * 32), (None, None))):
        scheme = "ws" if given is None else "wss"
        options = NodeHostOptions(
            url=f"{scheme}://127.0.0.1:1",
            directory=tmp_path / str(number),
            display_name="Desk",
            token=TOKEN,
            tls_fingerprint=given,
        )
        host = NodeHost(options, surface, Narrator(lambda _: None))
        task = asyncio.create_task(host.run())
        assert await asyncio.wait_for(pins.get(), WAIT_S) == told
        host.stop()
        await task
