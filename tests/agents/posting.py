"""`/mcp` by hand: one request as an agent's first, or a session without the SDK's client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import httpx2

from openclaw_core.testing import PATIENCE_SECONDS, TOKEN

__all__ = ["INITIALIZE", "Poster", "post"]

INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


async def post(port: int, headers: dict[str, str], *, tls: bool = False) -> httpx2.Response:
    """POST `initialize`; the answer."""
    sent = {**ACCEPT, **headers}
    async with httpx2.AsyncClient(verify=False, headers=sent, timeout=PATIENCE_SECONDS) as client:
        scheme = "https" if tls else "http"
        return await client.post(f"{scheme}://127.0.0.1:{port}/mcp", json=INITIALIZE)


class Poster:
    """An agent of the protocol's older versions, request by request."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/mcp"
        headers = {**ACCEPT, "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        self._http = httpx2.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def post(self, body: Any, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """Send a body, which may be no JSON at all."""
        content = body if isinstance(body, str) else json.dumps(body)
        return await self._http.post(self._url, content=content, headers=dict(headers or {}))

    async def open(self, request: Any = INITIALIZE) -> Any:
        """Begin a session; the result of `initialize`."""
        answer = await self.post(request)
        self._http.headers["Mcp-Session-Id"] = answer.headers["mcp-session-id"]
        await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return _result(answer)

    async def send(self, method: str, params: Any) -> httpx2.Response:
        """One request."""
        return await self.post({"jsonrpc": "2.0", "id": 2, "method": method, "params": params})

    async def call(self, method: str, params: Any) -> Any:
        """One request; its result."""
        return _result(await self.send(method, params))

    @property
    def session_id(self) -> str:
        """The session that was opened."""
        return self._http.headers["Mcp-Session-Id"]

    async def delete(self) -> httpx2.Response:
        """End the session."""
        return await self._http.delete(self._url)

    def forget_secret(self) -> None:
        """Send no secret from now on."""
        del self._http.headers["Authorization"]


def _result(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == "application/json":
        return answer.json()["result"]
    (data,) = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    return json.loads(data)["result"]
