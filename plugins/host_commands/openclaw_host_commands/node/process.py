"""One program from start to end: output, time limit, and nothing left behind (PROTOCOL 19.2)."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import signal
import subprocess
import uuid
from collections.abc import Mapping, Sequence

from openclaw_host_commands.models import RunResult
from openclaw_host_commands.node.live import LiveOutput, Progress
from openclaw_host_commands.node.tree import MARK, kill_tree

__all__ = ["OUTPUT_CHARS", "TRUNCATED", "execute", "failed_launch"]

OUTPUT_CHARS = 200_000
"""Both streams together, in characters."""

TRUNCATED = "\n[output truncated]"
"""Ends a stream that was longer."""

_STDERR_SHARE = OUTPUT_CHARS // 4
_LINGER_S = 0.25


class Capture:
    """What one stream said: the beginning is kept, the rest is read and dropped."""

    def __init__(self) -> None:
        self.more = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parts: list[str] = []
        self._room = OUTPUT_CHARS

    def feed(self, data: bytes, final: bool = False) -> None:
        """Take in what was read; `final` completes a character that was cut."""
        if self._room == 0:
            self.more = self.more or bool(data)
            return
        text = self._decoder.decode(data, final)
        self.more = len(text) > self._room
        self._parts.append(text[: self._room])
        self._room -= len(self._parts[-1])

    @property
    def text(self) -> str:
        return "".join(self._parts)


class Output(asyncio.SubprocessProtocol):
    """Receives what the program writes, and when it ended."""

    def __init__(self, live: LiveOutput) -> None:
        self._live = live
        self.captures = {1: Capture(), 2: Capture()}
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.captures[fd].feed(data)
        self._live.feed(fd, data)

    def pipe_connection_lost(self, fd: int, _exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.closed.set()

    def process_exited(self) -> None:
        self.exited.set()


async def _to_nobody(_text: str) -> bool:
    return False


async def execute(
    argv: Sequence[str],
    executable: str,
    cwd: str,
    env: Mapping[str, str],
    timeout_ms: int | None,
    progress: Progress = _to_nobody,
) -> RunResult:
    """Run to the end, or to the time limit; the whole process tree ends with it then.

    A program that ends by itself may leave a service running in the background; its output
    is no longer read. When this coroutine is cancelled the tree is killed first.

    Args:
        argv: the argument vector as the program sees it.
        executable: absolute path of the file to start.
        timeout_ms: limit in milliseconds; None for none.
        progress: takes the output while the program runs, and holds it back while nobody reads.
    """
    mark = uuid.uuid4().hex
    live = LiveOutput(progress)
    output = Output(live)
    try:
        starting = asyncio.ensure_future(_start(argv, executable, cwd, {**env, MARK: mark}, output))
        transport = await _wait_for_start(starting, output, mark)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return failed_launch(f"{executable} did not start in {cwd}: {reason}")
    try:
        live.start(transport)
        timed_out = await _supervise(transport.get_pid(), output, mark, timeout_ms)
        live.program_ended()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(output.closed.wait(), _LINGER_S)
        await live.finish()
    finally:
        transport.close()  # a background child may hold the pipes open
        await live.close()
    return _result(transport.get_returncode(), timed_out, output)


async def _start(
    argv: Sequence[str], executable: str, cwd: str, env: Mapping[str, str], output: Output
) -> asyncio.SubprocessTransport:
    transport, _ = await asyncio.get_running_loop().subprocess_exec(
        lambda: output,
        *argv,
        executable=executable,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    return transport


async def _wait_for_start(
    starting: asyncio.Future[asyncio.SubprocessTransport], output: Output, mark: str
) -> asyncio.SubprocessTransport:
    """The started program; when this is cancelled, what has been started meanwhile is killed whole."""
    cancelled: asyncio.CancelledError | None = None
    while not starting.done():
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError as error:
            cancelled = error
        except (OSError, ValueError):
            break
    transport = starting.result()
    if cancelled is not None:
        try:
            await _kill(transport.get_pid(), output, mark)
        finally:
            transport.close()
        raise cancelled
    return transport


async def _supervise(pid: int, output: Output, mark: str, timeout_ms: int | None) -> bool:
    """Wait for the end; True when the limit ended it. Cancelling kills the tree, then goes on."""
    try:
        await asyncio.wait_for(output.exited.wait(), None if timeout_ms is None else timeout_ms / 1000)
    except TimeoutError:
        await _kill(pid, output, mark)
        return True
    except asyncio.CancelledError:
        await _kill(pid, output, mark)
        raise
    return False


async def _kill(pid: int, output: Output, mark: str) -> None:
    """Kill the tree, even if whoever waits for it is cancelled again meanwhile."""
    killing = asyncio.ensure_future(kill_tree(pid, mark))
    again: asyncio.CancelledError | None = None
    while not killing.done():
        try:
            await asyncio.shield(killing)
        except asyncio.CancelledError as error:
            again = error
    killing.result()
    await output.exited.wait()
    if again is not None:
        raise again


def _result(code: int | None, timed_out: bool, output: Output) -> RunResult:
    out, err = output.captures[1], output.captures[2]
    for capture in (out, err):
        capture.feed(b"", final=True)
    stderr = _cut(err, max(_STDERR_SHARE, OUTPUT_CHARS - len(out.text)))
    by_signal = code is not None and code < 0 and not timed_out
    return RunResult(
        exit_code=124 if timed_out else None if by_signal else code,
        timed_out=timed_out,
        success=code == 0 and not timed_out,
        stdout=_cut(out, OUTPUT_CHARS - len(stderr)),
        stderr=stderr,
        error=f"ended by signal {_signal_name(-(code or 0))}" if by_signal else None,
    )


def _cut(capture: Capture, room: int) -> str:
    if not capture.more and len(capture.text) <= room:
        return capture.text
    return capture.text[: room - len(TRUNCATED)] + TRUNCATED


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def failed_launch(error: str) -> RunResult:
    """The result of a program that never ran: no exit code, and why."""
    return RunResult(timed_out=False, success=False, stdout="", stderr="", error=error)
