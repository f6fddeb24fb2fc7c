"""Commands and families: one declaration for the gateway, the node host and every tool.

A capability family declares its commands with the `command` decorator. The annotations
of the function are the schema::

    @command("demo.echo", platforms=ALL_PLATFORMS)
    async def echo(args: EchoArgs, node: NodeContext) -> EchoResult:
        \"\"\"Say it again.\"\"\"
        return EchoResult(text=args.text)

The gateway validates params and results with these models and never runs the function;
a node host runs it.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel

from openclaw_core.contexts import NodeContext, NodeHostContext, Probe
from openclaw_core.errors import PluginError

__all__ = [
    "ALL_PLATFORMS",
    "DESKTOP_PLATFORMS",
    "Command",
    "CommandTable",
    "Example",
    "Family",
    "NodeContext",
    "NodeHostContext",
    "Platform",
    "Probe",
    "command",
]

Platform = Literal["ios", "watchos", "android", "macos", "windows", "linux", "unknown"]

ALL_PLATFORMS: frozenset[Platform] = frozenset(
    ("ios", "watchos", "android", "macos", "windows", "linux", "unknown")
)
DESKTOP_PLATFORMS: frozenset[Platform] = frozenset(("macos", "windows", "linux"))


Handler = Callable[[Any, NodeContext], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Example:
    """One use of a command, as JSON data; shown to agents and checked by `openclaw plugins check`.

    Attributes:
        params: what is sent; `result` what a node answers, None to show none.
        says: when one would do this.
    """

    params: Any
    result: Any = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One node command and everything the gateway must know to route and guard it.

    Attributes:
        name: wire name, `family.verb`.
        params: model of `params`; unknown fields follow the model's own config.
        result: model of the node's payload.
        handler: what a node host runs; None when only apps of other makers run it.
        title: a few words for people.
        description: a paragraph for people and agents.
        platforms: where it is allowed without an operator's opt-in (9.2).
        dangerous: needs an exact entry in `gateway.nodes.commands.allow` (9.3).
        admin_approval: its surface approval needs operator.admin (8.3).
        admin_invoke: invoking it needs operator.admin (11.1).
        foreground: the app must be in the foreground.
        read_only, destructive, idempotent: hints for agents.
        queueable: may wait for a node that is away.
        timeout_ms: budget when the caller names none.
        permission: the system permission the node must hold, as it names it at connect, e.g.
            `accessibility`; None for none.
        examples: uses of it.
        private: why `node.invoke` refuses it, or None; such a command is reached by a
            method of its family.
        refuses: tells from the params, as they came and unchecked, why `node.invoke` refuses this
            use of the command whoever asks (9.4), or None; its family's methods may use it so.
    """

    name: str
    params: type[BaseModel]
    result: type[BaseModel]
    handler: Handler | None = None
    title: str = ""
    description: str = ""
    platforms: frozenset[Platform] = frozenset()
    dangerous: bool = False
    admin_approval: bool = False
    admin_invoke: bool = False
    foreground: bool = False
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    queueable: bool = False
    timeout_ms: int = 30_000
    permission: str | None = None
    examples: tuple[Example, ...] = ()
    private: str | None = None
    refuses: Callable[[Any], str | None] | None = None


def command(name: str, **facts: Any) -> Callable[[Handler], Command]:
    """Declare a node command; keyword arguments are the attributes of `Command`.

    The decorated coroutine function takes `(args: Model, node: NodeContext)` and returns
    a model. Its docstring's first line becomes the title, the whole the description.

    Raises:
        PluginError: the function is not a coroutine function or lacks the annotations.
    """

    def declare(handler: Handler) -> Command:
        params, result = _models_of(name, handler)
        text = inspect.getdoc(handler) or name
        facts.setdefault("title", text.splitlines()[0].rstrip("."))
        facts.setdefault("description", text)
        return Command(name=name, params=params, result=result, handler=handler, **facts)

    return declare


