"""Further rooms behind the gateway's port: HTTP applications that are ordinary clients of the gateway.

They come from whoever starts the gateway, so that no import goes upward. The gateway lets in who has
its shared secret, or everyone where there is nothing to guard, and knows nothing else of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from openclaw_core.auth.origin import origin_allowed
from openclaw_core.gateway.secret_door import SecretDoor, bearer_of

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["GuardedMount", "Mount", "MountFactory", "Site"]


@dataclass(frozen=True, slots=True)
class Site:
    """How a program of this host reaches the gateway: its WebSocket URL and certificate."""

    url: str
    tls_fingerprint: str | None = None


class Mount(Protocol):
    """An ASGI application on one path.

    A request's `state` has the `secret` that it came with, None where the gateway asks for none.
    """

    @property
    def path(self) -> str:
        """Where it is, e.g. `/tools`; `/` is everything that nobody else has."""

    @property
    def needs_secret(self) -> bool:
        """False for what anyone may fetch."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    async def close(self) -> None:
        """The gateway stops: end every stream."""


MountFactory = Callable[[Site], Mount]


class GuardedMount:
    """A mount with the gateway's door before it."""

    def __init__(self, gateway: Gateway, mount: Mount) -> None:
        self._gateway = gateway
        self._mount = mount
        # Where the gateway has no secret, a device key stands in for it, which HTTP cannot prove.
        self._door = SecretDoor(
            gateway,
            mount.path,
            "MOUNT",
            f"{mount.path} takes the gateway's shared secret: send Authorization: Bearer SECRET",
            open_to_local=gateway.runtime.settings.auth_mode == "none",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as an ASGI application."""
        request = Request(scope)
        refusal = self._refuse_page(request) or await self._door.refuse(request)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        state = {**scope.get("state", {}), "secret": bearer_of(request)}
        await self._mount({**scope, "state": state}, receive, send)

    def _refuse_page(self, request: Request) -> JSONResponse | None:
        address = request.client.host if request.client is not None else None
        local = address in ("127.0.0.1", "::1")
        allowed = self._gateway.runtime.config.control_ui.allowed_origins
        if origin_allowed(request.headers.get("origin"), request.headers.get("host", ""), allowed, local):
            return None
        self._door.note("CONTROL_UI_ORIGIN_NOT_ALLOWED", None if local else address)
        return JSONResponse(
            {"error": "origin not allowed; add the page's origin to gateway.controlUi.allowedOrigins"}, 403
        )
