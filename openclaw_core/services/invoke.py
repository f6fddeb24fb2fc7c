"""`node.invoke`: admit, send, wait, answer (PROTOCOL 11).

The hot path, that of commands which do no harm twice: no task, no database, no loop over
plugins, nothing decoded twice. What was resolved once per command is in its `Route`; `Routes`
decides, `InvokeRecords` knows the keys, this file keeps what is in flight.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import orjson

from openclaw_core.bus.base import NodeLink
from openclaw_core.errors import InvalidRequestError, RpcError, StoreError
from openclaw_core.hookspecs import Caller, Invocation
from openclaw_core.protocol import limits
from openclaw_core.protocol.nodes import NodeInvokeParams, NodeInvokeResultParams
from openclaw_core.services import outcomes
from openclaw_core.services.audit import Audit
from openclaw_core.services.events import encode_event
from openclaw_core.services.flights import Deferrals, Flight, FlightKey, Reply, digest_of, event_fields
from openclaw_core.services.invoke_records import InvokeRecords, Recorded, key_of
from openclaw_core.services.nodes import Nodes
from openclaw_core.services.progress import Listener, Listening, Stream
from openclaw_core.services.replies import Replies
from openclaw_core.services.routes import ABSENT, Routes
from openclaw_core.services.tally import Tally

__all__ = ["Invokes"]

_log = logging.getLogger(__name__)


class Invokes:
    """Every invoke in flight, by invoke id.

    Attributes:
        deferrals: asked before a failure is answered; set once, by whoever builds the services.
    """

    def __init__(
        self,
        routes: Routes,
        nodes: Nodes,
        records: InvokeRecords,
        audit: Audit,
        tally: Tally,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._routes = routes
        self._nodes = nodes
        self._records = records
        self._replies = Replies(audit, tally)
        self._tally = tally
        self._loop = loop
        self._flights: dict[str, Flight] = {}
        # A random UUID whose last group counts: as unique as a new one each time, and cheaper.
        self._id_head, self._id_tail = str(uuid4())[:24], count(1)
        self._storing: dict[Flight, bytes | RpcError] = {}  # outcomes that are not yet on disk
        self._listening = Listening[Flight]()
        self._tasks: set[asyncio.Task[None]] = set()
        self.deferrals: Deferrals | None = None

    def __len__(self) -> int:
        return len(self._flights)

    def __iter__(self) -> Iterator[Flight]:
        return iter(tuple(self._flights.values()))

    def find(self, invoke_id: str) -> Flight | None:
        """The invoke in flight with this id."""
        return self._flights.get(invoke_id)

    def find_by_key(self, node_id: str, idempotency_key: str) -> Flight | None:
        """The invoke in flight that was asked with this key."""
        held = self._records.find(key_of(node_id, idempotency_key))
        return held if isinstance(held, Flight) and not held.over else None

    def start(
        self,
        caller: Caller,
        params: NodeInvokeParams,
        reply: Reply,
        *,
        sent_params: bool = True,
        family: str | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Admit an invoke and send it, or refuse, or answer from its key; `reply` is called once.

        Args:
            sent_params: the request had a `params` field, though it may be null.
            family: the family whose own method asks; its private commands are open to it.
            listener: the connection that wants the progress.
        """
        data = params.params if sent_params else ABSENT
        try:
            flight = self._admit(caller, params, data, reply, family)
        except Exception as error:
            self._refuse(caller, params, reply, error)
            return
        if flight is None:
            return
        if listener is not None:
            facts = {"nodeId": params.node_id, "idempotencyKey": params.idempotency_key}
            flight.stream = Stream(listener, self._loop, facts)
            self._listening.add(listener.conn_id, flight)
        self._records.begin(flight)
        timeout = flight.fields["timeoutMs"]
        flight.started = self._loop.time()
        if timeout:
            flight.deadline = flight.started + timeout / 1000
            flight.timer = self._loop.call_later(timeout / 1000, self._time_out, flight)
        if flight.route.idempotent:
            self._send(flight)
        else:
            flight.id = self._new_id()
            self._flights[flight.id] = flight
            self._spawn(self._record_and_send(flight))

    def call(self, caller: Caller, params: NodeInvokeParams, **options: Any) -> Awaitable[Any]:
        """Invoke at once, so that a cancel in the very next frame finds it; options are those of `start`.

        What it gives is awaited for the node's payload, and raises as `node.invoke` answers.
        """
        waiting: asyncio.Future[bytes] = self._loop.create_future()

        def settle(answer: bytes | RpcError) -> None:
            if waiting.done():
                return
            if isinstance(answer, RpcError):
                waiting.set_exception(answer)
            else:
                waiting.set_result(answer)

        self.start(caller, params, settle, **options)
        return _payload_of(waiting)

    def result(self, link: NodeLink, node_id: str, params: NodeInvokeResultParams) -> dict[str, Any]:
        """`node.invoke.result` (11.3): late, repeated and unknown ids are ignored.

        Raises:
            InvalidRequestError: the result names another node.
        """
        if params.node_id != node_id:
            raise InvalidRequestError("nodeId mismatch", {"nodeId": params.node_id})
        flight = self._flights.get(params.id)
        if flight is None or flight.link is not link or flight.pause is not None or not flight.sent:
            return {"ok": True, "ignored": True}
        del self._flights[params.id]
        if params.ok:
            fault = self._succeed(flight, params)
            if fault is not None:  # the node is told, as its author is who can mend it
                return {"ok": True, "rejected": {"message": fault.message}}
        elif not self._retry(flight, params):
            self._fail(flight, outcomes.node_error(params.error))
        return {"ok": True}

    def cancel(self, flight: Flight, actor: str) -> bool:
        """Stop an invoke at its node and answer its callers; False when it is over already."""
        if not self._take(flight):
            return False
        self._stop_at_node(flight)
        self._finish(flight, outcomes.cancelled(flight.command, actor, flight.outcome))
        return True

    def caller_left(self, conn_id: str) -> None:
        """Cancel what streamed to a connection that is gone, unless somebody else waits for it too."""
        for flight in self._listening.leave(conn_id):
            if flight.joined is None:
                self.cancel(flight, "its caller, who disconnected")
            elif flight.stream is not None:
                flight.stream.finish()

    def disconnected(self, link: NodeLink, *, replaced: bool) -> None:
        """Fail what was in flight on a socket that is gone or was replaced (8.6)."""
        for flight in [item for item in self._flights.values() if item.link is link]:
            del self._flights[flight.id]
            made = outcomes.route_changed if replaced else outcomes.disconnected
            self._finish(flight, made(flight.command, flight.outcome, flight.route.idempotent))

    def withdraw(self) -> None:
        """Fail what a changed policy no longer allows."""
        for flight in self:
            node = self._nodes.find(flight.node_id)
            if node is not None and flight.command not in node.commands and self._take(flight):
                self._stop_at_node(flight)
                self._finish(flight, outcomes.policy_changed(flight.command, flight.outcome))

    def close(self) -> None:
        """The gateway stops: every caller gets an answer."""
        for flight in self:
            if self._take(flight):
                error = outcomes.disconnected(flight.command, flight.outcome, flight.route.idempotent)
                self._finish(flight, error)
        for flight, answer in tuple(self._storing.items()):
            self._answer(flight, answer)
        self._storing.clear()

    # Before it goes

    def _admit(
        self, caller: Caller, params: NodeInvokeParams, data: Any, reply: Reply, family: str | None
    ) -> Flight | None:
        """The new flight; None when the key had one before, which answers instead."""
        route = self._routes.permit(caller, params, family)
        key = key_of(params.node_id, params.idempotency_key)
        digest = digest_of(params.command, data, stored=not route.idempotent)
        invocation = Invocation(params.node_id, params.command, _object(data), caller)
        held = self._records.find(key)
        if held is not None:
            if held.digest != digest:
                raise outcomes.key_reused(params.idempotency_key, params.command)
            self._repeat(held, invocation, key, reply)
            return None
        node = self._routes.reach(params, route, family)
        data = self._routes.check_params(invocation, route, data)
        timeout = params.timeout_ms if params.timeout_ms is not None else route.timeout_ms
        flight = Flight(invocation, route, node.link, reply, key, digest)
        flight.fields = event_fields(params, data, min(timeout, limits.MAX_INVOKE_TIMEOUT_MS))
        return flight

    def _repeat(self, held: Flight | Recorded, invocation: Invocation, key: FlightKey, reply: Reply) -> None:
        """Answer a repeated key; whoever asks must be allowed to, now."""
        denial = self._routes.denial(invocation)
        if denial is not None:
            raise denial
        if isinstance(held, Flight):
            held.join(invocation.caller, reply)
        elif held.answer is not None:
            self._replies.tell(invocation, held.answer, reply, repeat=True)
        else:
            self._spawn(self._replay(held, invocation, key, reply))

    async def _replay(self, record: Recorded, invocation: Invocation, key: FlightKey, reply: Reply) -> None:
        try:
            answer = await self._records.answer_of(key, record)
        except StoreError as error:
            answer = outcomes.not_recorded(invocation.command, error)
        self._replies.tell(invocation, answer, reply, repeat=True)

    def _refuse(self, caller: Caller, params: NodeInvokeParams, reply: Reply, error: Exception) -> None:
        refusal = outcomes.with_outcome(outcomes.expected(error, params.command), outcomes.NOT_DISPATCHED)
        later = self.deferrals.offline(caller, params, refusal) if self.deferrals is not None else None
        if later is None:
            self._replies.refuse(caller, params, refusal, reply)
        else:
            invocation = Invocation(params.node_id, params.command, params.params, caller)
            self._spawn(self._replies.tell_later(invocation, later, reply))

    async def _record_and_send(self, flight: Flight) -> None:
        """What must not run twice is on disk before the node hears of it."""
        try:
            await self._records.commit_dispatch(flight)
        except StoreError as error:
            if self._take(flight):
                self._finish(flight, outcomes.not_recorded(flight.command, error))
            return
        if self._take(flight):
            self._send(flight)

    # On the way

    def _send(self, flight: Flight) -> None:
        flight.id = self._new_id()
        payload = {"id": flight.id, "nodeId": flight.node_id, "command": flight.command, **flight.fields}
        self._flights[flight.id] = flight
        if flight.link.send(encode_event("node.invoke.request", payload)):
            flight.sent = True
            return
        del self._flights[flight.id]
        self._finish(flight, outcomes.send_failed())

    def _new_id(self) -> str:
        return f"{self._id_head}{next(self._id_tail):012x}"

    def _retry(self, flight: Flight, params: NodeInvokeResultParams) -> bool:
        """Deliver again after NODE_NOT_READY, with a new id, inside the budget."""
        code = params.error.code if params.error is not None else None
        if code != "NODE_NOT_READY" or flight.attempt >= len(limits.READINESS_RETRY_MS):
            return False
        if flight.next_input or (flight.stream is not None and flight.stream.started):
            return False  # a second delivery could not continue what the first one said and heard
        pause = limits.READINESS_RETRY_MS[flight.attempt] / 1000
        if flight.deadline is not None and self._loop.time() + pause >= flight.deadline:
            return False
        flight.attempt += 1
        # Kept under its old id while it waits, so that a lost socket or the deadline finds it.
        self._flights[flight.id] = flight
        flight.pause = self._loop.call_later(pause, self._redeliver, flight)
        return True

    def _redeliver(self, flight: Flight) -> None:
        del self._flights[flight.id]
        flight.pause = None
        if flight.deadline is not None:
            left = flight.deadline - self._loop.time()
            flight.fields["timeoutMs"] = max(1, int(left * 1000 + 0.999))
        self._send(flight)

    def _time_out(self, flight: Flight) -> None:
        if self._take(flight):
            self._stop_at_node(flight)
            self._finish(flight, outcomes.timed_out(flight.outcome, flight.route.idempotent))

    def _take(self, flight: Flight) -> bool:
        """Take it out of the air; False when somebody else did."""
        return self._flights.pop(flight.id, None) is flight

    def _stop_at_node(self, flight: Flight) -> None:
        if flight.at_node:
            cancel = {"invokeId": flight.id, "nodeId": flight.node_id}
            flight.link.send(encode_event("node.invoke.cancel", cancel))

    # The answer

    def _succeed(self, flight: Flight, params: NodeInvokeResultParams) -> RpcError | None:
        """Answer with the result; what is wrong with it, when the answer is that."""
        try:
            payload = self._routes.check_result(flight.invocation, flight.route, params)
            answer: dict[str, Any] = {"ok": True, "nodeId": flight.node_id, "command": flight.command}
            if payload is not ABSENT:
                answer["payload"] = payload
            answer["payloadJSON"] = params.payload_json
            encoded = orjson.dumps(answer)
        except Exception as error:
            fault = outcomes.expected(error, flight.command)
            self._finish(flight, outcomes.with_outcome(fault, outcomes.UNKNOWN))
            return error if isinstance(error, RpcError) else None
        self._finish(flight, encoded)
        return None

    def _fail(self, flight: Flight, error: RpcError) -> None:
        later = self.deferrals.background(flight, error) if self.deferrals is not None else None
        if later is None:
            self._finish(flight, error)
        else:
            self._spawn(self._finish_later(flight, error, later))

    async def _finish_later(
        self, flight: Flight, error: RpcError, later: Awaitable[bytes | RpcError]
    ) -> None:
        try:
            answer = await later
        except (RpcError, StoreError) as problem:
            _log.warning("%s did not become work for later: %s", flight.command, problem)
            answer = error
        if isinstance(answer, RpcError):
            answer = outcomes.with_outcome(answer, outcomes.FAILED)
        self._finish(flight, answer)

    def _finish(self, flight: Flight, answer: bytes | RpcError) -> None:
        flight.over = True
        for timer in (flight.timer, flight.pause):
            if timer is not None:
                timer.cancel()
        if flight.stream is not None:
            flight.stream.finish()
            self._listening.discard(flight.stream.listener.conn_id, flight)
        storing = self._records.finish(flight, answer)
        if storing is None:
            self._answer(flight, answer)
        else:
            self._storing[flight] = answer
            self._spawn(self._answer_when_stored(flight, storing))

    async def _answer_when_stored(self, flight: Flight, storing: Awaitable[None]) -> None:
        try:
            await storing
        except StoreError as error:
            _log.error("the outcome of %s is not recorded: %s", flight.command, error)
        answer = self._storing.pop(flight, None)
        if answer is not None:
            self._answer(flight, answer)

    def _answer(self, flight: Flight, answer: bytes | RpcError) -> None:
        outcome = "failed" if isinstance(answer, RpcError) else "ok"
        self._tally.invoke(flight.command, outcome, self._loop.time() - flight.started)
        self._replies.tell(flight.invocation, answer, flight.reply)
        for caller, reply in flight.joined or ():
            self._replies.tell(flight.invocation, answer, reply, caller=caller, repeat=True)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _object(data: Any) -> Any:
    return {} if data is ABSENT or data is None else data


async def _payload_of(waiting: asyncio.Future[bytes]) -> Any:
    return orjson.loads(await waiting).get("payload")
