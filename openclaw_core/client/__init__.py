"""An async client of a gateway, for operators and nodes alike."""

from openclaw_core.client.connection import Connection, ConnectOptions, HandshakeRefusedError, connect
from openclaw_core.client.identity import Identity, load_or_create_identity
from openclaw_core.client.operator import Event, GatewayClient, Node, QueuedWork, Tool, ToolPage, open_gateway
from openclaw_core.client.reconnect import ReconnectPolicy
from openclaw_core.client.session import connect_with_tokens
from openclaw_core.client.tokens import DeviceTokens

__all__ = [
    "ConnectOptions",
    "Connection",
    "DeviceTokens",
    "Event",
    "GatewayClient",
    "HandshakeRefusedError",
    "Identity",
    "Node",
    "QueuedWork",
    "ReconnectPolicy",
    "Tool",
    "ToolPage",
    "connect",
    "connect_with_tokens",
    "load_or_create_identity",
    "open_gateway",
]
