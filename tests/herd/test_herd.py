"""2,000 nodes that connect, flap and come back at once; the figures are printed (`make herd`).

Nobody is faster than the machine: what is asserted is that all are back, that every answer
to the operator came and was right, and that nothing is left over. `OPENCLAW_HERD_NODES` takes
another number, `OPENCLAW_HERD_SEED` repeats a run's choices.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time

import pytest

from .operator import PAYLOAD, Operator, Watch, invoke_of
from .stock import rows, stock, wait_until_held
from .world import Crowd, Gateway

pytestmark = [pytest.mark.anyio, pytest.mark.herd]

NODES = int(os.environ.get("OPENCLAW_HERD_NODES", "2000"))
SEED = int(os.environ.get("OPENCLAW_HERD_SEED", random.randrange(2**32)))
STEADY = 20
SAMPLE = 50
AT_ONCE = 64
# A node that is not back yet, and the operator's own connection to a gateway that is killed.
PASSING = {"NOT_CONNECTED", "CONNECTION_LOST"}


class Show:
    """One gateway, one herd, one operator, and what is printed about them."""

    def __init__(self, gateway, crowd, operator, say):
        self.gateway = gateway
        self.crowd = crowd
        self.operator = operator
        self.say = say
        self.steady = []

    async def join(self):
        """Everyone for the first time; a script approves them."""
        async with Watch(self.operator, []) as watch:
            cpu = self.cpu()
            figures = await self.crowd.tell("join")
            self.report("join, pairing", figures, watch, self.cpu() - cpu)
            began = time.perf_counter()
            await approve_all(self.operator)
        self.say(f"    approved in {time.perf_counter() - began:.1f} s")
        self.steady = (await self.crowd.tell("names"))["ids"][:STEADY]
        assert not watch.failed, watch.failed

    async def flap(self):
        """Half of them at once, some by a second socket; the others must not notice."""
        async with Watch(self.operator, self.steady) as watch:
            cpu = self.cpu()
            order = {"seed": SEED, "count": NODES // 2, "half": 0.3, "steady": STEADY}
            figures = await self.crowd.tell("flap", **order)
        self.report("flap, half of them", figures, watch, self.cpu() - cpu)
        assert not watch.failed, watch.failed

    async def restart(self, number, name):
        """The gateway goes and comes; all of them come back at once."""
        await self.crowd.tell("expect")
        async with Watch(self.operator, self.steady) as watch:
            await self.gateway.end(number)
            await self.gateway.start()
            began = time.perf_counter()
            boot_id = await self.operator.boot_id()
            operator_s = time.perf_counter() - began
            figures = await self.crowd.tell("await", bootId=boot_id)
        self.report(f"{name}, restart", figures, watch, self.cpu())
        self.say(f"    the operator was back after {operator_s:.2f} s")
        assert set(watch.failed) <= PASSING, watch.failed

    async def check(self):
        """All are there, for the catalog, for presence and for invokes."""
        nodes = (await self.operator.call("node.list"))["nodes"]
        assert len(nodes) == NODES
        assert all(row["connected"] and row["approvalState"] == "approved" for row in nodes)
        own, *others = await self.operator.call("system-presence")
        assert own["mode"] == "gateway"
        assert {row["reason"] for row in others} == {"connect"}
        assert len({row["deviceId"] for row in others}) == min(199, NODES)
        chosen = random.Random(SEED).sample(nodes, min(SAMPLE, NODES))
        for answer in await self.ask_all("node.invoke", [invoke_of(row["nodeId"]) for row in chosen]):
            assert answer["payload"] == PAYLOAD

    async def ask_all(self, method, requests):
        return await asyncio.gather(*(self.operator.call(method, request) for request in requests))

    def cpu(self):
        """Seconds that the gateway's process has used."""
        times = self.gateway.process.cpu_times()
        return times.user + times.system

    def report(self, name, figures, watch, cpu):
        """Print what a phase showed."""
        seconds = figures["seconds"]
        memory = self.gateway.process.memory_info().rss / 2**20
        rate, p50, p99 = figures["entered"] / seconds, figures["p50"] * 1e3, figures["p99"] * 1e3
        self.say(f"{name}: all {NODES} are in after {seconds:.2f} s, {rate:.0f} handshakes/s")
        self.say(f"    one takes p50 {p50:.0f} ms, p99 {p99:.0f} ms from its begin to hello-ok")
        self.say(f"    {figures['attempts']} tries, refused and retried: {figures['refused'] or 'none'}")
        self.say(f"    gateway: {cpu:.2f} s CPU, {memory:.0f} MiB resident")
        self.say(f"    operator: {watch.invoked} invokes ran, not: {dict(watch.failed) or 'none'}")
        for line in watch.lines():
            self.say(line)


async def approve_all(operator):
    """Approve what waits, many at a time, as an operator's script does."""
    waiting = [row["requestId"] for row in (await operator.call("node.pair.list"))["pending"]]
    assert len(waiting) == NODES
    for first in range(0, NODES, AT_ONCE):
        batch = waiting[first : first + AT_ONCE]
        await asyncio.gather(*(operator.call("node.pair.approve", {"requestId": item}) for item in batch))


@pytest.mark.timeout(2_000)
@pytest.mark.covers("connect", "node.list", "node.invoke", "system-presence")
async def test_all_are_back_and_nothing_is_left(tmp_path, capsys):
    def say(text):
        with capsys.disabled():
            print(text, flush=True)

    gateway = Gateway(tmp_path)
    operator = Operator(gateway)
    try:
        await gateway.start()
        say(f"\nherd: OPENCLAW_HERD_SEED={SEED} OPENCLAW_HERD_NODES={NODES}, half of them behind one address")
        async with Crowd.open(gateway, NODES) as crowd:
            show = Show(gateway, crowd, operator, say)
            await show.join()
            await show.check()
            await show.restart(signal.SIGKILL, "kill -9")
            await show.check()
            await show.flap()
            await show.check()
            await show.restart(signal.SIGTERM, "SIGTERM")
            await show.check()
            await show.flap()
            await crowd.tell("leave")
        left = await wait_until_held(gateway, operator, await fresh(tmp_path))
        say(f"left over: {left or 'no task, socket, file, object or table entry'}")
        await operator.close()
        await gateway.end(signal.SIGTERM)
    finally:
        await gateway.close()
    assert not left
    stored = rows(gateway.state_dir)
    say(f"rows: {stored}")
    for name in ("device", "device_token", "node_surface"):
        assert stored[name] == NODES, name
    for name in ("pair_request", "surface_request", "pending_work", "setup_code", "legacy_request"):
        assert stored[name] == 0, name


async def fresh(directory):
    """What a gateway holds that never saw a node, and one operator."""
    gateway = Gateway(directory / "fresh")
    gateway.directory.mkdir()
    operator = Operator(gateway)
    try:
        await gateway.start()
        return await stock(gateway, operator)
    finally:
        await operator.close()
        await gateway.close()
