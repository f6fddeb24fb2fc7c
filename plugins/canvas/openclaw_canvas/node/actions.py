"""From a click on an A2UI surface to a node event."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from openclaw_canvas.gateway.actions import ACTION
from openclaw_canvas.models import UserActionEvent
from openclaw_canvas.node.addresses import HOSTED, LOCAL
from openclaw_core import NodeHostContext

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

__all__ = ["ActionBridge"]

_log = logging.getLogger(__name__)
_BINDING = "__openclawCanvasAction"
_MOST_CHARACTERS = 65_536
_MOST_WAITING = 16
# The name under which the apps' web views offer it too, so that one page fits all.
_SCRIPT = f"""if ([{json.dumps(HOSTED)}, {json.dumps(LOCAL)}].includes(location.origin)) {{
  globalThis.openclawCanvasA2UIAction = {{
    postMessage: text => void globalThis.{_BINDING}(String(text)),
  }};
}}"""


class ActionBridge:
    """Takes what the canvas's own pages post and sends it to the gateway."""

    def __init__(self, node: NodeHostContext) -> None:
        self._node = node
        self._waiting = 0

    async def attach(self, context: BrowserContext) -> None:
        """Listen to the pages of a context."""
        await context.expose_binding(_BINDING, self._take)
        await context.add_init_script(_SCRIPT)

    async def _take(self, source: Any, text: str) -> None:
        url: str = source["frame"].url
        if not url.startswith((f"{HOSTED}/", f"{LOCAL}/")):
            _log.warning("an action from %s is ignored: it is no page of the canvas", url)
        elif len(text) > _MOST_CHARACTERS or self._waiting >= _MOST_WAITING:
            _log.warning("an action is lost: it is too long, or too many wait for the gateway")
        else:
            await self._send(text)

    async def _send(self, text: str) -> None:
        try:
            event = UserActionEvent.model_validate_json(text)
        except ValidationError as error:
            _log.warning("an action is lost: it is not what A2UI calls a user action: %s", error)
            return
        self._waiting += 1
        try:
            if not await self._node.emit(ACTION, event.model_dump(mode="json", by_alias=True)):
                _log.warning("the gateway did not take the action %s", event.user_action.name)
        finally:
            self._waiting -= 1
