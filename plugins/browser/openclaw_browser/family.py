"""The two commands. Their functions run on a node host and import its half when called."""

from __future__ import annotations

from typing import Any

from openclaw_browser.config import BrowserConfig
from openclaw_browser.models import ProxyParams, ProxyResult, UploadProxyParams
from openclaw_browser.paths import profile_mutation_in
from openclaw_core import Example, Family, NodeContext, Probe, command
from openclaw_core.commands import DESKTOP_PLATFORMS

__all__ = ["FAMILY"]

MUTATION = "node.invoke cannot mutate persistent browser profiles via browser.proxy"


def _refuse_mutation(params: Any) -> str | None:
    return MUTATION if profile_mutation_in(params) else None


_SNAPSHOT = Example(
    {"method": "GET", "path": "/snapshot", "query": {"interactive": True}},
    {
        "result": {
            "ok": True,
            "format": "ai",
            "targetId": "A3B9CAADA745BF747E8A2F4F879372CA",
            "url": "https://example.com/",
            "snapshot": '- link "More" [ref=e6]',
            "refs": {"e6": {"role": "link", "name": "More"}},
        }
    },
    "See what the page offers and by which refs to act on it.",
)
_CLICK = Example(
    {
        "method": "POST",
        "path": "/act",
        "body": {"kind": "click", "ref": "e6"},
        "errorEnvelope": "browser-v1",
    },
    {"error": {"status": 409, "body": {"error": "unknown or stale ref"}}, "route": {"status": "unavailable"}},
    "Click an element of the last snapshot.",
)
_UPLOAD = Example(
    {
        "method": "POST",
        "path": "/hooks/file-chooser",
        "body": {"inputRef": "e6"},
        "upload": {
            "envelope": "browser-upload-v1",
            "files": [{"name": "hi.txt", "contentBase64": "aGk="}],
        },
    },
    {"result": {"ok": True}},
    "Put a file into a form.",
)


@command(
    "browser.proxy",
    platforms=DESKTOP_PLATFORMS,
    admin_approval=True,
    admin_invoke=True,
    destructive=True,
    refuses=_refuse_mutation,
    examples=(_SNAPSHOT, _CLICK),
)
async def proxy(args: ProxyParams, node: NodeContext) -> ProxyResult:
    """Use the node's browser.

    Sends one request to the browser of the node: GET / (status), GET /tabs, POST /tabs/open {url},
    POST /navigate {url}, GET /snapshot (the page as text with element refs such as e7), POST /act
    {kind, ref, …} to click, type, press, select, fill, scroll, wait or evaluate, POST /screenshot,
    POST /pdf, GET /text, GET /console. Pictures and documents come back in `files`.
    """
    from openclaw_browser.node.proxy import run_proxy

    return await run_proxy(args, node)


@command(
    "browser.proxy.upload.v1",
    platforms=DESKTOP_PLATFORMS,
    admin_approval=True,
    admin_invoke=True,
    destructive=True,
    refuses=_refuse_mutation,
    examples=(_UPLOAD,),
)
async def upload(args: UploadProxyParams, node: NodeContext) -> ProxyResult:
    """Give files to the page's file chooser.

    As browser.proxy with POST /hooks/file-chooser; the files are in `upload`.
    """
    from openclaw_browser.node.proxy import run_proxy

    return await run_proxy(args, node)


def _probe(config: BrowserConfig) -> Probe:
    from openclaw_browser.node.executable import probe

    return probe(config)


FAMILY = Family(
    name="browser",
    title="Browser",
    commands=(proxy, upload),
    caps=("browser",),
    config=BrowserConfig,
    probe=_probe,
)
