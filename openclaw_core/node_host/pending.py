"""Work that waited for this node: pull, run once, report (PROTOCOL 14).

Items run one after the other, in the gateway's order: who leaves two wants the first done
first. What runs outlives a lost connection; its outcome is reported over the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from openclaw_core.client import Connection
from openclaw_core.commands import Command
from openclaw_core.errors import ConfigError, RpcError, UnavailableError
from openclaw_core.node_host.contexts import FamilyContexts
from openclaw_core.node_host.executor import Executor, IncomingInvoke
from openclaw_core.node_host.journal import Entry, Journal
from openclaw_core.protocol.base import Integer, NonEmpty, OpenWire
from openclaw_core.protocol.pending import AVAILABLE, BASELINE_ID, OUTCOME_UNKNOWN

__all__ = ["QueuedWork"]

_log = logging.getLogger(__name__)

LEASE_MS: Final = 30_000
_BATCH: Final = 50
Outcome = dict[str, Any]


class Action(OpenWire):
    """One item of a pull, from any gateway."""

    id: NonEmpty
    command: NonEmpty
    params_json: Annotated[str | None, Field(alias="paramsJSON")] = None
    timeout_ms: Integer | None = None
    idempotency_key: str | None = None


class QueuedWork:
    """Does what waits, over all connections of one node host.

    Args:
        journal: what was begun and done.
        commands: what may run, by name.
        contexts: the surroundings each command gets.
    """

    def __init__(self, journal: Journal, commands: Mapping[str, Command], contexts: FamilyContexts) -> None:
        self._journal = journal
        self._commands = commands
        self._executor = Executor(commands, contexts, self._refuse_result)
        self._connection: Connection | None = None
        self._report_status: Callable[[], None] = lambda: None
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def offer(self, commands: Mapping[str, Command]) -> None:
        """Run these from now on."""
        self._commands = commands
        self._executor.offer(commands)

    def attach(self, connection: Connection, report_status: Callable[[], None]) -> None:
        """A connection stands: report over it and ask it for work, if it knows of such."""
        if "node.pending.pull" not in connection.hello.features.methods:
            return
        self._connection, self._report_status = connection, report_status
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="queued work")
        self._wake.set()

    def detach(self, connection: Connection) -> None:
        """A connection is gone; what runs goes on."""
        if self._connection is connection:
            self._connection = None

    def wake(self) -> None:
        """Something may wait now."""
        self._wake.set()

    async def close(self) -> None:
        """Stop what runs, noting that it was stopped."""
        if self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(self._journal.close)

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._report_all()
                await self._serve_requests()
                await self._serve_actions()
            except RpcError as error:
                # Not approved yet, or the socket went: the next connection or event wakes us again.
                _log.debug("queued work pauses: %s", error)
            except ConfigError as error:
                _log.error("queued work is not done: %s", error)
            except Exception:
                _log.exception("queued work stumbled; it goes on when the gateway calls again")

    # Actions

    async def _serve_actions(self) -> None:
        seen: set[str] = set()
        while True:
            answer = await self._request("node.pending.pull", {"maxItems": 1} if self._speaks_more else {})
            fresh = [action for action in _actions(answer) if action.id not in seen]
            if not fresh:
                return
            for action in fresh:
                seen.add(action.id)
                outcome = await self._settle(action)
                await self._report([Entry(action.id, action.command, outcome)])

    async def _settle(self, action: Action) -> Outcome:
        """What became of an item: from the journal, or by running it."""
        entry = await asyncio.to_thread(self._journal.find, action.id)
        if entry is not None and entry.outcome is not None:
            return entry.outcome
        begun = entry is not None or not await asyncio.to_thread(
            self._journal.begin, action.id, action.command
        )
        if begun and not self._may_repeat(action.command):
            outcome = _failure(
                OUTCOME_UNKNOWN,
                f"the node stopped while it ran {action.command}; whether it was done is not known",
            )
        else:
            outcome = await self._run(action)
        try:
            await asyncio.to_thread(self._journal.finish, action.id, outcome)
        except asyncio.CancelledError:
            self._journal.finish(action.id, outcome)  # the thread may not have come to it
            raise
        return outcome

    async def _run(self, action: Action) -> Outcome:
        command = self._commands.get(action.command)
        default = command.timeout_ms if command is not None else None
        invoke = IncomingInvoke(
            id=action.id,
            command=action.command,
            params_json=action.params_json,
            timeout_ms=action.timeout_ms if action.timeout_ms is not None else default,
            idempotency_key=action.idempotency_key,
        )
        try:
            return await self._executor.perform(invoke)
        except asyncio.CancelledError:
            # What does no harm twice is simply run again at the next start.
            if not self._may_repeat(action.command):
                text = f"the node was stopped while it ran {action.command}"
                self._journal.finish(action.id, _failure("ABORTED", text))
            raise

    def _may_repeat(self, name: str) -> bool:
        command = self._commands.get(name)
        return command is not None and (command.idempotent or command.read_only)

    # Requests

    async def _serve_requests(self) -> None:
        params = {"leaseMs": LEASE_MS} if self._speaks_more else {}
        more = True
        while more:
            answer = await self._request("node.pending.drain", params)
            items = [item for item in answer.get("items") or () if item["id"] != BASELINE_ID]
            results = [{"id": item["id"], **self._answer_request(item)} for item in items]
            if results and self._speaks_more:
                ids = [result["id"] for result in results]
                await self._request("node.pending.ack", {"ids": ids, "results": results})
            more = bool(items) and answer.get("hasMore") is True

    def _answer_request(self, item: dict[str, Any]) -> Outcome:
        if item.get("type") == "status.request":
            self._report_status()
            return {"ok": True}
        return _failure("UNAVAILABLE", f"this node does not answer {item.get('type')}")

    # Reports

    async def _report_all(self) -> None:
        waiting = await asyncio.to_thread(self._journal.unreported)
        for at in range(0, len(waiting), _BATCH):
            await self._report(waiting[at : at + _BATCH])

    async def _report(self, entries: list[Entry]) -> None:
        params: dict[str, Any] = {"ids": [entry.id for entry in entries]}
        if self._speaks_more:
            params["results"] = [{"id": entry.id, **(entry.outcome or {})} for entry in entries]
        try:
            await self._request("node.pending.ack", params)
        except RpcError as error:
            if (error.details or {}).get("code") != "PAYLOAD_TOO_LARGE":
                raise
            await self._report_too_large(entries, error)
        self._journal.note_reported(*params["ids"])

    async def _report_too_large(self, entries: list[Entry], error: RpcError) -> None:
        """Results that do not fit into one frame go one by one, and the one that never fits as a failure."""
        if len(entries) > 1:
            for entry in entries:
                await self._report([entry])
            return
        outcome = _failure("PAYLOAD_TOO_LARGE", f"it was done; the result is too large: {error.message}")
        await self._request(
            "node.pending.ack", {"ids": [entries[0].id], "results": [{"id": entries[0].id, **outcome}]}
        )

    # The connection

    @property
    def _speaks_more(self) -> bool:
        """The gateway takes what this project adds to the published contract."""
        return self._connection is not None and AVAILABLE in self._connection.hello.features.events

    async def _request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if self._connection is None:
            raise UnavailableError("not connected", {"code": "CONNECTION_LOST"})
        answer = await self._connection.request(method, params)
        return answer if isinstance(answer, dict) else {}

    async def _refuse_result(self, params: dict[str, Any]) -> None:
        """Queued work is acknowledged, never answered as an invoke."""
        raise UnavailableError(f"{params.get('id')} is no invoke of this connection")


def _actions(answer: dict[str, Any]) -> list[Action]:
    found: list[Action] = []
    for item in answer.get("actions") or ():
        try:
            found.append(Action.model_validate(item))
        except ValidationError as error:
            _log.warning("an item of queued work is not understood and stays where it is: %s", error)
    return found


def _failure(code: str, message: str) -> Outcome:
    return {"ok": False, "error": {"code": code, "message": message}}
