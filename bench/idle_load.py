"""Scenario: resident memory of the server per idle, connected, paired node."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from bench.handshake_load import pair_nodes, source_address
from bench.process import raise_file_limit, resident_kib
from bench.session import Session, Target, approve_pending, connect, make_identity

__all__ = ["measure_idle"]

CONCURRENCY = 16
SETTLE_S = 1.5
WARM_NODES = 16


async def measure_idle(
    target: Target, counts: list[int], server_pid: int, limit_s: float
) -> dict[str, object]:
    """KiB per node at each of `counts` (ascending) connected nodes.

    A count that is not reached within `limit_s` seconds, or cannot be at the pace so far,
    is reported as not measured and why; the counts after it are not tried.
    """
    raise_file_limit(counts[-1] + 1000)
    await pair_nodes(target, [make_identity(number) for number in range(WARM_NODES)])
    operator = await connect(target, Session(target.token, None))
    await asyncio.sleep(SETTLE_S)
    before = resident_kib(server_pid)
    sessions: list[Session] = []
    figures: dict[str, object] = {"before_kib": before}
    pace = 0.0
    for wanted in counts:
        if pace * (wanted - len(sessions)) > limit_s:
            figures[str(wanted)] = {"not_measured": f"needs {pace * 1e3:.0f} ms per node"}
            break
        begun = time.perf_counter()
        await _grow(target, operator, sessions, wanted, begun + limit_s)
        seconds = time.perf_counter() - begun
        pace = max(pace, seconds / max(1, len(sessions)))
        await asyncio.sleep(SETTLE_S)
        _require_open(sessions)
        per_node = (resident_kib(server_pid) - before) / max(1, len(sessions))
        if len(sessions) < wanted:
            words = f"{len(sessions)} nodes after {seconds:.0f} s, {per_node:.0f} KiB each"
            figures[str(wanted)] = {"not_measured": words}
            break
        figures[str(wanted)] = {"per_node_kib": per_node, "connect_s": seconds}
    for session in sessions:
        session.abort()
    return figures


async def _grow(
    target: Target, operator: Session, sessions: list[Session], wanted: int, deadline: float
) -> None:
    """Connect until `wanted` are open or time is up; a connect that a busy gateway drops is repeated."""
    numbers = deque(range(len(sessions), wanted))
    while numbers and time.perf_counter() < deadline:
        batch = [numbers.popleft() for _ in range(min(CONCURRENCY, len(numbers)))]
        opening = (
            connect(target, Session(target.token, make_identity(number)), source_address(number))
            for number in batch
        )
        outcomes = await asyncio.gather(*opening, return_exceptions=True)
        for number, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Session):
                sessions.append(outcome)
            elif isinstance(outcome, (ConnectionError, TimeoutError)):
                numbers.append(number)
            else:
                raise outcome
        await approve_pending(operator)


def _require_open(sessions: list[Session]) -> None:
    lost = [session.closed.result() for session in sessions if session.closed.done()]
    if lost:
        raise RuntimeError(f"{len(lost)} idle nodes were closed, the first with: {lost[0]}")
