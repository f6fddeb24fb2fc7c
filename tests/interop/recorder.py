"""A transparent WebSocket proxy that keeps every frame of both directions.

It runs an event loop in a thread, so that tests stay plain functions. What it cannot show: pings and
pongs, which it answers itself on both sides. With the gateway's own certificate it stands in for a
gateway with TLS; a plain GET (a join link) is passed on as well.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from .peers import any_certificate

__all__ = ["Frame", "Link", "Recorder"]

Side = Literal["client", "gateway"]


@dataclass(frozen=True)
class Frame:
    """One message: who sent it and its decoded JSON."""

    sender: Side
    body: dict[str, Any]


@dataclass
class Link:
    """One client's connection through the proxy: its frames in order, and how the gateway closed it."""

    frames: list[Frame] = field(default_factory=list)
    close_code: int | None = None
    close_reason: str = ""

    def sent_by(self, sender: Side) -> list[dict[str, Any]]:
        """The frames of one side, oldest first."""
        return [frame.body for frame in self.frames if frame.sender == sender]


class Recorder:
    """Listens on `port` (chosen by the system) and relays to the gateway on `target` (127.0.0.1).

    Args:
        certificate: certificate and key files of the gateway, when it speaks TLS.
    """

    def __init__(self, target: int, certificate: tuple[Path, Path] | None = None) -> None:
        self.target = target
        self._own_tls, self._far_tls = None, None
        if certificate:
            self._own_tls, self._far_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), any_certificate()
            self._own_tls.load_cert_chain(*certificate)
        self.port = 0
        self.links: list[Link] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recorder")
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _open(self) -> None:
        self._server = await serve(
            self._relay, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None, close_timeout=2,
            ssl=self._own_tls, process_request=self._fetch,
        )  # fmt: skip
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _relay(self, client: ServerConnection) -> None:
        link = Link()
        self.links.append(link)
        path = client.request.path if client.request else "/"
        url = f"{'wss' if self._far_tls else 'ws'}://127.0.0.1:{self.target}{path}"
        try:
            gateway = await connect(
                url, compression=None, max_size=None, ping_interval=None, close_timeout=2, proxy=None,
                ssl=self._far_tls,
            )  # fmt: skip
        except (OSError, ConnectionClosed):
            client.transport.abort()  # the client sees what a dead gateway looks like
            return
        async with asyncio.TaskGroup() as both:
            both.create_task(self._pump(client, gateway, link, "client"))
            both.create_task(self._pump(gateway, client, link, "gateway"))

    async def _fetch(self, client: ServerConnection, request: Request) -> Response | None:
        """Pass a request on that is no WebSocket upgrade, under the name the client used."""
        if request.headers.get("Upgrade"):
            return None
        host = request.headers["Host"]
        status, kind, body = await asyncio.to_thread(self._get, request.path, host)
        answer = client.respond(status, body)
        del answer.headers["Content-Type"]
        answer.headers["Content-Type"] = kind
        return answer

    def _get(self, path: str, host: str) -> tuple[int, str, str]:
        there = ("127.0.0.1", self.target)
        far = http.client.HTTPConnection(*there, timeout=10)
        if self._far_tls:
            far = http.client.HTTPSConnection(*there, timeout=10, context=self._far_tls)
        try:
            far.request("GET", path, headers={"Host": host})
            answer = far.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
        finally:
            far.close()

    async def _pump(
        self,
        source: ServerConnection | ClientConnection,
        sink: ServerConnection | ClientConnection,
        link: Link,
        sender: Side,
    ) -> None:
        try:
            async for message in source:
                link.frames.append(Frame(sender, json.loads(message)))
                await sink.send(message)
        except ConnectionClosed:
            pass  # either side may vanish; the close is passed on below
        if sender == "gateway":
            link.close_code, link.close_reason = source.close_code, source.close_reason or ""
        await pass_close(source, sink)


async def pass_close(
    source: ServerConnection | ClientConnection, sink: ServerConnection | ClientConnection
) -> None:
    """Close the other side the way this side was closed: same code, or no code, or a torn socket."""
    if source.close_code in {None, 1006}:
        sink.transport.abort()
    elif source.close_code == 1005:
        await sink.close()
    else:
        await sink.close(source.close_code, source.close_reason or "")
