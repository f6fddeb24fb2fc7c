"""Before the upgrade, and plain HTTP on the same port: PROTOCOL 1.1 to 1.3."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from openclaw_core.testing import PATIENCE_SECONDS

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def tcp(gateway):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def everything(reader):
    """What comes until the gateway hangs up."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        try:
            return await reader.read(-1)
        except ConnectionResetError:
            return b""


async def get(gateway, path, method="GET"):
    async with tcp(gateway) as (reader, writer):
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await everything(reader)).partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("path", ["/health", "/healthz"])
async def test_health(start, path):
    status, body = await get(await start(), path)
    assert (status, orjson.loads(body)) == (200, {"ok": True, "status": "live"})


@pytest.mark.parametrize("path", ["/ready", "/readyz"])
async def test_ready(start, path):
    status, body = await get(await start(), path)
    answer = orjson.loads(body)
    assert status == 200
    assert answer.pop("uptimeMs") >= 0
    assert answer.pop("eventLoop")["degraded"] is False
    assert answer == {"ready": True, "failing": []}


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/health", 405)])
async def test_other_requests(start, method, path, status):
    assert (await get(await start(), path, method))[0] == status


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: gate",
        b"GET /health HTTP/1.1\r\nHost: g\r\n\r\nGET / HTTP/1.1\r\nHost: gate",
    ],
)
async def test_a_peer_that_does_not_finish_its_request_is_dropped(start, data):
    gateway = await start({"handshakeTimeoutMs": 50})
    async with tcp(gateway) as (reader, writer):
        writer.write(data)
        answer = await everything(reader)
    assert answer.startswith(b"HTTP/1.1 200") == data.startswith(b"GET /health")


async def test_a_head_without_end_is_dropped(start):
    gateway = await start()
    async with tcp(gateway) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        writer.write(b"X-Pad: %b\r\n" % (b"x" * 1_000) * 1_000)
        assert await everything(reader) == b""


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: g\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    ],
)
async def test_an_upgrade_against_the_rules(start, request_head):
    gateway = await start()
    async with tcp(gateway) as (reader, writer):
        writer.write(request_head)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert int((await reader.readline()).split()[1]) in (400, 426)
    assert not gateway.server.gateway.door
