"""A node's surroundings without a gateway, recorded speech, and a FIFO to speak into."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import miniaudio
import pytest
from openclaw_voice.config import VoiceConfig

RECORDINGS = Path(__file__).parent / "speech"
WAIT_S = 50.0


@dataclass
class NodeWorld:
    """What the node host gives a family. `said` is what it emitted; `connected` lets it through."""

    config: VoiceConfig
    stack: AsyncExitStack
    node_id: str = "a" * 64
    display_name: str = "workbench"
    connected: bool = True
    said: asyncio.Queue[tuple[str, dict[str, Any]]] = field(default_factory=asyncio.Queue)
    told: asyncio.Queue[tuple[str, Any]] = field(default_factory=asyncio.Queue)
    held: dict[Any, Any] = field(default_factory=dict)

    async def emit(self, event: str, payload: Mapping[str, Any]) -> bool:
        self.said.put_nowait((event, dict(payload)))
        return self.connected

    async def resource(self, opener: Any) -> Any:
        if opener not in self.held:
            self.held[opener] = await self.stack.enter_async_context(opener(self))
        return self.held[opener]

    async def gateway_events(self, *names: str) -> AsyncIterator[tuple[str, Any]]:
        while True:
            event, payload = await self.told.get()
            if event in names:
                yield event, payload

    async def heard(self, event: str) -> dict[str, Any]:
        """The next event of a name."""
        async with asyncio.timeout(WAIT_S):
            while True:
                name, payload = await self.said.get()
                if name == event:
                    return payload


World = Callable[..., NodeWorld]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Makes a node's surroundings from settings as they stand in openclaw.json."""
    async with AsyncExitStack() as stack:
        yield lambda **settings: NodeWorld(VoiceConfig.model_validate(settings), stack)


@pytest.fixture
def recording() -> Callable[[str], Path]:
    """Path of a recording by its words."""
    return lambda words: RECORDINGS / f"{words.replace(' ', '-')}.wav"


@pytest.fixture
def speech(recording: Callable[[str], Path]) -> Callable[[str], bytes]:
    """PCM of a recording by its words, with silence around."""

    def read(words: str) -> bytes:
        return bytes(miniaudio.decode_file(str(recording(words)), nchannels=1, sample_rate=16_000).samples)

    return read


class Mouth:
    """Writes sound into a FIFO; every call returns when the reader has room for the rest."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._held = -1

    async def say(self, pcm: bytes) -> None:
        """Waits for a listener first."""
        await asyncio.to_thread(self._write, pcm)

    def _write(self, pcm: bytes) -> None:
        if self._held < 0:
            self._held = os.open(self.path, os.O_WRONLY)
            # So large that it is never full, which the listener would take for old.
            fcntl.fcntl(self._held, fcntl.F_SETPIPE_SZ, 1 << 20)
        view = memoryview(pcm)
        while view:
            view = view[os.write(self._held, view) :]

    def is_heard(self) -> bool:
        """Whether anybody has the FIFO open to read."""
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        return True

    async def say_until_nobody_hears(self) -> None:
        """Keep silent into it until its last reader is gone."""
        try:
            while True:
                await self.say(bytes(3_200))
        except BrokenPipeError:
            self.close()

    def close(self) -> None:
        if self._held >= 0:
            os.close(self._held)
            self._held = -1


@pytest.fixture
def mouth(tmp_path: Path) -> Iterator[Mouth]:
    """A FIFO to speak into."""
    made = Mouth(tmp_path / "mouth")
    yield made
    made.close()
