"""The running gateway as each family sees it, and what families keep (hookspecs.GatewayContext)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from openclaw_core.commands import Family
from openclaw_core.errors import ConfigError, StoreError, UnavailableError
from openclaw_core.family_settings import FamilySettings
from openclaw_core.hookspecs import Caller, NodeView
from openclaw_core.plugins import Plugins
from openclaw_core.private_directory import make_private_directory
from openclaw_core.services.events import Events, encode_event
from openclaw_core.services.nodes import Nodes
from openclaw_core.store.base import Change, Remove, Save, Store
from openclaw_core.store.models import FamilyState

__all__ = ["Families", "FamilyGateway"]

_log = logging.getLogger(__name__)


class Families:
    """One context per loaded family, for as long as the gateway runs."""

    def __init__(
        self,
        store: Store,
        plugins: Plugins,
        nodes: Nodes,
        events: Events,
        settings: FamilySettings,
        directory: Path,
    ) -> None:
        self.store = store
        self.directory = directory
        self.nodes = nodes
        self.events = events
        self._plugins = plugins
        self._settings = settings
        self._state: dict[str, dict[str, Any]] = {}
        self._contexts: dict[str, FamilyGateway] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Read what families keep; once, before the first connection."""
        for row in await self.store.load(FamilyState):
            self.state_of(row.family)[row.key] = orjson.loads(row.value)

    def start(self) -> None:
        """Tell each family that the gateway serves; one that was told is not told again."""
        for item in self._plugins.loaded:
            family = item.family
            if family.name not in self._contexts:
                self._plugins.tell("openclaw_gateway_started", family, gateway=self.context(family))

    def forget(self, names: Iterable[str]) -> None:
        """These families went, or came anew: what comes next is told that the gateway serves."""
        for name in names:
            self._contexts.pop(name, None)

    def context(self, family: Family) -> FamilyGateway:
        """The family's context."""
        return self._contexts.setdefault(family.name, FamilyGateway(self, family, self._config(family)))

    def state_of(self, family: str) -> dict[str, Any]:
        """What a family keeps, by key."""
        return self._state.setdefault(family, {})

    def spawn(self, family: str, work: Coroutine[Any, Any, None]) -> None:
        """Run work of a family; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work, name=f"family {family}")
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """Cancel what families run."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s broke", task.get_name(), exc_info=task.exception())

    def _config(self, family: Family) -> Any:
        try:
            return self._settings.of(family.name, family.config)
        except ConfigError as error:
            _log.error("family %s runs with its default settings: %s", family.name, error)
            return family.config.model_validate({}) if family.config is not None else None


class FamilyGateway:
    """`GatewayContext` of one family."""

    def __init__(self, families: Families, family: Family, config: Any) -> None:
        self._families = families
        self._family = family
        self.config = config

    @property
    def state_dir(self) -> Path:
        """A directory of the family's own, for files."""
        path = self._families.directory / self._family.name
        make_private_directory(path)
        return path

    @property
    def nodes(self) -> tuple[NodeView, ...]:
        """Every connected node."""
        nodes = self._families.nodes
        return tuple(nodes.view(node) for node in nodes)

    @property
    def operators(self) -> tuple[Caller, ...]:
        """Every connected operator."""
        return tuple(item.caller for item in self._families.events if item.role == "operator")

    @property
    def state(self) -> Mapping[str, Any]:
        """What the family keeps across restarts."""
        return MappingProxyType(self._families.state_of(self._family.name))

    async def keep(self, key: str, value: Any) -> None:
        """Put JSON data into `state`; durable on return."""
        name = self._family.name
        text = orjson.dumps(value).decode()
        change: Change = (
            Remove(FamilyState, name, key)
            if value is None
            else Save(FamilyState(family=name, key=key, value=text))
        )
        try:
            await self._families.store.write(change)
        except StoreError as error:
            raise UnavailableError(
                f"{key} of family {name} was not kept: {error}", {"code": "STORE_UNAVAILABLE"}, retryable=True
            ) from None
        held = self._families.state_of(name)
        if value is None:
            held.pop(key, None)
        else:
            held[key] = orjson.loads(text)  # what the family does with its object later is not kept

    def broadcast(self, event: str, payload: Mapping[str, Any]) -> None:
        """Send one of the family's own events."""
        self._families.events.broadcast(event, payload)

    def push(self, node_id: str, event: str, payload: Mapping[str, Any]) -> bool:
        """Send an event to one node; False when it is away."""
        if event not in self._family.pushes:
            raise ValueError(f"family {self._family.name} does not list {event!r} in Family.pushes")
        node = self._families.nodes.find(node_id)
        return node is not None and node.link.send(encode_event(event, payload))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine of the family beside the gateway."""
        self._families.spawn(self._family.name, work)
