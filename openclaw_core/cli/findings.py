"""What `openclaw doctor` says: one finding per check, with the command that cures it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Finding", "fail", "ok", "warn"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: its name, stable for scripts.
        status: `fail` keeps the gateway from working or from being safe; `warn` may be meant so.
        text: what was found.
        cure: what to do, best as a command to type; None when nothing is wrong.
    """

    check: str
    status: Literal["ok", "warn", "fail"]
    text: str
    cure: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"check": self.check, "status": self.status, "text": self.text, "cure": self.cure}


def ok(check: str, text: str) -> Finding:
    """Nothing wrong."""
    return Finding(check, "ok", text)


def warn(check: str, text: str, cure: str) -> Finding:
    """Worth a look."""
    return Finding(check, "warn", text, cure)


def fail(check: str, text: str, cure: str) -> Finding:
    """Broken or unsafe."""
    return Finding(check, "fail", text, cure)
