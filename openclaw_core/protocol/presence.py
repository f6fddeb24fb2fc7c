"""What nodes tell of their user: input activity, a locked desktop (PROTOCOL 12.1, 12.3)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openclaw_core.protocol.base import Integer, Omittable, Wire

__all__ = ["DesktopAvailability", "PresenceActivity", "PresenceClear"]

MAX_IDLE_SECONDS = 2_592_000  # 30 days


class PresenceActivity(Wire):
    """Payload of `node.presence.activity`: seconds since the last input; `source` is who measured."""

    idle_seconds: Annotated[Integer, Field(ge=0, le=MAX_IDLE_SECONDS)]
    saturated: Omittable[bool] = None
    source: Omittable[Literal["app", "system"]] = None


class PresenceClear(Wire):
    """The other payload of `node.presence.activity`: the node no longer tells."""

    action: Literal["clear"]


class DesktopAvailability(Wire):
    """Payload of `node.desktop.availability`."""

    state: Literal["locked", "unlocked", "unknown"]
