"""The hooks of the family. One instance holds the state of one loaded gateway."""

from __future__ import annotations

from typing import Any

from openclaw_canvas.family import FAMILY
from openclaw_canvas.gateway.actions import ACTION, relay_action
from openclaw_canvas.gateway.documents import Documents
from openclaw_canvas.gateway.methods import DocumentMethods
from openclaw_canvas.settings import CanvasSettings
from openclaw_core import Family, hookimpl
from openclaw_core.hookspecs import GatewayContext, NodeCommands, NodeView, RpcMethod, SurfaceGrant

__all__ = ["Canvas"]


class Canvas:
    """The plugin object the entry point names; loading makes one."""

    def __init__(self) -> None:
        self._methods = DocumentMethods()
        self._gateway: GatewayContext | None = None

    @hookimpl
    def openclaw_family(self) -> Family:
        """Commands, capability, events, settings."""
        return FAMILY

    @hookimpl
    def openclaw_gateway_started(self, gateway: GatewayContext) -> None:
        """Documents live in the gateway's state directory."""
        self._gateway = gateway
        self._methods.documents = Documents(gateway.state_dir / "documents", gateway.config)

    @hookimpl
    def openclaw_methods(self) -> list[RpcMethod]:
        """`canvas.documents.*`."""
        return self._methods.table()

    @hookimpl
    def openclaw_http_routes(self) -> list[Any]:
        """Documents and the A2UI host page."""
        from openclaw_canvas.gateway.routes import canvas_routes

        return list(canvas_routes(lambda: self._methods.documents))

    @hookimpl
    def openclaw_refresh_surface(self, surface: str, node: NodeView | None) -> SurfaceGrant | None:
        """Everybody whom the gateway lets ask gets the canvas (13.1)."""
        del node
        if surface != "canvas":
            return None
        settings = self._gateway.config if self._gateway is not None else CanvasSettings()
        return SurfaceGrant(lifetime_ms=settings.url_lifetime_ms)

    @hookimpl
    def openclaw_node_event(self, node: NodeView, event: str, payload: Any) -> dict[str, Any] | None:
        """Tell operators what somebody did on a surface."""
        if event != ACTION or self._gateway is None:
            return None
        return relay_action(self._gateway, node, payload)

    @hookimpl
    def openclaw_cli(self, nodes: NodeCommands) -> None:
        """Sub-commands of `openclaw nodes`."""
        from openclaw_canvas.cli import add_commands

        add_commands(nodes)
