"""An open connection: answers, errors, events, and what happens when it ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from openclaw_core.client import Connection, ConnectOptions, connect
from openclaw_core.errors import (
    ForbiddenError,
    InvalidRequestError,
    NotPairedError,
    RpcError,
    UnavailableError,
)
from tests.client.stub import WAIT_S, Peer, StubGateway, hello

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(on_event: Any = None, **grant: Any) -> AsyncIterator[tuple[Connection, Peer]]:
    async with StubGateway(lambda _params: hello(**grant)) as gateway:
        connection = await connect(ConnectOptions(url=gateway.url), on_event)
        yield connection, await gateway.peer()
        await connection.close()


async def test_answers_find_their_requests_in_any_order() -> None:
    async with connected() as (connection, peer):
        calls = [asyncio.ensure_future(connection.request(f"m{i}", {"i": i})) for i in range(3)]
        requests = [await peer.receive(f"m{i}") for i in range(3)]
        for request in reversed(requests):
            await peer.reply(request, request["params"])
        assert await asyncio.gather(*calls) == [{"i": 0}, {"i": 1}, {"i": 2}]
        assert len({request["id"] for request in requests}) == 3


async def test_no_params_are_not_sent() -> None:
    async with connected() as (connection, peer):
        call = asyncio.ensure_future(connection.request("node.list"))
        request = await peer.receive("node.list")
        assert "params" not in request
        await peer.reply(request, None)
        assert await call is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_REQUEST", InvalidRequestError),
        ("NOT_PAIRED", NotPairedError),
        ("FORBIDDEN", ForbiddenError),
        ("UNAVAILABLE", UnavailableError),
        ("APPROVAL_NOT_FOUND", RpcError),
    ],
)
async def test_an_error_becomes_its_class(code: str, kind: type[RpcError]) -> None:
    error = {"code": code, "message": "no", "details": {"code": "WHY"}, "retryable": True, "retryAfterMs": 5}
    async with connected() as (connection, peer):
        call = asyncio.ensure_future(connection.request("x"))
        await peer.refuse(await peer.receive("x"), error)
        with pytest.raises(kind) as caught:
            await call
        assert type(caught.value) is kind
        assert caught.value.to_wire() == error


async def test_a_malformed_error_is_still_an_error() -> None:
    async with connected() as (connection, peer):
        call = asyncio.ensure_future(connection.request("x"))
        request = await peer.receive("x")
        await peer.send({"type": "res", "id": request["id"], "ok": False})
        with pytest.raises(UnavailableError, match="no reason"):
            await call


async def test_a_socket_that_ends_fails_what_is_in_flight() -> None:
    async with connected() as (connection, peer):
        call = asyncio.ensure_future(connection.request("x"))
        await peer.receive("x")
        await peer.socket.close(4001, "device removed")
        with pytest.raises(UnavailableError, match="4001 device removed") as caught:
            await call
        lost = {"code": "CONNECTION_LOST", "closeCode": 4001, "closeReason": "device removed"}
        assert caught.value.details == lost
        assert await connection.wait_closed() == (4001, "device removed")
        with pytest.raises(UnavailableError) as caught:
            await connection.request("later")
        assert caught.value.details == lost


async def test_a_cut_line_is_1006() -> None:
    async with connected() as (connection, peer):
        peer.socket.transport.abort()
        assert await connection.wait_closed() == (1006, "")


async def test_a_lost_answer_times_out_and_the_connection_stays() -> None:
    async with connected() as (connection, peer):
        with pytest.raises(UnavailableError, match="did not answer slow within 20 ms") as caught:
            await connection.request("slow", timeout_ms=20)
        assert caught.value.details == {"code": "REQUEST_TIMEOUT", "method": "slow"}
        await peer.reply(await peer.receive("slow"), "too late")
        call = asyncio.ensure_future(connection.request("next", timeout_ms=None))
        await peer.reply(await peer.receive("next"), 1)
        assert await call == 1


async def test_events_arrive_in_order_and_a_failing_handler_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[tuple[str, Any]] = []
    done = asyncio.Event()

    def on_event(event: str, payload: Any) -> None:
        seen.append((event, payload))
        if event == "last":
            done.set()
        raise RuntimeError("handler fault")

    async with connected(on_event) as (_connection, peer):
        for number in range(5):
            await peer.event("demo", number)
        await peer.event("last", None)
        await asyncio.wait_for(done.wait(), WAIT_S)
    assert seen == [*(("demo", number) for number in range(5)), ("last", None)]
    assert "handler of event 'demo' failed" in caplog.text


async def test_frames_nobody_understands_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    async with connected() as (connection, peer):
        with caplog.at_level(logging.WARNING):
            for text in ("not json", "[]", "7", '{"type":"res","id":"999","ok":true}', '{"type":"new"}'):
                await peer.socket.send(text)
            call = asyncio.ensure_future(connection.request("x"))
            await peer.reply(await peer.receive("x"), "fine")
            assert await call == "fine"
    assert "not JSON" in caplog.text


async def test_a_frame_above_the_limit_never_leaves() -> None:
    async with connected(max_payload=1_000) as (connection, peer):
        with pytest.raises(InvalidRequestError, match="the gateway takes 1000") as caught:
            await connection.request("big", {"text": "x" * 1_000})
        assert (caught.value.details or {})["code"] == "PAYLOAD_TOO_LARGE"
        call = asyncio.ensure_future(connection.request("small"))
        await peer.reply(await peer.receive("small"), 1)
        assert await call == 1


async def test_a_silent_gateway_is_left_after_two_ticks() -> None:
    async with connected(tick_ms=20) as (connection, peer):
        assert await peer.drain() == (4000, "tick timeout")
        assert await connection.wait_closed() == (4000, "tick timeout")


async def test_close_is_normal_and_may_be_repeated() -> None:
    async with connected() as (connection, peer):
        await connection.close()
        await connection.close()
        assert await peer.drain() == (1000, "")
