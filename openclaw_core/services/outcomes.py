"""How an invoke can fail, in the words of PROTOCOL 11.4 and chapter 27.

`details.outcome` says which of three it is: `not-dispatched` (nothing reached the node),
`failed` (the node says so), `unknown` (it may have been done, in part or in whole). `retryable`
follows: true only where the same request, sent again, cannot do harm twice. Refusals with
INVALID_REQUEST and FORBIDDEN never reached the node.
"""

from __future__ import annotations

import logging
from typing import Any

from openclaw_core.errors import InvalidRequestError, RpcError, UnavailableError
from openclaw_core.protocol.arguments import ArgumentProblem
from openclaw_core.protocol.nodes import NodeInvokeError

__all__ = [
    "FAILED",
    "NOT_DISPATCHED",
    "UNKNOWN",
    "awaiting_approval",
    "bad_result",
    "cancelled",
    "code_of",
    "crashed",
    "disconnected",
    "expected",
    "key_reused",
    "node_error",
    "not_connected",
    "not_kept",
    "not_recorded",
    "pairing_changed",
    "policy_changed",
    "route_changed",
    "send_failed",
    "timed_out",
    "unknown_node",
    "with_outcome",
]

NOT_DISPATCHED = "not-dispatched"
FAILED = "failed"
UNKNOWN = "unknown"

_log = logging.getLogger(__name__)
_WORTH_A_RETRY = frozenset(("NODE_BACKGROUND_UNAVAILABLE", "NODE_NOT_READY"))


def _made_here(
    node_code: str, message: str, /, outcome: str, *, retryable: bool, prefix: bool = True, **more: Any
) -> UnavailableError:
    details = {
        "nodeError": {"code": node_code, "message": message},
        "nodeCommandDispatched": outcome != NOT_DISPATCHED,
        "outcome": outcome,
        **more,
    }
    # `retryable` is said only when it is true, as absent means no.
    text = f"{node_code}: {message}" if prefix else message
    return UnavailableError(text, details, retryable=retryable or None)


def timed_out(outcome: str, idempotent: bool) -> UnavailableError:
    """The budget is spent; a node that has the invoke may or may not have done it."""
    retryable = outcome != UNKNOWN or idempotent
    return _made_here("TIMEOUT", "node invoke timed out", outcome, retryable=retryable)


def disconnected(command: str, outcome: str, idempotent: bool) -> UnavailableError:
    """The socket went while the invoke was in flight; only a harmless command is worth a retry."""
    retryable = outcome != UNKNOWN or idempotent
    return _made_here("DISCONNECTED", f"node disconnected ({command})", outcome, retryable=retryable)


def route_changed(command: str, outcome: str, idempotent: bool) -> UnavailableError:
    """A newer connection of the node replaced the one that got the invoke."""
    text = f"the node connected anew while {command} was in flight"
    return _made_here("ROUTE_CHANGED", text, outcome, retryable=outcome != UNKNOWN or idempotent)


def policy_changed(command: str, outcome: str) -> UnavailableError:
    """The configuration took the command away in flight."""
    text = f"{command} is no longer allowed on this node"
    return _made_here("POLICY_CHANGED", text, outcome, retryable=False)


def cancelled(command: str, actor: str, outcome: str) -> UnavailableError:
    """Somebody who may do so stopped it; a retry would undo what that person wanted."""
    return _made_here("CANCELLED", f"{command} was cancelled by {actor}", outcome, retryable=False)


def crashed(command: str) -> UnavailableError:
    """The record says that it was about to go out, and nothing after that."""
    text = (
        f"the gateway stopped while {command} was under way, so its outcome was not recorded; "
        "see on the node what was done, then use a new idempotency key"
    )
    return _made_here("OUTCOME_UNKNOWN", text, UNKNOWN, retryable=False, code="OUTCOME_UNKNOWN")


def not_kept(command: str, limit: int, *, failed: bool) -> UnavailableError:
    """A repeat of a finished invoke whose outcome was too large for the record."""
    said = "failed" if failed else "succeeded"
    text = (
        f"{command} was run once under this idempotency key and {said}; its answer of more than "
        f"{limit} bytes was not kept; use a new key to run it again"
    )
    return UnavailableError(text, {"code": "RESULT_NOT_KEPT", "command": command, "outcome": said})


def not_recorded(command: str, problem: Exception) -> UnavailableError:
    """The gateway's database refused, and what is not recorded is not sent."""
    text = f"{command} was not sent, as its record could not be stored: {problem}"
    return UnavailableError(text, {"code": "STORE_FAILED", "outcome": NOT_DISPATCHED}, retryable=True)


def key_reused(key: str, command: str) -> InvalidRequestError:
    """The same key came with another request to the same node."""
    return InvalidRequestError(
        f"idempotencyKey {key[:64]!r} was used for another request to this node; "
        f"send {command} with a new key",
        {"code": "IDEMPOTENCY_KEY_REUSED", "command": command},
    )


def with_outcome(error: RpcError, outcome: str) -> RpcError:
    """The error, saying its outcome where it has details and does not say it yet."""
    details = error.details
    if isinstance(error, UnavailableError) and details is not None and "outcome" not in details:
        error.details = {**details, "outcome": outcome}
    return error


def send_failed() -> UnavailableError:
    """The node's socket took nothing more."""
    text = "failed to send invoke to node"
    return _made_here("UNAVAILABLE", text, NOT_DISPATCHED, retryable=True, prefix=False)


def not_connected() -> UnavailableError:
    """A known, approved node that is away."""
    return _made_here(
        "NOT_CONNECTED",
        "node not connected",
        NOT_DISPATCHED,
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
        "outcome": FAILED,
    }
    text = f"{code}: {message}" if code and message else message or code or "node invoke failed"
    return UnavailableError(text, details, retryable=True if code in _WORTH_A_RETRY else None)


def bad_result(node_id: str, command: str, text: str, problems: list[ArgumentProblem]) -> UnavailableError:
    """The node answered something its command's result model refuses."""
    return _made_here(
        "INVALID_RESULT",
        f"node {node_id} answered {command} with an invalid result: {text}",
        UNKNOWN,
        retryable=False,
        code="INVALID_RESULT",
        nodeId=node_id,
        command=command,
        problems=problems,
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
