"""The gateway's nodes for agents: a server of the Model Context Protocol (floor 6).

It is an ordinary client of a gateway and knows it by its protocol only. `stdio` serves one agent
beside it (`openclaw mcp`), `mount` serves any number on the gateway's own port. The protocol's
SDK is the extra `openclaw-core[mcp]`; nothing imports it before an agent comes.
"""

from openclaw_core.mcp.sdk import require_sdk, sdk_is_installed

__all__ = ["require_sdk", "sdk_is_installed"]
