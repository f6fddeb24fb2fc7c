"""A family of the tests' own: pictures, sound, harm, and work that takes its time."""

from __future__ import annotations

import asyncio
import base64
import struct
import zlib

from pydantic import BaseModel

from openclaw_core import Family, NodeContext, command
from openclaw_core.commands import ALL_PLATFORMS

__all__ = ["DEMO", "PNG", "WAV", "WORK"]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + _chunk(b"IEND", b"")
)
WAV = b"RIFF" + struct.pack("<I", 38) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
WAV += b"data" + struct.pack("<I", 2) + b"\0\0"


class Work:
    """What `demo.wait` did; the node runs in the test's own process."""

    def begin(self) -> None:
        """For each test anew: a queue belongs to one event loop."""
        self.running: asyncio.Queue[str] = asyncio.Queue()
        self.stopped: asyncio.Queue[str] = asyncio.Queue()


WORK = Work()


class Nothing(BaseModel, extra="forbid"):
    pass


class Text(BaseModel):
    text: str


class Media(BaseModel):
    format: str
    base64: str
    width: int | None = None


@command("demo.picture", platforms=ALL_PLATFORMS, read_only=True)
async def picture(args: Nothing, node: NodeContext) -> Media:
    """Show a red dot.

    It is one pixel.
    """
    return Media(format="png", base64=base64.b64encode(PNG).decode(), width=1)


@command("demo.sound", platforms=ALL_PLATFORMS, read_only=True)
async def sound(args: Nothing, node: NodeContext) -> Media:
    """Let hear nothing much."""
    return Media(format="wav", base64=base64.b64encode(WAV).decode())


@command("demo.erase", platforms=ALL_PLATFORMS, destructive=True)
async def erase(args: Text, node: NodeContext) -> Text:
    """Erase what is named."""
    return Text(text=f"erased {args.text}")


@command("demo.count", platforms=ALL_PLATFORMS, idempotent=True)
async def count(args: Nothing, node: NodeContext) -> Text:
    """Count aloud to three."""
    for number in ("one", "two", "three"):
        await node.progress(number)
    return Text(text="three")


class Size(BaseModel):
    bytes: int


@command("demo.large", platforms=ALL_PLATFORMS, read_only=True)
async def large(args: Size, node: NodeContext) -> Media:
    """Show a large picture, and say so before."""
    await node.progress("it is large")
    return Media(format="png", base64=base64.b64encode(PNG.ljust(args.bytes, b"\0")).decode())


@command("demo.wait", platforms=ALL_PLATFORMS, idempotent=True)
async def wait(args: Text, node: NodeContext) -> Text:
    """Wait until stopped."""
    WORK.running.put_nowait(args.text)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        WORK.stopped.put_nowait(args.text)
    return args


@command("demo.root", platforms=ALL_PLATFORMS, admin_invoke=True)
async def root(args: Nothing, node: NodeContext) -> Text:
    """Do what only administrators may."""
    return Text(text="done")


@command("demo.hidden", platforms=ALL_PLATFORMS, private="use demo.method")
async def hidden(args: Nothing, node: NodeContext) -> Text:
    """Be found by nobody."""
    return Text(text="found")


DEMO = Family("demo", "Demo", (picture, sound, erase, count, large, wait, root, hidden), caps=("demo",))
