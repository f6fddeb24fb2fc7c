"""Scenario: keep a fixed number of invokes in flight and count the round trips."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import asdict, dataclass
from itertools import cycle

import orjson

from bench.process import cpu_seconds
from bench.session import COMMAND, Identity, Session, Target, approve_pending, connect, make_identity

__all__ = ["InvokeFigures", "measure_invokes"]

WARM_UP_S = 1.0
DRAIN_TIMEOUT_S = 30.0
MAX_OPERATORS = 4
ANSWER = {"bins": {"python3": "/usr/bin/python3"}}
_RESULT = (
    b'{"type":"req","id":"%d","method":"node.invoke.result","params":{"id":"%s","nodeId":"%s",'
    b'"ok":true,"payloadJSON":"{\\"bins\\":{\\"python3\\":\\"/usr/bin/python3\\"}}"}}'
)
_INVOKE = (
    b'{"type":"req","id":"%d","method":"node.invoke","params":{"nodeId":"%s","command":"%s",'
    b'"params":{"bins":["python3"]},"timeoutMs":15000,"idempotencyKey":"%s-%d"}}'
)


@dataclass(frozen=True, slots=True)
class InvokeFigures:
    """What one run measured; latencies in ms, CPU in µs per invoke of the server tree."""

    in_flight: int
    per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    server_core_share: float
    load_cpu_us: float
    invokes: int
    refused: int
    """Invokes of the measured time that came back as an error (an overloaded gateway)."""
    first_refusal: str


class NodeSession(Session):
    """A node that answers every invoke at once with the same small result."""

    def __init__(self, token: str, identity: Identity) -> None:
        super().__init__(token, identity)
        self._node_id = identity.device_id.encode()
        self._sent = 0

    def received(self, message: bytes) -> None:
        if b'"event":"node.invoke.request"' in message:
            invoke_id = orjson.loads(message)["payload"]["id"].encode()
            self._sent += 1
            self.send(_RESULT % (self._sent, invoke_id, self._node_id))
        else:
            super().received(message)


class Tally:
    """Invokes under way, shared by the operator connections of one run."""

    def __init__(self, node_ids: list[str]) -> None:
        self._nodes = cycle([node_id.encode() for node_id in node_ids])
        self._run = os.urandom(6).hex().encode()
        self._count = 0
        self.begun: dict[str, float] = {}
        self.latencies: list[float] = []
        self.refusals = 0
        self.first_refusal = ""
        self.launching = True
        self.drained = asyncio.Event()

    def next_invoke(self) -> bytes:
        """The next request frame, to the next node in turn, with a fresh idempotency key."""
        self._count += 1
        self.begun[str(self._count)] = time.perf_counter()
        node_id = next(self._nodes)
        return _INVOKE % (self._count, node_id, COMMAND.encode(), self._run, self._count)


class OperatorSession(Session):
    """Replaces each answered invoke by the next one."""

    def __init__(self, token: str, tally: Tally) -> None:
        super().__init__(token, None)
        self._tally = tally

    def received(self, message: bytes) -> None:
        frame = orjson.loads(message)
        tally = self._tally
        begun = tally.begun.pop(frame["id"], None) if frame["type"] == "res" else None
        if begun is None:
            super().received(message)
            return
        if frame["ok"] and frame["payload"]["payload"] == ANSWER:
            tally.latencies.append(time.perf_counter() - begun)
        else:
            tally.refusals += 1
            tally.first_refusal = tally.first_refusal or message.decode()
        if tally.launching:
            self.send(tally.next_invoke())
        elif not tally.begun:
            tally.drained.set()


async def measure_invokes(
    target: Target, nodes: int, in_flight: int, seconds: float, server_pid: int
) -> dict[str, object]:
    """Round trips over `nodes` nodes with `in_flight` invokes at a time, after a warm-up.

    Only right answers count. Raises RuntimeError when there was none.
    """
    identities = [make_identity(number) for number in range(nodes)]
    sessions = [await connect(target, NodeSession(target.token, identity)) for identity in identities]
    tally = Tally([identity.device_id for identity in identities])
    operators = [
        await connect(target, OperatorSession(target.token, tally))
        for _ in range(min(in_flight, MAX_OPERATORS))
    ]
    await approve_pending(operators[0])
    for number in range(in_flight):
        operators[number % len(operators)].send(tally.next_invoke())
    figures = await _observe(tally, in_flight, seconds, server_pid)
    for session in (*sessions, *operators):
        session.close()
    await asyncio.wait([session.closed for session in (*sessions, *operators)], timeout=5)
    return asdict(figures)


async def _observe(tally: Tally, in_flight: int, seconds: float, server_pid: int) -> InvokeFigures:
    await asyncio.sleep(WARM_UP_S)
    tally.latencies, tally.refusals = [], 0
    begun, server, load = time.perf_counter(), cpu_seconds(server_pid), time.process_time()
    await asyncio.sleep(seconds)
    latencies, refusals = sorted(tally.latencies), tally.refusals
    elapsed = time.perf_counter() - begun
    server, load = cpu_seconds(server_pid) - server, time.process_time() - load
    tally.launching = False
    if tally.begun:
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            await tally.drained.wait()
    done = len(latencies)
    if not done:
        raise RuntimeError(f"no invoke finished in {seconds} s; {tally.first_refusal}")
    return InvokeFigures(
        in_flight=in_flight,
        per_second=done / elapsed,
        p50_ms=latencies[done // 2] * 1e3,
        p99_ms=latencies[min(done - 1, done * 99 // 100)] * 1e3,
        server_cpu_us=server / done * 1e6,
        server_core_share=server / elapsed,
        load_cpu_us=load / done * 1e6,
        invokes=done,
        refused=refusals,
        first_refusal=tally.first_refusal,
    )
