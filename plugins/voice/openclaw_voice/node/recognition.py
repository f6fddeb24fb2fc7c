"""The node host's end of a recognizer process (`recognizer.py`)."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from openclaw_core import CommandError

__all__ = ["Recognition"]

_PROGRAM: Final = Path(__file__).with_name("recognizer.py")
_LONGEST_ANSWER: Final = 1 << 20


class Recognition:
    """One recognizer: started at the first request, and anew when it died. Requests take turns.

    Args:
        settings: what the recognizer is to be; `recognizer.make` reads them.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = json.dumps(settings)
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._asked: set[asyncio.Future[dict[str, Any]]] = set()

    async def ask(self, request: Mapping[str, Any], sound: bytes = b"") -> dict[str, Any]:
        """Send a request and take its answer.

        Whoever is cancelled while it waits leaves the recognizer to finish what it is at.

        Raises:
            CommandError: `UNAVAILABLE`, it failed or died.
        """
        asked = asyncio.ensure_future(self._ask(request, sound))
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # it may be left alone
        return await asyncio.shield(asked)

    async def close(self) -> None:
        """End the process, whatever it is at."""
        for asked in tuple(self._asked):
            asked.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    async def _ask(self, request: Mapping[str, Any], sound: bytes) -> dict[str, Any]:
        async with self._turn:
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            header = json.dumps(request).encode()
            try:
                for block in (header, sound):
                    process.stdin.write(len(block).to_bytes(4, "big") + block)
                await process.stdin.drain()
                line = await process.stdout.readline()
            except (ConnectionError, BrokenPipeError):
                line = b""
            if not line:
                self._process = None
                code = await process.wait()
                raise CommandError(
                    "UNAVAILABLE",
                    f"the recognizer ended with exit code {code}; the next request starts it anew",
                )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise CommandError("UNAVAILABLE", f"the recognizer failed: {answer['error']}")
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            # A session of its own: Ctrl-C is the node host's to answer.
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", str(_PROGRAM), self._settings),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LONGEST_ANSWER,
                start_new_session=True,
            )
        return self._process
