"""Constants of the wire contract (PROTOCOL 1.3, 1.4, 3.4, 4, 6.3)."""

from __future__ import annotations

from typing import Final

PROTOCOL_VERSION: Final = 4
NODE_PROTOCOL_FLOOR: Final = 3
"""A node may still speak this version (N-1)."""

PRE_AUTH_FRAME_BYTES: Final = 65_536
MAX_PAYLOAD_BYTES: Final = 26_214_400
MAX_BUFFERED_BYTES: Final = 52_428_800
HANDSHAKE_TIMEOUT_MS: Final = 15_000
MAX_PENDING_HANDSHAKE_FRAMES: Final = 15
MAX_UNAUTHENTICATED_PER_IP: Final = 32
MAX_UNAUTHORIZED_CALLS: Final = 10
MAX_UNPARSABLE_FRAMES: Final = 64
CLOSE_REASON_BYTES: Final = 123
PING_INTERVAL_MS: Final = 25_000
TICK_INTERVAL_MS: Final = 30_000
HEALTH_INTERVAL_MS: Final = 60_000
SIGNATURE_SKEW_MS: Final = 120_000
PAIR_REQUEST_TTL_MS: Final = 300_000
SETUP_CODE_TTL_MS: Final = 600_000
SETUP_RECORD_TTL_MS: Final = 86_400_000
"""How long a gateway can tell what became of a setup code."""
DEFAULT_INVOKE_TIMEOUT_MS: Final = 30_000
MAX_INVOKE_TIMEOUT_MS: Final = 2**31 - 1
"""The longest timer that every peer's runtime can set; a larger budget means this one."""
READINESS_RETRY_MS: Final = (100, 250, 500, 1_000)
MAX_NAME_CHARS: Final = 64

CLOSE_NORMAL: Final = 1000
CLOSE_PROTOCOL_ERROR: Final = 1002
CLOSE_POLICY: Final = 1008
CLOSE_TOO_BIG: Final = 1009
CLOSE_INTERNAL: Final = 1011
CLOSE_RESTART: Final = 1012
CLOSE_TRY_LATER: Final = 1013
CLOSE_INVALIDATED: Final = 4001
