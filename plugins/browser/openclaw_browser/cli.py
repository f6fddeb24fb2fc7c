"""`openclaw nodes browser …`: the browser of a node, by hand (PROTOCOL 18.9)."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import typer

from openclaw_core.errors import UnavailableError
from openclaw_core.hookspecs import NodeCall, NodeCommands

__all__ = ["add_commands"]

_BUDGET_MS = 60_000
_PROFILE = Annotated[str | None, typer.Option("--profile", help="Browser profile; default: the node's.")]
_TAB = Annotated[str | None, typer.Option("--tab", help="Tab id, from: nodes browser tabs.")]


def add_commands(nodes: NodeCommands) -> None:
    """Add the group."""
    browser = nodes.group("browser", "The browser of a node: tabs, what they say, pictures.")
    browser.add("open", open_, invoke_timeout_ms=_BUDGET_MS, admin=True)
    browser.add("tabs", tabs, invoke_timeout_ms=_BUDGET_MS, admin=True)
    browser.add("snapshot", snapshot, invoke_timeout_ms=_BUDGET_MS, admin=True)
    browser.add("screenshot", screenshot, invoke_timeout_ms=_BUDGET_MS, admin=True, saves=("png",))


async def open_(
    call: NodeCall,
    page: Annotated[str, typer.Argument(metavar="URL", help="What to open.")],
    profile: _PROFILE = None,
) -> None:
    """Open a page in a new tab and print the tab's id."""
    tab = (await _ask(call, "POST", "/tabs/open", profile, body={"url": page}))["result"]
    call.show(tab, str(tab["targetId"]))


async def tabs(call: NodeCall, profile: _PROFILE = None) -> None:
    """List the open tabs."""
    found = (await _ask(call, "GET", "/tabs", profile))["result"]
    lines = [f"{tab['targetId']}  {tab.get('title') or '-'}  {tab.get('url')}" for tab in found["tabs"]]
    call.show(found, *(lines or ["No tabs."]))


async def snapshot(call: NodeCall, tab: _TAB = None, profile: _PROFILE = None) -> None:
    """Print what the page says, with refs of what can be clicked."""
    query = {"targetId": tab} if tab else None
    found = (await _ask(call, "GET", "/snapshot", profile, query=query))["result"]
    call.show(found, *str(found["snapshot"]).splitlines())


async def screenshot(
    call: NodeCall,
    tab: _TAB = None,
    full_page: Annotated[bool, typer.Option("--full-page", help="The whole page, not what fits.")] = False,
    profile: _PROFILE = None,
) -> None:
    """Take a picture of the page, save it and print where."""
    body = {"type": "png", "fullPage": full_page, **({"targetId": tab} if tab else {})}
    answer = await _ask(call, "POST", "/screenshot", profile, body=body)
    if not answer.get("files"):
        raise UnavailableError("the node sent no picture; update openclaw-browser there")
    path = call.save(base64.b64decode(answer["files"][0]["base64"]), "browser-screenshot", "png")
    call.show({"file": {"path": path, "url": answer["result"].get("url")}}, path)


async def _ask(call: NodeCall, method: str, path: str, profile: str | None, **more: Any) -> dict[str, Any]:
    params = {"method": method, "path": path, "profile": profile, **more}
    answer: dict[str, Any] = await call.invoke("browser.proxy", params)
    return answer
