"""What a command is, and why it works on a node or does not (PROTOCOL 8.1, 9, 10).

A command works when five things hold, in this order: the node declared it, a person approved
it, the gateway's policy permits it, the node's system allows it, the node is there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from openclaw_core.auth.platforms import resolve_platform
from openclaw_core.commands import Command, Example, Platform
from openclaw_core.errors import InvalidRequestError
from openclaw_core.plugins import Plugins
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.registry import Registry
from openclaw_core.services.rows import without_none
from openclaw_core.store.models import NodeSurface

__all__ = ["Explain"]

_log = logging.getLogger(__name__)
_ALLOW = "gateway.nodes.commands.allow in openclaw.json"


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five: `reason` is a stable word and `cure` what to do, both when it fails."""

    step: str
    ok: bool
    message: str
    reason: str | None = None
    cure: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """As `node.explain` answers it."""
        return without_none({name: getattr(self, name) for name in self.__slots__})


class Explain:
    """Answers from memory; schemas of commands are made once per command."""

    def __init__(self, registry: Registry, nodes: Nodes, plugins: Plugins) -> None:
        self._registry = registry
        self._nodes = nodes
        self._plugins = plugins
        self._table = plugins.table
        self._packages: dict[str, str] = {}
        self._details: dict[str, dict[str, Any]] = {}
        self.forget()

    def forget(self) -> None:
        """Families came or went."""
        self._packages = {item.family.name: item.distribution for item in self._plugins.loaded}
        self._details.clear()

    # node.describe

    def details(self, commands: Iterable[str]) -> list[dict[str, Any]]:
        """`commandDetails`: what each command takes, gives and is like; JSON Schemas as on the wire."""
        return [self._detail(name) for name in commands]

    def withheld(self, node_id: str, *, with_pending: bool) -> list[dict[str, Any]]:
        """`withheld`: what the node would do but may not: command, reason, message and cure.

        Args:
            with_pending: the asker may see the ids of requests (10).
        """
        node, row = self._nodes.find(node_id), self._approved_row(node_id)
        request = self._registry.surface_requests.get(node_id)
        if node is not None:
            missing = node.requested.commands - node.commands
        else:
            missing = frozenset(request.commands if request else ()) - frozenset(row.commands if row else ())
        found = []
        for name in sorted(missing):
            step = self._approval(node_id, name, with_pending)
            step = step if not step.ok else self._policy(node_id, name)
            if not step.ok:
                found.append(
                    {"command": name, "reason": step.reason, "message": step.message, "cure": step.cure}
                )
        return found

    def _detail(self, name: str) -> dict[str, Any]:
        command = self._table.get(name)
        if command is None:
            return {"name": name, "validated": False}  # relayed as it is: the operator allowed it by name
        if name not in self._details:
            self._details[name] = _describe(command)
        return self._details[name]

    # node.explain

    def explain(self, node_id: str, command: str, *, with_pending: bool) -> dict[str, Any]:
        """`node.explain`: the five steps, and the cure of the first that fails.

        Raises:
            InvalidRequestError: no such node.
        """
        if not self._nodes.is_known(node_id):
            raise InvalidRequestError(
                "unknown nodeId", {"nodeId": node_id, "hint": "`openclaw nodes list` shows the known ones"}
            )
        steps = [
            self._declaration(node_id, command),
            self._approval(node_id, command, with_pending),
            self._policy(node_id, command),
            self._permission(node_id, command),
            self._reach(node_id),
        ]
        failed = next((step for step in steps if not step.ok), None)
        answer = {
            "nodeId": node_id,
            "displayName": self._nodes.name_of(node_id),
            "command": command,
            "works": failed is None,
            "steps": [step.to_wire() for step in steps],
        }
        return answer if failed is None else {**answer, "failed": failed.step, "cure": failed.cure}

    def _declaration(self, node_id: str, command: str) -> Step:
        node, row = self._nodes.find(node_id), self._approved_row(node_id)
        request = self._registry.surface_requests.get(node_id)
        if node is not None:
            if command in node.requested.commands:
                return Step("declared", True, "the node offers it")
        elif command in (row.commands if row else ()) or command in (request.commands if request else ()):
            return Step("declared", True, "the node offered it when it was last here")
        package = self._packages.get(self._table.owner(command) or "")
        install = f"pip install {package}" if package else "install the capability package that has it"
        cure = f"on the node's machine: openclaw node doctor says why; if its package is missing, {install}"
        here = "does not offer it" if node is not None else "is away and did not offer it when it was here"
        return Step("declared", False, f"the node {here}", "not-declared", cure)

    def _approval(self, node_id: str, command: str, with_pending: bool) -> Step:
        row = self._approved_row(node_id)
        if row is not None and command in row.commands:
            return Step("approved", True, "a person approved it")
        if not self._permits(node_id, command):
            # It never came up for approval: asking for one would lead nowhere.
            return self._policy(node_id, command, step="approved")
        request = self._registry.surface_requests.get(node_id)
        if request is not None and command in request.commands:
            cure = (
                f"openclaw nodes approve {request.request_id}" if with_pending else "openclaw nodes pending"
            )
            return Step("approved", False, "it waits for approval", "awaiting-approval", cure)
        cure = "restart the node, so that it asks again, then: openclaw nodes pending"
        return Step("approved", False, "it was not approved", "not-approved", cure)

    def _policy(self, node_id: str, command: str, step: str = "policy") -> Step:
        policy, (platform, text) = self._nodes.policy, self._platform(node_id)
        known = self._table.get(command)
        add = f'add "{command}" to {_ALLOW}'
        if command in policy.deny:
            cure = f'remove "{command}" from gateway.nodes.commands.deny in openclaw.json'
            return Step(step, False, "gateway.nodes.commands.deny blocks it", "denied", cure)
        if policy.permits(command, platform):
            if known is not None and known.private is not None:
                return Step(
                    step, False, known.private, "private", f"use its family's own method: {known.private}"
                )
            return Step(step, True, "the gateway's policy permits it")
        if known is None:
            cure = f"install its family on the gateway's machine, or {add}, which relays it unchecked"
            return Step(step, False, "no installed family knows it", "unknown-command", cure)
        if known.dangerous:
            return Step(step, False, "it is dangerous and needs an operator's opt-in", "dangerous", add)
        return Step(step, False, f'it is not meant for platform "{text}"', "platform", add)

    def _permission(self, node_id: str, command: str) -> Step:
        known = self._table.get(command)
        needed = known.permission if known is not None else None
        node, row = self._nodes.find(node_id), self._approved_row(node_id)
        stated = node.requested.permissions if node is not None else row.permissions if row else {}
        if needed is not None and needed in stated:
            if stated[needed] is not True:
                cure = (
                    f"grant {needed} to the app in the settings of the node's machine, then restart the app"
                )
                text = f"the node's system withholds {needed}"
                return Step("permission", False, text, "permission-off", cure)
            if node is not None and node.permissions.get(needed) is not True:
                text = f"{needed} waits for approval"
                return Step("permission", False, text, "permission-unapproved", "openclaw nodes pending")
        text = "nothing more is needed"
        if known is not None and known.admin_invoke:
            text = "invoking it takes the scope operator.admin"
        elif known is not None and known.foreground:
            text = "its app has to be in the foreground"
        return Step("permission", True, text)

    def _reach(self, node_id: str) -> Step:
        if self._nodes.is_connected(node_id):
            return Step("reachable", True, "the node is connected")
        token = self._registry.tokens.get((node_id, "node"))
        if token is not None and token.revoked_at_ms is not None:
            cure = "pair it again: start it with the gateway's token, then: openclaw devices list"
            return Step("reachable", False, "the node's token was revoked", "revoked", cure)
        cure = "start it: openclaw node run on its machine, or open its app"
        return Step("reachable", False, "the node is not connected", "not-connected", cure)

    # Facts

    def _approved_row(self, node_id: str) -> NodeSurface | None:
        row = self._registry.surfaces.get(node_id)
        return row if row is not None and row.approved_at_ms is not None else None

    def _permits(self, node_id: str, command: str) -> bool:
        return self._nodes.policy.permits(command, self._platform(node_id)[0])

    def _platform(self, node_id: str) -> tuple[Platform, str]:
        node: LiveNode | None = self._nodes.find(node_id)
        if node is not None:
            return node.platform, node.client.platform
        device = self._registry.devices[node_id]
        text = device.platform or ""
        return resolve_platform(text, device.device_family, device.client_id or ""), text


