"""Is a process that was just started in the background doing its work? Its log tells."""

from __future__ import annotations

from collections.abc import Callable

from openclaw_core.cli.service.plan import ServicePlan

__all__ = ["speaks"]

# What a gateway prints once it listens, and what a node prints before it has heard of its gateway.
_SERVES = " serves on ws"
_BEFORE = ("not offered:", "connecting to ")


def speaks(plan: ServicePlan) -> Callable[[], bool]:
    """Tells whether the process has said since now that it serves, or what came of its connect (node)."""
    before = _size(plan)

    def is_ready() -> bool:
        if _size(plan) <= before:
            return False
        with plan.log_file.open("rb") as file:
            file.seek(before)
            lines = file.read().decode("utf-8", "replace").splitlines()
        if plan.kind == "gateway":
            return any(_SERVES in line for line in lines)
        return any(line.strip() and not line.startswith(_BEFORE) for line in lines)

    return is_ready


def _size(plan: ServicePlan) -> int:
    try:
        return plan.log_file.stat().st_size
    except OSError:
        return 0
