"""The node host as a process: signals in, exit code out."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from openclaw_core.node_host.host import NodeHost

__all__ = ["run_process"]


def run_process(host: NodeHost) -> int:
    """Run until SIGTERM or SIGINT (exit code 0) or until only a person can help (1).

    Running commands are cancelled, and with them the processes they started, before the
    socket closes with 1000.
    """
    return asyncio.run(_run(host))


async def _run(host: NodeHost) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Windows has no such handlers; there Ctrl-C ends asyncio.run itself.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, host.stop)
    return await host.run()
