"""One exception tree and the one funnel from an exception to a wire error.

::

    OpenClawError
    ├── RpcError                 an `error` object of a response frame (PROTOCOL 2.3)
    │   ├── InvalidRequestError  bad frame, params, id, credential, policy refusal
    │   ├── NotPairedError       connect only
    │   ├── ForbiddenError       a scope is missing
    │   └── UnavailableError     node offline, node error, timeouts
    ├── CommandError             a node's command failed: `error` of node.invoke.result
    ├── ConfigError              openclaw.json, environment or flags are wrong
    ├── PluginError              a capability family cannot be used
    ├── StoreError               the database refused, is damaged or from a newer version
    └── GatewayUnreachableError  nobody answers at the gateway's address
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = [
    "CommandError",
    "ConfigError",
    "ForbiddenError",
    "GatewayUnreachableError",
    "InvalidRequestError",
    "NotPairedError",
    "OpenClawError",
    "PluginError",
    "RpcError",
    "StoreError",
    "UnavailableError",
    "missing_scope",
    "to_wire_error",
]

_log = logging.getLogger(__name__)


class OpenClawError(Exception):
    """Base of every error this project raises on purpose."""


class RpcError(OpenClawError):
    """What a response frame carries as `error` (PROTOCOL 2.1, 2.3).

    Args:
        message: one sentence for a person.
        details: JSON object that programs key on.
        code: top-level code; each subclass has its own default.
        retryable: True when the same request may succeed later, unchanged.
        retry_after_ms: earliest useful retry, in milliseconds.
        why: for the audit trail only, where the peer is told less than the gateway's owner.
    """

    code = "UNAVAILABLE"

    def __init__(
        self,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        code: str | None = None,
        retryable: bool | None = None,
        retry_after_ms: int | None = None,
        why: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms
        self.why = why
        if code is not None:
            self.code = code

    def to_wire(self) -> dict[str, Any]:
        """The `error` object of the response frame, absent fields left out."""
        wire: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details is not None:
            wire["details"] = self.details
        if self.retryable is not None:
            wire["retryable"] = self.retryable
        if self.retry_after_ms is not None:
            wire["retryAfterMs"] = self.retry_after_ms
        return wire


class InvalidRequestError(RpcError):
    """`INVALID_REQUEST`: the request cannot succeed as it stands."""

    code = "INVALID_REQUEST"


class NotPairedError(RpcError):
    """`NOT_PAIRED`: the device, its role, scopes or metadata are not approved (chapter 6)."""

    code = "NOT_PAIRED"


class ForbiddenError(RpcError):
    """`FORBIDDEN`: the caller lacks a scope (16.1)."""

    code = "FORBIDDEN"


class UnavailableError(RpcError):
    """`UNAVAILABLE`: the node or the gateway cannot do it now."""

    code = "UNAVAILABLE"


def missing_scope(scope: str, required: tuple[str, ...] | list[str] | None = None) -> ForbiddenError:
    """The refusal of 16.1: names the first scope that is missing and all that are required."""
    details = {"code": "MISSING_SCOPE", "missingScope": scope, "requiredScopes": list(required or (scope,))}
    return ForbiddenError(f"missing scope: {scope}", details)


class CommandError(OpenClawError):
    """A node command failed in a way its caller can act on.

    Args:
        code: stable code of PROTOCOL chapters 18 and 19, e.g. `UNAVAILABLE`.
        message: a sentence without the code as prefix.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ConfigError(OpenClawError):
    """A setting is wrong; the text names the key, the value and the cure."""


class PluginError(OpenClawError):
    """A capability family is unusable; the text names the fault, `cure` what to do."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


class StoreError(OpenClawError):
    """The database could not do it; the text says why and what to do.

    Args:
        retryable: True when the database as a whole cannot be used now, whatever is asked of it.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class GatewayUnreachableError(OpenClawError):
    """No gateway answered at the address."""


def to_wire_error(error: Exception) -> dict[str, Any]:
    """Turn any exception of a method into the `error` object of its response.

    An exception that nobody foresaw is logged with its traceback and answered without
    its text, which may hold secrets.
    """
    if isinstance(error, RpcError):
        return error.to_wire()
    if isinstance(error, StoreError) and error.retryable:
        # Known to the log once, from the store itself; nothing was changed, so asking again is safe.
        return UnavailableError(
            f"the gateway cannot store this now: {error}", {"code": "STORE_FAILED"}, retryable=True
        ).to_wire()
    _log.error("unexpected error in a method", exc_info=error)
    return UnavailableError(
        "internal error; the gateway's log has the details", {"code": "INTERNAL"}
    ).to_wire()
