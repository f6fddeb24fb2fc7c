"""Which tools there are now: every effective command of every connected node, by name and by page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import orjson

from openclaw_core.errors import InvalidRequestError
from openclaw_core.plugins import Plugins
from openclaw_core.services.explain import Explain
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.tool_names import distinct_name, node_part, tool_name

__all__ = ["SOURCE", "ToolTable"]

SOURCE = "plugin"
_OPEN_SCHEMA = {"type": "object", "properties": {}, "additionalProperties": True}

_Place = tuple[str, str, str]
"""Where a tool stands in the list: its node's name and id, and its command."""


class ToolTable:
    """Computed anew for each question, so that it follows nodes and families by itself."""

    def __init__(self, nodes: Nodes, explain: Explain, plugins: Plugins) -> None:
        self._nodes = nodes
        self._explain = explain
        self._plugins = plugins

    def page(
        self, *, full: bool, name: str | None = None, cursor: str | None = None, limit: int | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """A group per node with tools here, and the cursor of the next page; None after the last.

        A page begins after the place where the last one ended, whether or not that tool still
        exists: what came or went elsewhere meanwhile repeats nothing and hides nothing.

        Args:
            full: with what a program needs to call them.
            name: only the tool of this name.
            limit: most tools of a page.

        Raises:
            InvalidRequestError: not a cursor of this list.
        """
        after, last, left = _read_cursor(cursor), None, limit
        groups: list[dict[str, Any]] = []
        for node, label, names in self._rows(name, after):
            entries: list[dict[str, Any]] = []
            for command, known_as in names.items():
                place = (label, node.node_id, command)
                if (name is not None and known_as != name) or (after is not None and place <= after):
                    continue
                if left == 0 and last is not None:
                    return _with(groups, node, label, entries), _cursor(last)
                entries.append(self._entry(node, command, known_as, full=full))
                last, left = place, None if left is None else left - 1
            groups = _with(groups, node, label, entries)
        return groups, None

    def find(self, name: str) -> dict[str, Any] | None:
        """The tool of this name, in full; None when no connected node has it."""
        groups, _ = self.page(full=True, name=name)
        found: dict[str, Any] | None = groups[0]["tools"][0] if groups else None
        return found

    def _rows(self, name: str | None, after: _Place | None) -> Iterator[tuple[LiveNode, str, dict[str, str]]]:
        """Connected nodes by name and id, each with its commands and their tool names."""
        rivals: dict[str, list[LiveNode]] = {}
        labelled = sorted(
            ((self._nodes.name_of(node.node_id), node.node_id, node) for node in self._nodes),
            key=lambda row: row[:2],
        )
        for label, node_id, node in labelled:
            rivals.setdefault(node_part(label, node_id), []).append(node)
        for label, node_id, node in labelled:
            part = node_part(label, node_id)
            if name is not None and not name.startswith(part):
                continue
            if after is None or (label, node_id) >= after[:2]:
                yield node, label, self._names(node, rivals[part])

    def _names(self, node: LiveNode, rivals: list[LiveNode]) -> dict[str, str]:
        """The tool names of a node's commands.

        Args:
            rivals: in order, the nodes whose tools begin alike; names of others never meet.
        """
        taken: set[str] = set()
        names: dict[str, str] = {}
        for rival in rivals:
            names, label = {}, self._nodes.name_of(rival.node_id)
            for command in sorted(rival.commands):
                known = self._plugins.table.get(command)
                if known is not None and known.private is not None:
                    continue
                name = tool_name(label, rival.node_id, command)
                names[command] = name if name not in taken else distinct_name(label, rival.node_id, command)
                taken.add(names[command])
            if rival is node:
                break
        return names

    def _entry(self, node: LiveNode, command: str, name: str, *, full: bool) -> dict[str, Any]:
        detail = self._explain.details([command])[0]
        hints = detail.get("hints") or {}
        # Of a command that no family here knows nobody can say that it does no harm.
        guarded = not detail["validated"] or hints["dangerous"] or hints["destructive"]
        owner = self._plugins.table.owner(command)
        entry: dict[str, Any] = {
            "id": name,
            "label": detail.get("title") or command,
            "description": detail.get("description") or f"{command}, which no family of the gateway knows.",
            "source": SOURCE,
            **({"pluginId": owner} if owner is not None else {}),
            "risk": "high" if guarded else "low" if hints.get("readOnly") else "medium",
            "defaultProfiles": [],
        }
        if not full:
            return entry
        return {
            **entry,
            "nodeId": node.node_id,
            "nodeName": self._nodes.name_of(node.node_id),
            "platform": node.client.platform,
            "command": command,
            "inputSchema": detail.get("paramsSchema") or _OPEN_SCHEMA,
            **{key: detail[key] for key in ("resultSchema", "examples", "timeoutMs") if key in detail},
            "hints": hints,
            "needsApproval": guarded,
        }


def _with(
    groups: list[dict[str, Any]], node: LiveNode, label: str, entries: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    if not entries:
        return groups
    return [*groups, {"id": node.node_id, "label": label, "source": SOURCE, "tools": entries}]


def _cursor(place: _Place) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def _read_cursor(cursor: str | None) -> _Place | None:
    if cursor is None:
        return None
    try:
        label, node_id, command = orjson.loads(base64.urlsafe_b64decode(cursor))
        # Joined, so that what is no text is an error, too.
        "".join((label, node_id, command))
    except (binascii.Error, ValueError, TypeError):
        told = f"cursor {cursor[:64]!r} is none of this list; begin again without one"
        raise InvalidRequestError(told, {"code": "INVALID_CURSOR"}) from None
    return label, node_id, command
