"""One raw socket to a gateway that says exactly what a test wants it to say, and keys that sign."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Self

import orjson
from nacl.signing import SigningKey
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed

from openclaw_core.auth import signing
from openclaw_core.auth.signing import SignedFields

__all__ = [
    "ADMIN",
    "PATIENCE_SECONDS",
    "TOKEN",
    "FakeDevice",
    "Wire",
    "node_params",
    "now_ms",
    "operator_params",
]

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


def now_ms() -> int:
    """Unix milliseconds, for tests that sign with a clock of their own."""
    return time.time_ns() // 1_000_000
