"""Plain HTTP that takes the gateway's shared secret: `Authorization: Bearer …`, with the limits of 17."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from websockets.datastructures import Headers

from openclaw_core.auth.origin import is_loopback_name
from openclaw_core.auth.rate_limit import network_of
from openclaw_core.gateway.peer import Peer, identify_peer
from openclaw_core.gateway.upgrade import HttpRefusal

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["SecretDoor", "bearer_of"]


class SecretDoor:
    """Who may use one path.

    Args:
        path, code: how the audit trail names the path, and its refusals.
        for_whom: told to whom it refuses.
        open_to_local: programs of this host, that is no browser page, need no secret.
    """

    def __init__(self, gateway: Gateway, path: str, code: str, for_whom: str, *, open_to_local: bool) -> None:
        self._gateway = gateway
        self._path = path
        self._code = code
        self._for_whom = for_whom
        self._open_to_local = open_to_local

    async def refuse(self, request: Request) -> Response | None:
        """The refusal, or None for a request that may pass."""
        runtime = self._gateway.runtime
        address = request.client.host if request.client is not None else "127.0.0.1"
        try:
            peer = identify_peer(address, Headers(request.headers.items()), runtime.config.trusted_proxies)
        except HttpRefusal as unattributed:
            self.note(f"HTTP_{unattributed.status.value}", address)
            return Response(unattributed.body, unattributed.status, media_type=unattributed.content_type)
        presented = bearer_of(request)
        if presented is None:
            passes = self._open_to_local and _is_local_program(peer)
            return None if passes else self._unauthorized(peer, "REQUIRED")
        key = f"http {network_of(peer.ip)}"
        if (wait := runtime.lockouts.check(key)) is not None:
            self.note("AUTH_RATE_LIMITED", peer.remote_ip)
            error = {"error": "too many wrong secrets from this address", "retryAfterMs": wait}
            return JSONResponse(error, 429, headers={"Retry-After": str(wait // 1000 + 1)})
        if runtime.secret.matches(presented):
            runtime.lockouts.succeed(key)
            return None
        await runtime.lockouts.fail(key)
        return self._unauthorized(peer, "MISMATCH")

    def _unauthorized(self, peer: Peer, case: str) -> Response:
        self.note(f"{self._code}_AUTH_{case}", peer.remote_ip)
        return JSONResponse({"error": self._for_whom}, 401, headers={"WWW-Authenticate": "Bearer"})

    def note(self, code: str, ip: str | None) -> None:
        """Audit a refusal at this path.

        Args:
            ip: who was refused; None for this host.
        """
        self._gateway.witness.refused("http", code, "unknown", self._path, ip=ip)


def bearer_of(request: Request) -> str | None:
    """The secret that a request presents."""
    kind, _, presented = request.headers.get("authorization", "").partition(" ")
    return presented.strip() or None if kind.lower() == "bearer" else None


def _is_local_program(peer: Peer) -> bool:
    # A page whose name was rebound to 127.0.0.1 sends no Origin here, but its own name as Host;
    # one that reaches this host by another address, e.g. 0.0.0.0, names that.
    try:
        host = urlsplit(f"//{peer.host}").hostname or ""
    except ValueError:
        return False
    return peer.loopback and peer.origin is None and is_loopback_name(host)
