"""Capability families: registered with pluggy, isolated when they fail.

A family that cannot be used never stops the gateway: it is listed in `Plugins.failed`
with the fault and its cure, and its commands are unknown.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pluggy
from pydantic import BaseModel

from openclaw_core.commands import Command, CommandTable, Family
from openclaw_core.discovery import (
    Candidate,
    discover,
    forget_modules,
    import_fault,
    installed,
    learn_new_paths,
)
from openclaw_core.errors import PluginError
from openclaw_core.hookspecs import PROJECT, Hooks, NodeView, RpcMethod

__all__ = ["Candidate", "Changes", "FailedPlugin", "LoadedPlugin", "Plugins", "load_plugins"]

_log = logging.getLogger(__name__)
_HOOKS = tuple(name for name in vars(Hooks) if name.startswith("openclaw_"))


@dataclass(frozen=True, slots=True)
class LoadedPlugin:
    """A family in use, and the package that brought it."""

    name: str
    distribution: str
    version: str
    family: Family
    stamp: str = ""
    package: str = ""


@dataclass(frozen=True, slots=True)
class FailedPlugin:
    """A package that is installed but unusable: the fault, and what cures it."""

    name: str
    distribution: str
    version: str
    reason: str
    cure: str
    package: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a reload did: names of families that came, went and came in another version."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    replaced: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.replaced)


class Plugins:
    """Every loaded family with what it contributes, resolved once so that no call loops.

    Attributes:
        loaded, failed: the packages in use, and those that cannot be.
    """

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        self.table = CommandTable()
        self.methods: dict[str, tuple[RpcMethod, str]] = {}
        self.loaded: tuple[LoadedPlugin, ...] = ()
        self.failed: tuple[FailedPlugin, ...] = ()
        self._by_family: dict[str, str] = {}  # family → plugin, both names
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        self._load_all(candidates)

    @property
    def families(self) -> tuple[Family, ...]:
        """Every loaded family."""
        return tuple(item.family for item in self.loaded)

    @property
    def events(self) -> dict[str, str]:
        """Broadcast events of every family, each with its scope."""
        return {name: scope for family in self.families for name, scope in family.events.items()}

    def describe(self) -> list[dict[str, Any]]:
        """One JSON object per installed package, loaded ones first; a failed one with fault and cure."""
        loaded = [
            {
                "name": item.name,
                "distribution": item.distribution,
                "version": item.version,
                "state": "loaded",
                "family": item.family.name,
                "title": item.family.title,
                "commands": sorted(command.name for command in item.family.commands),
            }
            for item in self.loaded
        ]
        failed = [
            {
                "name": item.name,
                "distribution": item.distribution,
                "version": item.version,
                "state": "failed",
                "reason": item.reason,
                "cure": item.cure,
            }
            for item in self.failed
        ]
        return loaded + failed

    def reload(self) -> Changes:
        """Bring this up to what is installed now; families that did not change are not touched.

        A package that was installed anew is imported anew. One that failed is tried again.
        """
        learn_new_paths()
        now = {(item.name, item.stamp) for item in installed()}
        before = {item.family.name: item.stamp for item in self.loaded}
        for item in [item for item in self.loaded if item.stamp and (item.name, item.stamp) not in now]:
            self._unload(item)
        for failed in self.failed:
            forget_modules(failed.package)
        self.failed = ()
        held = {(item.name, item.stamp) for item in self.loaded}
        self._load_all(discover(lambda item: (item.name, item.stamp) not in held))
        after = {item.family.name: item.stamp for item in self.loaded}
        both = before.keys() & after.keys()
        return Changes(
            tuple(sorted(after.keys() - before.keys())),
            tuple(sorted(before.keys() - after.keys())),
            tuple(sorted(name for name in both if before[name] != after[name])),
        )

    def _load_all(self, candidates: Iterable[Candidate]) -> None:
        loaded, failed = list(self.loaded), list(self.failed)
        # In an order that does not depend on the file system: of two that clash the same one wins.
        for item in sorted(candidates, key=lambda found: (found.name, found.distribution)):
            try:
                loaded.append(self._load(item))
                self.loaded = tuple(loaded)
            except PluginError as error:
                failed.append(
                    FailedPlugin(
                        item.name, item.distribution, item.version, str(error), error.cure, item.package
                    )
                )
                _log.warning("family %s is unusable: %s (cure: %s)", item.name, error, error.cure)
        self.loaded = tuple(sorted(loaded, key=lambda item: item.name))
        self.failed = tuple(failed)
        self.authorizers = tuple(
            partial(self._call_named, implementation)
            for implementation in self._implementations("openclaw_authorize_invoke", None)
        )

    def _unload(self, item: LoadedPlugin) -> None:
        name = item.family.name
        self._manager.unregister(name=item.name)
        self.table.remove(item.family)
        self.methods = {key: held for key, held in self.methods.items() if held[1] != name}
        del self._by_family[name]
        self.loaded = tuple(held for held in self.loaded if held is not item)
        forget_modules(item.package)

    def owned_hook(self, hook: str, command: str) -> Callable[..., Any] | None:
        """The implementation of `hook` in the family that owns `command`, if it has one."""
        plugin_name = self._by_family.get(self.table.owner(command) or "")
        found = self._implementations(hook, plugin_name) if plugin_name else []
        return partial(self._call_named, found[0]) if found else None

    def handle_event(self, node: NodeView, event: str, payload: Any) -> dict[str, Any] | None:
        """Offer a node's event to the families; one that raises has not handled it, the next may."""
        facts = {"node": node, "event": event, "payload": payload}
        for implementation in self._implementations("openclaw_node_event", None):
            try:
                answer: dict[str, Any] | None = self._call(implementation, facts)
            except Exception:
                _log.exception("family %s broke on event %s", implementation.plugin_name, event)
                continue
            if answer is not None:
                return answer
        return None

    def answers(
        self, hook: str, among: Callable[[Family], bool] = lambda _: True, /, **facts: Any
    ) -> Iterator[tuple[Family, Any]]:
        """Each family's answer to a hook, unless it is None; one that raises is logged and gives none."""
        families = {item.name: item.family for item in self.loaded}
        for implementation in self._implementations(hook, None):
            family = families[implementation.plugin_name]
            if not among(family):
                continue
            try:
                answer = self._call(implementation, facts)
            except Exception:
                _log.exception("hook %s of family %s raised", hook, family.name)
                continue
            if answer is not None:
                yield family, answer

    def implementers(self, hook: str) -> list[Family]:
        """The families that have this hook."""
        names = {implementation.plugin_name for implementation in self._implementations(hook, None)}
        return [item.family for item in self.loaded if item.name in names]

    def notify(self, hook: str, **facts: Any) -> None:
        """Call every implementation of a notification hook; one that raises stops no other."""
        for implementation in self._implementations(hook, None):
            try:
                self._call(implementation, facts)
            except Exception:
                _log.exception("hook %s of a family raised", hook)

    def tell(self, hook: str, family: Family, **facts: Any) -> None:
        """Call one family's notification hook; what it raises is logged."""
        try:
            self.call(hook, family, **facts)
        except Exception:
            _log.exception("hook %s of family %s raised", hook, family.name)

    def call(self, hook: str, family: Family, **facts: Any) -> None:
        """Call one family's hook; what it raises comes through."""
        for implementation in self._implementations(hook, self._by_family[family.name]):
            self._call(implementation, facts)

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
            raise import_fault(item.distribution, item.error)
        if self._manager.has_plugin(item.name):
            raise PluginError(
                f"package {self._source_of(item.name)} has an entry point named {item.name!r} too",
                f"uninstall one of the two: pip uninstall {item.distribution}",
            )
        try:
            plugin = item.plugin() if inspect.isclass(item.plugin) else item.plugin
            _check_hooks(plugin)
            self._manager.register(plugin, name=item.name)
            self._manager.check_pending()
            family = self._family_of(plugin, item)
            methods = self._methods_of(plugin, item)
            self.table.add(family)
        except Exception as error:
            if self._manager.has_plugin(item.name):
                self._manager.unregister(name=item.name)
            if isinstance(error, PluginError):
                raise
            raise PluginError(
                f"it failed to load with {type(error).__name__}: {error}", f"upgrade {item.distribution}"
            ) from error
        self._by_family[family.name] = item.name
        self.methods.update({method.name: (method, family.name) for method in methods})
        return LoadedPlugin(item.name, item.distribution, item.version, family, item.stamp, item.package)

    def _family_of(self, plugin: Any, item: Candidate) -> Family:
        declare = getattr(plugin, "openclaw_family", None)
        family = declare() if callable(declare) else None
        if not isinstance(family, Family):
            raise PluginError(
                f"its hook openclaw_family gave {family!r} instead of a Family",
                "let openclaw_family() return openclaw_core.Family(...)",
            )
        _check_family(family)
        if family.name in self._by_family:
            owner = self._source_of(self._by_family[family.name])
            raise PluginError(
                f"family name {family.name!r} is taken by package {owner}",
                f"uninstall one of the two: pip uninstall {item.distribution}",
            )
        return family

    def _source_of(self, name: str) -> str:
        return next(held.distribution for held in self.loaded if held.name == name)

    def _methods_of(self, plugin: Any, item: Candidate) -> list[RpcMethod]:
        declare = getattr(plugin, "openclaw_methods", None)
        methods: list[RpcMethod] = list(declare()) if callable(declare) else []
        for method in methods:
            if not isinstance(method, RpcMethod):
                raise PluginError(
                    f"its hook openclaw_methods gave {method!r} instead of an RpcMethod",
                    "let openclaw_methods() return a list of openclaw_core.hookspecs.RpcMethod(...)",
                )
            if method.name in self.methods:
                raise PluginError(
                    f"method {method.name!r} is taken by family {self.methods[method.name][1]!r}",
                    f"uninstall one of the two: pip uninstall {item.distribution}",
                )
        return methods


