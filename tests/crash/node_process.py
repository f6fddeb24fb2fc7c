"""Several real node hosts in one process until it is killed: DIRECTORY URL TOKEN NAME…"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from openclaw_core.client import ReconnectPolicy
from openclaw_core.node_host import NodeHost, NodeHostOptions, offered_surface
from openclaw_core.node_host.narrator import Narrator
from tests.crash.family import FAMILY


def node_host(directory: Path, url: str, token: str, name: str) -> NodeHost:
    def say(line: str) -> None:
        print(f"{name} {line}", flush=True)

    options = NodeHostOptions(url=url, directory=directory / name, display_name=name, token=token)
    # A gateway that was killed is back within a second or two: wait for it, and no longer.
    policy = ReconnectPolicy(initial_ms=50, max_ms=200, wait_for_pairing=True)
    return NodeHost(options, offered_surface([FAMILY]), Narrator(say), policy)


async def run(directory: Path, url: str, token: str, names: list[str]) -> None:
    await asyncio.gather(*(node_host(directory, url, token, name).run() for name in names))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))
