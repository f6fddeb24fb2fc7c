"""`talk.event` and `talk.mode`, over real sockets (PROTOCOL 20.2)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from openclaw_voice import Voice
from openclaw_voice.gateway.talk_events import TalkEvents

from openclaw_core.testing import FakeClock, FakeDevice, TestGateway, Wire, operator_params, plugins_of

pytestmark = pytest.mark.anyio

COMMANDS = ["talk.ptt.cancel", "talk.ptt.once", "talk.ptt.start", "talk.ptt.stop"]


def gateway_in(directory: Path, clock: FakeClock) -> TestGateway:
    return TestGateway(directory, plugins_of(extra=[Voice(clock)]))


async def invoke(operator: Wire, node: Wire, node_id: str, command: str, answer: dict[str, Any]) -> Any:
    """Have the node do a command and answer so; the operator's response frame."""
    params = {"nodeId": node_id, "command": command, "idempotencyKey": json.dumps([command, answer])}
    asked = asyncio.create_task(operator.request("node.invoke", params))
    request = (await node.event("node.invoke.request"))["payload"]
    await node.call("node.invoke.result", {"id": request["id"], "nodeId": node_id, **answer})
    return await asked


def done(**payload: Any) -> dict[str, Any]:
    return {"ok": True, "payloadJSON": json.dumps(payload)}


@pytest.mark.covers("talk.event")
async def test_each_step_of_a_capture_is_told(tmp_path: Path) -> None:
    clock = FakeClock()
    async with gateway_in(tmp_path, clock) as gateway:
        node, node_id = await gateway.node(COMMANDS, caps=["talk"])
        operator, reader = await gateway.operator(), await gateway.operator(["operator.read"])
        pairing = await gateway.operator(["operator.pairing"])
        await invoke(operator, node, node_id, "talk.ptt.start", done(captureId="c 1"))
        clock.advance(1_500)
        stopped = done(captureId="c 1", transcript="what time is it", status="queued")
        await invoke(operator, node, node_id, "talk.ptt.stop", stopped)
        first = (await reader.event("talk.event"))["payload"]
        second = (await reader.event("talk.event"))["payload"]
        session = f"node:{node_id}:talk:c 1"
        assert first == {
            "nodeId": node_id,
            "command": "talk.ptt.start",
            "talkEvent": {
                "id": f"{session}:1",
                "type": "capture.started",
                "sessionId": session,
                "captureId": "c 1",
                "seq": 1,
                "timestamp": first["talkEvent"]["timestamp"],
                "mode": "stt-tts",
                "transport": "managed-room",
                "brain": "agent-consult",
                "final": False,
                "payload": {"nodeId": node_id, "command": "talk.ptt.start"},
            },
        }
        event = second["talkEvent"]
        assert (event["id"], event["seq"], event["type"], event["final"]) == (
            f"{session}:2",
            2,
            "capture.stopped",
            True,
        )
        assert event["payload"]["transcript"] == "what time is it"
        assert event["payload"]["status"] == "queued"
        assert event["timestamp"].endswith("Z")
        await pairing.call("node.pair.list")
        assert "talk.event" not in [frame["event"] for frame in pairing.events]


async def test_a_command_that_failed_makes_no_event(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, FakeClock()) as gateway:
        node, node_id = await gateway.node(COMMANDS, caps=["talk"])
        operator = await gateway.operator()
        refusal = {"code": "MIC_PERMISSION_REQUIRED", "message": "no microphone for this user"}
        frame = await invoke(operator, node, node_id, "talk.ptt.start", {"ok": False, "error": refusal})
        assert frame["error"]["message"] == "MIC_PERMISSION_REQUIRED: no microphone for this user"
        await invoke(operator, node, node_id, "talk.ptt.cancel", done(captureId="c", status="cancelled"))
        event = (await operator.event("talk.event"))["payload"]["talkEvent"]
        assert (event["type"], event["seq"], event["final"]) == ("capture.cancelled", 1, True)


async def test_once_is_final_and_sessions_count_for_themselves() -> None:
    events = TalkEvents(FakeClock())
    for _ in range(2):
        once = events.make("n", "talk.ptt.once", {"captureId": "a", "transcript": " ", "status": "empty"})
    other = events.make("n", "talk.ptt.once", {"captureId": "b"})
    assert [once["talkEvent"]["seq"], other["talkEvent"]["seq"]] == [2, 1]
    assert once["talkEvent"]["type"] == "capture.once"
    assert once["talkEvent"]["payload"] == {"nodeId": "n", "command": "talk.ptt.once", "status": "empty"}
    nameless = events.make("n", "talk.ptt.stop", None)["talkEvent"]
    assert nameless["sessionId"] == f"node:n:talk:{nameless['captureId']}"


@pytest.mark.covers("talk.mode")
async def test_the_mode_is_answered_and_broadcast_to_those_who_talk(tmp_path: Path) -> None:
    clock = FakeClock()
    async with gateway_in(tmp_path, clock) as gateway:
        talker = await gateway.operator(["operator.talk"])
        writer, reader = await gateway.operator(["operator.write"]), await gateway.operator(["operator.read"])
        answer = await talker.call("talk.mode", {"enabled": True, "phase": "listening"})
        assert answer == {"enabled": True, "phase": "listening", "ts": clock()}
        assert (await talker.event("talk.mode"))["payload"] == answer
        assert (await writer.event("talk.mode"))["payload"] == answer
        assert (await writer.call("talk.mode", {"enabled": False}))["phase"] is None
        refused = (await reader.request("talk.mode", {"enabled": True}))["error"]
        assert (refused["code"], refused["message"]) == ("FORBIDDEN", "missing scope: operator.talk")
        assert "talk.mode" not in [frame["event"] for frame in reader.events]
        bad = (await talker.request("talk.mode", {"enabled": "yes"}))["error"]
        assert bad["code"] == "INVALID_REQUEST"
        assert "/enabled" in bad["message"]


async def test_a_web_chat_needs_a_node_that_talks(tmp_path: Path) -> None:
    async with gateway_in(tmp_path, FakeClock()) as gateway:
        chat = await gateway.wire()
        params = operator_params(client={"id": "webchat", "mode": "webchat"})
        assert (await chat.connect(params, FakeDevice()))["ok"]
        refused = (await chat.request("talk.mode", {"enabled": True}))["error"]
        assert refused["code"] == "UNAVAILABLE"
        assert refused["message"] == "talk disabled: no connected Talk-capable nodes"
        await gateway.node(COMMANDS, caps=["talk"])
        assert (await chat.call("talk.mode", {"enabled": True}))["enabled"] is True
