"""POST /act and the answer to dialogs."""

from __future__ import annotations

import asyncio
from typing import Any

from openclaw_browser.node.action_models import Action, Batch, Evaluate, Wait, read_action
from openclaw_browser.node.dialogs import Answer, DialogOpenError
from openclaw_browser.node.failures import RouteError
from openclaw_browser.node.interactions import perform
from openclaw_browser.node.request import Handler, Reply, Request
from openclaw_browser.node.routes.transfer import collect_downloads
from openclaw_browser.node.tabs import Tab

__all__ = ["ACT_ROUTES"]

DISABLED = (
    "{} is switched off on this node (evaluateEnabled of plugins.entries.browser.config); use a snapshot, or"
    " act by refs"
)


async def _act(request: Request) -> Reply:
    action = read_action(dict(request.values))
    if not request.browsers.config.evaluate_enabled:
        _refuse_scripts(action)
    tab = await request.tab()
    await _stay_in(tab, action, request)
    rest = (request.deadline - asyncio.get_running_loop().time()) * 1000
    reply = Reply({"ok": True, "targetId": tab.target_id})
    try:
        reply.body |= await tab.dialogs.unless_blocked(perform(action, tab, rest))
    except DialogOpenError:
        reply.body |= {"blockedByDialog": True, "browserState": tab.dialogs.state()}
    reply.body["url"] = tab.page.url
    await collect_downloads(tab, reply)
    return reply


def _refuse_scripts(action: Action) -> None:
    if isinstance(action, Batch):
        for item in action.actions:
            _refuse_scripts(item)
    elif isinstance(action, Evaluate) or (isinstance(action, Wait) and action.fn):
        name = "act evaluate" if isinstance(action, Evaluate) else "act wait with fn"
        raise RouteError(403, DISABLED.format(name), code="ACT_EVALUATE_DISABLED")


async def _stay_in(tab: Tab, action: Action, request: Request) -> None:
    """Each action of a batch is for the batch's tab."""
    if not isinstance(action, Batch):
        return
    for item in action.actions:
        running = request.profile.running
        if item.target_id and running is not None:
            other = await running.tabs.find(item.target_id, request.profile.ended)
            if other is not tab:
                raise RouteError(
                    403,
                    f"an action in the batch names tab {item.target_id}, the batch is for {tab.reference}",
                    code="ACT_TARGET_ID_MISMATCH",
                )
        await _stay_in(tab, item, request)


async def _answer_dialog(request: Request) -> Reply:
    accept = request.flag("accept")
    if accept is None:
        raise RouteError(400, "accept is required, true or false")
    tab = await request.tab()
    text: Any = request.values.get("promptText")
    if text is not None and not isinstance(text, str):
        raise RouteError(400, f"promptText must be a string, not {type(text).__name__}")
    await tab.dialogs.answer(Answer(accept, text), request.text("dialogId"))
    return Reply({"ok": True})


ACT_ROUTES: dict[str, Handler] = {"POST /act": _act, "POST /hooks/dialog": _answer_dialog}
