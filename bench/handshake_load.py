"""Scenario: full connects of already paired nodes, each closed at once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from itertools import count

from bench.process import cpu_seconds
from bench.session import Identity, Session, Target, approve_pending, connect, make_identity

__all__ = ["HandshakeFigures", "measure_handshakes", "pair_nodes", "source_address"]

PAIRED = 128
CONCURRENCY = 32
SOURCES = 8
PAIRING_CONCURRENCY = 8
WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True)
class HandshakeFigures:
    """Full connects; CPU in µs per handshake, shares of one core."""

    per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_us: float
    server_core_share: float
    load_cpu_us: float
    handshakes: int


def source_address(number: int) -> str:
    """A loopback address for connection `number`; limits per address stay out of the way."""
    return f"127.0.0.{2 + number % SOURCES}"


async def pair_nodes(target: Target, identities: list[Identity]) -> None:
    """Connect each identity once and approve what waits, so that later connects are repeats."""
    operator = await connect(target, Session(target.token, None))
    for first in range(0, len(identities), PAIRING_CONCURRENCY):
        batch = identities[first : first + PAIRING_CONCURRENCY]
        sessions = [Session(target.token, identity) for identity in batch]
        await asyncio.gather(*(connect(target, session) for session in sessions))
        await approve_pending(operator)
        for session in sessions:
            session.close()
        await asyncio.wait([session.closed for session in sessions])
    operator.close()
    await operator.closed


async def measure_handshakes(target: Target, seconds: float, server_pid: int) -> dict[str, object]:
    """Handshakes per second at a concurrency of 32 over 128 paired identities."""
    identities = [make_identity(number) for number in range(PAIRED)]
    await pair_nodes(target, identities)
    numbers = count()
    latencies: list[float] = []
    stop_at = time.perf_counter() + WARM_UP_S + seconds

    async def repeat() -> None:
        while time.perf_counter() < stop_at:
            number = next(numbers)
            begun = time.perf_counter()
            session = Session(target.token, identities[number % PAIRED])
            await connect(target, session, source_address(number))
            latencies.append(time.perf_counter() - begun)
            session.close()
            await session.closed

    workers = [asyncio.create_task(repeat()) for _ in range(CONCURRENCY)]
    await asyncio.sleep(WARM_UP_S)
    latencies.clear()
    begun, server, load = time.perf_counter(), cpu_seconds(server_pid), time.process_time()
    await asyncio.sleep(seconds)
    done, elapsed = sorted(latencies), time.perf_counter() - begun
    server, load = cpu_seconds(server_pid) - server, time.process_time() - load
    await asyncio.gather(*workers)
    return asdict(_summarise(done, elapsed, server, load))


def _summarise(latencies: list[float], elapsed: float, server: float, load: float) -> HandshakeFigures:
    done = len(latencies)
    if not done:
        raise RuntimeError("no handshake finished in time")
    return HandshakeFigures(
        per_second=done / elapsed,
        p50_ms=latencies[done // 2] * 1e3,
        p99_ms=latencies[min(done - 1, done * 99 // 100)] * 1e3,
        server_cpu_us=server / done * 1e6,
        server_core_share=server / elapsed,
        load_cpu_us=load / done * 1e6,
        handshakes=done,
    )
