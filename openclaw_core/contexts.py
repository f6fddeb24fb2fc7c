"""What a family's own code may use on a node: contexts of the node host and of one invoke."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

__all__ = ["NodeContext", "NodeHostContext", "Probe"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Probe:
    """What a family found on this machine.

    Every sentence says what is missing and what to do about it; `openclaw node doctor` shows it.

    Attributes:
        unavailable: why nothing of the family works here; None when something does.
        withheld: command name → why this one does not work here.
        permissions: system permissions as the node declares them at connect (3.2).
    """

    unavailable: str | None = None
    withheld: Mapping[str, str] = field(default_factory=dict)
    permissions: Mapping[str, bool] = field(default_factory=dict)


class NodeHostContext(Protocol):
    """A family's surroundings on a node, for as long as the node host runs."""

    @property
    def node_id(self) -> str:
        """The node's device id, 64 lower-case hex characters."""

    @property
    def display_name(self) -> str:
        """The node's name as people see it."""

    @property
    def state_dir(self) -> Path:
        """A directory of this node, private to its user, that survives restarts."""

    @property
    def config(self) -> Any:
        """The family's settings on this machine: an instance of `Family.config`.

        None for a family without such a model.
        """

    @property
    def tls_fingerprint(self) -> str | None:
        """SHA-256 of the one certificate the gateway may show, 64 lower-case hex characters.

        None when none is pinned. A family that opens a `surface_url` itself must hold to it.
        """

    async def emit(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Send a `node.event` of this family to the gateway (chapter 12).

        Returns:
            False when the gateway did not take it: refused, or not connected now.
        """

    async def resource(self, opener: Callable[[NodeHostContext], AbstractAsyncContextManager[T]]) -> T:
        """Something costly that several invokes share, e.g. a browser.

        The first call enters `opener(context)`; later ones get the same object. It is left when
        the node host stops, or by `release`. An opener that raises is tried again at the next call.
        """

    async def release(self, opener: Callable[[NodeHostContext], AbstractAsyncContextManager[Any]]) -> None:
        """Leave a resource now, e.g. one that broke; the next `resource` opens it anew."""

    async def surface_url(self, surface: str, *, fresh: bool = False) -> str | None:
        """The gateway's scoped URL of a surface, without a slash at its end (chapter 13).

        Args:
            fresh: ask the gateway for a new one; the one before ends.

        Returns:
            None when the gateway does not grant it, or is not connected.
        """

    async def offer_tools(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """Tell agents of tools behind a command of this family, e.g. those of another program (12.6).

        Replaces what the family offered before, and is told again at each connection.

        Args:
            tools: `{name, description, parameters?, command?, mcp?}` each; `pluginId` is the
                family's name.
        """

    def gateway_events(self, *names: str) -> AsyncIterator[tuple[str, Any]]:
        """Events the gateway sends to this node, by name, e.g. `voicewake.changed`: (name, payload).

        Starts with the last one of each name that came on the present connection. At most 64
        wait to be read; of more, the oldest are lost.
        """


class NodeContext(NodeHostContext, Protocol):
    """What a command may use on the node that runs it."""

    @property
    def idempotency_key(self) -> str | None:
        """The key of the invoke being run, as the caller sent it (11.2)."""

    @property
    def timeout_ms(self) -> int | None:
        """Budget left when the invoke arrived, in ms; None for no deadline."""

    async def progress(self, text: str) -> bool:
        """Send output to the caller while the command runs (11.5).

        Waits until the gateway took it, which it does as fast as the caller reads: a command
        that awaits this cannot flood anybody. A text over 16,384 characters goes in pieces.

        Returns:
            False when nobody listens; later calls then return at once and send nothing.
        """

    def inputs(self) -> AsyncIterator[Any]:
        """What the caller sends while the command runs (11.5), as JSON data, in order.

        The iterator ends only with the command. At most 128 inputs wait to be read; one more
        fails the command with `INPUT_OVERFLOW`.
        """
