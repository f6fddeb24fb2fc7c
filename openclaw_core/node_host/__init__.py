"""A headless node: connects as role `node` and runs what the installed families offer."""

from openclaw_core.node_host.host import NodeHost, NodeHostOptions
from openclaw_core.node_host.surface import Machine, Surface, offered_surface

__all__ = ["Machine", "NodeHost", "NodeHostOptions", "Surface", "offered_surface"]
