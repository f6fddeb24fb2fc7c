"""Plain HTTP on the gateway's port (PROTOCOL 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["build_app"]


async def _health(_: Request) -> JSONResponse:
    return JSONResponse({"ok": True, "status": "live"})


async def _ready(request: Request) -> JSONResponse:
    runtime = request.app.state.gateway.runtime
    failing = ["store"] if runtime.store.failed else []
    uptime = runtime.now_ms() - runtime.started_at_ms
    body = {"ready": not failing, "failing": failing, "uptimeMs": uptime}
    return JSONResponse(body, status_code=503 if failing else 200)


def build_app(gateway: Gateway) -> Starlette:
    """The ASGI application; uvicorn hands upgrades to `Connection`, never to it."""
    app = Starlette(
        routes=[
            Route("/health", _health),
            Route("/healthz", _health),
            Route("/ready", _ready),
            Route("/readyz", _ready),
        ]
    )
    app.state.gateway = gateway
    return app