def _describe(command: Command) -> dict[str, Any]:
    schemas = {"paramsSchema": _schema(command.params), "resultSchema": _schema(command.result)}
    return {
        "name": command.name,
        "title": command.title or command.name,
        "description": command.description or command.title or command.name,
        **without_none(schemas),
        "hints": dict(_hints(command)),
        "timeoutMs": command.timeout_ms,
        **without_none({"private": command.private}),
        **({"examples": [_example(item) for item in command.examples]} if command.examples else {}),
        "validated": True,
    }


def _example(item: Example) -> dict[str, Any]:
    return without_none({"params": item.params, "result": item.result, "says": item.says or None})


def _schema(model: type[BaseModel]) -> dict[str, Any] | None:
    """The model as JSON Schema; None for one that has no such form, which spoils no other's answer."""
    try:
        return model.model_json_schema(by_alias=True)
    except PydanticInvalidForJsonSchema as error:
        _log.warning("%s has no JSON Schema: %s", model.__name__, error)
        return None


def _hints(command: Command) -> Iterator[tuple[str, bool]]:
    yield "readOnly", command.read_only
    yield "destructive", command.destructive
    yield "idempotent", command.idempotent
    yield "dangerous", command.dangerous
    yield "foreground", command.foreground
    yield "queueable", command.queueable
