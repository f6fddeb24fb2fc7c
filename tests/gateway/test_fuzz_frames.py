"""Any bytes on the port: plain TCP and WebSocket frames, before and after the handshake (PROTOCOL 1)."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Opcode

from openclaw_core.testing import operator_params
from tests.gateway.strangers import UPGRADE, Lab, build_frame, split

MANY = settings(max_examples=250, deadline=None)
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")

CUTS = st.lists(st.integers(0, 1 << 20), max_size=6)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Bytes where an upgrade request is expected: noise, or the request with a part replaced."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=400))
    start = draw(st.integers(0, len(UPGRADE)))
    end = draw(st.integers(start, len(UPGRADE)))
    middle = draw(
        st.binary(max_size=40)
        | st.sampled_from(
            [
                b"\r\n",
                b"Content-Length: 5\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Sec-WebSocket-Key: x\r\n",
            ]
        )
    )
    return UPGRADE[:start] + middle + UPGRADE[end:]


HEADERS = st.sampled_from(
    [
        b"X-Forwarded-For: 10.0.0.1",
        b"Forwarded: for=\xff",
        b"X-Real-IP: ::1",
        b"Origin: http://evil.example",
        b"Sec-WebSocket-Protocol: a, b",
        b"Sec-WebSocket-Protocol: \xe4\xf6",
        b"Sec-WebSocket-Protocol: ,",
        b"Sec-WebSocket-Extensions: permessage-deflate",
        b"Sec-WebSocket-Version: 8",
        b"Content-Length: 3",
        b"Transfer-Encoding: chunked",
        b"Host: a\x80b",
        b"X-Long: " + b"a" * 9_000,
    ]
)


@st.composite
def upgrades(draw: st.DrawFn) -> bytes:
    """An upgrade request that is nearly right."""
    extra = b"".join(line + b"\r\n" for line in draw(st.lists(HEADERS, min_size=1, max_size=3)))
    path = draw(
        st.sampled_from([b"/", b"/ws?token=x", b"*", b"/%00%ff", b"http://[::1/", b"//", b"/" + b"a" * 9_000])
    )
    method = draw(st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS"]))
    return UPGRADE.replace(b"GET / ", method + b" " + path + b" ")[:-2] + extra + b"\r\n"


PAYLOADS = st.binary(max_size=140) | st.sampled_from([b"{}", b"", b"x" * 125, b"x" * 126, b"x" * 65_537])
CLOSES = st.builds(
    lambda code, reason: code.to_bytes(2, "big") + reason,
    st.sampled_from([0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 1016, 2999, 3000, 4999, 5000, 65535]),
    st.binary(max_size=125),
)


def _frames() -> st.SearchStrategy[bytes]:
    opcodes = st.integers(0, 15)
    any_frame = st.builds(
        build_frame,
        opcodes,
        PAYLOADS,
        fin=st.booleans(),
        rsv=st.sampled_from([0, 0, 0, 1, 2, 4, 7]),
        masked=st.sampled_from([True, True, True, False]),
        claims=st.none() | st.sampled_from([0, 1, 127, 65_535, 65_536, 65_537, 26_214_401, 2**63, 2**64 - 1]),
        width=st.sampled_from([0, 2, 8]),
    )
    control = st.builds(build_frame, st.sampled_from([8, 9, 10]), CLOSES | PAYLOADS)
    fragment = st.builds(build_frame, st.sampled_from([0, 1, 2]), PAYLOADS, fin=st.booleans())
    return any_frame | control | fragment | st.binary(max_size=30)


STREAMS = st.lists(_frames(), min_size=1, max_size=5).map(b"".join)
_ANY_CLOSE = [None, 1001, 1005, 1011, *range(3000, 5000), 1003, 1010, 1013, 1014]


def test_any_bytes_instead_of_the_upgrade_get_http_4xx_or_a_close(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:

        @MANY
        @given(data=requests() | upgrades(), cuts=CUTS, tail=st.binary(max_size=60))
        def example(data: bytes, cuts: list[int], tail: bytes) -> None:
            lab.run(_say_instead(lab, split(data, cuts), tail))

        example()


async def _say_instead(lab: Lab, pieces: list[bytes], tail: bytes) -> None:
    async with lab.stranger() as stranger:
        await stranger.say(*pieces, tail)
        stranger.hang_up()
        answer = await stranger.read_all()
        status = _STATUS.match(answer)
        assert status or not answer, answer
        if status:
            # 101 and 200 when what came is a valid request after all; 503 never: one socket at a time.
            assert 400 <= int(status[1]) < 500 or int(status[1]) in (100, 101, 200, 307, 308), answer
    await lab.check_unharmed()


def test_any_frames_before_the_handshake_get_a_documented_close(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:

        @MANY
        @given(stream=STREAMS, cuts=CUTS)
        def example(stream: bytes, cuts: list[int]) -> None:
            lab.run(_say_frames(lab, split(stream, cuts), handshake=False))

        example()


def test_any_frames_after_the_handshake_get_a_documented_close(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:

        @MANY
        @given(stream=STREAMS, cuts=CUTS)
        def example(stream: bytes, cuts: list[int]) -> None:
            lab.run(_say_frames(lab, split(stream, cuts), handshake=True))

        example()


async def _say_frames(lab: Lab, pieces: list[bytes], *, handshake: bool) -> None:
    async with lab.stranger() as stranger:
        if handshake:
            await stranger.connect(operator_params())
        else:
            await stranger.upgrade()
        await stranger.say(*pieces)
        stranger.hang_up()
        await stranger.listen()
    await lab.check_unharmed(_ANY_CLOSE, stranger)


def test_oversized_frames_are_refused_by_their_header(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        for handshake, size in ((False, 65_537), (True, 26_214_401), (True, 2**64 - 1)):
            lab.run(_say_too_much(lab, size, handshake=handshake))


async def _say_too_much(lab: Lab, size: int, *, handshake: bool) -> None:
    async with lab.stranger() as stranger:
        if handshake:
            await stranger.connect(operator_params())
        else:
            await stranger.upgrade()
        await stranger.say(build_frame(Opcode.TEXT, claims=size))
        await stranger.listen()
    assert stranger.close == 1009
    await lab.check_unharmed((), stranger)
