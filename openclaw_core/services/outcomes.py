"""How an invoke can fail, in the words of PROTOCOL 11.4 and chapter 27."""

from __future__ import annotations

import logging
from typing import Any

from openclaw_core.errors import RpcError, UnavailableError
from openclaw_core.protocol.nodes import NodeInvokeError

__all__ = [
    "awaiting_approval",
    "bad_result",
    "code_of",
    "disconnected",
    "expected",
    "node_error",
    "not_connected",
    "pairing_changed",
    "policy_changed",
    "route_changed",
    "send_failed",
    "timed_out",
    "unknown_node",
]

_log = logging.getLogger(__name__)
_WORTH_A_RETRY = frozenset(("NODE_BACKGROUND_UNAVAILABLE", "NODE_NOT_READY"))


def _made_here(
    node_code: str, message: str, /, *, dispatched: bool, retryable: bool, prefix: bool = True, **more: Any
) -> UnavailableError:
    details = {
        "nodeError": {"code": node_code, "message": message},
        "nodeCommandDispatched": dispatched,
        **more,
    }
    # `retryable` is said only when it is true, as absent means no.
    text = f"{node_code}: {message}" if prefix else message
    return UnavailableError(text, details, retryable=retryable or None)


def timed_out() -> UnavailableError:
    """The budget is spent; the node may or may not have done it."""
    return _made_here("TIMEOUT", "node invoke timed out", dispatched=True, retryable=False)


def disconnected(command: str, idempotent: bool) -> UnavailableError:
    """The socket went while the invoke was in flight; only a harmless command is worth a retry."""
    return _made_here("DISCONNECTED", f"node disconnected ({command})", dispatched=True, retryable=idempotent)


def route_changed(command: str, idempotent: bool) -> UnavailableError:
    """A newer connection of the node replaced the one that got the invoke."""
    return _made_here(
        "ROUTE_CHANGED",
        f"the node connected anew while {command} was in flight",
        dispatched=True,
        retryable=idempotent,
    )


def policy_changed(command: str) -> UnavailableError:
    """The configuration took the command away in flight."""
    return _made_here(
        "POLICY_CHANGED", f"{command} is no longer allowed on this node", dispatched=True, retryable=False
    )


def send_failed() -> UnavailableError:
    """The node's socket took nothing more."""
    return _made_here(
        "UNAVAILABLE", "failed to send invoke to node", dispatched=False, retryable=True, prefix=False
    )


def not_connected() -> UnavailableError:
    """A known, approved node that is away."""
    return _made_here(
        "NOT_CONNECTED",
        "node not connected",
        dispatched=False,
        retryable=True,
        prefix=False,
        code="NOT_CONNECTED",
    )


def pairing_changed(message: str, reason: str, *, retryable: bool, **more: Any) -> UnavailableError:
    """The contract's one code for a node that may not work now, with the honest reason."""
    details = {"code": "PAIRING_CHANGED", "reason": reason, **more}
    return UnavailableError(message, details, retryable=retryable)


def unknown_node(node_id: str) -> UnavailableError:
    """No such node (chapter 27, row 11)."""
    return pairing_changed(
        f"unknown node {node_id!r}; `openclaw nodes list` shows the known ones",
        "unknown-node",
        retryable=False,
        nodeId=node_id,
    )


def awaiting_approval(node_id: str, request_id: str | None) -> UnavailableError:
    """The node is there but nobody approved its commands yet."""
    if request_id is None:
        return pairing_changed(
            "node pairing changed: the node's commands were not approved; it asks again when it reconnects",
            "not-approved",
            retryable=True,
            nodeId=node_id,
        )
    return pairing_changed(
        f"the node's commands await approval: openclaw nodes approve {request_id}",
        "awaiting-approval",
        retryable=True,
        nodeId=node_id,
        requestId=request_id,
    )


def node_error(error: NodeInvokeError | None) -> UnavailableError:
    """The node's own failure, as it said it."""
    code = error.code if error else None
    message = error.message if error else None
    details = {
        "nodeError": error.to_wire() if error else None,
        "nodeCommandDispatched": True,
    }
    text = f"{code}: {message}" if code and message else message or code or "node invoke failed"
    return UnavailableError(text, details, retryable=True if code in _WORTH_A_RETRY else None)


def bad_result(node_id: str, command: str, problems: str) -> UnavailableError:
    """The node answered something its command's result model refuses."""
    return _made_here(
        "INVALID_RESULT",
        f"node {node_id} answered {command} with an invalid result: {problems}",
        dispatched=True,
        retryable=False,
        code="INVALID_RESULT",
        command=command,
    )


def expected(error: Exception, command: str) -> RpcError:
    """The error itself when it is one of ours; a family's hook that broke is logged and named."""
    if isinstance(error, RpcError):
        return error
    _log.error("a family's hook broke on %s", command, exc_info=error)
    return UnavailableError(
        f"the family of {command} failed on the gateway; the gateway's log has the details",
        {"code": "FAMILY_FAULT", "command": command},
    )


def code_of(error: RpcError) -> str:
    """The most telling code of an error, for the audit trail."""
    details = error.details or {}
    node_error_ = details.get("nodeError")
    node_code = node_error_.get("code") if isinstance(node_error_, dict) else None
    return str(node_code or details.get("code") or details.get("reason") or error.code)
