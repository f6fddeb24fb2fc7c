"""EVERY hook a capability family can implement. This file is the plugin author's manual.

A family is a pip package with an entry point in the group `openclaw.capabilities` that
names a module (or any object) whose `@hookimpl` functions are called. Only
`openclaw_family` is required. All hooks are plain functions: none is a coroutine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pluggy
from pydantic import BaseModel

from openclaw_core.commands import Family
from openclaw_core.errors import RpcError

__all__ = [
    "ENTRY_POINT_GROUP",
    "PROJECT",
    "Caller",
    "GatewayContext",
    "Hooks",
    "Invocation",
    "MethodContext",
    "NodeCall",
    "NodeCommands",
    "NodeView",
    "RpcMethod",
    "SurfaceGrant",
    "hookimpl",
]

PROJECT = "openclaw"
ENTRY_POINT_GROUP = "openclaw.capabilities"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class Caller:
    """The operator connection that asks for something.

    Attributes:
        conn_id: unique per socket.
        client_id, client_mode: what the client calls itself; proves nothing.
        device_id: proven device id, or None for a client without device identity.
        scopes: what the connection really holds (chapter 16).
        caps: what the client declared at connect.
        by_device_token: let in by its device token, not by the shared secret.
        remote_ip: where the connection comes from; None for this host.
    """

    conn_id: str
    client_id: str
    client_mode: str
    device_id: str | None
    scopes: frozenset[str]
    caps: frozenset[str] = frozenset()
    by_device_token: bool = False
    remote_ip: str | None = None


@dataclass(frozen=True, slots=True)
class NodeView:
    """A connected node as hooks see it; sets are the effective ones (8.1)."""

    node_id: str
    display_name: str
    platform: str
    caps: frozenset[str]
    commands: frozenset[str]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One `node.invoke` on its way: `params` is JSON data the command's model accepted."""

    node_id: str
    command: str
    params: Any
    caller: Caller


@dataclass(frozen=True, slots=True)
class SurfaceGrant:
    """A family lets a connection use its HTTP routes (PROTOCOL 13).

    Attributes:
        lifetime_ms: how long the URL lives without being used, in ms; every use starts it anew.
        path: appended to the URL, e.g. `/`; most clients append their own.
    """

    lifetime_ms: int = 600_000
    path: str = ""


class GatewayContext(Protocol):
    """The running gateway as a family sees it."""

    @property
    def config(self) -> Any:
        """The family's settings: an instance of `Family.config`, None without such a model."""

    @property
    def state_dir(self) -> Path:
        """A directory of the family's own below the gateway's state, for files; made when asked for."""

    @property
    def nodes(self) -> tuple[NodeView, ...]:
        """Every connected node."""

    @property
    def operators(self) -> tuple[Caller, ...]:
        """Every connected operator."""

    @property
    def state(self) -> Mapping[str, Any]:
        """What the family keeps across restarts, as JSON data by key."""

    async def keep(self, key: str, value: Any) -> None:
        """Put JSON data into `state`; durable on return. None removes the key.

        Raises:
            UnavailableError: the store refused; nothing changed.
        """

    def broadcast(self, event: str, payload: Mapping[str, Any]) -> None:
        """Send one of the family's own events to operators that hold its scope."""

    def push(self, node_id: str, event: str, payload: Mapping[str, Any]) -> bool:
        """Send an event of `Family.pushes` to one node, without `seq`; False when it is away."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine of the family beside the gateway; what it raises is logged."""


class MethodContext(GatewayContext, Protocol):
    """What an RPC method of a family may use."""

    @property
    def caller(self) -> Caller:
        """Who calls."""

    async def invoke_node(
        self, node_id: str, command: str, params: Any, timeout_ms: int | None = None
    ) -> Any:
        """Run a command on a node and return its payload.

        Commands marked `private` are allowed here, within the family that owns them.

        Raises:
            RpcError: as `node.invoke` answers (11.4).
        """


@dataclass(frozen=True, slots=True)
class RpcMethod:
    """An RPC method a family adds.

    Attributes:
        name: wire name.
        scope: operator scope that is needed (16.1).
        params: model of `params`.
        handler: `async (args, context) -> JSON data`.
    """

    name: str
    scope: str
    params: type[BaseModel]
    handler: Callable[[Any, MethodContext], Awaitable[Any]]


