"""The whole way: CLI → gateway → node host → Chromium, with approval and scopes as people have them."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from openclaw_browser import Browser
from openclaw_browser.config import BrowserConfig

from openclaw_core.node_host.host import NodeHost, NodeHostOptions
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.node_host.surface import offered_surface
from openclaw_core.testing import TOKEN, FakeDevice, TestGateway, Wire, operator_params, plugins_of
from tests.interop.peers import Answer, our_cli

from .website import Site

pytestmark = [pytest.mark.families, pytest.mark.timeout(170)]


class Room:
    """A gateway, a node with a browser on it, an admin, and the CLI."""

    def __init__(self, gateway: TestGateway, admin: Wire, node_id: str, home: Path) -> None:
        self.gateway, self.admin, self.node_id, self.home = gateway, admin, node_id, home

    async def cli(self, *arguments: str) -> Answer:
        """What `openclaw …`, a process of its own, printed."""
        cli = our_cli(self.gateway.server.port, TOKEN, self.home)
        return await asyncio.to_thread(cli, *arguments, timeout_s=120)

    async def proxy(self, method: str, path: str, **params: Any) -> Any:
        """`openclaw nodes invoke … browser.proxy`: the payload."""
        data = json.dumps({"method": method, "path": path, "timeoutMs": 60_000, **params})
        invoke = ("nodes", "invoke", "--node", "workbench", "--command", "browser.proxy", "--params", data)
        answer = await self.cli(*invoke, "--invoke-timeout", "70000", "--timeout", "90000", "--json")
        assert answer.code == 0, answer
        return answer.data["payload"]


@asynccontextmanager
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    plugin = Browser()
    async with TestGateway(tmp_path / "gateway", plugins_of(extra=[plugin])) as gateway:
        admin = await gateway.wire()
        assert (await admin.connect(operator_params(), FakeDevice()))["ok"]
        directory = tmp_path / "node"
        options = NodeHostOptions(url=gateway.url, directory=directory, display_name="workbench", token=TOKEN)
        family, settings = plugin.openclaw_family(), {"browser": BrowserConfig(headless=True)}
        surface = offered_surface([family], settings=settings)
        host = NodeHost(options, surface, Narrator(lambda _: None))
        running = asyncio.create_task(host.run())
        try:
            asked = (await admin.event("node.pair.requested"))["payload"]
            assert asked["requiredApproveScopes"] == ["operator.pairing", "operator.admin"]
            await admin.call("node.pair.approve", {"requestId": asked["requestId"]})
            yield Room(gateway, admin, asked["nodeId"], tmp_path / "home")
        finally:
            host.stop()
            await asyncio.wait_for(running, 40)


def test_browse_by_command_line(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> bytes:
        async with room(tmp_path) as here:
            opened = await here.proxy(
                "POST", "/tabs/open", body={"url": f"{site.url}/order", "label": "shop"}
            )
            assert opened["result"]["url"] == f"{site.url}/login"
            page = (await here.proxy("GET", "/snapshot", query={"interactive": True}))["result"]
            refs = {item["name"]: ref for ref, item in page["refs"].items()}
            fields = [
                {"ref": refs["User"], "value": "ada"},
                {"ref": refs["Password"], "value": "open sesame"},
            ]
            enter = {"kind": "click", "ref": refs["Enter"]}
            steps = [{"kind": "fill", "fields": fields}, enter, {"kind": "wait", "text": "Order for ada"}]
            done = await here.proxy("POST", "/act", body={"kind": "batch", "actions": steps})
            assert [item["ok"] for item in done["result"]["results"]] == [True] * 3
            asked = {"path": "/text", "target": "node", "node": "workbench"}
            assert "Order for ada" in (await here.admin.call("browser.request", asked))["text"]
            console = (await here.proxy("GET", "/console"))["result"]["messages"]
            assert [item["text"] for item in console][-2:] == ["form shown", "stock is low"]
            stale = {"method": "POST", "path": "/act", "body": enter, "errorEnvelope": "browser-v1"}
            request = {"nodeId": here.node_id, "command": "browser.proxy", "params": stale}
            answered = await here.admin.call("node.invoke", {**request, "idempotencyKey": "k"})
            assert answered["payload"]["error"]["status"] == 409
            assert answered["payload"]["route"] == {
                "status": "resolved",
                "profile": "openclaw",
                "driver": "openclaw",
            }
            create = json.dumps({"method": "POST", "path": "/profiles/create", "body": {"name": "x"}})
            invoke = ("nodes", "invoke", "--node", "workbench", "--command", "browser.proxy")
            refused = await here.cli(*invoke, "--params", create)
            assert (refused.code, "cannot mutate persistent browser profiles" in refused.err) == (1, True)
            shot = await here.proxy("POST", "/screenshot", profile="openclaw")
            return base64.b64decode(shot["files"][0]["base64"])

    picture: bytes = run(scene())
    assert picture.startswith(b"\x89PNG")
    (tmp_path / "shot.png").write_bytes(picture)
    profile = tmp_path / "node" / "browser" / "openclaw"
    assert profile.stat().st_mode & 0o777 == 0o700
