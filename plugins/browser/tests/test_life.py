"""Tabs, profiles, and a browser's life: start, crash, idle, timeouts, cancellation, navigation policy."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from openclaw_browser.node.browsers import open_browsers

from .browsing import Desk, browsing
from .website import Site

pytestmark = [pytest.mark.families, pytest.mark.timeout(120)]
V1 = {"errorEnvelope": "browser-v1"}


def test_tabs_and_status(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path, profiles={"work": {"color": "#00FF00"}}) as desk:
            assert await desk.get("/tabs") == {"running": False, "tabs": []}
            status = await desk.get("/")
            assert (status["running"], status["profile"], status["pid"]) == (False, "openclaw", None)
            assert "not running" in (await desk.failure("POST", "/tabs/focus", body={"targetId": "t1"}))[1]
            first = await desk.post("/tabs/open", url=f"{site.url}/keys", label="keys")
            second = await desk.post("/tabs/open", url=f"{site.url}/inner")
            assert (first["tabId"], second["tabId"], second["suggestedTargetId"]) == ("t1", "t2", "t2")
            tabs = (await desk.get("/tabs"))["tabs"]
            assert [tab["targetId"] for tab in tabs] == [first["targetId"], second["targetId"]]
            assert (await desk.get("/text"))["targetId"] == second["targetId"]
            await desk.post("/tabs/focus", targetId="keys")
            assert (await desk.get("/text"))["targetId"] == first["targetId"]
            await desk.post("/navigate", url=f"{site.url}/colours", targetId=first["targetId"][:12])
            assert (await desk.get("/tabs"))["tabs"][0]["targetId"] == first["targetId"]
            taken = {"action": "label", "targetId": "t2", "label": "keys"}
            assert "is taken by t1" in (await desk.failure("POST", "/tabs/action", body=taken))[1]
            popup = "void open('/inner', '_blank')"
            await desk.act("evaluate", fn=popup, targetId="t2")
            await desk.act("wait", fn="true", targetId="t2")
            assert (await desk.post("/tabs/action", action="list"))["tabs"][2]["tabId"] == "t3"
            closed = await desk.send("DELETE", "/tabs/keys")
            assert closed["result"]["targetId"] == first["targetId"]
            for begun in (second["targetId"][:1], second["targetId"][:5]):
                assert "tab not found" in (await desk.failure("DELETE", f"/tabs/{begun}"))[1]
            assert "did you mean t2?" in (await desk.failure("DELETE", "/tabs/2"))[1]
            status, profiles = await desk.get("/"), (await desk.get("/profiles"))["profiles"]
            assert psutil.Process(status["pid"]).is_running()
            assert [(item["name"], item["running"], item["tabCount"]) for item in profiles] == [
                ("openclaw", True, 2),
                ("work", False, 0),
            ]
            assert (await desk.get("/doctor"))["ok"] is True
            assert (await desk.post("/stop"))["stopped"] is True
            assert "stopped" in (await desk.failure("GET", "/text", query={"targetId": "t2"}))[1]

    run(scene())


def test_a_browser_that_dies_is_started_anew(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/order", label="shop")
            pid = (await desk.get("/"))["pid"]
            never = asyncio.create_task(
                desk.send("POST", "/act", body={"kind": "wait", "text": "never there"}, **V1)
            )
            await began(desk)
            os.kill(pid, signal.SIGKILL)
            failed = (await never)["error"]
            assert (failed["status"], "ended unexpectedly" in failed["body"]["error"]) == (503, True)
            assert "started anew" in failed["body"]["error"]
            lost = await desk.failure("GET", "/text", query={"targetId": "shop"})
            assert "ended unexpectedly and was started anew without its tabs" in lost[1]
            await desk.post("/navigate", url=f"{site.url}/inner")
            assert (await desk.get("/"))["pid"] != pid
            (driver,) = [
                child for child in psutil.Process().children() if "playwright" in " ".join(child.cmdline())
            ]
            driver.kill()
            gone = await desk.send("POST", "/navigate", body={"url": f"{site.url}/inner"}, **V1)
            assert "error" in gone
            assert (await desk.post("/navigate", url=f"{site.url}/inner"))["ok"] is True

    run(scene())


async def began(desk: Desk) -> None:
    """The browser answers another request, so the one before has begun."""
    await desk.get("/console")


def test_an_idle_browser_rests(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path, idleShutdownMs=50) as desk:
            opened = await desk.post("/tabs/open", url=f"{site.url}/inner")
            process = psutil.Process((await desk.get("/"))["pid"])
            await asyncio.to_thread(process.wait, 20)
            text = (await desk.failure("GET", "/text", query={"targetId": opened["targetId"]}))[1]
            assert "closed after 0.05 s without use" in text

    run(scene())


def test_timeouts_and_cancellation(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/keys")
            slow = await desk.failure("POST", "/navigate", body={"url": f"{site.url}/hang"}, timeoutMs=300)
            assert slow[0] == "UNAVAILABLE"
            assert slow[1].startswith("504: browser proxy timed out for POST /navigate after 300 ms")
            site.let_go.set()
            loop = {"kind": "evaluate", "fn": "for(;;);", "timeoutMs": 500}
            result = await desk.send("POST", "/act", body=loop, **V1)
            assert (result["error"]["status"], result["error"]["body"]["code"]) == (
                504,
                "ACT_OPERATION_FAILED",
            )
            assert (await desk.act("evaluate", fn="1 + 1"))["result"] == 2
            waiting = asyncio.create_task(desk.act("wait", text="never there"))
            await began(desk)
            waiting.cancel()
            assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], BaseException)
            assert (await desk.act("evaluate", fn="() => 3"))["result"] == 3

    run(scene())


def test_navigation_policy(run: Any, tmp_path: Path, site: Site) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>a file of the node</p>")

    async def scene() -> None:
        async with browsing(tmp_path / "a") as desk:
            for url in (page.as_uri(), "javascript:alert(1)", "chrome://version", "data:text/html,x"):
                result = await desk.send("POST", "/tabs/open", body={"url": url}, **V1)
                body = result["error"]["body"]
                assert (result["error"]["status"], body["reason"]) == (400, "navigation_blocked")
                assert "http:, https: and about:blank" in body["error"]
            assert (await desk.get("/"))["running"] is False
            assert "write it as https" in (await desk.failure("POST", "/navigate", body={"url": "a.b/c"}))[1]
            secret = {"url": "http://u:p@127.0.0.1/"}
            assert "user name or password" in (await desk.failure("POST", "/navigate", body=secret))[1]
            away = await desk.failure("POST", "/navigate", body={"url": f"{site.url}/away"})
            assert away[1].startswith("502: ")
            unheard = await desk.failure("POST", "/navigate", body={"url": "http://127.0.0.1:1/"})
            assert "did not load" in unheard[1]
            assert (await desk.post("/tabs/open", url="about:blank"))["url"] == "about:blank"
        async with browsing(tmp_path / "b", allowSchemes=["http", "file"], evaluateEnabled=False) as desk:
            await desk.post("/tabs/open", url=page.as_uri())
            assert (await desk.get("/text"))["text"] == "a file of the node"
            for body in ({"kind": "evaluate", "fn": "1"}, {"kind": "wait", "fn": "true"}):
                refused = await desk.send("POST", "/act", body=body, **V1)
                assert refused["error"]["body"]["code"] == "ACT_EVALUATE_DISABLED"
            browsers = await desk.resource(open_browsers)
            tab = await browsers.profiles["openclaw"].tab(None)
            await tab.page.goto("data:text/html,hidden")
            blocked = await desk.failure("GET", "/text")
            assert "is blocked by policy" in blocked[1]

    run(scene())


def test_results_over_the_limits(run: Any, tmp_path: Path, site: Site) -> None:
    async def scene() -> None:
        async with browsing(tmp_path) as desk:
            await desk.post("/tabs/open", url=f"{site.url}/colours")
            big = {"kind": "evaluate", "fn": "'x'.repeat(26_000_000)"}
            code, text = await desk.failure("POST", "/act", body=big)
            assert (code, "24 MiB" in text) == ("PAYLOAD_TOO_LARGE", True)
            noise = """() => { const c = document.createElement('canvas'); c.width = c.height = 2000;
                const x = c.getContext('2d'), d = x.createImageData(2000, 2000);
                for (let i = 0; i < d.data.length; i += 65536)
                  crypto.getRandomValues(d.data.subarray(i, i + 65536));
                for (let i = 3; i < d.data.length; i += 4) d.data[i] = 255;
                x.putImageData(d, 0, 0); document.body.replaceChildren(c) }"""
            await desk.act("evaluate", fn=noise)
            code, text = await desk.failure("POST", "/screenshot", body={"fullPage": True})
            assert (code, "10 MiB" in text) == ("PAYLOAD_TOO_LARGE", True)
            await desk.post("/navigate", url=f"{site.url}/keys")
            cut = await desk.get("/snapshot", maxChars=100)
            assert (cut["truncated"], len(cut["snapshot"]) <= 100, "Keys" in cut["snapshot"]) == (True,) * 3

    run(scene())
