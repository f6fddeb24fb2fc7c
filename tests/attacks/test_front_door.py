"""Strangers that want memory, places, or time for guessing before they have said who they are (1.3, 17)."""

from __future__ import annotations

import json

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Opcode

from openclaw_core.store.models import AuditEvent
from openclaw_core.testing import Wire, operator_params
from tests.gateway.leftovers import assert_nothing_left, holdings
from tests.gateway.processes import GatewayProcess
from tests.gateway.raw_socket import RawSocket, encode_frame

from .evidence import assert_in_trail

pytestmark = pytest.mark.anyio

KIB_64 = 65_536


async def test_oversized_frame_before_authentication(start):
    """Refused by its header alone: the body is never held."""
    gateway = await start()
    before = holdings(gateway)
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        await raw.send(b"\x81\xff" + (2**40).to_bytes(8, "big") + bytes(4))
        opcode, data = await raw.receive()
        assert (opcode, data[:2]) == (Opcode.CLOSE, (1009).to_bytes(2, "big"))
    await assert_nothing_left(gateway, before)
    await assert_in_trail(gateway, "connect", "FRAME_TOO_LARGE", actor="unknown")


async def test_oversized_connect(start):
    gateway = await start()
    wire = await gateway.wire()
    await wire.send(json.dumps({"type": "req", "id": "1", "method": "connect", "params": " " * KIB_64}))
    assert (await wire.closed())[0] == 1009
    assert wire.events == []
    await assert_in_trail(gateway, "connect", "FRAME_TOO_LARGE", actor="unknown")


async def test_oversized_message_in_small_fragments(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        await raw.send(encode_frame(Opcode.TEXT, b" " * 40_000, fin=False))
        await raw.send(encode_frame(Opcode.CONT, b" " * 40_000))
        opcode, data = await raw.receive()
        assert (opcode, data[:2]) == (Opcode.CLOSE, (1009).to_bytes(2, "big"))
    await assert_in_trail(gateway, "connect", "FRAME_TOO_LARGE", actor="unknown")


async def test_oversized_frame_of_an_operator(start):
    gateway = await start()
    async with RawSocket.open(gateway) as raw:
        await raw.receive_json()
        hello = {"type": "req", "id": "1", "method": "connect", "params": operator_params()}
        await raw.send(encode_frame(Opcode.TEXT, json.dumps(hello).encode()))
        assert (await raw.receive_json())["ok"] is True
        await raw.send(b"\x81\xff" + (26_214_401).to_bytes(8, "big") + bytes(4))
        opcode, data = await raw.receive()
        assert (opcode, data[:2]) == (Opcode.CLOSE, (1009).to_bytes(2, "big"))
    await assert_in_trail(gateway, "frame", "FRAME_TOO_LARGE", actor="client:cli")


async def test_flood_of_sockets_that_never_authenticate(start, monkeypatch):
    monkeypatch.setenv("OPENCLAW_MAX_PREAUTH_CONNECTIONS_PER_IP", "1")
    gateway = await start()
    async with Wire.open(gateway.url):
        with pytest.raises(InvalidStatus) as refusal:
            await gateway.wire()
        assert refusal.value.response.status_code == 503
        (row,) = await gateway.server.gateway.runtime.store.load(AuditEvent)
    assert (row.kind, row.outcome, row.details) == ("upgrade", "refused", '{"code":"HTTP_503"}')


async def test_guessing_on_after_a_crash(tmp_path):
    """The lock is on disk before the last wrong guess is answered: a kill at once frees nobody."""
    state = tmp_path / "state"
    state.mkdir()
    limit = {"maxAttempts": 3, "exemptLoopback": False}
    (state / "openclaw.json").write_text(json.dumps({"gateway": {"auth": {"rateLimit": limit}}}))
    async with GatewayProcess.start(state) as gateway:
        for _ in range(3):
            answer = await (await gateway.wire()).connect(operator_params(token="guess"))
            assert answer["error"]["details"]["code"] == "AUTH_TOKEN_MISMATCH"
        await gateway.kill()
    async with GatewayProcess.start(state) as gateway:
        wire = await gateway.wire()
        error = (await wire.connect(operator_params(token=gateway.token)))["error"]
        assert error["details"]["code"] == "AUTH_RATE_LIMITED"
        assert 240_000 < error["retryAfterMs"] <= 300_000
        assert (await wire.closed())[0] == 1008
        await gateway.stop()