class NodeCall(Protocol):
    """A sub-command of a family at work: the node that was named, and the person who waits."""

    @property
    def node(self) -> NodeView:
        """The node `--node` names; `commands` and `caps` as the gateway tells them.

        Raises:
            LookupError: the sub-command was added `for_gateway`.
        """

    async def invoke(self, command: str, params: Mapping[str, Any] | None = None) -> Any:
        """Run a command on the node and return its payload; entries of `params` that are None are left out.

        Raises:
            RpcError: as `node.invoke` answers (11.4).
        """

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call a method of the gateway, e.g. one the family added."""

    def milliseconds(self, text: str) -> int:
        """A length of time as people type it: `3000` (ms), `10s`, `1m30s`. Else it is wrong usage."""

    def show(self, value: Any, *lines: str) -> None:
        """Print `value` with `--json`, else the lines; nothing when what was fetched went to stdout."""

    def expect_files(self, count: int) -> None:
        """Say that more than one file will be saved, before the first is asked for.

        What `--out` cannot hold is refused then, and not when the node has done its work.
        """

    def save(self, content: bytes, name: str, extension: str) -> str:
        """Write what was fetched where `--out` says, and return the path; `-` is stdout.

        Only of a sub-command that was added with `saves`.

        Args:
            name: a word or two joined by `-`, for a file the person did not name, e.g. `lamp-log`.
            extension: without dot, e.g. `txt`; added to a name that has none.
        """

    def save_media(self, payload: Any, name: str) -> str:
        """`save` what is in a result `{format, base64}`."""


class NodeCommands(Protocol):
    """Where a family puts its sub-commands: below `openclaw nodes`, or in a group there."""

    def group(self, name: str, text: str) -> NodeCommands:
        """A group of sub-commands, e.g. `openclaw nodes lamp …`; `text` is its help."""

    def add(
        self,
        name: str,
        body: Callable[..., Awaitable[None]],
        *,
        invoke_timeout_ms: int = 15_000,
        admin: bool = False,
        saves: Sequence[str] = (),
        for_gateway: bool = False,
    ) -> None:
        """Add `async body(call: NodeCall, …)`; further parameters are its options, as typer has them.

        Its docstring is the help. The flags that choose the gateway, `--json`, `--node` and
        `--invoke-timeout` come by themselves.

        Args:
            body: its options must not be named like the flags that come by themselves, e.g. `url`.
            invoke_timeout_ms: default of `--invoke-timeout`.
            admin: what it does needs operator.admin.
            saves: it fetches something, and files of it can have these extensions, e.g. `("jpg",)`: it
                has `--out` and `--force`, and what cannot be written is refused before a node is asked.
            for_gateway: it is about the gateway: no `--node`.
        """


class Hooks:
    """The specifications; implement any of them under the same name with `@hookimpl`."""

    @hookspec
    def openclaw_family(self) -> Family:  # type: ignore[empty-body]
        """Say what this package adds: commands, capability names, events.

        Called once at load, on the gateway and on every node host. A command name that
        another family owns makes this family fail to load; the other stays.
        """

    @hookspec
    def openclaw_gateway_started(self, gateway: GatewayContext) -> None:
        """The gateway serves: keep `gateway` for what the family does of its own accord.

        Called once per start, before any node or operator is seen, and for a family that a
        reload brought, with `gateway.nodes` being those that are there. Never on a node host.
        """

    @hookspec
    def openclaw_methods(self) -> list[RpcMethod]:  # type: ignore[empty-body]
        """Add RPC methods to the gateway. Called once at load. Names must be new."""

    @hookspec
    def openclaw_validate_invoke(self, invocation: Invocation) -> Any:
        """Check or change the params of a command of this family, on the gateway.

        Called after the params model accepted them, before anything is sent to the node,
        only for the family that owns the command. Return the params to send instead, or
        None to send them as they are. Raise `InvalidRequestError` to refuse.
        """

    @hookspec
    def openclaw_validate_result(self, invocation: Invocation, result: Any) -> Any:
        """Check or change a node's result, after the result model accepted it.

        Called only for the family that owns the command. Return the result to hand on
        instead, or None to leave it. Raise an `RpcError` to turn it into a failure.
        """

    @hookspec
    def openclaw_invoke_succeeded(self, invocation: Invocation, result: Any) -> None:
        """A node did a command of this family; called before the caller gets the result.

        For the family's own bookkeeping and broadcasts. One that raises changes nothing.
        """

    @hookspec
    def openclaw_authorize_invoke(self, invocation: Invocation) -> RpcError | None:
        """Deny an invoke of any family's command, or return None.

        Called on every plugin; any denial wins and none can grant what the gateway's own
        policy refuses. It runs on the hot path: no I/O.
        """

    @hookspec(firstresult=True)
    def openclaw_refresh_surface(self, surface: str, node: NodeView | None) -> SurfaceGrant | None:
        """Grant a scoped URL for one of this family's surfaces, or return None.

        Called at hello-ok and at each refresh, only for surfaces named in the family's
        `caps`, and for a node only when the surface is among its approved capabilities.
        `node` is None when an operator asks. The first grant wins; the gateway makes the
        URL, keeps its token and ends it with the connection.
        """

    @hookspec
    def openclaw_http_routes(self) -> list[Any]:  # type: ignore[empty-body]
        """Add HTTP routes, reached through scoped URLs only. Called at the gateway's start and at a reload.

        Starlette `Route` or `Mount` objects whose path is `/__openclaw__/<family name>` or
        below it. `request.state` tells the `surface` and the `node_id` the URL was granted
        for; `node_id` is None for an operator's. A route that raises answers 500 and
        harms no other.
        """

    @hookspec(firstresult=True)
    def openclaw_node_event(self, node: NodeView, event: str, payload: Any) -> dict[str, Any] | None:
        """Handle a `node.event` (chapter 12); the first answer that is not None wins.

        Return the result object, e.g. `{"ok": True}`. `payload` comes from a device and
        is unchecked JSON data.
        """

    @hookspec
    def openclaw_node_connected(self, node: NodeView) -> None:
        """A node got its hello-ok."""

    @hookspec
    def openclaw_node_disconnected(self, node: NodeView) -> None:
        """A node's socket is gone; not called for a socket that a newer one replaced."""

    @hookspec
    def openclaw_surface_changed(self, node: NodeView, before: frozenset[str]) -> None:
        """A node's effective commands changed from `before` to `node.commands`."""

    @hookspec
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        """Add sub-commands below `openclaw nodes`, e.g. one that saves a picture to a file.

        Called in the command line only, and only when somebody asks for a sub-command that is
        none of its own, for help or for completion. Import what they need in here. A family
        that raises has none, and breaks no others.
        """
