"""Tools of agents: the catalog, and calling one by its name."""

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
from openclaw_core.services.nodes import Nodes
from openclaw_core.services.progress import Listener
from openclaw_core.services.tool_approvals import Asked, ToolApprovals
from openclaw_core.services.tool_table import SOURCE, ToolTable

__all__ = ["Tools"]

_GRACE_MS = 5_000


class Tools:
    """What answers `tools.catalog` and `tools.invoke`."""

    def __init__(
        self,
        nodes: Nodes,
        explain: Explain,
        plugins: Plugins,
        invokes: Invokes,
        approvals: ToolApprovals,
        audit: Audit,
    ) -> None:
        self._table = ToolTable(nodes, explain, plugins)
        self._invokes = invokes
        self._approvals = approvals
        self._audit = audit

    def catalog(self, params: ToolsCatalogParams) -> dict[str, Any]:
        """`tools.catalog`: a group per connected node, as published; more of each with `includeSchemas`.

        Raises:
            InvalidRequestError: `cursor` is none of this list.
        """
        groups, after = (
            self._table.page(
                full=bool(params.include_schemas), name=params.name, cursor=params.cursor, limit=params.limit
            )
            if params.include_plugins is not False
            else ([], None)
        )
        return {
            "agentId": params.agent_id or "main",
            "profiles": [],
            "groups": groups,
            **({"nextCursor": after} if after is not None else {}),
        }

    def invoke(
        self, caller: Caller, params: ToolsInvokeParams, listener: Listener
    ) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """`tools.invoke`: run it; what goes wrong at the tool is told in the result.

        Args:
            listener: the connection, which gets the progress it asks for.

        Raises:
            ForbiddenError: the caller lacks a scope.
        """
        found = self._table.find(params.name)
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
    return {"ok": True, "toolName": name, "output": output, "source": SOURCE}


def _failure(name: str, code: str, message: str, details: Any = None) -> dict[str, Any]:
    error = {"code": code, "message": message, **({"details": details} if details is not None else {})}
    return {"ok": False, "toolName": name, "source": SOURCE, "error": error}


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
