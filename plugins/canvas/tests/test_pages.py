"""The A2UI host page, and how a node reads hosted pages when its URL has expired."""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from openclaw_canvas import Canvas
from openclaw_canvas.gateway.page import SCRIPT, host_page
from openclaw_canvas.node.hosted import HostedPages
from openclaw_canvas.node.local import read_local

from openclaw_core import CommandError
from openclaw_core.client import ConnectOptions, connect
from openclaw_core.testing import TOKEN, TestGateway, Wire, plugins_of

pytestmark = pytest.mark.anyio

HELLO = "/__openclaw__/canvas/documents/hello/"


def test_the_page_runs_its_own_script_and_no_other(tmp_path: Path) -> None:
    script = tmp_path / "a2ui.js"
    script.write_text("let drôle = 1")
    page = host_page(script)
    inside = re.search(rb"<script>(.*)</script>", page.html, re.DOTALL)
    assert inside is not None
    (digest,) = re.findall(r"script-src 'sha256-([^']+)'", page.policy)
    assert b64decode(digest) == hashlib.sha256(inside[1]).digest()
    assert "default-src 'none'" in page.policy
    assert "unsafe-eval" not in page.policy


def test_a_page_that_was_not_built_says_so_and_how_to_cure_it(tmp_path: Path) -> None:
    page = host_page(tmp_path / "absent.js")
    assert not page.built
    assert b"make ui" in page.html
    assert "script-src 'none'" in page.policy


async def test_the_gateway_serves_it(house: Any) -> None:
    async with house() as here:
        for path in ("", "a2ui/"):
            page = await here.get(path)
            assert page.status == (200 if SCRIPT.exists() else 503)
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["content-security-policy"] == host_page().policy
        moved = await here.get("a2ui")
        assert (moved.status, moved.headers["location"]) == (307, "./a2ui/")


class WiredNode:
    """A node's socket, as far as reading pages needs it; `asked` counts its refreshes."""

    tls_fingerprint: str | None = None

    def __init__(self, wire: Wire) -> None:
        self.wire, self.asked, self.url = wire, 0, ""
        self.turn = asyncio.Lock()

    async def surface_url(self, surface: str, *, fresh: bool = False) -> str | None:
        if fresh or not self.url:
            self.asked += 1
            async with self.turn:
                answer = await self.wire.request("node.pluginSurface.refresh", {"surface": surface})
            if not answer["ok"]:
                return None
            self.url = answer["payload"]["pluginSurfaceUrls"][surface]
        return self.url


class Holder:
    """Somebody with a URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.tls_fingerprint: str | None = None

    async def surface_url(self, _surface: str, *, fresh: bool = False) -> str:
        del fresh
        return self.url


async def canvas_node(here: Any, **more: Any) -> WiredNode:
    wire, _ = await here.gateway.node(["canvas.present"], caps=["canvas"], **more)
    return WiredNode(wire)


async def test_an_expired_url_is_renewed_once_for_all_who_met_its_end(house: Any) -> None:
    async with house(urlLifetimeMs=2_000) as here:
        await here.put("hello", index__html="Hi")
        node = await canvas_node(here)
        pages: Any = HostedPages(node)  # type: ignore[arg-type]
        assert (await pages.get(HELLO)).body == b"Hi"
        first = node.url
        here.clock.advance(2_000)
        answers = await asyncio.gather(*(pages.get(HELLO) for _ in range(5)))
        assert [answer.body for answer in answers] == [b"Hi"] * 5
        assert node.asked == 2
        assert node.url != first
        assert (await pages.get(f"{HELLO}none")).status == 404
        assert (await pages.get(HELLO, {"range": "bytes=1-1"})).headers["content-range"] == "bytes 1-1/2"


async def test_a_node_without_the_surface_is_told_to_get_it_approved(house: Any) -> None:
    async with house() as here:
        node = await canvas_node(here, approve=False)
        with pytest.raises(CommandError, match="approve its capability canvas") as refused:
            await HostedPages(node).get(HELLO)  # type: ignore[arg-type]
        assert refused.value.code == "UNAVAILABLE"


async def test_a_gateway_that_is_not_there() -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"no page came from the gateway at 127.0.0.1:{port}"):
            await HostedPages(Holder(f"http://127.0.0.1:{port}")).get(HELLO)  # type: ignore[arg-type]


async def test_a_pinned_certificate_is_the_only_one_that_is_taken(tmp_path: Path) -> None:
    async with TestGateway(tmp_path, plugins_of(extra=[Canvas()]), {"tls.enabled": True}) as gateway:
        pin = gateway.server.gateway.runtime.tls_fingerprint
        url = gateway.url.replace("ws://", "wss://")
        options = ConnectOptions(url=url, token=TOKEN, scopes=("operator.admin",), tls_fingerprint=pin)
        operator = await connect(options)
        document = {"id": "hello", "files": [{"text": "Hi"}]}
        await operator.request("canvas.documents.put", document)
        granted = await operator.request("plugin.surface.refresh", {"surface": "canvas"})
        holder = Holder(granted["pluginSurfaceUrls"]["canvas"])
        pages = HostedPages(holder)  # type: ignore[arg-type]
        with pytest.raises(CommandError, match="CERTIFICATE_VERIFY_FAILED"):
            await pages.get(HELLO)
        holder.tls_fingerprint = "0" * 64
        with pytest.raises(CommandError, match=f"its certificate is {pin}, pinned is 0000"):
            await pages.get(HELLO)
        holder.tls_fingerprint = pin
        assert (await pages.get(HELLO)).body == b"Hi"
        await operator.close()


def test_files_of_the_node(tmp_path: Path) -> None:
    root = tmp_path / "canvas"
    (root / "sub").mkdir(parents=True)
    (root / "index.html").write_text("home")
    (root / "sub" / "a b.svg").write_text("<svg/>")
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    base = "https://local.openclaw-canvas.invalid"
    assert read_local(root, f"{base}/").body == b"home"
    picture = read_local(root, f"{base}/sub/a%20b.svg?x#y")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")
    for path in ("/none", "/link", "/../secret", "/%2e%2e/secret", "/sub", "//etc/passwd"):
        assert read_local(root, base + path).status == 404, path
