"""A person's terminal: a program under a pseudo-terminal that is read, waited for and typed into."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from contextlib import suppress

from .conftest import PATIENCE_S

__all__ = ["Terminal"]

# A session of its own takes the terminal as its controlling one: Ctrl-C is a signal, also where the suite
# runs in the background and passes on an ignored one.
_TAKE_TERMINAL = """
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """`openclaw …` with a terminal of its own as its session's.

    Attributes:
        seen: all it showed so far.
    """

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self.process = process
        self.seen = ""
        self._master = master
        self._told = asyncio.Event()
        self._from = 0
        asyncio.get_running_loop().add_reader(master, self._hear)

    @classmethod
    async def open(cls, *arguments: str, env: dict[str, str]) -> Terminal:
        master, slave = pty.openpty()
        argv = [sys.executable, "-c", _TAKE_TERMINAL, sys.executable, "-m", "openclaw_core", *arguments]
        process = await asyncio.create_subprocess_exec(
            *argv, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        return cls(process, master)

    async def answer(self, question: str, text: str) -> None:
        """Wait until it asks, then type an answer and Enter."""
        await self.read_until(question)
        os.write(self._master, f"{text}\n".encode())

    async def interrupt_at(self, question: str) -> None:
        """Ctrl-C instead of an answer; again, as a person would, when it takes no notice.

        Python overlooks one that comes between the question and the reading of its answer.
        """
        await self.read_until(question)
        while self.process.returncode is None:
            os.write(self._master, b"\x03")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), 2)

    async def read_until(self, text: str) -> None:
        """Wait until it shows this, after what was waited for before."""
        async with asyncio.timeout(PATIENCE_S):
            while (at := self.seen.find(text, self._from)) < 0:
                self._told.clear()
                await self._told.wait()
        self._from = at + len(text)

    async def end(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
        self._hear()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        return code

    def _hear(self) -> None:
        try:
            self.seen += os.read(self._master, 65_536).decode("utf-8", "replace")
        except OSError:  # the program closed its end
            asyncio.get_running_loop().remove_reader(self._master)
        self._told.set()