def _models_of(name: str, handler: Handler) -> tuple[type[BaseModel], type[BaseModel]]:
    if not inspect.iscoroutinefunction(handler):
        raise PluginError(f"command {name!r}: the function must be `async def`", "write `async def`")
    hints = get_type_hints(handler)
    result = hints.pop("return", None)
    params = next(iter(hints.values()), None)
    for role, model in (("first parameter", params), ("return value", result)):
        if not (inspect.isclass(model) and issubclass(model, BaseModel)):
            raise PluginError(
                f"command {name!r}: the {role} is annotated with {model!r}, not with a pydantic model",
                "annotate it with a subclass of pydantic.BaseModel",
            )
    assert params is not None
    assert result is not None
    return params, result


@dataclass(frozen=True, slots=True)
class Family:
    """What one capability package adds.

    Attributes:
        name: unique, lower case, e.g. the package's short name.
        title: for people.
        commands: every command it owns.
        caps: capability names a node with this family declares (8.1).
        caps_follow_commands: a node's declared `caps` count only while one of the commands it
            asked for passes the command policy (8.1).
        events: broadcast events it owns, each with the operator scope that may see it.
        pushes: events the family sends to nodes directly, e.g. `voicewake.changed`.
        config: model of the family's settings on a node or gateway, read from
            `plugins.entries.<family>.config` of openclaw.json; None for none.
        probe: on a node, tells what of the family works on this machine. It gets the settings,
            runs in a thread of its own, at the start and every few seconds, and must be cheap.
        service: on a node, a coroutine that runs as long as the family is offered, e.g. to listen
            for a wake word; it is cancelled when the node stops and started anew when it breaks.
    """

    name: str
    title: str
    commands: tuple[Command, ...]
    caps: tuple[str, ...] = ()
    caps_follow_commands: bool = False
    events: Mapping[str, str] = field(default_factory=dict)
    pushes: tuple[str, ...] = ()
    config: type[BaseModel] | None = None
    probe: Callable[[Any], Probe] = field(default=lambda _config: Probe())
    service: Callable[[NodeHostContext], Coroutine[Any, Any, None]] | None = None


class CommandTable(Mapping[str, Command]):
    """Name → command, over every loaded family. Two claims of one name never coexist."""

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self._commands: dict[str, Command] = {}
        self._owners: dict[str, str] = {}
        self._following: dict[str, frozenset[str]] = {}  # family → caps that go with its commands
        for family in families:
            self.add(family)

    def add(self, family: Family) -> None:
        """Take in a family, whole or not at all.

        Raises:
            PluginError: a command name is already owned, or claimed twice by the family.
        """
        seen: set[str] = set()
        for item in family.commands:
            owner = self._owners.get(item.name)
            if owner is None and item.name in seen:
                owner = family.name
            if owner is not None:
                raise PluginError(
                    f"family {family.name!r} claims command {item.name!r}, which family {owner!r} owns",
                    f"uninstall one of the two packages, or rename the command in {family.name!r}",
                )
            seen.add(item.name)
        if family.caps_follow_commands:
            self._following[family.name] = frozenset(family.caps)
        for item in family.commands:
            self._commands[item.name] = item
            self._owners[item.name] = family.name

    def remove(self, family: Family) -> None:
        """Forget a family; its command names are free again."""
        self._following.pop(family.name, None)
        for name in [name for name, owner in self._owners.items() if owner == family.name]:
            del self._commands[name], self._owners[name]

    def owner(self, name: str) -> str | None:
        """Name of the family that owns the command, or None."""
        return self._owners.get(name)

    def idle_caps(self, kept: Iterable[str], withheld: Iterable[str]) -> frozenset[str]:
        """Capability names of families all of whose requested commands were withheld (8.1)."""
        busy = {self._owners.get(name) for name in kept}
        idle = {self._owners.get(name) for name in withheld} - busy
        return frozenset(cap for name in idle if name for cap in self._following.get(name, ()))

    def __getitem__(self, name: str) -> Command:
        return self._commands[name]

    def __iter__(self) -> Any:
        return iter(self._commands)

    def __len__(self) -> int:
        return len(self._commands)
