"""One gateway's services, built once and handed to its connections."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

import structlog

from openclaw_core.auth.command_policy import CommandPolicy
from openclaw_core.auth.credentials import SharedSecret
from openclaw_core.bus.local import LocalBus
from openclaw_core.config import GatewayConfig, Settings
from openclaw_core.family_settings import FamilySettings
from openclaw_core.plugins import Changes, Plugins
from openclaw_core.services.activity import Activity
from openclaw_core.services.audit import Audit
from openclaw_core.services.declarations import Declarations
from openclaw_core.services.deferrals import PendingDeferrals
from openclaw_core.services.events import Events
from openclaw_core.services.explain import Explain
from openclaw_core.services.families import Families
from openclaw_core.services.first_surface import FirstSurfaces
from openclaw_core.services.invoke import Invokes
from openclaw_core.services.invoke_records import InvokeRecords
from openclaw_core.services.ledger import Ledger
from openclaw_core.services.legacy_pairing import LegacyPairing
from openclaw_core.services.lockouts import Lockouts
from openclaw_core.services.node_events import NodeEvents
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.pairing import Pairing
from openclaw_core.services.pending import Pending
from openclaw_core.services.pending_admission import Admission
from openclaw_core.services.pending_delivery import Deliveries
from openclaw_core.services.presence import Presence
from openclaw_core.services.registry import Registry
from openclaw_core.services.routes import Routes
from openclaw_core.services.scope_upgrades import ScopeUpgrades
from openclaw_core.services.scoped_urls import ScopedUrls
from openclaw_core.services.setup_codes import SetupCodes
from openclaw_core.services.streams import Streams
from openclaw_core.services.surfaces import Surfaces
from openclaw_core.services.tally import Tally
from openclaw_core.services.tokens import Tokens, load_token_key
from openclaw_core.services.tool_approvals import ToolApprovals
from openclaw_core.services.tools import Tools
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
        port, tls_fingerprint: what the server serves on; 0 and None while it does not.
        lockouts: failed authentications per client address.
        tally: what `/metrics` counts.
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
        self._lists = config  # whose command lists are in force
        self.store = store
        self.plugins = plugins
        self.version = version
        self.now_ms = now_ms
        self.boot_id = str(uuid.uuid4())
        self.started_at_ms = now_ms()
        self.secret = _secret_of(settings)
        self.port = 0
        self.tls_fingerprint: str | None = None
        self.registry = Registry(store)
        self.audit = Audit(store, now_ms)
        self.lockouts = Lockouts(store, self.audit, config.auth.rate_limit, now_ms)
        self.tally = Tally(plugins.table)
        self.events = Events(plugins.events)
        self.activity = Activity(self.events, now_ms)
        self.nodes = Nodes(self.registry, LocalBus(), self._policy(config), self.activity, now_ms)
        self._build_approvals()
        self._build_work()
        self.node_events = NodeEvents(
            self.registry, self.nodes, self.pairing, self.activity, self.events, plugins, self.audit, now_ms
        )
        self.families = Families(
            store,
            plugins,
            self.nodes,
            self.events,
            FamilySettings.load(settings.config_path),
            settings.state_dir / "families",
        )
        self.presence = Presence(self.nodes, self.events, loop, now_ms, version, self.boot_id)

    def _build_approvals(self) -> None:
        """Who gets in and what a node may do."""
        plugins, now_ms = self.plugins, self.now_ms
        self._open_doors()
        self.explain = Explain(self.registry, self.nodes, plugins)
        self.declarations = Declarations(self.registry, self.nodes, self.surfaces, self.explain)
        self.scoped_urls = ScopedUrls(plugins, self.nodes, now_ms)

    def _build_work(self) -> None:
        """Invokes, and what waits for a node."""
        plugins, now_ms = self.plugins, self.now_ms
        self.routes = routes = Routes(self.registry, self.nodes, plugins)
        self.invoke_records = InvokeRecords(self.store, now_ms)
        self.invokes = Invokes(routes, self.nodes, self.invoke_records, self.audit, self.tally, self.loop)
        self.streams = Streams(self.invokes, now_ms)
        admission = Admission(self.registry, self.nodes, routes)
        self.ledger = Ledger(self.store, admission, self.nodes, self.audit, self.events, now_ms)
        self.pending = Pending(self.store, self.ledger, admission, now_ms)
        self.deliveries = Deliveries(self.ledger, self.pending, admission, self.audit, now_ms)
        self.invokes.deferrals = PendingDeferrals(self.pending, self.ledger, admission, self.nodes)
        self.registry.on_unpaired = self.ledger.node_unpaired
        self.tool_approvals = ToolApprovals(self.audit, self.events, now_ms)
        self.tools = Tools(self.nodes, self.explain, plugins, self.invokes, self.tool_approvals, self.audit)

    def _open_doors(self) -> None:
        """Who may come in, and with what."""
        now_ms = self.now_ms
        key = load_token_key(self.settings.state_dir / "gateway-token-key")
        self.tokens = Tokens(self.registry, self.audit, key, now_ms)
        ttl = self.config.nodes.pairing.request_ttl_ms
        self.pairing = Pairing(self.registry, self.tokens, self.audit, self.events, now_ms, ttl)
        self.scope_upgrades = ScopeUpgrades(self.registry, self.pairing, self.tokens, now_ms)
        self.first_surfaces = FirstSurfaces(self.registry, self.nodes, self.audit, self.events, now_ms)
        self.setup_codes = SetupCodes(
            self.registry, self.pairing, self.first_surfaces, self.audit, self.events, key, now_ms
        )
        self.surfaces = Surfaces(
            self.registry, self.nodes, self.pairing, self.audit, self.events, now_ms, self.surface_changed
        )
        self.legacy_pairing = LegacyPairing(
            self.registry,
            self.first_surfaces,
            self.tokens,
            self.audit,
            self.events,
            now_ms,
            self.surfaces.put_in_force,
        )

    async def load(self) -> None:
        """Read what is durable; once, before the first connection."""
        await self.registry.load()
        await self.lockouts.load()
        await self.invoke_records.load()
        await self.ledger.load()
        await self.families.load()

    def reload(self, config: GatewayConfig) -> list[LiveNode]:
        """Put changed command lists into force: connected nodes and invokes in flight feel it now.

        Returns the nodes that may now declare something else; `declarations.catch_up` asks for them.
        """
        self._lists = config
        return self._put_policy_in_force()

    def reload_families(self) -> tuple[Changes, list[LiveNode]]:
        """Bring the families up to what is installed now; nobody is disconnected.

        Returns the changes, and the nodes that may now declare something else.
        """
        changes = self.plugins.reload()
        self.routes.forget()
        self.explain.forget()
        self.events.declare(self.plugins.events)
        self.scoped_urls.families_changed()
        self.families.forget((*changes.removed, *changes.replaced))
        self.families.start()
        return changes, self._put_policy_in_force()

    def _put_policy_in_force(self) -> list[LiveNode]:
        before = {node.node_id: node.commands for node in self.nodes}
        declared = {node.node_id: node.declared.commands for node in self.nodes}
        self.nodes.set_policy(self._policy(self._lists))
        self.invokes.withdraw()
        for node in self.nodes:
            if node.commands != before[node.node_id]:
                self.surface_changed(node, before[node.node_id])
        return [node for node in self.nodes if node.declared.commands != declared[node.node_id]]

    def surface_changed(self, node: LiveNode, before: frozenset[str]) -> None:
        """Tell the families and the operators that a node's effective commands changed."""
        change = {
            "nodeId": node.node_id,
            "added": sorted(node.commands - before),
            "removed": sorted(before - node.commands),
        }
        self.events.broadcast("node.surface.changed", change)
        self.plugins.notify("openclaw_surface_changed", node=self.nodes.view(node), before=before)
        self.ledger.announce_available(node)

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
    if mode in ("none", "trusted-proxy"):
        return SharedSecret.of(mode, None)
    return SharedSecret.of(
        mode, settings.local_token() if mode == "token" else settings.gateway.auth.password
    )
