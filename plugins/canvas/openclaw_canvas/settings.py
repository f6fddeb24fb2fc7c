"""`plugins.entries.canvas.config` of openclaw.json, on a gateway and on a node."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["CanvasSettings"]

MEGABYTE = 1_000_000


class CanvasSettings(BaseModel):
    """The family's settings; all have defaults.

    Attributes:
        url_lifetime_ms: gateway: how long a scoped URL lives unused, in ms (13.3).
        max_document_bytes: gateway: size of one hosted document with all its files.
        max_documents: gateway: how many it keeps.
        executable: node: the Chromium or Chrome to run; None to look for one.
        display: node: a window, or none ("headless"); "auto" opens one where there is a display.
        width, height: node: size of the page, in CSS px.
        max_snapshot_bytes: node: most characters of base64 in one snapshot.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, defer_build=True, extra="forbid", frozen=True, populate_by_name=True
    )

    url_lifetime_ms: int = Field(default=600_000, ge=1_000, le=86_400_000)
    max_document_bytes: int = Field(default=16 * MEGABYTE, ge=1_000, le=1_000 * MEGABYTE)
    max_documents: int = Field(default=1_000, ge=1, le=100_000)
    executable: str | None = None
    display: Literal["auto", "headless", "window"] = "auto"
    width: int = Field(default=1280, ge=64, le=16_384)
    height: int = Field(default=800, ge=64, le=16_384)
    max_snapshot_bytes: int = Field(default=5 * MEGABYTE, ge=10_000, le=20 * MEGABYTE)
