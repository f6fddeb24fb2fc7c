"""One request to `/mcp` as an agent's first, and nothing after it."""

from __future__ import annotations

import httpx2

from openclaw_core.testing import PATIENCE_SECONDS

__all__ = ["post"]

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}


async def post(port: int, headers: dict[str, str], *, tls: bool = False) -> httpx2.Response:
    """POST `initialize`; the answer."""
    sent = {"Accept": "application/json, text/event-stream", **headers}
    async with httpx2.AsyncClient(verify=False, headers=sent, timeout=PATIENCE_SECONDS) as client:
        scheme = "https" if tls else "http"
        return await client.post(f"{scheme}://127.0.0.1:{port}/mcp", json=INITIALIZE)
