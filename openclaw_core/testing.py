"""For tests of this project and of capability families: a real gateway and clients for it.

`TestGateway` is the gateway itself on a free loopback port, with its state in a directory
of the test. `Wire` is one raw socket that says exactly what a test wants it to say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import orjson
from nacl.signing import SigningKey
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed

from openclaw_core.auth import signing
from openclaw_core.auth.signing import SignedFields
from openclaw_core.commands import Family
from openclaw_core.config import GatewayConfig, Settings, load_settings
from openclaw_core.gateway.server import GatewayServer
from openclaw_core.hookspecs import hookimpl
from openclaw_core.plugins import Candidate, Plugins
from openclaw_core.services.runtime import wall_clock_ms

__all__ = ["FakeClock", "FakeDevice", "TestGateway", "Wire", "plugins_of"]

PATIENCE_SECONDS = 10.0
TOKEN = "test-token-0123456789"  # noqa: S105 — of a gateway that lives for one test

ADMIN = ["operator.admin", "operator.read", "operator.write", "operator.pairing", "operator.approvals"]


class FakeDevice:
    """A device's key; signs connects as real clients do."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._key = SigningKey(seed) if seed is not None else SigningKey.generate()
        public = bytes(self._key.verify_key)
        self.public_key = signing.encode_base64url(public)
        self.device_id = signing.device_id_of(public)

    def prove(
        self, params: dict[str, Any], nonce: str, signed_at: int, *, version: str = "v3"
    ) -> dict[str, Any]:
        """The `device` object for connect params that are otherwise complete."""
        client, auth = params["client"], params.get("auth") or {}
        fields = SignedFields(
            device_id=self.device_id,
            client_id=client["id"],
            client_mode=client["mode"],
            role=params.get("role", "operator"),
            scopes=tuple(params.get("scopes") or ()),
            signed_at=signed_at,
            token=auth.get("token") or auth.get("deviceToken") or auth.get("bootstrapToken") or "",
            nonce=nonce,
            platform=client["platform"],
            device_family=client.get("deviceFamily", ""),
        )
        payload = signing.payload_v3(fields) if version == "v3" else signing.payload_v2(fields)
        return {
            "id": self.device_id,
            "publicKey": self.public_key,
            "signature": signing.encode_base64url(self._key.sign(payload).signature),
            "signedAt": signed_at,
            "nonce": nonce,
        }


def node_params(commands: Iterable[str] = (), *, token: str | None = TOKEN, **changes: Any) -> dict[str, Any]:
    """Connect params of a Linux node host; `client_*` and other fields can be changed."""
    client = {
        "id": "node-host",
        "version": "1.0.0",
        "platform": "linux",
        "deviceFamily": "Linux",
        "mode": "node",
        "displayName": "Test Node",
        **changes.pop("client", {}),
    }
    params = {
        "minProtocol": 4,
        "maxProtocol": 4,
        "client": client,
        "role": "node",
        "scopes": [],
        "caps": ["demo"],
        "commands": list(commands),
        **({"auth": {"token": token}} if token is not None else {}),
    }
    return {**params, **changes}


def operator_params(
    scopes: Iterable[str] = ADMIN, *, token: str | None = TOKEN, **changes: Any
) -> dict[str, Any]:
    """Connect params of the CLI."""
    client = {
        "id": "cli",
        "version": "1.0.0",
        "platform": "linux",
        "mode": "cli",
        **changes.pop("client", {}),
    }
    params = {
        "minProtocol": 4,
        "maxProtocol": 4,
        "client": client,
        "role": "operator",
        "scopes": list(scopes),
        **({"auth": {"token": token}} if token is not None else {}),
    }
    return {**params, **changes}


