"""The capability family host_commands: `system.*` and the exec approvals around it.

`gateway` is what a gateway needs: sanitising, approvals, RPC methods. `node` is what a node
host needs: processes, policy, plans; it is imported when the first command runs. `models`,
`argv` and `family` are shared and need pydantic and openclaw_core only.
"""

from openclaw_host_commands.plugin import HostCommands

__all__ = ["HostCommands"]
