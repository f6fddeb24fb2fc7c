"""The engine's own framing against the library's: same messages, same answers, at every byte (1.1)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from openclaw_core.gateway.websocket import Outbox, WebSocket
from openclaw_core.protocol.limits import PRE_AUTH_FRAME_BYTES
from tests.gateway.strangers import UPGRADE, build_frame, split

MANY = settings(max_examples=400, deadline=None)
BORDERS = (0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 70_000)


class Kept(asyncio.Transport):
    """What the engine wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.aborted = True

    def get_write_buffer_size(self) -> int:
        return 0


class Engine(WebSocket):
    """The engine with its messages kept."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(ServerState(), Outbox(loop), loop)
        self.messages: list[bytes] = []
        self.kept = Kept()

    def on_message(self, data: bytes) -> None:
        self.messages.append(bytes(data))


@contextmanager
def upgraded() -> Iterator[Engine]:
    """An engine that has answered its upgrade; its loop never runs, flushes are the test's."""
    loop = asyncio.new_event_loop()
    try:
        engine = Engine(loop)
        engine.connection_made(engine.kept)
        engine.data_received(UPGRADE)
        engine.flush()
        assert engine.kept.written.startswith(b"HTTP/1.1 101 ")
        engine.kept.written = b""
        yield engine
    finally:
        loop.close()


class Model:
    """The library alone."""

    def __init__(self) -> None:
        self.protocol = Protocol(Side.SERVER, max_size=PRE_AUTH_FRAME_BYTES)
        self.messages: list[bytes] = []
        self.written = b""
        self.ended = False
        self._open = b""

    def feed(self, data: bytes) -> None:
        if self.ended:
            return
        self.protocol.receive_data(data)
        for frame in self.protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._open += frame.data
                if frame.fin:
                    self.messages.append(self._open)
                    self._open = b""
        for answer in self.protocol.data_to_send():
            self.written += answer
            self.ended |= not answer


