"""Writes docs/protocol-coverage.md: every method and event, who may use it, where it is tested.

    python docs/coverage.py

The names come from the method table of a real gateway with the families of this repository,
the tests from their `pytest.mark.covers(...)` marks, and what the original has besides from
`CONTRACT` and `ELSEWHERE` below. `tests/test_coverage.py` fails when the file is out of date.
"""

from __future__ import annotations

import ast
import asyncio
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from openclaw_core.config import load_settings
from openclaw_core.discovery import discover
from openclaw_core.gateway.gateway import Gateway
from openclaw_core.plugins import Plugins
from openclaw_core.services.events import DIRECT_EVENTS
from openclaw_core.services.runtime import Runtime
from openclaw_core.store.sql import SqlStore

__all__ = ["CONTRACT", "ELSEWHERE", "Coverage", "Row", "collect", "marks", "render"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "protocol-coverage.md"

# Every name of the node plane of the original (PROTOCOL 3.8, 6, 7, 8, 12, 14, 15.3, 16.2, 19, 20, 25).
CONTRACT = frozenset(
    """
    connect health status system-presence system-event system.info gateway.identity.get last-heartbeat
    node.list node.describe node.rename node.pair.request node.pair.list node.pair.approve node.pair.reject
    node.pair.remove node.pair.verify node.invoke node.invoke.result node.invoke.progress node.event
    node.pending.enqueue node.pending.drain node.pending.pull node.pending.ack
    node.pluginSurface.refresh plugin.surface.refresh node.pluginTools.update node.skills.update
    node.runnerInventory.update device.pair.list device.pair.approve device.pair.reject device.pair.remove
    device.pair.rename device.pair.setupCode device.pair.setupStatus device.token.rotate device.token.revoke
    device.scopes.requestUpgrade device.scopes.waitUpgrade exec.approvals.get exec.approvals.set
    exec.approvals.node.get exec.approvals.node.set exec.approval.request exec.approval.waitDecision
    exec.approval.resolve voicewake.get voicewake.set voicewake.routing.get talk.mode push.test wake
    config.get logs.tail set-heartbeats
    tools.catalog tools.invoke plugin.approval.list plugin.approval.resolve

    connect.challenge tick presence shutdown gateway.suspension heartbeat update.available
    node.pair.requested node.pair.resolved node.presence node.hostStats node.runnerInventory.changed
    node.invoke.request node.invoke.cancel node.invoke.input device.pair.requested device.pair.resolved
    device.pair.changed device.pair.setup.completed device.pair.setup.deliveryUncertain voicewake.changed
    voicewake.routing.changed talk.event exec.approval.requested exec.approval.resolved skills.changed
    chat.metadata.changed plugin.approval.requested plugin.approval.resolved

    node.presence.alive node.presence.activity node.host.stats node.desktop.availability
    voice.transcript agent.request notifications.changed chat.subscribe chat.unsubscribe exec.started
    exec.finished exec.denied push.apns.register
    """.split()
)

_AGENTS = "agents and chat sessions, another plane of the original"
_REFRESHED = (
    "tells clients to ask again for skills and chats, which this gateway has none of and refuses to list; "
    "that a node came, left or was approved is told by presence, node.pair.resolved and node.surface.changed"
)
_PUSH = "push services of phone makers; no family for them yet"
_ASSISTANT = "the assistant's own settings and logs, another plane of the original"

# What of it no part of this repository provides, and why.
ELSEWHERE = {
    **dict.fromkeys(("agent.request", "chat.subscribe", "chat.unsubscribe"), _AGENTS),
    **dict.fromkeys(("chat.metadata.changed", "skills.changed"), _REFRESHED),
    **dict.fromkeys(("heartbeat", "last-heartbeat", "set-heartbeats", "wake"), _AGENTS),
    "push.test": _PUSH,
    **dict.fromkeys(("config.get", "logs.tail", "system-event", "update.available"), _ASSISTANT),
    **dict.fromkeys(("exec.approvals.get", "exec.approvals.set", "gateway.suspension"), _ASSISTANT),
    "system.info": "facts of the gateway's machine, which `status` and /metrics give in part",
    "gateway.identity.get": "a device key of the gateway; this one proves itself by its certificate",
}

# Events of nodes that a family of this repository handles; the core's own are read from the code.
FAMILY_NODE_EVENTS = (
    *("exec.started", "exec.finished", "exec.denied", "notifications.changed", "push.apns.register"),
    *("voice.transcript", "voice.wake"),
)
ROLE_WORDS = {"any": "operator, node", "operator": "operator", "node": "node"}


@dataclass(frozen=True, slots=True)
class Row:
    """One name: who may use or see it."""

    name: str
    access: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What there is.

    Attributes:
        methods, events, node_events: rows by name, what this gateway provides.
        tests: name → test files that prove it.
    """

    methods: dict[str, Row]
    events: dict[str, Row]
    node_events: dict[str, Row]
    tests: dict[str, list[str]] = field(default_factory=dict)

    @property
    def provided(self) -> set[str]:
        """Every name that this gateway has."""
        return {*self.methods, *self.events, *self.node_events}


def collect() -> Coverage:
    """Read the tables of a gateway with the repository's families, and the marks of the tests."""
    return asyncio.run(_collect())


async def _collect() -> Coverage:
    with TemporaryDirectory() as directory:
        settings = load_settings(Path(directory), {"auth.token": "only-its-tables-are-read"})
        runtime = Runtime(settings, SqlStore(settings.database_url), _own_families(), version="0")
        gateway = Gateway(runtime)
        methods = {
            item.name: Row(item.name, item.scope or f"role {ROLE_WORDS[item.role]}")
            for item in gateway.router
        }
        methods["connect"] = Row("connect", "everyone, first on a socket")
        events = {name: Row(name, scope or "everyone") for name, scope in runtime.events.audience.items()}
        events |= {name: Row(name, "that one connection") for name in DIRECT_EVENTS}
        pushed = {name for family in runtime.plugins.families for name in family.pushes}
        events |= {name: Row(name, _and_nodes(events.get(name))) for name in pushed}
        names = {*runtime.node_events.names, *FAMILY_NODE_EVENTS}
        node_events = {name: Row(name, "a node, in `node.event`") for name in names}
    return Coverage(methods, events, node_events, marks())


def _and_nodes(row: Row | None) -> str:
    """Who sees an event that a family also sends to nodes directly."""
    return f"{row.access}; nodes" if row is not None else "nodes"


def _own_families() -> Plugins:
    own = {
        tomllib.loads(path.read_text("utf-8"))["project"]["name"]
        for path in (ROOT / "plugins").glob("*/pyproject.toml")
    }
    return Plugins(item for item in discover() if item.distribution in own)


def marks() -> dict[str, list[str]]:
    """Name → test files, as their `pytest.mark.covers` say."""
    found: dict[str, set[str]] = {}
    for folder in ("tests", "plugins"):
        for path in (ROOT / folder).rglob("test_*.py"):
            for mark in _marks_in(ast.parse(path.read_text("utf-8"))):
                for argument in mark.args:
                    if not isinstance(argument, ast.Constant):
                        raise ValueError(f"{path}:{argument.lineno}: covers() takes string literals only")
                    found.setdefault(str(argument.value), set()).add(str(path.relative_to(ROOT)))
    return {name: sorted(files) for name, files in found.items()}


def _marks_in(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.covers"):
            yield node


def render(coverage: Coverage) -> str:
    """The page as Markdown."""
    absent = sorted(CONTRACT - coverage.provided)
    parts = [
        "# Protocol coverage",
        "Written by `python docs/coverage.py` from the method table, the event table and the "
        "`covers` marks of the tests; do not edit. *Ours* marks what the original does not have.",
        "## Methods",
        _table("Method", "Needs", coverage.methods, coverage.tests),
        "## Events the gateway sends",
        _table("Event", "Seen by", coverage.events, coverage.tests),
        "## Events a node sends",
        _table("Event", "Sent by", coverage.node_events, coverage.tests),
        "## Names of the original that are not here",
        "| Name | Belongs to |\n|---|---|\n"
        + "\n".join(f"| `{name}` | {ELSEWHERE.get(name, 'nobody yet')} |" for name in absent),
    ]
    return "\n\n".join(parts) + "\n"


def _table(first: str, second: str, rows: dict[str, Row], tests: dict[str, list[str]]) -> str:
    head = f"| {first} | {second} | Tested in |\n|---|---|---|\n"
    return head + "\n".join(_line(rows[name], tests.get(name, ())) for name in sorted(rows))


def _line(row: Row, files: Iterable[str]) -> str:
    ours = "" if row.name in CONTRACT else " *ours*"
    return f"| `{row.name}`{ours} | {row.access} | {', '.join(f'`{name}`' for name in files)} |"


if __name__ == "__main__":
    PAGE.write_text(render(collect()), "utf-8")
