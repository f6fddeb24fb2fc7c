"""Capability families: found by stevedore, registered with pluggy, isolated when they fail.

A family that cannot be used never stops the gateway: it is listed in `Plugins.failed`
with the fault and its cure, and its commands are unknown.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint
from typing import Any

import pluggy
from stevedore import ExtensionManager

from openclaw_core.commands import CommandTable, Family
from openclaw_core.errors import PluginError
from openclaw_core.hookspecs import ENTRY_POINT_GROUP, PROJECT, Hooks, NodeView, RpcMethod

__all__ = ["Candidate", "FailedPlugin", "LoadedPlugin", "Plugins", "discover", "load_plugins"]

_log = logging.getLogger(__name__)
_HOOKS = tuple(name for name in vars(Hooks) if name.startswith("openclaw_"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin object that was found, or the exception its import raised."""

    name: str
    distribution: str
    version: str
    plugin: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A family in use, and the package that brought it."""

    name: str
    distribution: str
    version: str
    family: Family


@dataclass(frozen=True, slots=True)
class FailedPlugin:
    """A package that is installed but unusable: the fault, and what cures it."""

    name: str
    distribution: str
    version: str
    reason: str
    cure: str


class Plugins:
    """Every loaded family with what it contributes, resolved once so that no call loops."""

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        self.table = CommandTable()
        self.methods: dict[str, tuple[RpcMethod, str]] = {}
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        loaded: list[LoadedPlugin] = []
        failed: list[FailedPlugin] = []
        for item in sorted(candidates, key=lambda found: found.name):
            try:
                loaded.append(self._load(item))
            except PluginError as error:
                failed.append(
                    FailedPlugin(item.name, item.distribution, item.version, str(error), error.cure)
                )
                _log.warning("family %s is unusable: %s (cure: %s)", item.name, error, error.cure)
        self.loaded = tuple(loaded)
        self.failed = tuple(failed)
        self.families = tuple(item.family for item in loaded)
        self.events = {name: scope for family in self.families for name, scope in family.events.items()}
        self.authorizers = tuple(
            partial(self._call_named, implementation)
            for implementation in self._implementations("openclaw_authorize_invoke", None)
        )
        self._by_family = {item.family.name: item.name for item in loaded}

    def owned_hook(self, hook: str, command: str) -> Callable[..., Any] | None:
        """The implementation of `hook` in the family that owns `command`, if it has one."""
        plugin_name = self._by_family.get(self.table.owner(command) or "")
        found = self._implementations(hook, plugin_name) if plugin_name else []
        return partial(self._call_named, found[0]) if found else None

    def handle_event(self, node: NodeView, event: str, payload: Any) -> dict[str, Any] | None:
        """Offer a node's event to the families; a family that raises has not handled it."""
        try:
            answer: dict[str, Any] | None = self._manager.hook.openclaw_node_event(
                node=node, event=event, payload=payload
            )
        except Exception:
            _log.exception("a family broke on event %s", event)
            return None
        return answer

    def notify(self, hook: str, **facts: Any) -> None:
        """Call every implementation of a notification hook; one that raises stops no other."""
        for implementation in self._implementations(hook, None):
            try:
                self._call(implementation, facts)
            except Exception:
                _log.exception("hook %s of a family raised", hook)

    @staticmethod
    def _call(implementation: pluggy.HookImpl, facts: dict[str, Any]) -> Any:
        # As pluggy does: an implementation names only the arguments it wants.
        return implementation.function(*(facts[name] for name in implementation.argnames))

    def _call_named(self, implementation: pluggy.HookImpl, **facts: Any) -> Any:
        return self._call(implementation, facts)

    def _implementations(self, hook: str, plugin_name: str | None) -> list[pluggy.HookImpl]:
        caller = getattr(self._manager.hook, hook)
        return [
            impl for impl in caller.get_hookimpls() if plugin_name is None or impl.plugin_name == plugin_name
        ]

    def _load(self, item: Candidate) -> LoadedPlugin:
        if item.error is not None:
            kind = type(item.error).__name__
            raise PluginError(
                f"its import failed with {kind}: {item.error}",
                f"reinstall it: pip install --force-reinstall {item.distribution}",
            )
        plugin = item.plugin() if inspect.isclass(item.plugin) else item.plugin
        _check_hooks(plugin)
        if self._manager.has_plugin(item.name):
            raise PluginError(
                f"another package has an entry point named {item.name!r} too",
                f"uninstall one of the two: pip uninstall {item.distribution}",
            )
        self._manager.register(plugin, name=item.name)
        try:
            self._manager.check_pending()
            family = self._family_of(plugin, item)
            methods = self._methods_of(plugin, item)
            self.table.add(family)
        except PluginError:
            self._manager.unregister(name=item.name)
            raise
        except Exception as error:
            self._manager.unregister(name=item.name)
            raise PluginError(
                f"it failed to load with {type(error).__name__}: {error}", f"upgrade {item.distribution}"
            ) from error
        self.methods.update({method.name: (method, family.name) for method in methods})
        return LoadedPlugin(item.name, item.distribution, item.version, family)

    def _family_of(self, plugin: Any, item: Candidate) -> Family:
        declare = getattr(plugin, "openclaw_family", None)
        family = declare() if callable(declare) else None
        if not isinstance(family, Family):
            raise PluginError(
                f"its hook openclaw_family gave {family!r} instead of a Family",
                "let openclaw_family() return openclaw_core.Family(...)",
            )
        if any(family.name == other for other in self._family_names()):
            raise PluginError(
                f"family name {family.name!r} is taken",
                f"uninstall one of the two: pip uninstall {item.distribution}",
            )
        return family

    def _family_names(self) -> set[str]:
        return {owner for name in self.table if (owner := self.table.owner(name)) is not None}

    def _methods_of(self, plugin: Any, item: Candidate) -> list[RpcMethod]:
        declare = getattr(plugin, "openclaw_methods", None)
        methods: list[RpcMethod] = list(declare()) if callable(declare) else []
        for method in methods:
            if method.name in self.methods:
                raise PluginError(
                    f"method {method.name!r} is taken by family {self.methods[method.name][1]!r}",
                    f"uninstall one of the two: pip uninstall {item.distribution}",
                )
        return methods


