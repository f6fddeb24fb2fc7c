"""What the node host tells the person at its terminal: each state once, with what to do next."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

from openclaw_core.client import HandshakeRefusedError

__all__ = ["Narrator", "explain_declaration", "explain_refusal", "explain_surface_wait", "print_line"]

_CURES = {
    "AUTH_BOOTSTRAP_TOKEN_INVALID": "ask for a new one: openclaw devices setup-code",
    "AUTH_DEVICE_TOKEN_MISMATCH": "this device's token was rotated or revoked: start the node once with "
    "--token and the gateway's token",
    "AUTH_PASSWORD_MISMATCH": "set OPENCLAW_GATEWAY_PASSWORD to the gateway's password",
    "AUTH_PASSWORD_MISSING": "set OPENCLAW_GATEWAY_PASSWORD to the gateway's password",
    "AUTH_RATE_LIMITED": "wait, then start the node again with the right credentials",
    "AUTH_SCOPE_MISMATCH": "approve the device again: openclaw devices list",
    "AUTH_TOKEN_MISMATCH": "give the gateway's token with --token or OPENCLAW_GATEWAY_TOKEN",
    "AUTH_TOKEN_MISSING": "give the gateway's token with --token or OPENCLAW_GATEWAY_TOKEN",
    "PROTOCOL_MISMATCH": "update the gateway or this node: they speak no common protocol version",
}
_FALLBACK_CURE = "check this node's credentials and the gateway's settings, then start the node again"


def print_line(text: str) -> None:
    """One line on standard output, visible at once also through a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Narrator:
    """Says a sentence when the state it describes is new, and is silent while it lasts."""

    def __init__(self, write: Callable[[str], None] = print_line) -> None:
        self._write = write
        self._state: tuple[object, ...] = ()

    def say(self, state: tuple[object, ...], text: str) -> None:
        """Tell `text` unless `state` is the one told last."""
        if state != self._state:
            self._state = state
            self._write(text)


def explain_refusal(error: Exception) -> str:
    """A terminal refusal and its cure; also the sentence about a device that awaits approval."""
    if not isinstance(error, HandshakeRefusedError):
        return f"cannot connect: {error}"
    details: dict[str, Any] = error.details or {}
    if error.detail_code == "PAIRING_REQUIRED":
        request_id = details.get("requestId")
        cure = f"openclaw devices approve {request_id}" if request_id else "openclaw devices list"
        return f"waiting for device approval ({error.message}); on the gateway, run: {cure}"
    return f"the gateway refused this node: {error.message}; {_CURES.get(error.detail_code, _FALLBACK_CURE)}"


def explain_declaration(commands: Iterable[str], answer: Any) -> str:
    """What this node offers anew, and what of it the gateway's policy holds back and why."""
    text = f"declared anew: {', '.join(commands) or 'nothing'}"
    withheld = (answer.get("withheld") if isinstance(answer, dict) else None) or ()
    held = [
        f"{item.get('command')} ({item.get('message')})"
        for item in withheld
        if item.get("reason") not in ("awaiting-approval", "not-approved")
    ]
    return f"{text}; held back: {', '.join(held)}" if held else text


def explain_surface_wait(request_id: str | None) -> str:
    """The device is paired, what it offers is not approved yet (8.2)."""
    if request_id:
        return (
            f"connected; waiting for approval of its commands; on the gateway, run: "
            f"openclaw nodes approve {request_id}"
        )
    return (
        "connected; waiting for approval of its commands; on the gateway, run: openclaw nodes pending, "
        "then: openclaw nodes approve <request>"
    )
