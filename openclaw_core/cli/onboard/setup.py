"""What an onboarding knows and has done so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from openclaw_core.cli.call import ADMIN, PAIRING, READ, WRITE, Call
from openclaw_core.cli.endpoint import Flags, choose_endpoint
from openclaw_core.cli.onboard.interview import Interview
from openclaw_core.cli.service.commands import open_service
from openclaw_core.cli.service.control import Service
from openclaw_core.cli.service.plan import Kind
from openclaw_core.config import Settings

__all__ = ["Setup", "Step", "Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says already; None is asked, or defaulted."""

    bind: str | None = None
    auth: str | None = None
    tls: bool | None = None
    port: int | None = None
    install_service: bool | None = None


@dataclass
class Setup:
    """The state of one run.

    Attributes:
        say: where sentences for the person go.
        outdated: the gateway that runs was started with settings that this run changed.
        as_service: how gateway and node run: by the service manager, in the background, or None
            while nobody decided.
        node: this machine's node as the gateway lists it, once it is there.
        changed: what this run did, one sentence each.
        report: what `--json` prints.
    """

    settings: Settings
    wanted: Wanted
    interview: Interview
    say: Callable[[str], None]
    outdated: bool = False
    as_service: bool | None = None
    node: dict[str, Any] | None = None
    changed: list[str] = field(default_factory=list)
    report: dict[str, Any] = field(default_factory=dict)

    def service(self, kind: Kind) -> Service:
        """Gateway or node, with the settings as they are now."""
        return open_service(kind, self.settings)

    def call(self, *scopes: str) -> Call:
        """A connection to this machine's own gateway, by default for reading and pairing."""
        flags = Flags(timeout_ms=10_000)
        scopes = scopes or (READ, PAIRING)
        return Call(choose_endpoint(flags, self.settings), flags, scopes, (PAIRING, WRITE, ADMIN))


class Step(Protocol):
    """One part of the set-up."""

    def check(self, setup: Setup) -> str | None:
        """What is in place already; None when there is something to do."""

    def ask(self, setup: Setup) -> bool:
        """Ask what only the person knows; False when they want nothing done."""

    def do(self, setup: Setup) -> str:
        """Do it; the sentence that says what was done."""