def _check_hooks(plugin: Any) -> None:
    """Refuse a hook nobody calls: misspelt, or without its `@hookimpl` mark."""
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        marked = hasattr(function, f"{PROJECT}_impl")
        if marked and name not in _HOOKS:
            near = difflib.get_close_matches(name, _HOOKS, n=1)
            cure = f"rename it to {near[0]}" if near else f"use one of: {', '.join(_HOOKS)}"
            raise PluginError(f"it implements the unknown hook {name!r}", cure)
        if name in _HOOKS and callable(function) and not marked:
            raise PluginError(f"its hook {name!r} is not marked", f"put @hookimpl above def {name}")


def discover() -> list[Candidate]:
    """Every installed entry point of the group, imported; a broken import keeps its error."""
    found: list[Candidate] = []

    def on_failure(_manager: Any, entry_point: EntryPoint, error: BaseException) -> None:
        found.append(_candidate(entry_point, error=error))

    manager = ExtensionManager(ENTRY_POINT_GROUP, on_load_failure_callback=on_failure)
    found.extend(_candidate(item.entry_point, plugin=item.plugin) for item in manager)
    return found


def _candidate(
    entry_point: EntryPoint, *, plugin: Any = None, error: BaseException | None = None
) -> Candidate:
    dist = entry_point.dist
    name, version = (dist.name, dist.version) if dist else (entry_point.value, "unknown")
    return Candidate(entry_point.name, name, version, plugin, error)


def load_plugins() -> Plugins:
    """Discover and load every installed family."""
    return Plugins(discover())