def _check_hooks(plugin: Any) -> None:
    """Refuse a hook nobody would call rightly: misspelt, without its `@hookimpl` mark, or async."""
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        marked = hasattr(function, f"{PROJECT}_impl")
        near = difflib.get_close_matches(name, _HOOKS, n=1, cutoff=0.8)
        if name not in _HOOKS and (marked or (near and inspect.isroutine(function))):
            cure = f"rename it to {near[0]}" if near else f"use one of: {', '.join(_HOOKS)}"
            raise PluginError(f"it implements the unknown hook {name!r}", cure)
        if name in _HOOKS and callable(function) and not marked:
            raise PluginError(f"its hook {name!r} is not marked", f"put @hookimpl above def {name}")
        if marked and inspect.iscoroutinefunction(function):
            raise PluginError(f"its hook {name!r} is async", f"hooks are plain functions: write def {name}")


def _check_family(family: Family) -> None:
    """Refuse declarations that would only break later, in the middle of someone's call."""
    if not (isinstance(family.name, str) and family.name):
        raise PluginError(f"its family name is {family.name!r}", "name it with a short word, e.g. 'lamp'")
    for item in family.commands:
        if not isinstance(item, Command):
            raise PluginError(
                f"family {family.name!r} lists {item!r} as a command",
                "declare it with @command, or Command(...)",
            )
        for role, model in (("params", item.params), ("result", item.result)):
            if not (inspect.isclass(model) and issubclass(model, BaseModel)):
                raise PluginError(
                    f"command {item.name!r}: its {role} model is {model!r}, not a pydantic model",
                    "give it a subclass of pydantic.BaseModel",
                )
    if not (isinstance(family.events, Mapping) and all(isinstance(name, str) for name in family.events)):
        raise PluginError(
            f"family {family.name!r} lists its events as {family.events!r}",
            "map each event to its scope: events={'lamp.changed': 'operator.read'}",
        )


def load_plugins() -> Plugins:
    """Discover and load every installed family."""
    return Plugins(discover())
