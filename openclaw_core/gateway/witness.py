"""Who came, who left and who was refused: told to the trail, the log and the counters at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from openclaw_core.errors import RpcError
from openclaw_core.hookspecs import Caller
from openclaw_core.services.audit import Audit
from openclaw_core.services.registry import Registry
from openclaw_core.services.tally import Tally

if TYPE_CHECKING:
    from openclaw_core.gateway.peer import Peer

__all__ = ["Witness", "reason_of", "subject_of"]

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
        facts: dict[str, Any] = {"role": role, "client": caller.client_id, "via": via}
        if peer.identity is not None and peer.identity.user is not None:
            facts["user"] = peer.identity.user[:_MOST_CHARS]
        self._tally.handshake("ok")
        self._audit.note("connect", caller, caller.device_id, **facts)
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
        reason: str | None = None,
    ) -> None:
        """Something was refused; `kind` is `upgrade`, `http`, `connect` or a method's name.

        Texts of strangers are cut to 64 characters. `ip` is None for a program of this host;
        `reason` says which of a code's cases it was.
        """
        kind = kind[:_MOST_CHARS]
        if kind in ("upgrade", "connect"):
            self._tally.handshake(code)
        actor, subject = actor[: _MOST_CHARS + 8], subject and subject[:_MOST_CHARS]
        self._audit.refuse(kind, code, actor, subject, ip=ip, conn_id=conn_id, reason=reason)
        _log.info(
            "refused",
            conn=conn_id,
            kind=kind,
            code=code,
            reason=reason,
            actor=actor,
            subject=subject,
            ip=ip,
        )


def reason_of(error: Exception) -> str | None:
    """Which of its code's cases an error is, as the trail tells it; None when the code says all."""
    if not isinstance(error, RpcError):
        return None
    details = error.details or {}
    reason = error.why or details.get("reason") or details.get("missingScope")
    return reason if isinstance(reason, str) else None


def subject_of(params: Any, registry: Registry) -> str | None:
    """The device or node that a refused request was about: by its id, or by the request id it named."""
    if not isinstance(params, dict):
        return None
    named = [params.get(name) for name in ("deviceId", "nodeId", "requestId")]
    device_id, node_id, request_id = (name if isinstance(name, str) and name else None for name in named)
    return device_id or node_id or (registry.owner_of(request_id) if request_id else None)
