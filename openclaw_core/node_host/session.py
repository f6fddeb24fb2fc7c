"""One connection of the node host: answers invokes, reports itself, learns of its approval."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from openclaw_core.auth.verification_code import verification_code
from openclaw_core.client import Connection
from openclaw_core.errors import RpcError, UnavailableError
from openclaw_core.node_host.contexts import FamilyContexts
from openclaw_core.node_host.executor import Executor
from openclaw_core.node_host.narrator import Narrator, explain_declaration, explain_surface_wait
from openclaw_core.node_host.pending import QueuedWork
from openclaw_core.node_host.stats import collect_stats
from openclaw_core.node_host.surface import Surface

__all__ = ["Session"]

_log = logging.getLogger(__name__)

STATS_INTERVAL_S = 60.0
# Answers of `node.event` that say nothing about the node's approval (12, 12.2).
_NEUTRAL_REASONS = frozenset(
    ("invalid_payload", "missing_device_identity", "persist_failed", "stale_connection", "unsupported_event")
)
# The one feature name the original takes; with `enabled: false` it promises nothing (12.6).
_RUNNER_FEATURE = "node-worker-supervisor-v6"
_APPROVE_HINT = re.compile(r"openclaw nodes approve ([0-9A-Za-z-]+)")


class Session:
    """Serves one connection; made before it, because events may follow hello-ok at once."""

    def __init__(
        self, surface: Surface, contexts: FamilyContexts, narrator: Narrator, work: QueuedWork
    ) -> None:
        self._surface = self._declared = surface
        self._contexts = contexts
        self._facts = contexts.facts
        self._narrator = narrator
        self._work = work
        self._connection: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._urls: dict[str, str] = {}
        self._executor = Executor(
            surface.commands, contexts, self._send_result, send_progress=self._send_progress
        )
        contexts.attach(self)
        self._report_now = asyncio.Event()
        self._pending = False
        self._rejected = False

    def on_event(self, event: str, payload: Any) -> None:
        """Take an event of the gateway; those nobody here understands are ignored."""
        match event:
            case "node.invoke.request":
                self._executor.start(payload)
            case "node.invoke.cancel":
                self._executor.cancel(payload)
            case "node.invoke.input":
                self._executor.input(payload)
            case "node.pending.available":
                self._work.wake()
            case "node.pair.resolved" if isinstance(payload, dict):
                self._resolve(payload)
            case _:
                self._contexts.hear(event, payload)

    def abandon(self) -> None:
        """The connection was not made: whoever waits for it is told."""
        self._contexts.detach(self)
        self._connection.set_exception(UnavailableError("not connected", {"code": "CONNECTION_LOST"}))
        self._connection.exception()  # nobody may have waited

    async def redeclare(self, surface: Surface) -> None:
        """Offer something else from now on and tell the gateway, at once or when it is connected."""
        self._surface = surface
        self._executor.offer(surface.commands)
        if self._connection.done() and self._connection.exception() is None:
            await self._declare(self._connection.result())

    async def serve(self, connection: Connection) -> tuple[int, str]:
        """Work until the socket ends; its close code and reason.

        What still runs then is cancelled: its caller was told that the node is gone. The
        socket is closed with 1000 when this is cancelled.
        """
        self._connection.set_result(connection)
        self._urls = dict(connection.hello.plugin_surface_urls or {})
        reporter = asyncio.create_task(self._report(), name="node report")
        self._work.attach(connection, self._report_now.set)
        try:
            return await connection.wait_closed()
        finally:
            self._work.detach(connection)
            self._contexts.detach(self)
            reporter.cancel()
            (fault,) = await asyncio.gather(reporter, return_exceptions=True)
            if isinstance(fault, Exception):
                _log.error("the node's reports ended early", exc_info=fault)
            await self._executor.close()
            await connection.close()

    async def _request(self, method: str, params: dict[str, Any]) -> Any:
        return await (await asyncio.shield(self._connection)).request(method, params)

    async def _send_result(self, params: dict[str, Any]) -> Any:
        return await self._request("node.invoke.result", params)

    async def _send_progress(self, params: dict[str, Any]) -> Any:
        # No limit of its own: the answer comes when the operator has room, or the socket ends.
        connection = await asyncio.shield(self._connection)
        return await connection.request("node.invoke.progress", params, timeout_ms=None)

    async def publish(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Send a `node.event`; False when the gateway did not take it."""
        params = {"event": event, "payloadJSON": orjson.dumps(dict(payload)).decode()}
        try:
            result = await self._request("node.event", params)
        except RpcError as error:
            _log.debug("%s was not taken: %s", event, error)
            if (error.details or {}).get("code") == "PAIRING_CHANGED":
                await self._wait_for_approval(error.details or {})
            return False
        answer = result if isinstance(result, dict) else {}
        await self._learn(event, answer)
        return answer.get("handled") is not False

    async def surface_url(self, surface: str, *, fresh: bool) -> str | None:
        """The scoped URL of a surface: the one the gateway gave last, or a new one (13.2)."""
        known = self._urls.get(surface)
        if known is not None and not fresh:
            return known
        params = {"surface": surface, **({"observedUrl": known} if known is not None else {})}
        try:
            answer = await self._request("node.pluginSurface.refresh", params)
        except RpcError as error:
            _log.info("the gateway grants no URL for %s: %s", surface, error)
            self._urls.pop(surface, None)
            return None
        urls = answer.get("pluginSurfaceUrls") if isinstance(answer, dict) else None
        url = urls.get(surface) if isinstance(urls, dict) else None
        if not isinstance(url, str) or not url:
            return None
        self._urls[surface] = url
        return url

    async def _learn(self, event: str, result: dict[str, Any]) -> None:
        """Read from the answer to a core event whether the surface is approved."""
        if not event.startswith(("node.presence.", "node.host.")):
            return
        if result.get("handled") is False and result.get("reason") not in _NEUTRAL_REASONS:
            await self._wait_for_approval(result)
        else:
            self._be_ready()

    async def _declare(self, connection: Connection) -> None:
        """Declare without a reconnect; a gateway that only reads declarations at connect gets one."""
        surface = self._surface
        params: dict[str, Any] = {"caps": list(surface.caps), "commands": list(surface.commands)}
        if surface.permissions or self._declared.permissions:
            params["permissions"] = dict(surface.permissions)
        try:
            answer = await connection.request("node.pluginSurface.refresh", params)
        except RpcError as error:
            _log.info("the gateway takes no live declaration (%s); connecting anew", error)
            await connection.close()
            return
        self._declared = surface
        self._narrator.say(("declared", *surface.commands), explain_declaration(surface.commands, answer))
        pending = answer.get("pending") if isinstance(answer, dict) else None
        if isinstance(pending, dict):
            self._pending = self._rejected = False
            await self._wait_for_approval(pending)

    async def _report(self) -> None:
        if self._surface is not self._declared:  # changed while the connection was made
            await self._declare(await asyncio.shield(self._connection))
        while True:
            self._report_now.clear()
            await self.publish("node.presence.alive", self._presence())
            await self._publish_stats()
            if self._contexts.tools:
                await self.publish_tools()
            while not self._report_now.is_set():
                with suppress(TimeoutError):
                    # Not `wait_for`, which on Python 3.11 may lose a cancellation that comes just then.
                    async with asyncio.timeout(STATS_INTERVAL_S):
                        await self._report_now.wait()
                    continue
                await self._publish_stats()

    async def publish_tools(self) -> None:
        """Send the tools that the families offer; those of commands not approved yet come later."""
        try:
            await self._request("node.pluginTools.update", {"tools": self._contexts.tools})
        except RpcError as error:
            _log.warning("the gateway did not take this node's tools: %s", error)

    def _presence(self) -> dict[str, Any]:
        sent_at_ms = time.time_ns() // 1_000_000
        return {"trigger": "connect", "sentAtMs": sent_at_ms, "displayName": self._facts.display_name}

    async def _publish_stats(self) -> None:
        stats = collect_stats(self._facts.state_dir)
        if stats is not None:
            await self.publish("node.host.stats", stats.to_wire())

    def _resolve(self, payload: dict[str, Any]) -> None:
        match payload.get("decision"):
            case "approved":
                self._rejected = False
                self._narrator.say(("approved",), "approved")
                self._be_ready()
                self._report_now.set()  # what was refused before the approval
            case "rejected" if self._pending:
                self._rejected = True
                text = "the operator rejected its commands; it asks again at the next connect"
                self._narrator.say(("rejected",), text)

    def _be_ready(self) -> None:
        if self._pending:
            self._work.wake()
        self._pending = False
        count = len(self._surface.commands)
        noun = "command" if count == 1 else "commands"
        text = f"ready: connected, {count} {noun} offered: {', '.join(self._surface.commands) or 'none'}"
        self._narrator.say(("ready",), text)

    async def _wait_for_approval(self, details: Mapping[str, Any]) -> None:
        if self._pending:
            return
        self._pending = True
        request_id = details.get("requestId")
        if not isinstance(request_id, str):
            request_id = await self._ask_request_id()
        if self._pending and not self._rejected:
            code = verification_code(self._facts.node_id)
            text = f"{explain_surface_wait(request_id)}; verification code, to compare there: {code}"
            self._narrator.say(("surface", request_id), text)

    async def _ask_request_id(self) -> str | None:
        """The original names the request only in the refusal of this call (8.5)."""
        params = {"protocolFeatures": [_RUNNER_FEATURE], "workerHost": {"enabled": False}}
        try:
            await self._request("node.runnerInventory.update", params)
        except RpcError as error:
            found = _APPROVE_HINT.search(error.message)
            return found.group(1) if found else None
        return None
