"""The SDK, which takes seconds to import, is not imported before an agent comes."""

import subprocess
import sys

PROGRAM = """
import sys
import openclaw_core.cli, openclaw_core.cli.gateway, openclaw_core.cli.mcp, openclaw_core.client
import openclaw_core.gateway.server, openclaw_core.mcp.mount
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("mcp", "mcp_types", "httpx2")))
"""


def test_nothing_of_it_is_imported_with_the_gateway():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
