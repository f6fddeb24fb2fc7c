"""One gateway's services, built once and handed to its connections."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

import structlog

from openclaw_core.auth.command_policy import CommandPolicy
from openclaw_core.auth.credentials import SharedSecret
from openclaw_core.auth.rate_limit import RateLimiter
from openclaw_core.bus.local import LocalBus
from openclaw_core.config import GatewayConfig, Settings
from openclaw_core.plugins import Plugins
from openclaw_core.services.audit import Audit
from openclaw_core.services.events import Events
from openclaw_core.services.invoke import Invokes
from openclaw_core.services.node_events import NodeEvents
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.pairing import Pairing
from openclaw_core.services.presence import Presence
from openclaw_core.services.registry import Registry
from openclaw_core.services.routes import Routes
from openclaw_core.services.surfaces import Surfaces
from openclaw_core.services.tokens import Tokens, load_token_key
from openclaw_core.store.base import Store

__all__ = ["Runtime", "wall_clock_ms"]

_log = structlog.get_logger(__name__)


def wall_clock_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Runtime:
    """What a running gateway knows and can do.

    Attributes:
        boot_id: unique per process; `started_at_ms` its start in Unix ms.
        secret: the shared secret, as a digest.
        limiter: failed authentications per client address.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        plugins: Plugins,
        *,
        version: str,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.loop = loop = asyncio.get_running_loop()
        config = settings.gateway
        self.settings = settings
        self.config: GatewayConfig = config
        self.store = store
        self.plugins = plugins
        self.version = version
        self.now_ms = now_ms
        self.boot_id = str(uuid.uuid4())
        self.started_at_ms = now_ms()
        self.secret = _secret_of(settings)
        limit = config.auth.rate_limit
        self.limiter = RateLimiter(limit.max_attempts, limit.window_ms, limit.lockout_ms)
        self.registry = Registry(store)
        self.audit = Audit(store, now_ms)
        self.events = Events(plugins.events)
        self.nodes = Nodes(self.registry, LocalBus(), self._policy(config), now_ms)
        key = load_token_key(settings.state_dir / "gateway-token-key")
        self.tokens = Tokens(self.registry, self.audit, key, now_ms)
        self.pairing = Pairing(self.registry, self.tokens, self.audit, self.events, now_ms)
        self.surfaces = Surfaces(
            self.registry, self.nodes, self.pairing, self.audit, self.events, now_ms, self.surface_changed
        )
        routes = Routes(self.registry, self.nodes, plugins)
        self.invokes = Invokes(routes, self.nodes, self.audit, loop)
        self.node_events = NodeEvents(self.registry, self.nodes, self.pairing, self.events, plugins, now_ms)
        self.presence = Presence(self.nodes, self.events, loop, now_ms, version, self.boot_id)

    async def load(self) -> None:
        """Read what is durable; once, before the first connection."""
        await self.registry.load()

    def reload(self, config: GatewayConfig) -> None:
        """Put changed command lists into force: connected nodes and invokes in flight feel it now."""
        before = {node.node_id: node.commands for node in self.nodes}
        self.nodes.set_policy(self._policy(config))
        self.invokes.withdraw()
        for node in self.nodes:
            if node.commands != before[node.node_id]:
                self.surface_changed(node, before[node.node_id])

    def surface_changed(self, node: LiveNode, before: frozenset[str]) -> None:
        """Tell the families that a node's effective commands changed."""
        self.plugins.notify("openclaw_surface_changed", node=self.nodes.view(node), before=before)

    def _policy(self, config: GatewayConfig) -> CommandPolicy:
        nodes = config.nodes
        self._warn_unknown(nodes.allowed)
        return CommandPolicy(self.plugins.table, nodes.allowed, nodes.denied)

    def _warn_unknown(self, allowed: frozenset[str]) -> None:
        for name in sorted(allowed - set(self.plugins.table)):
            _log.warning(
                "a command is allowed that no installed family knows: it is relayed unvalidated", command=name
            )


def _secret_of(settings: Settings) -> SharedSecret:
    mode = settings.auth_mode
    if mode == "none":
        return SharedSecret.of("none", None)
    return SharedSecret.of(
        mode, settings.local_token() if mode == "token" else settings.gateway.auth.password
    )
