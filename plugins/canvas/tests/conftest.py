"""A gateway with the family, a node with it, and an operator who uses both."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from openclaw_canvas import Canvas
from PIL import Image

from openclaw_core.config_file import read_document
from openclaw_core.family_settings import FamilySettings
from openclaw_core.node_host import Machine, NodeHost, NodeHostOptions
from openclaw_core.node_host.narrator import Narrator
from openclaw_core.testing import TOKEN, FakeClock, FakeDevice, TestGateway, Wire, operator_params, plugins_of

HOME = "/__openclaw__/canvas/"


@dataclass(frozen=True)
class Page:
    """An answer to a GET."""

    status: int
    headers: dict[str, str]
    body: bytes


def fetch(url: str, path: str = "") -> Page:
    """GET, the path sent as it is."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request("GET", parts.path + path)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Page(answer.status, headers, answer.read())
    finally:
        connection.close()


class House:
    """A gateway, its clock, and an operator.

    Attributes:
        urls: scoped URLs of operators.
    """

    def __init__(self, gateway: TestGateway, operator: Wire, clock: FakeClock) -> None:
        self.gateway, self.operator, self.clock = gateway, operator, clock

    async def put(self, document_id: str, /, **files: str) -> dict[str, Any]:
        """Store a document; `__` in a keyword is a dot."""
        listed = [{"path": name.replace("__", "."), "text": text} for name, text in files.items()]
        answer: dict[str, Any] = await self.operator.call(
            "canvas.documents.put", {"id": document_id, "files": listed}
        )
        return answer

    async def url(self) -> str:
        """A new scoped URL of the operator."""
        answer = await self.operator.call("plugin.surface.refresh", {"surface": "canvas"})
        return str(answer["pluginSurfaceUrls"]["canvas"])

    async def get(self, path: str, url: str | None = None) -> Page:
        """GET a path below `/__openclaw__/canvas/` through a scoped URL."""
        return await asyncio.to_thread(fetch, url or await self.url(), HOME + path)

    @asynccontextmanager
    async def node(self, directory: Path, **config: Any) -> AsyncIterator[Desk]:
        """A real node host with the family, approved."""
        entries = {"canvas": {"config": {"display": "headless", **config}}}
        machine = Machine(plugins_of(extra=[Canvas()]), FamilySettings(directory / "openclaw.json", entries))
        options = NodeHostOptions(
            url=self.gateway.url, directory=directory, display_name="easel", token=TOKEN
        )
        host = NodeHost(options, machine.look(), Narrator(lambda _: None))
        running = asyncio.create_task(host.run())
        try:
            asked = (await self.operator.event("node.pair.requested"))["payload"]
            await self.operator.call("node.pair.approve", {"requestId": asked["requestId"]})
            yield Desk(self, asked["nodeId"])
        finally:
            host.stop()
            await asyncio.wait_for(running, 30)


class Desk:
    """A node's canvas, as an operator uses it."""

    def __init__(self, house: House, node_id: str) -> None:
        self.house, self.node_id = house, node_id

    async def invoke(self, name: str, /, **params: Any) -> dict[str, Any]:
        """The response frame of an invoke."""
        request = {"nodeId": self.node_id, "command": f"canvas.{name}", "params": params}
        return await self.house.operator.request(
            "node.invoke", {**request, "idempotencyKey": str(uuid.uuid4()), "timeoutMs": 100_000}
        )

    async def do(self, name: str, /, **params: Any) -> Any:
        """The payload of an invoke that succeeds."""
        frame = await self.invoke(name, **params)
        assert frame["ok"], frame
        return frame["payload"]["payload"]

    async def refusal(self, name: str, /, **params: Any) -> tuple[str, str]:
        """Code and text with which the node refuses."""
        frame = await self.invoke(name, **params)
        assert not frame["ok"], frame
        error = frame["error"].get("details", {}).get("nodeError") or frame["error"]
        return error["code"], error["message"]

    async def eval(self, source: str) -> Any:
        """What a program in the page gives."""
        return (await self.do("eval", javaScript=source))["result"]

    async def picture(self, **params: Any) -> Image.Image:
        """What is visible, decoded."""
        answer = await self.do("snapshot", **params)
        image = Image.open(io.BytesIO(base64.b64decode(answer["base64"], validate=True)))
        assert image.format == answer["format"].upper()
        return image.convert("RGB")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Open a house: `async with house(urlLifetimeMs=…) as here`; its settings are the family's."""

    # A browser takes its time to start on a small machine that does much else.
    monkeypatch.setattr("openclaw_core.testing.wire.PATIENCE_SECONDS", 90.0)

    @asynccontextmanager
    async def build(**config: Any) -> AsyncIterator[House]:
        state, clock = tmp_path / "gateway", FakeClock()
        state.mkdir()
        entries = {"plugins": {"entries": {"canvas": {"config": config}}}}
        (state / "openclaw.json").write_text(json.dumps(entries))
        assert read_document(state / "openclaw.json") == entries
        async with TestGateway(state, plugins_of(extra=[Canvas()]), now_ms=clock) as gateway:
            operator = await gateway.wire()
            assert (await operator.connect(operator_params(), FakeDevice()))["ok"]
            yield House(gateway, operator, clock)

    return build
