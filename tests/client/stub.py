"""A scripted peer that speaks the documented frames: shows clients what no real gateway can be made to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import orjson
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

CERTIFICATE = Path(__file__).with_name("gateway_under_test.pem")
NONCE = "0f6d2c9e-5b1a-4c3d-8e7f-9a0b1c2d3e4f"
CHALLENGE_TS = 1_737_264_000_000
WAIT_S = 5.0

Grant = dict[str, Any]


def hello(*, device_token: str | None = None, tick_ms: int = 30_000, max_payload: int = 26_214_400) -> Grant:
    """A small hello-ok (3.7)."""
    auth: dict[str, Any] = {"method": "token", "role": "node", "scopes": []}
    if device_token is not None:
        auth |= {"deviceToken": device_token, "issuedAtMs": CHALLENGE_TS}
    return {
        "type": "hello-ok",
        "protocol": 4,
        "server": {"version": "2026.9.6", "connId": "c1"},
        "features": {"methods": [], "events": []},
        "snapshot": {
            "presence": [],
            "health": {},
            "stateVersion": {"presence": 0, "health": 0},
            "uptimeMs": 1,
        },
        "auth": auth,
        "policy": {"maxPayload": max_payload, "maxBufferedBytes": 52_428_800, "tickIntervalMs": tick_ms},
    }


class RefusalError(Exception):
    """Raised by a decision: the `error` of the response and the close that follows."""

    def __init__(
        self, code: str, message: str, details: dict[str, Any], close: int = 1008, **rest: Any
    ) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "details": details, **rest}
        self.close = close


class Peer:
    """One client after its hello-ok."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket

    async def receive(self, method: str) -> dict[str, Any]:
        """The next request with this method; others are answered with an empty ok."""
        async with asyncio.timeout(WAIT_S):
            while True:
                request: dict[str, Any] = orjson.loads(await self.socket.recv())
                if request["method"] == method:
                    return request
                await self.reply(request, {"ok": True})

    async def reply(self, request: dict[str, Any], payload: Any) -> None:
        await self.send({"type": "res", "id": request["id"], "ok": True, "payload": payload})

    async def refuse(self, request: dict[str, Any], error: dict[str, Any]) -> None:
        await self.send({"type": "res", "id": request["id"], "ok": False, "error": error})

    async def event(self, name: str, payload: Any) -> None:
        await self.send({"type": "event", "event": name, "payload": payload})

    async def send(self, frame: dict[str, Any]) -> None:
        await self.socket.send(orjson.dumps(frame), text=True)

    async def drain(self) -> tuple[int | None, str | None]:
        """Read until the client closes; its close code and reason."""
        async with asyncio.timeout(WAIT_S):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                return self.socket.close_code, self.socket.close_reason


class StubGateway:
    """A server on loopback; `decide` grants (returns hello-ok) or raises `RefusalError` per connect."""

    def __init__(
        self, decide: Callable[[dict[str, Any]], Grant] = lambda _params: hello(), *, tls: bool = False
    ) -> None:
        self._decide = decide
        self._tls = tls
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self._server: Server | None = None
        self.connects: list[dict[str, Any]] = []
        self.upgrades = 0
        self.url = ""

    async def __aenter__(self) -> StubGateway:
        context = None
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
        self._server = await serve(
            self._serve, "127.0.0.1", 0, ssl=context, compression=None, process_request=self._count
        )
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'wss' if self._tls else 'ws'}://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        async with asyncio.timeout(WAIT_S):
            await self._server.wait_closed()

    async def peer(self) -> Peer:
        """The next client that got its hello-ok."""
        async with asyncio.timeout(WAIT_S):
            return await self._peers.get()

    def _count(self, _socket: ServerConnection, _request: Any) -> None:
        self.upgrades += 1

    async def _serve(self, socket: ServerConnection) -> None:
        peer = Peer(socket)
        await peer.event("connect.challenge", {"nonce": NONCE, "ts": CHALLENGE_TS, "capabilities": []})
        try:
            request = orjson.loads(await socket.recv())
        except ConnectionClosed:
            return
        self.connects.append(request["params"])
        try:
            granted = self._decide(request["params"])
        except RefusalError as refusal:
            await peer.refuse(request, refusal.error)
            await socket.close(refusal.close, str(refusal))
            return
        await peer.reply(request, granted)
        self._peers.put_nowait(peer)
        await socket.wait_closed()
