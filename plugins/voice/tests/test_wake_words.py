"""The wake words of a gateway, over real sockets (PROTOCOL 20.1, 3.1)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openclaw_voice import Voice
from openclaw_voice.gateway.wake_words import clean_triggers

from openclaw_core.testing import TestGateway, plugins_of

pytestmark = pytest.mark.anyio

DEFAULTS = ["openclaw", "claude", "computer"]
ROUTING = {"version": 1, "defaultTarget": {"mode": "current"}, "routes": [], "updatedAtMs": 0}


def gateway_in(directory: Path) -> TestGateway:
    return TestGateway(directory, plugins_of(extra=[Voice()]))


@pytest.mark.covers("voicewake.get", "voicewake.set", "voicewake.changed")
async def test_a_change_is_answered_broadcast_and_pushed_to_every_node(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gateway:
        approved, _ = await gateway.node(["talk.ptt.start"])
        waiting, _ = await gateway.node(["talk.ptt.start"], approve=False)
        reader, writer = await gateway.operator(["operator.read"]), await gateway.operator()
        pairing = await gateway.operator(["operator.pairing"])
        assert await reader.call("voicewake.get") == {"triggers": DEFAULTS}
        answer = await writer.call("voicewake.set", {"triggers": ["  hey computer ", "", " "]})
        assert answer == {"triggers": ["hey computer"]}
        for operator in (reader, writer):
            event = await operator.event("voicewake.changed")
            assert event["payload"] == answer
            assert event["seq"] >= 1
        for node in (approved, waiting):
            pushed = await node.event("voicewake.changed", lambda payload: payload == answer)
            assert "seq" not in pushed
        await pairing.call("node.pair.list")
        assert not [frame for frame in pairing.events if frame["event"].startswith("voicewake")]


@pytest.mark.covers("voicewake.changed", "voicewake.routing.changed", "voicewake.routing.get")
async def test_a_node_learns_them_right_after_its_hello(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gateway:
        node, _ = await gateway.node(["talk.ptt.start"], approve=False)
        first, second = await node.receive(), await node.receive()
        assert first == {"type": "event", "event": "voicewake.changed", "payload": {"triggers": DEFAULTS}}
        changed = {"config": ROUTING}
        assert second == {"type": "event", "event": "voicewake.routing.changed", "payload": changed}
        operator = await gateway.operator(["operator.read"])
        assert await operator.call("voicewake.routing.get") == changed


async def test_they_survive_a_restart(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gateway:
        await (await gateway.operator()).call("voicewake.set", {"triggers": ["red robin"]})
    async with gateway_in(tmp_path) as gateway:
        operator = await gateway.operator()
        assert await operator.call("voicewake.get") == {"triggers": ["red robin"]}
        node, _ = await gateway.node(["talk.ptt.start"])
        assert (await node.event("voicewake.changed"))["payload"] == {"triggers": ["red robin"]}
        assert await operator.call("voicewake.set", {"triggers": []}) == {"triggers": DEFAULTS}
    async with gateway_in(tmp_path) as gateway:
        assert await (await gateway.operator()).call("voicewake.get") == {"triggers": DEFAULTS}


async def test_who_may_not(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gateway:
        reader = await gateway.operator(["operator.read"])
        refused = (await reader.request("voicewake.set", {"triggers": ["a b"]}))["error"]
        assert (refused["code"], refused["message"]) == ("FORBIDDEN", "missing scope: operator.write")
        node, _ = await gateway.node(["talk.ptt.start"])
        refused = (await node.request("voicewake.get"))["error"]
        assert (refused["code"], refused["message"]) == ("INVALID_REQUEST", "unauthorized role: node")
        writer = await gateway.operator()
        for params, problem in (
            ({}, "triggers"),
            ({"triggers": "a"}, "triggers"),
            ({"triggers": [1]}, "triggers"),
        ):
            refused = (await writer.request("voicewake.set", params))["error"]
            assert refused["code"] == "INVALID_REQUEST"
            assert problem in refused["message"]


@given(st.lists(st.text(max_size=90), max_size=40))
async def test_cleaned_words_are_few_short_trimmed_and_stay_as_they_are(triggers: list[str]) -> None:
    cleaned = clean_triggers(triggers)
    assert 1 <= len(cleaned) <= 32
    for word in cleaned:
        assert word.strip()
        assert len(word.encode("utf-16-le", "surrogatepass")) <= 128
    assert cleaned == DEFAULTS or all(any(word in item for item in triggers) for word in cleaned)


@pytest.mark.parametrize(
    ("given_words", "kept"),
    [
        ([], DEFAULTS),
        (["", "  "], DEFAULTS),
        ([f" w{n} " for n in range(40)], [f"w{n}" for n in range(32)]),
        (["x" * 70], ["x" * 64]),
        (["x" * 63 + "\N{ROBOT FACE}"], ["x" * 63]),
        (["Hey Robot", "hey robot"], ["Hey Robot", "hey robot"]),
    ],
)
async def test_cleaning(given_words: list[str], kept: list[str]) -> None:
    assert clean_triggers(given_words) == kept
