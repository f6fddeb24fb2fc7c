"""Nodes as resources: the list, and what is known of each."""

from __future__ import annotations

from urllib.parse import quote, unquote

import orjson
from mcp.server.subscriptions import ResourcesListChanged, ResourceUpdated, ServerEvent, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from openclaw_core.client.operator import GatewayClient
from openclaw_core.mcp.seat import Change

__all__ = ["events_of", "list_nodes", "read_node", "templates"]

NODES_URI = "openclaw://nodes"
_JSON = "application/json"


def _uri(node_id: str) -> str:
    return f"{NODES_URI}/{quote(node_id, safe='')}"


def events_of(change: Change) -> list[ServerEvent]:
    """What a change means to clients."""
    events: list[ServerEvent] = [ToolsListChanged()] if change.tools else []
    if change.nodes:
        events.append(ResourcesListChanged())
    if change.nodes or change.node_ids:
        events.append(ResourceUpdated(NODES_URI))
    return events + [ResourceUpdated(_uri(node_id)) for node_id in sorted(change.node_ids)]


async def list_nodes(gateway: GatewayClient) -> ListResourcesResult:
    """The list itself, and each node."""
    rows = [
        Resource(
            uri=_uri(node.node_id),
            name=node.display_name,
            description=f"{node.platform or 'unknown platform'}, {'connected' if node.connected else 'away'}",
            mime_type=_JSON,
        )
        for node in await gateway.nodes()
    ]
    head = Resource(uri=NODES_URI, name="nodes", description="Every node and its state", mime_type=_JSON)
    return ListResourcesResult(resources=[head, *rows])


def templates() -> ListResourceTemplatesResult:
    """How the address of a node is made."""
    node = ResourceTemplate(
        uri_template=f"{NODES_URI}/{{nodeId}}",
        name="node",
        description="One node: state, commands with their schemas, and what is withheld and why",
        mime_type=_JSON,
    )
    return ListResourceTemplatesResult(resource_templates=[node])


async def read_node(gateway: GatewayClient, uri: str) -> ReadResourceResult:
    """The list or one node, as JSON.

    Raises:
        MCPError: there is no such resource.
        RpcError: the gateway knows no such node.
    """
    head, _, node_id = uri.partition(f"{NODES_URI}/")
    if uri == NODES_URI:
        found = await gateway.connection.request("node.list", {})
    elif not head and node_id:
        found = await gateway.describe(unquote(node_id))
    else:
        raise MCPError(INVALID_PARAMS, f"no resource {uri!r}; there are {NODES_URI} and {NODES_URI}/<nodeId>")
    text = orjson.dumps(found).decode()
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, text=text, mime_type=_JSON)])
