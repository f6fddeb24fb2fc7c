"""A process of ours that `openclaw up` keeps an eye on."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress

__all__ = ["Child", "run_once"]

STOP_TIMEOUT_S = 10.0
_LAST_WORDS = 12
_LINE_BYTES = 1 << 20

LineHandler = Callable[[str], None]


class Child:
    """`python -m openclaw_core …` as a child; its lines are passed on under its label.

    Attributes:
        label: how its lines are marked.
        exited: the exit code, once it ended.
    """

    def __init__(self, label: str, process: Process, on_line: LineHandler | None) -> None:
        self.label = label
        self._process = process
        self._on_line = on_line
        self._last_words: deque[str] = deque(maxlen=_LAST_WORDS)
        self.exited = asyncio.get_running_loop().create_task(self._watch())

    @classmethod
    async def start(
        cls, label: str, arguments: list[str], env: Mapping[str, str], on_line: LineHandler | None = None
    ) -> Child:
        """Start it. `on_line` sees each line of its stdout."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "openclaw_core",
            *arguments,
            env=env,
            stdout=PIPE,
            stderr=PIPE,
            limit=_LINE_BYTES,
            # Ctrl-C reaches the parent only, which stops its children in order.
            start_new_session=True,
        )
        return cls(label, process, on_line)

    @property
    def last_words(self) -> list[str]:
        """The last lines it wrote to stderr, oldest first."""
        return list(self._last_words)

    async def stop(self) -> None:
        """SIGTERM; SIGKILL after 10 seconds. Returns when it is gone."""
        if not self.exited.done():
            with suppress(ProcessLookupError):
                self._process.terminate()
            await asyncio.wait({self.exited}, timeout=STOP_TIMEOUT_S)
        if not self.exited.done():
            with suppress(ProcessLookupError):
                self._process.kill()
            await asyncio.wait({self.exited})

    async def _watch(self) -> int:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        await asyncio.gather(
            self._pump(self._process.stdout, self._hear_stdout),
            self._pump(self._process.stderr, self._last_words.append),
        )
        return await self._process.wait()

    async def _pump(self, stream: asyncio.StreamReader, handle: LineHandler) -> None:
        while raw := await _read_line(stream):
            line = raw.decode("utf-8", "replace").rstrip("\n")
            sys.stderr.write(f"{self.label} | {line}\n")
            sys.stderr.flush()
            handle(line)

    def _hear_stdout(self, line: str) -> None:
        if self._on_line is not None:
            self._on_line(line)


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    """The next line, b"" at the end; a line beyond the limit is named instead of shown."""
    try:
        return await stream.readline()
    except ValueError:
        return b"(a line of more than 1 MiB was left out)\n"


async def run_once(arguments: list[str], env: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a command of ours to its end: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "openclaw_core", *arguments, env=env, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
