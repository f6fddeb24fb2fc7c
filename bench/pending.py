"""Durable queue under load: `python -m bench.pending [--items 100000] [--nodes 1000] [--alone]`.

Leaves items for nodes that are away, restarts the gateway with all of them waiting, then lets
the nodes come back, pull, and acknowledge each item by itself. Every answer comes after its
commit. Figures are taken per tenth of the items: they stay flat when nothing depends on how
many wait or were done before. The original's invoke rate is measured in the same run when it is
installed (`make interop` does that); `--alone` leaves it out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bench.figures import PeerFigures, per_core
from bench.peers import PEERS, RunningPeer
from bench.pending_report import TENTHS, Phase, QueueFigures, print_queue_report
from bench.process import LOAD_CORE, cpu_seconds, pinned, raise_file_limit, resident_kib
from bench.run import RESULTS, run_load, serving
from bench.session import Identity, Session, Target, approve_pending, connect, make_identity
from tests.interop.peers import peers_are_installed

__all__ = ["main"]

WORKERS = 128
COMMAND = "system.notify"
RIVAL_DEPTHS = (16, 128)
RIVAL_SECONDS = "4"
Work = Callable[[Any], Coroutine[Any, Any, None]]


class Worker(Session):
    """A node whose command may wait."""

    def _connect_frame(self, challenge: dict[str, Any]) -> dict[str, Any]:
        frame = super()._connect_frame(challenge)
        frame["params"]["commands"] = [COMMAND]
        return frame


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; a request that is refused ends it with an error, a slow one does not."""
    options = _parse(arguments)
    raise_file_limit(options.nodes * 2 + 500)
    figures = QueueFigures(options.items // options.nodes * options.nodes, options.nodes, WORKERS)
    with tempfile.TemporaryDirectory(prefix="openclaw-bench-") as folder:
        state_dir, rival_dir = Path(folder) / "ours", Path(folder) / "real"
        state_dir.mkdir()
        rival_dir.mkdir()
        if not options.alone and peers_are_installed():
            _measure_rival(figures, rival_dir)
        with serving(PEERS["ours"], state_dir) as running:
            figures.start_empty_s = running.ready_s
            _drive(_fill(running, figures))
        figures.database_bytes = _database_bytes(state_dir)
        with serving(PEERS["ours"], state_dir) as running:
            figures.start_full_s = running.ready_s
            figures.restarted_bytes = resident_kib(running.server.pid) * 1024
            _drive(_empty(running, figures))
        figures.done_database_bytes = _database_bytes(state_dir)
    print_queue_report(figures)
    RESULTS.mkdir(parents=True, exist_ok=True)
    written = RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-queue.json"
    written.write_bytes(
        orjson.dumps(figures.document(), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    )
    print(f"written: {written.relative_to(RESULTS.parents[1])}")
    return 0


def _drive(load: Coroutine[Any, Any, None]) -> None:
    with pinned(LOAD_CORE):
        uvloop.run(load)


def _measure_rival(figures: QueueFigures, state_dir: Path) -> None:
    """What the original does with an invoke; it has no durable queue to compare with."""
    rival = PEERS["real"]
    _say(f"invokes: {rival.title}")
    gathered = PeerFigures(rival.title)
    try:
        with serving(rival, state_dir) as running:
            for depth in RIVAL_DEPTHS:
                arguments = ["--seconds", RIVAL_SECONDS, "--in-flight", str(depth)]
                run = run_load(running, gathered, "invoke", arguments)
                gathered.invokes[depth] = [run] if run else []
    except TimeoutError as error:
        gathered.failures.append(str(error))
    rates = {depth: per_core(gathered, depth) for depth in gathered.invokes}
    figures.rival_invokes = {depth: rate for depth, rate in rates.items() if rate is not None}
    for failure in gathered.failures:
        _say(f"{rival.title}: {failure}")


async def _fill(running: RunningPeer, figures: QueueFigures) -> None:
    """Pair the nodes, let them go, and leave work for each of them."""
    target = Target(running.port, running.token)
    operator = await _open_operator(target)
    identities = [make_identity(number) for number in range(figures.nodes)]
    sessions = await _connect_all(target, identities)
    await approve_pending(operator)
    await _close_all(sessions)
    figures.empty_bytes = resident_kib(running.server.pid) * 1024
    per_node = figures.items // figures.nodes
    work = [(identity.device_id, number) for number in range(per_node) for identity in identities]
    figures.phases.append(await _run("enqueue", running, work, lambda item: _enqueue(operator, *item)))
    figures.full_bytes = resident_kib(running.server.pid) * 1024
    figures.loads.append(os.getloadavg()[0])
    operator.close()
    await operator.closed


async def _empty(running: RunningPeer, figures: QueueFigures) -> None:
    """Let the nodes come back, pull everything, and acknowledge it one by one."""
    target = Target(running.port, running.token)
    operator = await _open_operator(target)
    sessions = await _connect_all(target, [make_identity(number) for number in range(figures.nodes)])
    ids: dict[str, list[str]] = {}
    per_node = figures.items // figures.nodes
    pulls = list(sessions)
    figures.phases.append(
        await _run("pull", running, pulls, lambda node_id: _pull(sessions, node_id, ids), per_node)
    )
    acks = [(sessions[node_id], ids[node_id][n]) for n in range(per_node) for node_id in sessions]
    figures.phases.append(await _run("ack", running, acks, lambda item: _ack(*item)))
    figures.loads.append(os.getloadavg()[0])
    left = await operator.request("node.pending.list", {"states": ["queued", "delivered"], "limit": 1})
    if left["payload"]["items"]:
        raise RuntimeError("items are left that were acknowledged")
    await _close_all(sessions)
    operator.close()
    await operator.closed


async def _open_operator(target: Target) -> Session:
    operator = await connect(target, Session(target.token, None))
    await operator.request("events.subscribe", {"events": ["shutdown"]})
    return operator


async def _run(name: str, running: RunningPeer, work: list[Any], do: Work, weight: int = 1) -> Phase:
    _say(f"{len(work) * weight} items: {name}")
    phase, size = Phase(name), max(1, len(work) // TENTHS)
    for at in range(0, size * TENTHS, size):
        part = work[at : at + size] if at < size * (TENTHS - 1) else work[at:]
        begun, cpu = time.perf_counter(), cpu_seconds(running.server.pid)
        await _spread(part, do)
        count = len(part) * weight
        phase.rates.append(count / (time.perf_counter() - begun))
        phase.cpu_us.append((cpu_seconds(running.server.pid) - cpu) / count * 1e6)
    return phase


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
    parser.add_argument("--alone", action="store_true", help="without the original gateway")
    options = parser.parse_args(arguments)
    if not options.nodes <= options.items <= options.nodes * 100:
        parser.error("--items must be 1 to 100 for each of the --nodes: what one pull gives")
    return options


def _database_bytes(state_dir: Path) -> int:
    return sum(path.stat().st_size for path in state_dir.glob("openclaw.sqlite*"))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
