"""What the gateway does by the clock: pings, ticks, health, expiry, changed config (PROTOCOL 1.3)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from openclaw_core.config import load_settings
from openclaw_core.errors import ConfigError
from openclaw_core.gateway.methods.system import health_snapshot
from openclaw_core.protocol import limits
from openclaw_core.services.events import AUDIT_APPENDED

if TYPE_CHECKING:
    from openclaw_core.gateway.gateway import Gateway

__all__ = ["Clockwork"]

_log = logging.getLogger(__name__)
_BATCH = 200


class Clockwork:
    """One timer for all connections; a large crowd is served in batches, so that nobody waits."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._task: asyncio.Task[None] | None = None
        self._seconds = 0
        self._audit_told = 0
        self._config_stamp = self._stamp()

    def start(self) -> None:
        """Begin; the first ping comes a full interval later."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._seconds += 1
            try:
                await self._beat()
            except Exception:
                _log.exception("the clockwork stumbled; it goes on")

    async def _beat(self) -> None:
        runtime, elapsed = self._gateway.runtime, self._seconds * 1000
        if elapsed % limits.PING_INTERVAL_MS == 0:
            await self._ping()
        if elapsed % limits.TICK_INTERVAL_MS == 0:
            runtime.events.broadcast("tick", {"ts": runtime.now_ms()})
        if elapsed % limits.HEALTH_INTERVAL_MS == 0:
            runtime.events.health_version += 1
            runtime.events.broadcast("health", health_snapshot(runtime), state_version=True)
        runtime.pairing.purge_expired()
        runtime.legacy_pairing.purge_expired()
        runtime.invoke_records.purge()
        runtime.setup_codes.purge_expired()
        runtime.ledger.purge()
        runtime.lockouts.release_expired()
        runtime.audit.flush()
        self._tell_of_audit()
        self._reload_changed_config()

    def _tell_of_audit(self) -> None:
        """Who follows the trail hears that it grew; told from here, so that writing stays as cheap."""
        audit, told = self._gateway.runtime.audit, self._audit_told
        if audit.rows != told:
            self._audit_told = audit.rows
            self._gateway.runtime.events.broadcast(AUDIT_APPENDED, {"entries": audit.rows - told})

    async def _ping(self) -> None:
        """Ping everyone; who did not answer the last ping is gone (1.3)."""
        for number, connection in enumerate(tuple(self._gateway.connections)):
            if not connection.alive:
                connection.abort()
            else:
                connection.ping()
            if number % _BATCH == _BATCH - 1:
                await asyncio.sleep(0)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = self._gateway.runtime.settings.config_path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size

    def _reload_changed_config(self) -> None:
        """Command lists are read at run time (9.3): a saved openclaw.json holds at once."""
        stamp = self._stamp()
        if stamp == self._config_stamp:
            return
        self._config_stamp = stamp
        try:
            settings = load_settings(self._gateway.runtime.settings.state_dir)
        except ConfigError as error:
            _log.warning("the changed configuration is not used: %s", error)
            return
        runtime = self._gateway.runtime
        self._gateway.spawn(runtime.declarations.catch_up(runtime.reload(settings.gateway)))
        _log.info("command lists reloaded from %s", settings.config_path)
