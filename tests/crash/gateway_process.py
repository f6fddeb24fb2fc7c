"""A gateway that serves the crash family until it is killed: STATE_DIR PORT TOKEN."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from openclaw_core.config import load_settings
from openclaw_core.gateway.server import GatewayServer
from openclaw_core.testing import plugins_of
from tests.crash.family import FAMILY


async def serve(state_dir: Path, port: int, token: str) -> None:
    settings = load_settings(state_dir, {"port": port, "auth.token": token})
    server = GatewayServer(settings, plugins_of(FAMILY))
    await server.start()
    print(f"ready {server.port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
