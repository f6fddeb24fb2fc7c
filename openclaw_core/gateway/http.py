"""Plain HTTP on the gateway's port (PROTOCOL 1.2)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from httptools import HttpParserUpgrade
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount as Subtree
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openclaw_core.gateway.methods.setup import join_routes
from openclaw_core.gateway.metrics import Metrics
from openclaw_core.gateway.mounts import GuardedMount, Mount
from openclaw_core.gateway.surface_http import surface_routes

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["FrontDoor", "build_app"]

_MAX_HEAD_BYTES = 65_536


class FrontDoor(HttpToolsProtocol):
    """uvicorn's HTTP parser with bounds on a request's head.

    A peer that connects and says nothing, or says it for ever, is gone after
    `gateway.handshakeTimeoutMs` or 64 KiB; uvicorn alone would keep it (1.3). A client need not
    wait for the answer to its upgrade: frames that came with the request are not lost.
    """

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _segment = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._segment = data
        super().data_received(data)
        self._segment = b""
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self.transport.close()

    def handle_websocket_upgrade(self) -> None:
        """Called while the parser's word that the request ended is handled: it says where."""
        ended = sys.exc_info()[1]
        super().handle_websocket_upgrade()
        rest = self._segment[ended.args[0] :] if isinstance(ended, HttpParserUpgrade) else b""
        if rest:
            cast("asyncio.Protocol", self.transport.get_protocol()).data_received(rest)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:  # a further request on the same connection
            self._expect_head()

    def on_headers_complete(self) -> None:
        self._forget_head()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        gateway: Any = self.config.app.state.gateway  # type: ignore[union-attr]
        seconds = gateway.runtime.config.handshake_timeout_ms / 1000
        self._head_bytes = 0
        self._deadline = self.loop.call_later(seconds, self.transport.close)

    def _forget_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"ok": True, "status": "live"})


async def _ready(request: Request) -> JSONResponse:
    gateway: Gateway = request.app.state.gateway
    runtime, failing = gateway.runtime, gateway.pulse.failing()
    uptime = runtime.now_ms() - runtime.started_at_ms
    body = {
        "ready": not failing,
        "failing": failing,
        "uptimeMs": uptime,
        "eventLoop": gateway.pulse.report(),
    }
    return JSONResponse(body, status_code=503 if failing else 200)


def _route(gateway: Gateway, mount: Mount) -> Route | Subtree:
    app = GuardedMount(gateway, mount) if mount.needs_secret else mount
    return Subtree("", app) if mount.path == "/" else Route(mount.path, app)


def build_app(gateway: Gateway, mounts: Iterable[Mount] = ()) -> Starlette:
    """The ASGI application; uvicorn hands upgrades to `Connection`, never to it."""
    app = Starlette(
        routes=[
            Route("/health", _health),
            Route("/healthz", _health),
            Route("/ready", _ready),
            Route("/readyz", _ready),
            Route("/metrics", Metrics(gateway).answer),
            *join_routes(),
            *surface_routes(gateway),
            *sorted((_route(gateway, mount) for mount in mounts), key=lambda route: route.path, reverse=True),
        ]
    )
    app.state.gateway = gateway
    return app
