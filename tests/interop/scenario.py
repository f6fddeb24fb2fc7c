"""One person's session with a new node, typed into one CLI: pair, look, approve, use, rotate, remove."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .hand_clients import HandNode, RefusedError
from .peers import Answer, Cli
from .printed import comparable

__all__ = ["EXPLICIT_PAIRING", "SEED", "STEPS", "Step", "play"]

SEED = bytes(range(1, 33))
EXPLICIT_PAIRING = {"nodes": {"pairing": {"autoApproveLocal": False}}}
"""`gateway.*` keys under which the scenario runs: local devices wait for a person too."""


@dataclass(frozen=True)
class Step:
    """What one command of the session printed, comparable between gateways."""

    code: int
    out: Any
    err: str


@dataclass
class Session:
    """The CLI, the node, and the two request ids that the session meets."""

    cli: Cli
    node: HandNode
    device_request: str = ""
    surface_request: str = ""

    def knock(self) -> None:
        """The node asks to come in and is refused until a person agrees."""
        try:
            self.node.connect()
        except RefusedError as refused:
            self.device_request = refused.error["details"]["requestId"]
            return
        raise AssertionError("the gateway let an unpaired device in although autoApproveLocal is false")

    def enter(self) -> None:
        """The approved node connects; its surface waits."""
        self.node.connect()
        self.surface_request = self.cli.json("nodes", "pending")[0]["requestId"]

    def policy(self) -> Path:
        """A file of exec approvals, as a person edits it."""
        file = self.cli.state_dir / "approvals.json"
        file.write_text(json.dumps({"version": 1, "defaults": {"security": "deny"}, "agents": {}}))
        return file

    def see_end(self) -> None:
        """The gateway must close the node's socket with 4001."""
        code = self.node.closed()
        assert code == 4001, f"the node's socket was closed with {code} instead of 4001"

    def return_(self) -> None:
        self.see_end()
        self.node.connect()


Words = Callable[[Session], tuple[str, ...]]
WHICH = ("--node", "Renamed", "--command", "system.which", "--params", '{"bins":["sh"]}')
UNKNOWN = ("--command", "no.such")
NOTE = ("nodes", "notify", "--node", "Renamed", "--title", "Kettle")
ASK = ("--node", "Renamed", "--command", "system.which", "--params")

SCRIPT: list[tuple[str, Words | Callable[[Session], None]]] = [
    ("nodes list, empty", lambda _: ("nodes", "list")),
    ("devices list, empty", lambda _: ("devices", "list")),
    ("knock", Session.knock),
    ("devices list, waiting", lambda _: ("devices", "list")),
    ("devices list --json, waiting", lambda _: ("devices", "list", "--json")),
    ("devices approve, preview", lambda _: ("devices", "approve")),
    ("devices approve, unknown", lambda _: ("devices", "approve", "no-such-request")),
    ("devices approve", lambda s: ("devices", "approve", s.device_request)),
    ("enter", Session.enter),
    ("nodes pending", lambda _: ("nodes", "pending")),
    ("nodes pending --json", lambda _: ("nodes", "pending", "--json")),
    ("nodes list, waiting", lambda _: ("nodes", "list")),
    ("nodes status, waiting", lambda _: ("nodes", "status")),
    ("nodes describe, waiting", lambda s: ("nodes", "describe", "--node", s.node.id)),
    ("nodes describe --json, waiting", lambda s: ("nodes", "describe", "--node", s.node.id, "--json")),
    ("devices list, surface waiting", lambda _: ("devices", "list")),
    ("nodes approve, unknown", lambda _: ("nodes", "approve", "no-such-request")),
    ("nodes approve", lambda s: ("nodes", "approve", s.surface_request)),
    ("nodes rename", lambda s: ("nodes", "rename", "--node", s.node.id[:10], "--name", "Renamed")),
    ("nodes list", lambda _: ("nodes", "list")),
    ("nodes list --json", lambda _: ("nodes", "list", "--json")),
    ("nodes status", lambda _: ("nodes", "status")),
    ("nodes status --json", lambda _: ("nodes", "status", "--json")),
    ("nodes describe", lambda _: ("nodes", "describe", "--node", "renamed")),
    ("devices list --json", lambda _: ("devices", "list", "--json")),
    ("nodes invoke", lambda _: ("nodes", "invoke", *WHICH)),
    ("nodes invoke, not declared", lambda _: ("nodes", "invoke", "--node", "Renamed", *UNKNOWN)),
    ("nodes invoke, no such node", lambda _: ("nodes", "invoke", "--node", "Nobody", *UNKNOWN)),
    ("nodes invoke, with a key", lambda _: ("nodes", "invoke", *WHICH, "--idempotency-key", "k1")),
    ("nodes invoke, in trouble", lambda _: ("nodes", "invoke", *ASK, '{"bins":["trouble"]}')),
    (
        "nodes invoke, in silence",
        lambda _: ("nodes", "invoke", *ASK, '{"bins":["silence"]}', "--invoke-timeout", "300"),
    ),
    ("nodes notify", lambda _: (*NOTE, "--body", "It boils", "--priority", "active")),
    (
        "approvals set",
        lambda s: ("approvals", "set", "--node", "Renamed", "--file", str(s.policy()), "--json"),
    ),
    ("devices rotate", lambda s: ("devices", "rotate", "--device", s.node.id, "--role", "node")),
    ("return", Session.return_),
    ("nodes invoke, after rotation", lambda _: ("nodes", "invoke", *WHICH)),
    ("devices list, after rotation", lambda _: ("devices", "list")),
    ("nodes remove", lambda _: ("nodes", "remove", "--node", "Renamed")),
    ("see end", Session.see_end),
    ("nodes status, removed", lambda _: ("nodes", "status")),
]
ACTS = {"knock", "enter", "return", "see end"}
STEPS = [name for name, _ in SCRIPT if name not in ACTS]


def play(cli: Cli, node: HandNode) -> Iterator[tuple[str, Step]]:
    """Type the whole session; every command's name and what it printed."""
    session = Session(cli, node)
    for name, part in SCRIPT:
        words = part(session)
        if words is not None:
            yield name, step(cli(*words))


def step(answer: Answer) -> Step:
    return Step(answer.code, comparable(answer.out), str(comparable(answer.err)))