class Wire:
    """One socket. Every wait is bounded.

    Attributes:
        nonce, challenged_at: from the challenge, the latter in Unix ms.
        events: what arrived that nobody asked for, oldest first.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.nonce = ""
        self.challenged_at = 0
        self.events: list[dict[str, Any]] = []
        self._next_id = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, **options: Any) -> AsyncIterator[Self]:
        """Connect and take the challenge."""
        async with open_socket(
            url, compression=None, proxy=None, max_size=None, ping_interval=None, **options
        ) as socket:
            wire = cls(socket)
            challenge = await wire.receive()
            wire.nonce = challenge["payload"]["nonce"]
            wire.challenged_at = challenge["payload"]["ts"]
            yield wire

    async def receive(self) -> dict[str, Any]:
        """The next frame, event or response.

        Raises:
            ConnectionClosed: the gateway closed instead.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            frame: dict[str, Any] = orjson.loads(await self.socket.recv())
        return frame

    async def send(self, frame: Any) -> None:
        """Send a JSON value, or text and bytes as they are."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else orjson.dumps(frame).decode())

    async def request(
        self, method: str, params: Any = None, *, request_id: str | None = None
    ) -> dict[str, Any]:
        """Send a request and take its response frame; events on the way go to `events`."""
        request_id = request_id or await self.post(method, params)
        while True:
            frame = await self.receive()
            if frame["type"] == "res" and frame["id"] == request_id:
                return frame
            self.events.append(frame)

    async def post(self, method: str, params: Any = None) -> str:
        """Send a request without waiting; its id."""
        self._next_id += 1
        frame: dict[str, Any] = {"type": "req", "id": str(self._next_id), "method": method}
        if params is not None:
            frame["params"] = params
        await self.send(frame)
        return str(self._next_id)

    async def call(self, method: str, params: Any = None) -> Any:
        """Send a request that must succeed; its payload."""
        frame = await self.request(method, params)
        assert frame["ok"], frame
        return frame["payload"]

    async def event(self, name: str, match: Callable[[Any], bool] = lambda _: True) -> dict[str, Any]:
        """The next frame of this event whose payload matches; earlier ones are found too."""
        for frame in self.events:
            if frame.get("event") == name and match(frame["payload"]):
                self.events.remove(frame)
                return frame
        while True:
            frame = await self.receive()
            if frame.get("event") == name and match(frame["payload"]):
                return frame
            self.events.append(frame)

    async def connect(self, params: dict[str, Any], device: FakeDevice | None = None) -> dict[str, Any]:
        """Send `connect`, signed when a device is given; the response frame."""
        if device is not None:
            params = {**params, "device": device.prove(params, self.nonce, self.challenged_at)}
        return await self.request("connect", params)

    async def closed(self) -> tuple[int, str]:
        """Wait for the close; its code and reason."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                while True:
                    self.events.append(orjson.loads(await self.socket.recv()))
            except ConnectionClosed as closed:
                close = closed.rcvd
                return (close.code, close.reason) if close is not None else (1006, "")


class TestGateway:
    """A gateway for one test; use as an async context manager.

    Args:
        directory: for its state.
        plugins: the families it serves; none by default.
        overrides: dotted keys below `gateway`, as of `load_settings`.
        now_ms: its clock, Unix ms; a `FakeClock` lets a test wait minutes in no time.
    """

    __test__ = False  # not a test case, whatever pytest thinks of its name

    def __init__(
        self,
        directory: Path,
        plugins: Plugins | None = None,
        overrides: dict[str, Any] | None = None,
        *,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._directory = directory
        self._now_ms = now_ms
        self._plugins = plugins if plugins is not None else Plugins()
        self._overrides = {"port": 0, "auth.token": TOKEN, **(overrides or {})}
        self._stack = AsyncExitStack()
        self.settings: Settings
        self.server: GatewayServer

    async def __aenter__(self) -> Self:
        self.settings = load_settings(self._directory, self._overrides)
        self.server = GatewayServer(self.settings, self._plugins, now_ms=self._now_ms)
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


def now_ms() -> int:
    """Unix milliseconds, for tests that sign with a clock of their own."""
    return time.time_ns() // 1_000_000
