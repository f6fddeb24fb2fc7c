"""openclaw-core: a gateway for companion devices ("nodes").

The names below are what a capability family may import; everything else may change
between minor releases.
"""

from openclaw_core.commands import Command, Example, Family, NodeContext, NodeHostContext, Probe, command
from openclaw_core.errors import CommandError
from openclaw_core.hookspecs import hookimpl
from openclaw_core.threads import in_thread

__all__ = [
    "Command",
    "CommandError",
    "Example",
    "Family",
    "NodeContext",
    "NodeHostContext",
    "Probe",
    "__version__",
    "command",
    "hookimpl",
    "in_thread",
]

__version__ = "0.1.0"
