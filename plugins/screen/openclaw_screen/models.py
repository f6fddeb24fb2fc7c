"""Params and results of `screen.*` (PROTOCOL 18.4)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from openclaw_core.models import Params, Result, Whole

__all__ = ["RecordParams", "Recording", "Snapshot", "SnapshotParams"]

ScreenIndex = Annotated[int, Field(ge=0, le=63), Whole]
Pixels = Annotated[int, Field(ge=1), Whole]


class SnapshotParams(Params):
    """A picture of one screen.

    `screenIndex` 0 is the first screen; absent `maxWidth` (px) leaves it as large as it is.
    `quality` is of JPEG. `executionId` ties it to the actions of a computer-use run.
    """

    execution_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    screen_index: ScreenIndex = 0
    max_width: Annotated[int, Field(ge=1, le=16_384), Whole] | None = None
    quality: Annotated[float, Field(ge=0, le=1)] = 0.85
    format: Literal["jpeg", "png"] = "jpeg"


class Snapshot(Result):
    """The picture; `displayFrameId` names it to actions that refer to what it showed."""

    format: Annotated[str, Field(min_length=1)]
    base64: Annotated[str, Field(min_length=1)]
    width: Pixels | None = None
    height: Pixels | None = None
    display_frame_id: str | None = None
    screen_index: int | float | None = None
    captured_at_ms: Annotated[int, Field(ge=0), Whole] | None = None


class RecordParams(Params):
    """A recording of one screen."""

    duration_ms: Annotated[int, Field(ge=200, le=60_000), Whole] = 10_000
    screen_index: ScreenIndex = 0
    fps: Annotated[int, Field(gt=0, le=60)] | Annotated[float, Field(gt=0, le=60)] = 10
    format: Literal["mp4"] = "mp4"
    include_audio: bool = True


class Recording(Result):
    """The recording; apps may leave out everything but the film itself."""

    format: Annotated[str, Field(min_length=1)]
    base64: Annotated[str, Field(min_length=1)]
    duration_ms: Annotated[int, Field(ge=0)] | Annotated[float, Field(ge=0)] | None = None
    fps: Annotated[int, Field(gt=0)] | Annotated[float, Field(gt=0)] | None = None
    screen_index: int | float | None = None
    has_audio: bool | None = None
