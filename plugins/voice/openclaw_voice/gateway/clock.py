"""The gateway's clock; a parameter, so that tests need not wait."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Clock", "wall_clock_ms"]

Clock = Callable[[], int]
"""Unix time in ms."""


def wall_clock_ms() -> int:
    """Now, in Unix ms."""
    return time.time_ns() // 1_000_000
