"""Points in time and spans as people write them; all times are Unix milliseconds."""

from __future__ import annotations

import re
from typing import Any

import typer

__all__ = ["age", "duration_ms", "milliseconds", "span"]

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)", re.ASCII)


def span(milliseconds: int) -> str:
    """A length of time in its largest whole unit: `45s`, `12m`, `3h`, `2d`."""
    seconds = max(0, milliseconds) // 1_000
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3_600:
        return f"{seconds // 60}m"
    if seconds < 86_400:
        return f"{seconds // 3_600}h"
    return f"{seconds // 86_400}d"


def age(then_ms: Any, now_ms: int) -> str:
    """How long ago: `just now`, `5m ago`; `unknown` when `then_ms` is no time."""
    if isinstance(then_ms, bool) or not isinstance(then_ms, (int, float)):
        return "unknown"
    passed = now_ms - int(then_ms)
    return "just now" if passed < 60_000 else f"{span(passed)} ago"


def duration_ms(text: str, option: str | None = None) -> int:
    """Milliseconds of `90s`, `15m`, `24h`, `7d`, also joined as in `1h30m`.

    Raises:
        typer.BadParameter: anything else; it names the option, where one is given.
    """
    parts = _DURATION.findall(text.strip().lower())
    if not parts or _DURATION.sub("", text.strip().lower()).strip():
        hint = None if option is None else f"'{option}'"
        raise typer.BadParameter(f"{text!r} is no duration; use for example 30m, 24h or 7d", param_hint=hint)
    return int(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))


def milliseconds(text: str) -> int:
    """Milliseconds of a plain number, or of what `duration_ms` reads: `3000`, `10s`, `1m`.

    Raises:
        typer.BadParameter: anything else.
    """
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() else duration_ms(plain)
