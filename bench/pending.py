"""Durable queue under load: `python -m bench.pending [--items 100000] [--nodes 1000]`.

Leaves items for nodes that are away, then lets the nodes come back, pull, and acknowledge each
item by itself. Every answer comes after its commit. Rates are printed per tenth of the items:
they stay flat when nothing depends on how many wait or were done before.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from bench.peers import PEERS, RunningPeer
from bench.process import LOAD_CORE, cpu_seconds, pin, raise_file_limit
from bench.session import Identity, Session, Target, approve_pending, connect, make_identity

__all__ = ["main"]

WORKERS = 128
TENTHS = 10
COMMAND = "system.notify"
Work = Callable[[Any], Coroutine[Any, Any, None]]


class Worker(Session):
    """A node whose command may wait."""

    def _connect_frame(self, challenge: dict[str, Any]) -> dict[str, Any]:
        frame = super()._connect_frame(challenge)
        frame["params"]["commands"] = [COMMAND]
        return frame


@dataclass
class Phase:
    """One measured kind of request: its rate in each tenth, and the server's CPU per item."""

    name: str
    rates: list[float] = field(default_factory=list)
    cpu_us: float = 0.0

    def line(self) -> str:
        """The phase as a row: first to last tenth, items per second."""
        rates = " ".join(f"{rate:>7.0f}" for rate in self.rates)
        return f"{self.name:<8} {rates}   {self.cpu_us:>6.0f}"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when a request was refused."""
    options = _parse(arguments)
    raise_file_limit(options.nodes * 2 + 500)
    with tempfile.TemporaryDirectory(prefix="openclaw-bench-") as folder:
        running = PEERS["ours"].start(Path(folder))
        try:
            pin(LOAD_CORE)
            uvloop.run(_measure(running, options.items, options.nodes))
        finally:
            running.server.stop()
    return 0


async def _measure(running: RunningPeer, items: int, nodes: int) -> None:
    target = Target(running.port, running.token)
    operator = await connect(target, Session(target.token, None))
    await operator.request("events.subscribe", {"events": ["shutdown"]})
    identities = [make_identity(number) for number in range(nodes)]
    sessions = await _connect_all(target, identities)
    await approve_pending(operator)
    await _close_all(sessions)
    print(f"{items} items over {nodes} nodes, {WORKERS} requests at a time; items per second by tenths:")
    print(f"{'':<8} {'first':>7} {'last':>{8 * TENTHS - 9}}   µs CPU", flush=True)
    enqueued = [(identity.device_id, number) for number in range(items // nodes) for identity in identities]
    await _run("enqueue", running, enqueued, lambda item: _enqueue(operator, *item))
    sessions = await _connect_all(target, identities)
    ids: dict[str, list[str]] = {}
    per_node = items // nodes
    await _run("pull", running, list(sessions), lambda node_id: _pull(sessions, node_id, ids), per_node)
    acks = [(sessions[node_id], ids[node_id][n]) for n in range(per_node) for node_id in sessions]
    await _run("ack", running, acks, lambda item: _ack(*item))
    left = await operator.request("node.pending.list", {"states": ["queued", "delivered"], "limit": 1})
    if left["payload"]["items"]:
        raise RuntimeError("items are left that were acknowledged")
    await _close_all(sessions)


async def _run(name: str, running: RunningPeer, work: list[Any], do: Work, weight: int = 1) -> None:
    phase, cpu = Phase(name), cpu_seconds(running.server.pid)
    size = max(1, len(work) // TENTHS)
    for at in range(0, len(work), size):
        part = work[at : at + size]
        begun = time.perf_counter()
        await _spread(part, do)
        phase.rates.append(len(part) * weight / (time.perf_counter() - begun))
    phase.cpu_us = (cpu_seconds(running.server.pid) - cpu) / (len(work) * weight) * 1e6
    print(phase.line(), flush=True)


async def _spread(work: Iterable[Any], do: Work) -> None:
    """Do all of it, `WORKERS` at a time."""
    waiting = iter(work)

    async def take() -> None:
        for item in waiting:
            await do(item)

    await asyncio.gather(*(take() for _ in range(WORKERS)))


async def _enqueue(operator: Session, node_id: str, number: int) -> None:
    params = {"nodeId": node_id, "type": "node.invoke", "command": COMMAND, "params": {"title": "bench"}}
    key = {"idempotencyKey": f"bench-{number}"}
    _checked(await operator.request("node.pending.enqueue", {**params, **key}))


async def _pull(sessions: dict[str, Session], node_id: str, ids: dict[str, list[str]]) -> None:
    answer = _checked(await sessions[node_id].request("node.pending.pull", {}))
    ids[node_id] = [action["id"] for action in answer["actions"]]


async def _ack(session: Session, item_id: str) -> None:
    result = {"id": item_id, "ok": True, "payloadJSON": '{"ok":true}'}
    _checked(await session.request("node.pending.ack", {"ids": [item_id], "results": [result]}))


def _checked(frame: dict[str, Any]) -> dict[str, Any]:
    if not frame["ok"]:
        raise RuntimeError(f"refused: {frame['error']}")
    payload: dict[str, Any] = frame["payload"]
    return payload


async def _connect_all(target: Target, identities: list[Identity]) -> dict[str, Session]:
    sessions: dict[str, Session] = {}

    async def open_one(identity: Identity) -> None:
        sessions[identity.device_id] = await connect(target, Worker(target.token, identity))

    for at in range(0, len(identities), 20):  # a gateway takes 32 unauthenticated ones per address
        await asyncio.gather(*map(open_one, identities[at : at + 20]))
    return sessions


async def _close_all(sessions: dict[str, Session]) -> None:
    for session in sessions.values():
        session.close()
    await asyncio.gather(*(session.closed for session in sessions.values()))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.pending", description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=1_000)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
