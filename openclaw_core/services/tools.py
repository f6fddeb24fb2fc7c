"""Every effective command of every connected node as a tool, and calling one by its name."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

from openclaw_core.auth import scopes
from openclaw_core.errors import ForbiddenError, RpcError
from openclaw_core.hookspecs import Caller
from openclaw_core.plugins import Plugins
from openclaw_core.protocol.nodes import NodeInvokeParams
from openclaw_core.protocol.tools import ToolsCatalogParams, ToolsInvokeParams
from openclaw_core.services.audit import Audit
from openclaw_core.services.explain import Explain
from openclaw_core.services.invoke import Invokes
from openclaw_core.services.nodes import LiveNode, Nodes
from openclaw_core.services.progress import Listener
from openclaw_core.services.tool_approvals import Asked, ToolApprovals
from openclaw_core.services.tool_names import distinct_name, node_part, tool_name

__all__ = ["Tools"]

_SOURCE = "plugin"
_OPEN_SCHEMA = {"type": "object", "properties": {}, "additionalProperties": True}
_GRACE_MS = 5_000


class Tools:
    """The table behind `tools.catalog` and `tools.invoke`; it follows nodes and families by itself."""

    def __init__(
        self,
        nodes: Nodes,
        explain: Explain,
        plugins: Plugins,
        invokes: Invokes,
        approvals: ToolApprovals,
        audit: Audit,
    ) -> None:
        self._nodes = nodes
        self._explain = explain
        self._plugins = plugins
        self._invokes = invokes
        self._approvals = approvals
        self._audit = audit

    def catalog(self, params: ToolsCatalogParams) -> dict[str, Any]:
        """`tools.catalog`: a group per connected node, as published; more of each with `includeSchemas`."""
        groups = []
        if params.include_plugins is not False:
            for node, names in self._table():
                entries = [
                    self._entry(node, command, name, full=bool(params.include_schemas))
                    for command, name in names.items()
                ]
                label = self._nodes.name_of(node.node_id)
                groups.append({"id": node.node_id, "label": label, "source": _SOURCE, "tools": entries})
        return {"agentId": params.agent_id or "main", "profiles": [], "groups": groups}

    def invoke(
        self, caller: Caller, params: ToolsInvokeParams, listener: Listener
    ) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """`tools.invoke`: run it; what goes wrong at the tool is told in the result.

        Args:
            listener: the connection, which gets the progress it asks for.

        Raises:
            ForbiddenError: the caller lacks a scope.
        """
        found = self._find(params.name)
        if found is None:
            return _failure(
                params.name,
                "TOOL_NOT_FOUND",
                f"no connected node has the tool {params.name!r} now; tools.catalog lists what there is",
            )
        entry, args = found, params.args if params.args is not None else {}
        if entry["needsApproval"]:
            if params.confirm:
                scopes.require(caller.scopes, scopes.APPROVALS)
                self._audit.note("tool.confirm", caller, entry["nodeId"], command=entry["command"])
            elif (asked := self._approvals.consult(caller, entry, args)) is not None:
                return _unapproved(entry, asked)
        request = _request(entry, params, args)
        running = self._invokes.call(caller, request, listener=listener if params.progress else None)
        return _outcome(params.name, running)

    def _table(self, wanted: str | None = None) -> list[tuple[LiveNode, dict[str, str]]]:
        """Connected nodes by name and id, each with its commands and their tool names.

        Args:
            wanted: the one tool that is asked for; only nodes that could have it are looked at.
        """
        taken: set[str] = set()
        rows = []
        for node in sorted(self._nodes, key=lambda item: (self._nodes.name_of(item.node_id), item.node_id)):
            label = self._nodes.name_of(node.node_id)
            # Names of nodes with different parts never meet: leaving those out changes no name.
            if wanted is not None and not wanted.startswith(node_part(label, node.node_id)):
                continue
            names = {}
            for command in sorted(node.commands):
                known = self._plugins.table.get(command)
                if known is not None and known.private is not None:
                    continue
                name = tool_name(label, node.node_id, command)
                names[command] = name if name not in taken else distinct_name(label, node.node_id, command)
                taken.add(names[command])
            if names:
                rows.append((node, names))
        return rows

    def _find(self, name: str) -> dict[str, Any] | None:
        for node, names in self._table(name):
            for command, known_as in names.items():
                if known_as == name:
                    return self._entry(node, command, name, full=True)
        return None

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
            "source": _SOURCE,
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


def _request(entry: dict[str, Any], params: ToolsInvokeParams, args: dict[str, Any]) -> NodeInvokeParams:
    fields: dict[str, Any] = {
        "nodeId": entry["nodeId"],
        "command": entry["command"],
        "params": args,
        "idempotencyKey": params.idempotency_key or str(uuid4()),
    }
    timeout = params.timeout_ms
    asked = args.get("timeoutMs")
    if timeout is None and isinstance(asked, int) and asked > 0:
        # The command has a time limit of its own: the call must outlast it, or nobody hears the outcome.
        timeout = max(entry.get("timeoutMs", 0), asked + _GRACE_MS)
    if timeout is not None:
        fields["timeoutMs"] = timeout
    return NodeInvokeParams.model_validate(fields)


async def _outcome(name: str, running: Awaitable[Any]) -> dict[str, Any]:
    try:
        output = await running
    except ForbiddenError:
        raise
    except RpcError as error:
        wire = error.to_wire()
        return _failure(name, wire["code"], wire["message"], wire.get("details"))
    return {"ok": True, "toolName": name, "output": output, "source": _SOURCE}


def _failure(name: str, code: str, message: str, details: Any = None) -> dict[str, Any]:
    error = {"code": code, "message": message, **({"details": details} if details is not None else {})}
    return {"ok": False, "toolName": name, "source": _SOURCE, "error": error}


def _unapproved(entry: dict[str, Any], asked: Asked) -> dict[str, Any]:
    if asked.decision == "deny":
        text = f"a person denied {entry['command']} on {entry['nodeName']}; it was not run"
        return _failure(entry["id"], "APPROVAL_DENIED", text)
    text = (
        f"{entry['command']} on {entry['nodeName']} needs a person's approval and was not run; approve it "
        f"with: openclaw approvals approve {asked.id} (within 10 minutes), then call again, unchanged"
    )
    failure = _failure(entry["id"], "APPROVAL_REQUIRED", text)
    return {**failure, "requiresApproval": True, "approvalId": asked.id}
