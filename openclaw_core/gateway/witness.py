"""Who came, who left and who was refused: told to the trail, the log and the counters at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from openclaw_core.hookspecs import Caller
from openclaw_core.services.audit import Audit
from openclaw_core.services.tally import Tally

if TYPE_CHECKING:
    from openclaw_core.gateway.peer import Peer

__all__ = ["Witness"]

_log = structlog.get_logger(__name__)
_MOST_CHARS = 64


class Witness:
    """Of one gateway; none of this is on the way of a request that succeeds."""

    def __init__(self, audit: Audit, tally: Tally, auth_mode: str) -> None:
        self._audit = audit
        self._tally = tally
        self._auth_mode = auth_mode

    def admitted(self, role: str, caller: Caller, peer: Peer) -> None:
        """A hello-ok went out: the entry that says who is behind a connection id."""
        via = "device-token" if caller.by_device_token else self._auth_mode
        self._tally.handshake("ok")
        self._audit.note("connect", caller, caller.device_id, role=role, client=caller.client_id, via=via)
        _log.info(
            "connected",
            conn=caller.conn_id,
            role=role,
            client=caller.client_id,
            device=caller.device_id,
            ip=peer.ip,
            via=via,
        )

    def left(self, role: str, caller: Caller) -> None:
        """An admitted connection is gone."""
        _log.info("disconnected", conn=caller.conn_id, role=role, device=caller.device_id)

    def refused(
        self,
        kind: str,
        code: str,
        actor: str,
        subject: str | None,
        *,
        ip: str | None,
        conn_id: str | None = None,
    ) -> None:
        """Something was refused; `kind` is `upgrade`, `http`, `connect` or a method's name.

        Texts of strangers are cut to 64 characters. `ip` is None for a program of this host.
        """
        kind = kind[:_MOST_CHARS]
        if kind in ("upgrade", "connect"):
            self._tally.handshake(code)
        self._audit.refuse(
            kind, code, actor[: _MOST_CHARS + 8], subject and subject[:_MOST_CHARS], ip=ip, conn_id=conn_id
        )
        _log.info("refused", conn=conn_id, kind=kind, code=code, actor=actor, subject=subject, ip=ip)
