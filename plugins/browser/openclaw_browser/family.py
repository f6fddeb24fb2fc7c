"""The two commands. Their functions run on a node host and import its half when called."""

from __future__ import annotations

from typing import Any

from openclaw_browser.config import BrowserConfig
from openclaw_browser.models import ProxyParams, ProxyResult, UploadProxyParams
from openclaw_browser.paths import profile_mutation_in
from openclaw_core import Family, NodeContext, Probe, command
from openclaw_core.commands import DESKTOP_PLATFORMS

__all__ = ["FAMILY"]

MUTATION = "node.invoke cannot mutate persistent browser profiles via browser.proxy"


def _refuse_mutation(params: Any) -> str | None:
    return MUTATION if profile_mutation_in(params) else None


@command(
    "browser.proxy",
    platforms=DESKTOP_PLATFORMS,
    admin_approval=True,
    admin_invoke=True,
    destructive=True,
    refuses=_refuse_mutation,
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
