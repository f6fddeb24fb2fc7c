"""Runs the commands a gateway invokes: concurrently, each answered at most once (PROTOCOL 11)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, Field, ValidationError

from openclaw_core.commands import Command
from openclaw_core.errors import CommandError, RpcError
from openclaw_core.node_host.contexts import FamilyContexts, HostContext
from openclaw_core.node_host.streams import MOST_INPUTS, InvokeStreams, SendProgress
from openclaw_core.protocol.arguments import explain_arguments
from openclaw_core.protocol.base import Integer, NonEmpty, OpenWire, Wire
from openclaw_core.protocol.problems import describe_problems

__all__ = ["Executor", "IncomingInvoke", "InvokeContext"]

_log = logging.getLogger(__name__)

SendResult = Callable[[dict[str, Any]], Awaitable[Any]]

_CLOSE_WAIT_S = 5.0


class IncomingInvoke(OpenWire):
    """`node.invoke.request` as any gateway may send it: unknown fields and nulls are fine (11.2)."""

    id: NonEmpty
    command: NonEmpty
    params_json: Annotated[str | None, Field(alias="paramsJSON")] = None
    timeout_ms: Integer | None = None
    idempotency_key: str | None = None


class InvokeContext(HostContext):
    """`NodeContext` of one invoke."""

    def __init__(
        self,
        contexts: FamilyContexts,
        command: str,
        idempotency_key: str | None,
        timeout_ms: int | None,
        streams: InvokeStreams,
    ) -> None:
        family = contexts.of_command(command)
        super().__init__(contexts, family.config, family.family)
        self.idempotency_key = idempotency_key
        self.timeout_ms = timeout_ms
        self.streams = streams

    async def progress(self, text: str) -> bool:
        """Send output while the command runs; False when nobody listens."""
        return await self.streams.progress(text)

    def inputs(self) -> AsyncIterator[Any]:
        """What the caller sends while the command runs."""
        return self.streams.inputs()


class Executor:
    """The invokes of one connection.

    Args:
        commands: what may run, by name.
        contexts: the surroundings each command gets.
        send_result: delivers the params of one `node.invoke.result`; raises RpcError.
        send_progress: delivers `node.invoke.progress`; None for invokes nobody can listen to.
        limit: how many run at once; above it the answer is UNAVAILABLE.
    """

    def __init__(
        self,
        commands: Mapping[str, Command],
        contexts: FamilyContexts,
        send_result: SendResult,
        *,
        send_progress: SendProgress | None = None,
        limit: int = 64,
    ) -> None:
        self._commands = commands
        self._contexts = contexts
        self._facts = contexts.facts
        self._send_result = send_result
        self._send_progress = send_progress
        self._limit = limit
        self._running: dict[str, asyncio.Task[None]] = {}
        self._streams: dict[str, InvokeStreams] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._closing = False

    def offer(self, commands: Mapping[str, Command]) -> None:
        """Run these from now on; what runs already goes on."""
        self._commands = commands

    def start(self, payload: Any) -> None:
        """Take a `node.invoke.request`; an unusable one is answered, or ignored without an id."""
        try:
            invoke = IncomingInvoke.model_validate(payload)
        except ValidationError as error:
            self._refuse_unusable(payload, error)
            return
        if invoke.id in self._running:
            _log.warning("invoke %s arrived twice; the second is ignored", invoke.id)
        elif self._closing:
            stopping = "node stopping: the command was not begun; try again when the node is back"
            self._spawn_answer(invoke.id, _failure("UNAVAILABLE", stopping))
        elif len(self._running) >= self._limit:
            busy = f"node busy: {self._limit} commands are running; try again when one is done"
            self._spawn_answer(invoke.id, _failure("UNAVAILABLE", busy))
        else:
            streams = InvokeStreams(invoke.id, self._facts.node_id, self._send_progress)
            task = asyncio.create_task(self._run(invoke, streams), name=f"invoke {invoke.command}")
            self._running[invoke.id] = task
            self._streams[invoke.id] = streams
            task.add_done_callback(lambda _task: self._forget(invoke.id))

    def cancel(self, payload: Any) -> None:
        """Take a `node.invoke.cancel`: the work stops and no result is sent (11.5)."""
        invoke_id = payload.get("invokeId") if isinstance(payload, dict) else None
        task = self._running.get(invoke_id) if isinstance(invoke_id, str) else None
        if task is not None:
            task.cancel()

    def input(self, payload: Any) -> None:
        """Take a `node.invoke.input`; a command that lets too many wait ends (11.5)."""
        invoke_id = payload.get("id") if isinstance(payload, dict) else None
        streams = self._streams.get(invoke_id) if isinstance(invoke_id, str) else None
        if streams is None or invoke_id is None or streams.overflowed:
            return
        streams.take(payload)
        if streams.overflowed:
            # Not at once: a task that never began could not say why it ended.
            asyncio.get_running_loop().call_soon(self._running[invoke_id].cancel)

    async def perform(self, invoke: IncomingInvoke) -> dict[str, Any]:
        """Run a command here and now; its outcome as `node.invoke.result` words it (11.3)."""
        return await self._outcome(invoke, InvokeStreams(invoke.id, self._facts.node_id, None))

    async def close(self) -> None:
        """Cancel everything and wait, at most 5 s, until the handlers have cleaned up; begin nothing more."""
        self._closing = True
        tasks = [*self._running.values(), *self._answering]
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_WAIT_S)
            for task in late:
                _log.error("%s did not stop within %g s", task.get_name(), _CLOSE_WAIT_S)

    def _forget(self, invoke_id: str) -> None:
        self._running.pop(invoke_id, None)
        self._streams.pop(invoke_id, None)

    async def _run(self, invoke: IncomingInvoke, streams: InvokeStreams) -> None:
        outcome = await self._outcome(invoke, streams)
        task = asyncio.current_task()
        if task is None or not task.cancelling():  # a handler may have turned its cancellation into a result
            await self._answer(invoke.id, outcome)

    async def _outcome(self, invoke: IncomingInvoke, streams: InvokeStreams) -> dict[str, Any]:
        command = self._commands.get(invoke.command)
        if command is None or command.handler is None:
            return _failure("UNAVAILABLE", "command not supported")
        try:
            args = command.params.model_validate(_parse_params(invoke.params_json))
        except (ValidationError, orjson.JSONDecodeError) as error:
            problems = "paramsJSON is not JSON"
            if isinstance(error, ValidationError):
                problems, _ = explain_arguments(error, command.params)
            return _failure("INVALID_REQUEST", f"invalid {command.name} params: {problems}")
        budget_ms = invoke.timeout_ms or None
        context = InvokeContext(self._contexts, command.name, invoke.idempotency_key, budget_ms, streams)
        return await self._execute(command, args, context)

    async def _execute(self, command: Command, args: BaseModel, context: InvokeContext) -> dict[str, Any]:
        assert command.handler is not None
        budget_ms = context.timeout_ms
        deadline = asyncio.timeout(None if budget_ms is None else budget_ms / 1000)
        try:
            async with deadline:
                result = await command.handler(args, context)
            return {"ok": True, "payloadJSON": _encode(command, result)}
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not context.streams.overflowed or task is None:
                raise
            task.uncancel()
            text = f"the command left {MOST_INPUTS} inputs unread; send fewer, or slower"
            return _failure("INPUT_OVERFLOW", text)
        except CommandError as error:
            return _failure(error.code, error.message.removeprefix(f"{error.code}: "))
        except Exception as error:
            if deadline.expired():
                return _failure("TIMEOUT", "node invoke timed out")
            _log.exception("command %s failed", command.name)
            kind = type(error).__name__
            text = f"{command.name} failed unexpectedly ({kind}); the node's log has the details"
            return _failure("UNAVAILABLE", text)

    def _refuse_unusable(self, payload: Any, error: ValidationError) -> None:
        problems = describe_problems(error)
        invoke_id = payload.get("id") if isinstance(payload, dict) else None
        if isinstance(invoke_id, str) and invoke_id:
            self._spawn_answer(invoke_id, _failure("INVALID_REQUEST", f"invalid invoke: {problems}"))
        else:
            _log.warning("an invoke without an id is ignored: %s", problems)

    def _spawn_answer(self, invoke_id: str, outcome: dict[str, Any]) -> None:
        task = asyncio.create_task(self._answer(invoke_id, outcome), name="invoke answer")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, invoke_id: str, outcome: dict[str, Any]) -> None:
        params = {"id": invoke_id, "nodeId": self._facts.node_id}
        try:
            answer = await self._send_result({**params, **outcome})
            rejected = answer.get("rejected") if isinstance(answer, dict) else None
            if isinstance(rejected, dict):
                _log.error("the gateway rejected a result of this node: %s", rejected.get("message"))
        except RpcError as error:
            if (error.details or {}).get("code") != "PAYLOAD_TOO_LARGE":
                _log.warning("the result of invoke %s was not taken: %s", invoke_id, error)
                return
            # Refused before it left this machine, so this is still the only answer.
            too_large = _failure("PAYLOAD_TOO_LARGE", f"the result is too large: {error.message}")
            await self._answer(invoke_id, too_large)


def _parse_params(text: str | None) -> Any:
    data = orjson.loads(text) if text else None
    return {} if data is None else data


def _encode(command: Command, value: Any) -> str:
    model: BaseModel = value if isinstance(value, command.result) else command.result.model_validate(value)
    if isinstance(model, Wire):
        return orjson.dumps(model.to_wire()).decode()
    return model.model_dump_json(by_alias=True)


def _failure(code: str, message: str) -> dict[str, Any]:
    return {"ok": False, "error": {"code": code, "message": message}}
