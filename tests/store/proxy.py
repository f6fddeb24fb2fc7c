"""A wire between the store and PostgreSQL that a test cuts at the worst of moments."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal, Self

__all__ = ["Proxy"]

_SOCKET = ".s.PGSQL.5432"
Cut = Literal["before the commit", "after the commit"]


class Proxy:
    """Passes bytes on between its own socket and the server's.

    Attributes:
        cut: where the next commit's connection breaks: the server has not heard of it yet, or
            it has, and its answer is lost.
        cuts: how many connections were cut.
        on_cut: called when it happens, before the store can know.
    """

    def __init__(self, directory: Path, server: Path) -> None:
        self._directory = directory
        self._server = server
        self.cut: Cut | None = None
        self.cuts = 0
        self.on_cut: Callable[[], None] = lambda: None

    @classmethod
    @contextlib.asynccontextmanager
    async def listening(cls, server: Path) -> AsyncIterator[Self]:
        """Args: the directory of the server's socket."""
        directory = Path(tempfile.mkdtemp(prefix="openclaw-proxy-"))
        proxy = cls(directory, server)
        try:
            async with await asyncio.start_unix_server(proxy._serve, directory / _SOCKET):
                yield proxy
        finally:
            shutil.rmtree(directory)

    def url(self, url: str) -> str:
        """The same database by way of here."""
        return url.replace(str(self._server), str(self._directory))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_unix_connection(self._server / _SOCKET)
        except OSError:  # the server is down: whoever calls here hears nobody, either
            writer.close()
            return
        back = asyncio.create_task(_pass_on(up_reader, writer))
        try:
            while data := await reader.read(65_536):
                # The driver's own words: a query of this text alone.
                if self.cut is not None and data.startswith(b"Q") and b"COMMIT" in data:
                    cut, self.cut = self.cut, None
                    self.cuts += 1
                    if cut == "after the commit":
                        back.cancel()
                        await asyncio.wait({back})
                        up_writer.write(data)
                        assert await up_reader.read(65_536)  # it is done, and nobody hears it
                    self.on_cut()
                    break
                up_writer.write(data)
        finally:
            back.cancel()
            up_writer.close()
            writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
    writer.close()
