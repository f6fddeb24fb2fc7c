"""The node host as a process: signals in, exit code out."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from openclaw_core.node_host.host import NodeHost
from openclaw_core.node_host.surface import Surface

__all__ = ["PROBE_INTERVAL_S", "run_process", "run_until_signalled"]

_log = logging.getLogger(__name__)


PROBE_INTERVAL_S = 5.0
"""How often a running node looks at its machine: a device is plugged in, a display appears."""


def run_process(host: NodeHost, probe: Callable[[], Surface] | None = None) -> int:
    """Run until SIGTERM or SIGINT (exit code 0) or until only a person can help (1).

    Running commands are cancelled, and with them the processes they started, before the
    socket closes with 1000. Every few seconds, and at once on SIGHUP, `probe` is asked what
    this machine offers now, and the gateway is told of a change.
    """
    return asyncio.run(run_until_signalled(host, probe))


async def run_until_signalled(
    host: NodeHost, probe: Callable[[], Surface] | None = None, *, interval_s: float = PROBE_INTERVAL_S
) -> int:
    """The same within a running event loop.

    Args:
        probe: runs in a thread.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Windows has no such handlers; there Ctrl-C ends asyncio.run itself.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, host.stop)
    if probe is None:
        return await host.run()
    now = asyncio.Event()
    with suppress(NotImplementedError, AttributeError):
        loop.add_signal_handler(signal.SIGHUP, now.set)
    watcher = asyncio.create_task(_watch(host, probe, now, interval_s), name="probe")
    try:
        return await host.run()
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _watch(host: NodeHost, probe: Callable[[], Surface], now: asyncio.Event, interval_s: float) -> None:
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(interval_s):
                await now.wait()
        now.clear()
        try:
            await host.redeclare(await asyncio.to_thread(probe))
        except Exception:
            _log.exception("this machine could not be probed; the next try is in %g s", interval_s)
