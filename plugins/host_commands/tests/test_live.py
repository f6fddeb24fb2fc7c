"""Output while a program runs: complete, in order, and never faster than its reader."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from openclaw_host_commands.node.live import HELD_CHARS, LiveOutput
from openclaw_host_commands.node.process import execute

SH = "/bin/sh"
BURST = 1_000_000


class Reader:
    """Takes chunks when the test lets it."""

    def __init__(self, *, listens: bool = True) -> None:
        self.listens = listens
        self.heard: list[str] = []
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()

    async def progress(self, text: str) -> bool:
        self.heard.append(text)
        self.asked.set()
        await self.gate.wait()
        return self.listens


async def shell(text: str, reader: Reader) -> Any:
    return await execute(["sh", "-c", text], SH, "/", {"PATH": os.defpath}, 20_000, reader.progress)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_both_streams_arrive_while_it_runs(loop: Callable[[], Any]) -> None:
    async def scene() -> None:
        reader = Reader()
        reader.gate.set()
        script = "echo one; echo two >&2; printf '\\303'; read -r never < /dev/null; printf '\\251'"
        result = await shell(script, reader)
        assert sorted("".join(reader.heard)) == sorted("one\ntwo\né")
        assert (result.stdout, result.stderr) == ("one\né", "two\n")

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(scene(), 30))


class Pipes:
    """The transport of a program, as far as its pipes go."""

    def __init__(self) -> None:
        self.reading = True

    def get_pipe_transport(self, _fd: int) -> Pipes:
        return self

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def test_the_pipes_are_read_only_as_far_as_the_reader_follows(run: Any) -> None:
    async def scene() -> None:
        reader, pipes = Reader(), Pipes()
        live = LiveOutput(reader.progress)
        live.start(pipes)  # type: ignore[arg-type]
        live.feed(1, b"first")
        await asyncio.wait_for(reader.asked.wait(), 10)
        live.feed(2, b"x" * (HELD_CHARS - 5))
        assert pipes.reading
        live.feed(1, b"y")
        assert not pipes.reading
        reader.gate.set()
        live.program_ended()
        assert pipes.reading
        await live.finish()
        await live.close()
        assert "".join(reader.heard) == "first" + "x" * (HELD_CHARS - 5) + "y"

    run(scene())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_more_than_is_held_arrives_whole(loop: Callable[[], Any]) -> None:
    async def scene() -> None:
        reader = Reader()
        running = asyncio.create_task(shell(f"head -c {BURST} /dev/zero | tr '\\0' x; echo end", reader))
        await asyncio.wait_for(reader.asked.wait(), 10)
        assert not running.done()
        reader.gate.set()
        assert (await running).success
        assert "".join(reader.heard) == "x" * BURST + "end\n"

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(scene(), 30))


def test_nobody_listens(run: Any) -> None:
    async def scene() -> None:
        reader = Reader(listens=False)
        reader.gate.set()
        result = await shell(f"echo first; head -c {BURST} /dev/zero | tr '\\0' x", reader)
        assert len(reader.heard) == 1
        assert result.success

    run(scene())


def test_cancelling_does_not_wait_for_the_reader(run: Any) -> None:
    async def scene() -> None:
        reader = Reader()
        running = asyncio.create_task(shell(f"head -c {BURST} /dev/zero; read -r never", reader))
        await asyncio.wait_for(reader.asked.wait(), 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    run(scene())
