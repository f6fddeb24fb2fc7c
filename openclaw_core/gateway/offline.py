"""The state of a stopped gateway, for the person at its machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openclaw_core import __version__
from openclaw_core.config import Settings
from openclaw_core.gateway.lock import StateLock
from openclaw_core.plugins import load_plugins
from openclaw_core.services.audit_trail import open_chain
from openclaw_core.services.runtime import Runtime
from openclaw_core.store.backup import finish_restore
from openclaw_core.store.sql import SqlStore

__all__ = ["open_offline"]


@asynccontextmanager
async def open_offline(settings: Settings) -> AsyncIterator[Runtime]:
    """The services of a gateway that serves nobody, over its state; nothing listens.

    Raises:
        ConfigError: a gateway runs on this state directory.
        StoreError: the state cannot be opened.
    """
    with StateLock(settings.state_dir):
        finish_restore(settings.state_dir)
        store = SqlStore(settings.database_url, chain=open_chain(settings.state_dir))
        await store.start()
        try:
            runtime = Runtime(settings, store, load_plugins(), version=__version__)
            await runtime.load()
            yield runtime
            runtime.audit.flush()
        finally:
            await store.close()