def _payload(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@dataclass(frozen=True)
class Part:
    """A frame by its facts: a failing example of 70,000 bytes stays readable."""

    opcode: int
    size: int
    fin: bool = True
    width: int = 0
    rsv: int = 0
    masked: bool = True
    claims: int | None = None

    def build(self) -> bytes:
        return build_frame(
            self.opcode,
            _payload(self.size),
            fin=self.fin,
            rsv=self.rsv,
            masked=self.masked,
            claims=self.claims,
            width=self.width,
        )


SIZES = st.sampled_from(BORDERS) | st.integers(0, 300)
WIDTHS = st.sampled_from((0, 0, 2, 8))
CONTROLS = st.builds(Part, st.sampled_from((9, 10)), st.integers(0, 125))


@st.composite
def valid_messages(draw: st.DrawFn) -> list[Part]:
    """One message, whole or in fragments with control frames between them."""
    sizes = draw(st.lists(SIZES, min_size=1, max_size=4))
    out = []
    for number, size in enumerate(sizes):
        opcode = 0 if number else draw(st.sampled_from((1, 2)))
        out.append(Part(opcode, size, number == len(sizes) - 1, draw(WIDTHS)))
        out += draw(st.lists(CONTROLS, max_size=1))
    return out


WRONG = st.builds(
    Part,
    st.integers(0, 15),
    SIZES,
    fin=st.booleans(),
    rsv=st.sampled_from((0, 0, 1, 4)),
    masked=st.sampled_from((True, True, True, False)),
    claims=st.none() | st.sampled_from((0, 5, 126, 65_536, 65_537, 2**63)),
    width=WIDTHS,
)
CLOSES = st.sampled_from(
    (b"", b"\x03", b"\x03\xe8", b"\x03\xe8bye", b"\x03\xed", b"\x03\xe8\xff", b"\x0f\xa1x")
)
CUTS = st.lists(st.integers(0, 1 << 18), max_size=8)


def _build(messages: list[list[Part]]) -> bytes:
    return b"".join(part.build() for message in messages for part in message)


def _agree(engine: Engine, model: Model) -> None:
    engine.flush()
    assert engine.messages == model.messages
    assert engine.kept.written == model.written
    assert engine.kept.ended == model.ended


def _run(stream: bytes, cuts: list[int], after_growth: bytes = b"") -> None:
    """Feed both; the cap grows between frames, as it does at hello-ok."""
    model = Model()
    with upgraded() as engine:
        for part in (stream, after_growth):
            for piece in split(part, cuts):
                engine.data_received(piece)
                model.feed(piece)
                _agree(engine, model)
            engine.allow_message_size(100_000)
            model.protocol.max_message_size = 100_000


@MANY
@given(messages=st.lists(valid_messages(), max_size=4), cuts=CUTS, grow_after=st.none() | st.integers(0, 4))
def test_valid_frames_cut_anywhere_give_the_library_s_messages(
    messages: list[list[Part]], cuts: list[int], grow_after: int | None
) -> None:
    border = len(messages) if grow_after is None else grow_after
    _run(_build(messages[:border]), cuts, _build(messages[border:]))


@MANY
@given(
    before=st.lists(valid_messages(), max_size=2),
    wrong=WRONG | CLOSES.map(lambda payload: build_frame(8, payload)),
    after=st.lists(valid_messages(), max_size=2),
    noise=st.binary(max_size=20),
    cuts=CUTS,
)
def test_wrong_frames_are_refused_as_the_library_refuses_them(
    before: list[list[Part]], wrong: Part | bytes, after: list[list[Part]], noise: bytes, cuts: list[int]
) -> None:
    _run(
        _build(before) + (wrong if isinstance(wrong, bytes) else wrong.build()) + noise + _build(after), cuts
    )


@MANY
@given(noise=st.binary(max_size=200), cuts=CUTS)
def test_noise_is_read_as_the_library_reads_it(noise: bytes, cuts: list[int]) -> None:
    _run(noise, cuts)


@pytest.mark.parametrize("size", BORDERS)
def test_every_byte_alone_gives_the_same_message(size: int) -> None:
    stream = build_frame(1, _payload(size)) + build_frame(2, b"next")
    with upgraded() as engine:
        engine.allow_message_size(100_000)
        for at in range(0, len(stream), 1 if size < 1_000 else 997):
            engine.data_received(stream[at : at + (1 if size < 1_000 else 997)])
        assert engine.messages == [_payload(size), b"next"]


@pytest.mark.parametrize(("size", "code"), [(65_536, None), (65_537, 1009)])
def test_the_cap_counts_bytes_exactly(size: int, code: int | None) -> None:
    with upgraded() as engine:
        engine.data_received(build_frame(1, bytes(size)))
        engine.flush()
        assert [len(message) for message in engine.messages] == ([size] if code is None else [])
        expected = b"" if code is None else code.to_bytes(2, "big")
        assert engine.kept.written[2:4] == expected


@MANY
@given(sizes=st.lists(SIZES, min_size=1, max_size=6), pings=st.sets(st.integers(0, 5)))
def test_what_is_sent_arrives_in_order(sizes: list[int], pings: set[int]) -> None:
    with upgraded() as engine:
        for number, size in enumerate(sizes):
            assert engine.send(_payload(size))
            if number in pings:
                engine.ping()
        engine.close(1012, "é" * 100)
        assert engine.send(b"too late") is False
        client = Protocol(Side.CLIENT, max_size=None)
        client.receive_data(engine.kept.written)
        frames = [frame for frame in client.events_received() if isinstance(frame, Frame)]
        texts = [bytes(frame.data) for frame in frames if frame.opcode is Opcode.TEXT]
        assert texts == [_payload(size) for size in sizes]
        assert sum(frame.opcode is Opcode.PING for frame in frames) == len(pings & set(range(len(sizes))))
        assert client.close_rcvd is not None
        # 123 bytes hold 61 of these characters whole; none is cut in two.
        assert (client.close_rcvd.code, client.close_rcvd.reason) == (1012, "é" * 61)
        assert client.state is not OPEN
