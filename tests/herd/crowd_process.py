"""The herd, a process of its own: PORT TOKEN NODES; orders in, figures out, JSON by line."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import time
from statistics import quantiles
from typing import Any

import orjson
import uvloop

from bench.process import raise_file_limit
from bench.session import Target, make_identity
from tests.herd.member import Census, Member

SHARED = "127.0.1.1"


def _source(number: int) -> str:
    """Half of the herd shares one address, as behind a NAT; the others have one each."""
    return SHARED if number % 2 else f"127.0.{2 + number // 250}.{1 + number % 250}"


class Crowd:
    """All members, and what the test tells them to do."""

    def __init__(self, target: Target, nodes: int) -> None:
        self.census = Census()
        self.members = [
            Member(target, make_identity(number), _source(number), self.census) for number in range(nodes)
        ]
        self._lives: list[asyncio.Task[None]] = []

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Carry out one order; what came of it."""
        begun = time.perf_counter()
        match order["do"]:
            case "names":
                return {"ids": [member.node_id for member in self.members]}
            case "join":
                self.census.reset()
                self._lives = [asyncio.create_task(member.live()) for member in self.members]
            case "flap":
                self.census.reset()
                self._flap(order)
            case "expect":  # the gateway is about to go
                self.census.reset()
                return {}
            case "leave":
                await asyncio.gather(*(member.leave() for member in self.members), *self._lives)
                return {"seconds": time.perf_counter() - begun}
        await self._all_in(order.get("bootId"))
        return {"seconds": time.perf_counter() - begun, **self._figures()}

    def _flap(self, order: dict[str, Any]) -> None:
        chance = random.Random(order["seed"])
        restless = self.members[order["steady"] :]
        for member in chance.sample(restless, order["count"]):
            (member.wander if chance.random() < order["half"] else member.flap)()

    async def _all_in(self, boot_id: str | None) -> None:
        """Until every member is connected, to this very gateway if one is named."""
        boots = self.census.boots
        while not (len(boots) == len(self.members) and (boot_id is None or set(boots.values()) == {boot_id})):
            for life in self._lives:
                if life.done():
                    life.result()
            self.census.changed.clear()
            await self.census.changed.wait()

    def _figures(self) -> dict[str, Any]:
        census = self.census
        times = census.seconds
        cuts = quantiles(times, n=100, method="inclusive")
        return {
            "attempts": census.attempts,
            "entered": len(times),
            "refused": dict(census.refused),
            "p50": cuts[49],
            "p99": cuts[98],
        }


async def main(port: int, token: str, nodes: int) -> None:
    """Obey until the input ends."""
    raise_file_limit(3 * nodes)
    crowd = Crowd(Target(port, token), nodes)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    gc.freeze()
    while line := await reader.readline():
        print(orjson.dumps(await crowd.obey(orjson.loads(line))).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
