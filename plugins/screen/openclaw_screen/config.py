"""Settings of a node's screens: `plugins.entries.screen.config` of openclaw.json."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from openclaw_core.models import Settings

__all__ = ["ScreenConfig"]


class ScreenConfig(Settings):
    """Where the screens are.

    Attributes:
        display: X display such as `:0`; absent: the session the node was started in.
        max_payload_bytes: most that a picture or recording may take as base64. A result travels to
            the operator as JSON data and as text in one frame of at most 50 MiB.
    """

    display: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]*:[0-9]+(\.[0-9]+)?$")] | None = None
    max_payload_bytes: Annotated[int, Field(ge=1_000, le=25_000_000)] = 25_000_000
