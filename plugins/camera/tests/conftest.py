"""A gateway with the family, nodes on it, and media looked at by other means than ours."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import pytest
from openclaw_camera.family import FAMILY
from PIL import Image

from openclaw_core.testing import FakeNode, TestGateway, plugins_of

DANGEROUS = ["camera.snap", "camera.clip", "camera.ptz.control"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Media:
    """What a result holds, decoded."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.data = base64.b64decode(result["base64"], validate=True)

    def picture(self) -> Image.Image:
        picture = Image.open(io.BytesIO(self.data))
        assert picture.format == "JPEG"
        picture.load()
        return picture

    def film(self) -> tuple[list[av.VideoFrame], float, list[av.AudioFrame]]:
        """Pictures, length in seconds, and sound."""
        with av.open(io.BytesIO(self.data)) as file:
            assert "mp4" in file.format.name
            assert file.duration is not None
            pictures = list(file.decode(video=0))
            length = file.duration / av.time_base
        with av.open(io.BytesIO(self.data)) as file:
            return pictures, length, list(file.decode(audio=0)) if file.streams.audio else []


@pytest.fixture
def media() -> type[Media]:
    return Media


@pytest.fixture
def camera_node(tmp_path: Path) -> Any:
    """Opens a gateway that allows every command of the family, and a node with these settings on it."""

    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[FakeNode]:
        overrides = {"nodes.commands.allow": DANGEROUS}
        async with (
            TestGateway(tmp_path / "gateway", plugins_of(FAMILY), overrides) as gateway,
            FakeNode(gateway, FAMILY, config={"camera": settings}) as node,
        ):
            yield node

    return opened
