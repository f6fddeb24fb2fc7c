"""A receiver for gpsd and GeoClue: a real NMEA log, played over a socket again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path

LAT, LON, ALTITUDE = 48.1173, 11.516667, 545.4


def sentence(text: str) -> str:
    """The sentence with its checksum."""
    check = 0
    for character in text:
        check ^= ord(character)
    return f"${text}*{check:02X}\r\n"


def cycle(moment: datetime, hdop: float | None) -> str:
    """One second of a receiver; `hdop` None: it sees too few satellites."""
    clock, date = moment.strftime("%H%M%S.00"), moment.strftime("%d%m%y")
    if hdop is None:
        return sentence(f"GPGGA,{clock},,,,,0,00,,,M,,M,,") + sentence(f"GPRMC,{clock},V,,,,,,,{date},,,N")
    place = "4807.038,N,01131.000,E"
    return (
        sentence(f"GPGGA,{clock},{place},1,08,{hdop},545.4,M,46.9,M,,")
        + sentence(f"GPGSA,A,3,04,05,09,12,16,24,25,29,,,,,2.5,{hdop},2.1")
        + sentence(f"GPRMC,{clock},A,{place},022.4,084.4,{date},003.1,W,A")
    )


def log(*hdops: float | None) -> Iterator[str]:
    """A second for each of these, then the last one for ever."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=2)
    for number, hdop in enumerate(chain(hdops, repeat(hdops[-1]))):
        yield cycle(start + timedelta(seconds=number // 10), hdop)


class Receiver:
    """Plays a log to whoever connects; `connected` once somebody did."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self._sentences = iter(sentences)
        self._over = asyncio.Event()
        self.connected = asyncio.Event()

    async def play(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        with suppress(OSError):
            while not self._over.is_set():
                writer.write(next(self._sentences).encode())
                await writer.drain()
                with suppress(TimeoutError):  # ten cycles a second, until the test is over
                    await asyncio.wait_for(self._over.wait(), 0.1)
        writer.close()

    def end(self) -> None:
        self._over.set()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def daemon(*argv: str) -> AsyncIterator[None]:
    """A program that runs until the end of the block."""
    process = await asyncio.create_subprocess_exec(*argv)
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)


@asynccontextmanager
async def gpsd(*hdops: float | None) -> AsyncIterator[int]:
    """A gpsd that listens to this sky; its port."""
    receiver = Receiver(log(*hdops))
    server = await asyncio.start_server(receiver.play, "127.0.0.1", 0)
    source = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    port = free_port()
    try:
        async with daemon("gpsd", "-N", "-n", "-S", str(port), source):
            # It listens before it opens its receivers.
            await asyncio.wait_for(receiver.connected.wait(), 20)
            yield port
    finally:
        receiver.end()
        server.close()


@asynccontextmanager
async def nmea_socket(path: Path, *hdops: float | None) -> AsyncIterator[Receiver]:
    """The same sky on a UNIX socket."""
    receiver = Receiver(log(*hdops))
    server = await asyncio.start_unix_server(receiver.play, path)
    try:
        yield receiver
    finally:
        receiver.end()
        server.close()
