"""What a setup code lets a device do, and until when, in words (PROTOCOL 6.6)."""

from __future__ import annotations

import time

from openclaw_core.cli.ages import span

__all__ = ["ACCESS", "grants", "validity"]

ACCESS = {
    "node": "a node: its device and the commands it offers",
    "limited": "an operator that reads, writes and answers approvals",
    "full": "an operator with every right, admin included",
}
"""What a code lets in, by its access profile."""

_HALF_A_MINUTE_MS = 30_000  # a code of ten minutes is not announced as one of nine


def grants(access: str) -> str:
    """The role and the scopes that come with an access profile, as a sentence."""
    if access == "node":
        return "role node, no scopes; what the device offers now is approved with it"
    from openclaw_core.auth.auto_approval import ACCESS_SCOPES  # and cryptography, which no help waits for

    return f"role operator with {', '.join(sorted(ACCESS_SCOPES[access]))}"


def validity(expires_at_ms: int, now_ms: int) -> str:
    """How often and how long it works: `once, within 10m, until 14:32` in this machine's time."""
    left = span(max(0, expires_at_ms - now_ms + _HALF_A_MINUTE_MS))
    until = time.strftime("%H:%M", time.localtime(expires_at_ms / 1000))
    return f"once, within {left}, until {until}"
