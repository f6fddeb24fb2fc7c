"""What the page asks for below the canvas's own addresses, answered by the node."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openclaw_canvas.node.addresses import HOSTED, LOCAL
from openclaw_canvas.node.hosted import Answer, HostedPages
from openclaw_canvas.node.local import read_local
from openclaw_core import CommandError, NodeHostContext

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Route

__all__ = ["Traffic"]

_log = logging.getLogger(__name__)
_OWN = re.compile(f"^({re.escape(HOSTED)}|{re.escape(LOCAL)})/")
_PASSED_ON = (
    "accept-ranges",
    "access-control-allow-origin",
    "cache-control",
    "content-range",
    "content-security-policy",
    "content-type",
    "location",
    "referrer-policy",
    "x-content-type-options",
)


class Traffic:
    """Serves hosted and local addresses to one browser context."""

    def __init__(self, node: NodeHostContext) -> None:
        self.hosted = HostedPages(node)
        self._local_root = node.state_dir / "canvas"
        self._ready: dict[str, Answer] = {}

    async def attach(self, context: BrowserContext) -> None:
        """Answer the context's requests from now on."""
        await context.route(_OWN, self._answer)

    def hold(self, url: str, answer: Answer) -> None:
        """Give this answer to the next request for `url`, which is about to come."""
        self._ready = {url.partition("#")[0]: answer}

    async def _answer(self, route: Route) -> None:
        request = route.request
        try:
            answer = self._ready.pop(request.url, None) or await self._find(request.url, request.headers)
        except CommandError as error:
            _log.warning("the canvas did not get %s: %s", request.url, error.message)
            # No content: a page that cannot be had does not take the place of the one that is shown.
            status = 204 if request.is_navigation_request() else 503
            answer = Answer(status, {"content-type": "text/plain"}, error.message.encode())
        headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        body = b"" if answer.status == 204 else answer.body
        await route.fulfill(status=answer.status, headers=headers, body=body)

    async def _find(self, url: str, headers: dict[str, str]) -> Answer:
        if url.startswith(LOCAL):
            return await asyncio.to_thread(read_local, self._local_root, url)
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        asked = {"range": headers["range"]} if "range" in headers else {}
        return await self.hosted.get(target, asked)
