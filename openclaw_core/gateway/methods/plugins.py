"""`plugins.*`: which families the gateway serves, and bringing them up to what is installed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from openclaw_core.auth import scopes
from openclaw_core.gateway.router import Call, Method
from openclaw_core.plugins import Changes
from openclaw_core.protocol.base import Wire
from openclaw_core.services.runtime import Runtime

__all__ = ["plugin_methods"]


class _NoParams(Wire):
    pass


def plugin_methods(runtime: Runtime, reload: Callable[[], Awaitable[Changes]]) -> list[Method]:
    """Every method of this file."""

    def list_all(_call: Call) -> dict[str, Any]:
        """`plugins.list`."""
        return {"plugins": runtime.plugins.describe()}

    async def reload_all(call: Call) -> dict[str, Any]:
        """`plugins.reload`: the changes, and what there is now; connected nodes have followed."""
        changes = await reload()
        told = {name: list(getattr(changes, name)) for name in ("added", "removed", "replaced")}
        if changes:
            said = ", ".join(f"{word}: {' '.join(names)}" for word, names in told.items() if names)
            runtime.audit.note("plugins.reload", call.connection.caller, None, changes=said)
        return {**told, "plugins": runtime.plugins.describe()}

    return [
        Method("plugins.list", list_all, "operator", scopes.READ, _NoParams),
        Method("plugins.reload", reload_all, "operator", scopes.ADMIN, _NoParams),
    ]
