"""The node's half of the family with a real Chromium, without a gateway between."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openclaw_browser.config import BrowserConfig
from openclaw_browser.family import FAMILY
from openclaw_browser.models import ProxyParams, UploadProxyParams

from openclaw_core import CommandError
from openclaw_core.node_host.resources import Resources

__all__ = ["Desk", "browsing"]

COMMANDS = {item.name: item for item in FAMILY.commands}


@dataclass
class Desk:
    """A node as the family's commands see it, and whoever invokes them."""

    state_dir: Path
    config: BrowserConfig
    resources: Resources = field(default_factory=Resources)
    node_id: str = "a" * 64
    timeout_ms: int | None = 60_000
    files: list[tuple[bytes, str | None]] = field(default_factory=list)

    async def resource(self, opener: Any) -> Any:
        return await self.resources.get(opener, self)  # type: ignore[arg-type]

    async def send(self, method: str, path: str, /, **params: Any) -> dict[str, Any]:
        """The whole result of browser.proxy, as on the wire."""
        name = "browser.proxy.upload.v1" if "upload" in params else "browser.proxy"
        model = UploadProxyParams if "upload" in params else ProxyParams
        args = model.model_validate({"method": method, "path": path, **params}, by_alias=True)
        handler = COMMANDS[name].handler
        assert handler is not None
        result = (await handler(args, self)).model_dump(mode="json")
        self.files = [(base64.b64decode(f["base64"]), f.get("mimeType")) for f in result.get("files", ())]
        return result

    async def get(self, path: str, /, **query: Any) -> Any:
        return (await self.send("GET", path, query=query))["result"]

    async def post(self, path: str, /, **body: Any) -> Any:
        return (await self.send("POST", path, body=body))["result"]

    async def act(self, kind: str, **body: Any) -> Any:
        return await self.post("/act", kind=kind, **body)

    async def failure(self, method: str, path: str, /, **params: Any) -> tuple[str, str]:
        """Code and text of a request that fails."""
        try:
            result = await self.send(method, path, **params)
        except CommandError as error:
            return error.code, error.message
        raise AssertionError(f"{method} {path} went well: {result}")

    async def ref(self, name: str, role: str = "") -> str:
        """The ref of the element with this name, from a new snapshot."""
        refs = (await self.get("/snapshot"))["refs"]
        found = [ref for ref, item in refs.items() if item.get("name") == name and role in item["role"]]
        assert found, (name, refs)
        return str(found[0])


@asynccontextmanager
async def browsing(directory: Path, **config: Any) -> AsyncIterator[Desk]:
    """A desk whose browsers are closed in the end."""
    desk = Desk(directory, BrowserConfig.model_validate({"headless": True, **config}))
    try:
        yield desk
    finally:
        await desk.resources.close()
