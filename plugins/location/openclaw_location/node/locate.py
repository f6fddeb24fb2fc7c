"""`location.get` on a node: gpsd, then GeoClue, then the configured position (PROTOCOL 18.5)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from openclaw_core import CommandError, NodeContext
from openclaw_location.models import DesiredAccuracy, LocationConfig, LocationParams, LocationResult
from openclaw_location.node.fix import Fix, fix_of_config, tell
from openclaw_location.node.geoclue import AGENT_CURE, geoclue_fixes
from openclaw_location.node.gpsd import gpsd_fixes

__all__ = ["LastFix", "Search", "locate"]

_log = logging.getLogger(__name__)

GOOD_WITHIN_M: dict[DesiredAccuracy, float] = {"coarse": 5000.0, "balanced": 100.0, "precise": 20.0}
"""How good a fix must be to be the answer before the time is over."""

_HEAD_START_S = 2.0
_FRESH_S = 30.0
# The answer has to leave before the invoke's own budget ends.
_ANSWER_MS = 500
_PERMISSION = "LOCATION_PERMISSION_REQUIRED"


class LastFix:
    """The last live fix of this node host, for callers that take one of some age."""

    def __init__(self) -> None:
        self.fix: Fix | None = None

    def recall(self, max_age_ms: int | None, within_m: float, now: float) -> Fix | None:
        """The fix, if it is not older and good enough.

        Args:
            now: monotonic time, in s.
        """
        if self.fix is None or max_age_ms is None or self.fix.accuracy_m > within_m:
            return None
        return self.fix if (now - self.fix.heard_at) * 1000 <= max_age_ms else None


@asynccontextmanager
async def _last_fix(_context: Any) -> AsyncIterator[LastFix]:
    yield LastFix()


async def locate(args: LocationParams, node: NodeContext) -> LocationResult:
    """Find the position.

    Raises:
        CommandError: a code of 18.5 with the cure.
    """
    config: LocationConfig = node.config or LocationConfig()
    if not config.enabled:
        raise CommandError(
            "LOCATION_DISABLED",
            "location is switched off on this node; set plugins.entries.location.config.enabled to true",
        )
    desired: DesiredAccuracy = args.desired_accuracy or "balanced"
    last = await node.resource(_last_fix)
    fix = last.recall(args.max_age_ms, GOOD_WITHIN_M[desired], time.monotonic())
    if fix is None:
        oldest_s = max(_FRESH_S, (args.max_age_ms or 0) / 1000)
        fix = await Search(config, desired, oldest_s).run(_budget_s(args, node))
        if fix is not None:
            last.fix = fix
    return tell(fix or _configured(config), args.desired_accuracy)


def _budget_s(args: LocationParams, node: NodeContext) -> float:
    asked = args.timeout_ms
    if node.timeout_ms is not None:
        asked = min(asked, max(node.timeout_ms - _ANSWER_MS, 0))
    return asked / 1000


def _configured(config: LocationConfig) -> Fix:
    assert config.fixed is not None  # a search without result raises when there is none
    return fix_of_config(config.fixed)


class Search:
    """Asks the live sources in order, a later one when those before failed or took too long.

    Args:
        oldest_s: a fix that is older, in s, counts for nothing.
    """

    def __init__(self, config: LocationConfig, desired: DesiredAccuracy, oldest_s: float) -> None:
        self._config = config
        self._desired = desired
        self._oldest_s = oldest_s
        self._reports: asyncio.Queue[Fix | CommandError] = asyncio.Queue()
        self._best: Fix | None = None
        self._faults: list[CommandError] = []

    async def run(self, budget_s: float) -> Fix | None:
        """The first good fix, or the best one when the time is over; None to take the configured one.

        Raises:
            CommandError: no source works, none had a fix in time, or the person refused.
        """
        if self._config.fixed is not None:
            budget_s /= 2
        sources = self._sources()
        before = asyncio.Event()
        before.set()
        tasks = []
        for source in sources:
            over = asyncio.Event()
            tasks.append(asyncio.create_task(self._ask(source, before, over)))
            before = over
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(budget_s):
                    await self._listen(len(tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._best is None and self._config.fixed is None:
            raise self._failure(len(tasks), budget_s)
        return self._best

    def _sources(self) -> list[AsyncIterator[Fix]]:
        gpsd, geoclue = self._config.gpsd, self._config.geoclue
        found: list[AsyncIterator[Fix]] = []
        if gpsd.enabled:
            found.append(gpsd_fixes(gpsd))
        if geoclue.enabled:
            found.append(geoclue_fixes(geoclue, self._desired))
        return found

    async def _ask(self, source: Any, before: asyncio.Event, over: asyncio.Event) -> None:
        async with aclosing(source):
            with suppress(TimeoutError):
                async with asyncio.timeout(_HEAD_START_S):
                    await before.wait()
            try:
                async for fix in source:
                    self._reports.put_nowait(fix)
            except CommandError as error:
                self._reports.put_nowait(error)
            except Exception as error:  # the other sources go on
                _log.exception("a source of positions broke")
                text = f"a source broke ({type(error).__name__}); the node's log has the details"
                self._reports.put_nowait(CommandError("LOCATION_UNAVAILABLE", text))
            finally:
                over.set()

    async def _listen(self, sources: int) -> None:
        """Until a fix is good enough, or nobody is left to give one."""
        while len(self._faults) < sources:
            report = await self._reports.get()
            if isinstance(report, CommandError):
                self._faults.append(report)
            elif time.monotonic() - report.heard_at <= self._oldest_s:
                if self._best is None or report.accuracy_m <= self._best.accuracy_m:
                    self._best = report
                if report.accuracy_m <= GOOD_WITHIN_M[self._desired]:
                    return

    def _failure(self, sources: int, budget_s: float) -> CommandError:
        reasons = "; ".join(fault.message for fault in self._faults)
        if any(fault.code == _PERMISSION for fault in self._faults):
            return CommandError(_PERMISSION, reasons)
        if not sources:
            return CommandError(
                "LOCATION_UNAVAILABLE", "gpsd and GeoClue are switched off and no position is configured"
            )
        if len(self._faults) == sources:
            return CommandError("LOCATION_UNAVAILABLE", reasons)
        hint = f" ({reasons})" if reasons else ""
        return CommandError(
            "LOCATION_TIMEOUT",
            f"no fix within {budget_s:g} s{hint}; ask with a longer timeoutMs, give the receiver a view"
            f" of the sky; {AGENT_CURE}",
        )
