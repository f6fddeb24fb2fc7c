"""Background work of families on a node: runs while the family is offered, comes back when it breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable

from openclaw_core.commands import Family
from openclaw_core.node_host.contexts import FamilyContexts

__all__ = ["FamilyServices"]

_log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class FamilyServices:
    """The services of the families that this node offers now."""

    def __init__(self, contexts: FamilyContexts) -> None:
        self._contexts = contexts
        self._families: dict[str, Family] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[asyncio.Task[None], str] = {}

    def offer(self, families: Iterable[Family]) -> None:
        """Run the services of these families, and of no others; one that came anew starts anew."""
        serving = {family.name: family for family in families if family.service is not None}
        for name in [name for name in self._running if serving.get(name) is not self._families.get(name)]:
            self._end(name)
        self._families = serving
        for name, family in serving.items():
            if name not in self._running:
                former = [task for task, ended in self._ending.items() if ended == name]
                self._running[name] = asyncio.create_task(self._keep(family, former), name=f"service {name}")

    async def close(self) -> None:
        """Cancel every service and wait until it has cleaned up."""
        self.offer(())
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _end(self, name: str) -> None:
        task = self._running.pop(name)
        task.cancel()
        self._ending[task] = name
        task.add_done_callback(self._ending.pop)

    async def _keep(self, family: Family, former: Collection[asyncio.Task[None]]) -> None:
        assert family.service is not None
        if former:
            await asyncio.wait(former)  # they may hold a device until they have cleaned up
        pause = _FIRST_PAUSE_S
        while True:
            try:
                await family.service(self._contexts.of_family(family.name))
            except Exception:
                _log.exception("the service of family %s broke; it starts again in %g s", family.name, pause)
            else:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
