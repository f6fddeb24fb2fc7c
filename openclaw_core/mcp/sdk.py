"""Whether the SDK of the Model Context Protocol is here; importing it takes seconds, asking does not."""

from __future__ import annotations

from importlib.util import find_spec

from openclaw_core.errors import ConfigError

__all__ = ["INSTALL", "require_sdk", "sdk_is_installed"]

INSTALL = "pip install 'openclaw-core[mcp]'"


def sdk_is_installed() -> bool:
    """True when the extra `mcp` is installed."""
    return find_spec("mcp") is not None


def require_sdk() -> None:
    """Do nothing when it is there.

    Raises:
        ConfigError: says how to install it.
    """
    if not sdk_is_installed():
        raise ConfigError(f"agents need the extra `mcp`, which is not installed; install it: {INSTALL}")
