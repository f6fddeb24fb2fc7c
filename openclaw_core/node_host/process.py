"""The node host as a process: signals in, exit code out."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from openclaw_core.node_host.host import NodeHost
from openclaw_core.node_host.surface import Surface

__all__ = ["run_process", "run_until_signalled"]


def run_process(host: NodeHost, probe: Callable[[], Surface] | None = None) -> int:
    """Run until SIGTERM or SIGINT (exit code 0) or until only a person can help (1).

    Running commands are cancelled, and with them the processes they started, before the
    socket closes with 1000. SIGHUP asks `probe` what this machine offers now, and tells the
    gateway.
    """
    return asyncio.run(run_until_signalled(host, probe))


async def run_until_signalled(host: NodeHost, probe: Callable[[], Surface] | None = None) -> int:
    """The same within a running event loop."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Windows has no such handlers; there Ctrl-C ends asyncio.run itself.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, host.stop)
    changes: set[asyncio.Task[None]] = set()  # the loop itself keeps no hold of tasks

    def look_again() -> None:
        if probe is not None:
            task = loop.create_task(host.redeclare(probe()))
            changes.add(task)
            task.add_done_callback(changes.discard)

    with suppress(NotImplementedError, AttributeError):
        loop.add_signal_handler(signal.SIGHUP, look_again)
    return await host.run()
