"""`kill -9` at random instants under load: nothing acknowledged is lost, nothing runs twice.

Twenty rounds by default; `OPENCLAW_CRASH_ROUNDS=200` for the full show, `OPENCLAW_CRASH_SEED`
to repeat a run's choices.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter

import pytest

from .load import Load
from .world import opened

pytestmark = [pytest.mark.anyio, pytest.mark.crash]

ROUNDS = int(os.environ.get("OPENCLAW_CRASH_ROUNDS", "20"))
SEED = int(os.environ.get("OPENCLAW_CRASH_SEED", random.randrange(2**32)))
SETTLE_S = 60.0


@pytest.mark.timeout(120 + 10 * ROUNDS)
@pytest.mark.covers("node.pending.enqueue", "node.pending.pull", "node.pending.ack", "node.invoke")
async def test_nothing_is_lost_and_nothing_runs_twice(tmp_path, capsys):
    chance = random.Random(SEED)
    with capsys.disabled():
        print(f"\ncrash suite: OPENCLAW_CRASH_SEED={SEED} OPENCLAW_CRASH_ROUNDS={ROUNDS}")
    async with opened(tmp_path) as (world, operator, nodes):
        load = Load(operator, nodes, chance)
        for _ in range(ROUNDS):
            asking = asyncio.ensure_future(load.round())
            await asyncio.wait({asking}, timeout=chance.uniform(0, 0.25))
            await world.kill_somebody(chance)
            await asking
        states = await load.settle(SETTLE_S)
        runs = world.executions()
        broken = load.broken_promises(states, runs)
    with capsys.disabled():
        kills = ", ".join(f"{count} of {what}" for what, count in world.kills.items())
        print(f"{ROUNDS} rounds, killed {kills}; {len(states)} queued: {dict(Counter(states.values()))};")
        print(f"{len(load.invoked)} invoked, {sum(load.invoked.values())} answered ok; {runs.total()} runs")
    assert not broken, f"seed {SEED}: " + "; ".join(broken)
    assert states
    assert set(world.kills) == {"gateway", "nodes"}
