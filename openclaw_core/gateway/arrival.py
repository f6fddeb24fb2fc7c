"""A client from its upgrade request to its place at the door: who it is, and whether it must wait (1.1)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from uvicorn.server import ServerState
from websockets.http11 import Request

from openclaw_core.gateway.peer import Peer, admit_peer
from openclaw_core.gateway.upgrade import HttpRefusal, UpgradeWaits
from openclaw_core.gateway.websocket import WebSocket

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["Arrival"]


class Arrival(WebSocket):
    """The part of a connection that comes before its handshake.

    Until it has authenticated it holds one of the places that its address has for strangers.
    """

    __slots__ = ("_counted", "_gateway", "_peer", "_turned_away")

    def __init__(self, gateway: Gateway, server_state: ServerState) -> None:
        super().__init__(server_state, gateway.outbox, gateway.runtime.loop)
        self._gateway = gateway
        self._peer: Peer
        self._counted = self._turned_away = False

    @property
    def base_url(self) -> str:
        """Scheme, host and port by which this client reached the gateway (13.1)."""
        secure = self._peer.secure or self._transport.get_extra_info("sslcontext") is not None
        host = self._peer.host or f"127.0.0.1:{self._gateway.runtime.port}"
        return f"{'https' if secure else 'http'}://{host}"

    def on_upgrade(self, request: Request) -> None:
        """Refuse what cannot be attributed to an address, and floods (1.1)."""
        self._peer = admit_peer(self._address(), request.headers, self._gateway.runtime.config)
        if self._counted:
            return  # it waited, and its turn has come
        answer = "refused" if self._turned_away else self._gateway.door.knock(self._peer.ip, self)
        if answer == "refused":
            raise _too_many()
        if answer == "waits":
            raise UpgradeWaits
        self._counted = True

    def answer_upgrade(self, *, admitted: bool) -> None:
        """Its turn has come at the door, or never will."""
        self._counted, self._turned_away = admitted, not admitted
        self.answer_held()
        if not self._opened:
            self.give_place_back()

    def on_gave_up(self) -> None:
        """It waited at the door and left."""
        self._gateway.door.give_up(self._peer.ip, self)

    def on_refused(self, status: int) -> None:
        """Audited with the socket's own address when the client's could not be told."""
        peer: Peer | None = getattr(self, "_peer", None)
        ip = peer.remote_ip if peer is not None else self._address()
        self._gateway.witness.refused("upgrade", f"HTTP_{status}", "unknown", None, ip=ip)

    def give_place_back(self) -> None:
        """It has authenticated, or is gone: its place is free for another stranger."""
        if self._counted:
            self._counted = False
            self._gateway.door.leave(self._peer.ip)

    def _address(self) -> str:
        address = self._transport.get_extra_info("peername")
        return address[0] if isinstance(address, tuple) else "127.0.0.1"


def _too_many() -> HttpRefusal:
    body = b"Too many unauthenticated sockets"
    return HttpRefusal(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", body)
