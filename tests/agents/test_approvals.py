"""What harms is run only after a person agreed: in the agent's own client, or at a terminal."""

from __future__ import annotations

import asyncio
import os

import pytest
from mcp_types import ElicitResult, ErrorData

from openclaw_core.mcp import approval
from openclaw_core.testing import PATIENCE_SECONDS
from tests.gateway.leftovers import until

from .conftest import by_http, by_stdio, tool_name

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

NO_APPROVALS = ["operator.read", "operator.write"]


def person(action: str, asked: list[str]):
    """Someone at the agent's client who always says the same."""

    async def answer(_ctx, params):
        asked.append(params.message)
        return ElicitResult(action=action, content={} if action == "accept" else None)

    return answer


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_person_at_the_client_is_asked(connect, start_node, gateway, mode):
    await start_node()
    asked: list[str] = []
    async with connect(mode=mode, elicitation_callback=person("accept", asked)) as client:
        done = await client.call_tool(await tool_name(client, "demo.erase"), {"text": "disk"})
        assert done.structured_content == {"text": "erased disk"}
        assert asked == ['Allow demo.erase (Erase what is named) on Desk?\n\n{\n  "text": "disk"\n}']
        await client.call_tool(await tool_name(client, "demo.picture"), {})
        assert len(asked) == 1
    events = (await (await gateway.operator()).call("audit.list", {"kinds": ["tool.confirm"]}))["events"]
    assert [event["details"]["command"] for event in events] == ["demo.erase"]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("word", ["decline", "cancel"])
async def test_a_no_is_a_no(gateway, start_node, mode, word):
    await start_node()
    async with by_http(gateway)(mode=mode, elicitation_callback=person(word, [])) as client:
        refused = await client.call_tool(await tool_name(client, "demo.erase"), {"text": "disk"})
        assert refused.is_error
        assert refused.content[0].text == "the person said no to demo.erase on Desk. It was not run."


async def test_a_word_outlives_a_lost_connection_to_the_gateway(gateway, start_node):
    await start_node()
    served = gateway.server.gateway

    def seats():
        return {each for each in served.connections if each.caller.client_id == "gateway-client"}

    async def lose_the_gateway(_ctx, _params):
        (seat,) = seats()
        seat.close(1012, "service restart")
        await until(lambda: bool(seats() - {seat}), "the agent has its seat again")
        return ElicitResult(action="accept", content={})

    async with by_http(gateway)(mode="legacy", elicitation_callback=lose_the_gateway) as client:
        done = await client.call_tool(await tool_name(client, "demo.erase"), {"text": "disk"})
        assert done.structured_content == {"text": "erased disk"}


async def test_a_client_that_cannot_ask_after_all_leaves_it_to_the_gateway(gateway, start_node):
    await start_node()

    async def fail(_ctx, _params):
        return ErrorData(code=-32603, message="no window to show it in")

    async with by_http(gateway)(mode="legacy", elicitation_callback=fail) as client:
        refused = await client.call_tool(await tool_name(client, "demo.erase"), {"text": "disk"})
        assert refused.is_error
        assert "openclaw approvals approve" in refused.content[0].text


async def test_a_person_who_does_not_answer_is_no_yes(gateway, start_node, monkeypatch):
    monkeypatch.setattr(approval, "_PATIENCE_S", 0.05)
    await start_node()

    async def think(_ctx, _params):
        await asyncio.get_running_loop().create_future()

    async with by_http(gateway)(mode="legacy", elicitation_callback=think) as client:
        refused = await client.call_tool(await tool_name(client, "demo.erase"), {"text": "disk"})
        text = "the person did not answer in time about demo.erase on Desk. It was not run."
        assert refused.content[0].text == text


async def test_a_long_run_of_a_real_program_is_cancelled(connect, start_node, tmp_path):
    await start_node()
    started = asyncio.Event()

    async def hear(_progress, _total, _message):
        started.set()

    async with connect(elicitation_callback=person("accept", [])) as client:
        name = await tool_name(client, "system.run")
        script = f"echo $$ > {tmp_path}/pid; echo started; exec sleep 60"
        args = {"command": ["sh", "-c", script], "timeoutMs": 60_000}
        call = asyncio.create_task(client.call_tool(name, args, progress_callback=hear))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait({call, asyncio.create_task(started.wait())}, return_when="FIRST_COMPLETED")
        assert not call.done(), call.result()
        pid = int((tmp_path / "pid").read_text())
        call.cancel()
        await gone(pid)
        await asyncio.wait({call})


async def test_without_a_way_to_ask_it_waits_at_the_gateway(connect, start_node, gateway):
    await start_node()
    operator = await gateway.operator()
    async with connect() as client:
        name = await tool_name(client, "demo.erase")
        refused = await client.call_tool(name, {"text": "disk"})
        asked = (await operator.event("plugin.approval.requested"))["payload"]
        assert refused.is_error
        assert f"openclaw approvals approve {asked['id']}" in refused.content[0].text
        assert asked["request"]["detail"] == '{"text":"disk"}'
        # Not for something else, not for somebody else's sake, and only once.
        await operator.call("plugin.approval.resolve", {"id": asked["id"], "decision": "allow-once"})
        other = await client.call_tool(name, {"text": "tape"})
        assert "needs a person's approval" in other.content[0].text
        assert (await client.call_tool(name, {"text": "disk"})).structured_content == {"text": "erased disk"}
        assert (await client.call_tool(name, {"text": "disk"})).is_error
        (tape, disk) = await operator.call("plugin.approval.list")
        assert (tape["request"]["detail"], disk["request"]["detail"]) == (
            '{"text":"tape"}',
            '{"text":"disk"}',
        )
        await operator.call("plugin.approval.resolve", {"id": tape["id"], "decision": "deny"})
        denied = await client.call_tool(name, {"text": "tape"})
        assert denied.content[0].text == "a person denied demo.erase on Desk; it was not run"


async def test_a_seat_that_may_not_approve_does_not_ask_its_own_person(gateway, start_node, env):
    await start_node()
    flags = [word for scope in NO_APPROVALS for word in ("--scope", scope)]
    asked: list[str] = []
    for connect in (
        by_http(gateway, **{"X-OpenClaw-Scopes": ", ".join(NO_APPROVALS)}),
        by_stdio(env, *flags),
    ):
        async with connect(elicitation_callback=person("accept", asked)) as client:
            refused = await client.call_tool(await tool_name(client, "demo.erase"), {"text": "disk"})
            assert "openclaw approvals approve" in refused.content[0].text
    assert asked == []
