"""`tools.catalog`, `tools.invoke` and a person's word, as operators use them."""

import pytest

from openclaw_core.services.tool_approvals import LIFETIME_MS
from openclaw_core.testing import FakeClock, FakeDevice

from .invoking import finish, respond

pytestmark = pytest.mark.anyio

READING = ["operator.read"]
WRITING = ["operator.read", "operator.write"]
OFFERED = ["demo.echo", "demo.hidden", "demo.root", "foreign.thing"]
FOREIGN = {"nodes.commands.allow": ["foreign.thing", "demo.risky"]}


async def entries(operator, **params):
    groups = (await operator.call("tools.catalog", {"includeSchemas": True, **params}))["groups"]
    return {tool["command"]: tool for group in groups for tool in group["tools"]}


@pytest.mark.covers("tools.catalog")
async def test_the_catalog_is_as_published_and_has_more_when_asked(start):
    gateway = await start(FOREIGN)
    _, node_id = await gateway.node(OFFERED)
    operator = await gateway.operator(READING)
    plain = await operator.call("tools.catalog", {"agentId": "a"})
    (group,) = plain.pop("groups")
    assert plain == {"agentId": "a", "profiles": []}
    assert (group["id"], group["label"], group["source"]) == (node_id, "Test Node", "plugin")
    assert {tool["id"]: tool["risk"] for tool in group["tools"]} == {
        f"test_node_{node_id[:6]}__demo-echo": "medium",
        f"test_node_{node_id[:6]}__demo-root": "medium",
        f"test_node_{node_id[:6]}__foreign-thing": "high",
    }
    published = {"id", "label", "description", "source", "pluginId", "risk", "defaultProfiles"}
    assert all(set(tool) <= published for tool in group["tools"])
    full = await entries(operator)
    assert full["demo.echo"]["inputSchema"]["required"] == ["text"]
    assert full["demo.echo"]["needsApproval"] is False
    assert full["foreign.thing"]["inputSchema"]["additionalProperties"] is True
    assert full["foreign.thing"]["needsApproval"] is True
    assert (await operator.call("tools.catalog", {"includePlugins": False}))["groups"] == []


async def test_two_nodes_of_one_name_have_tools_of_their_own(start):
    gateway = await start()
    first, second = FakeDevice(), FakeDevice()
    for device in (first, second):
        await gateway.node(["demo.echo"], device=device)
    groups = (await (await gateway.operator()).call("tools.catalog"))["groups"]
    assert {group["tools"][0]["id"] for group in groups} == {
        f"test_node_{device.device_id[:6]}__demo-echo" for device in (first, second)
    }


async def test_a_long_catalog_comes_in_pages_that_repeat_and_hide_nothing(start):
    gateway = await start(FOREIGN)
    devices = [FakeDevice() for _ in range(3)]
    for device in devices:
        await gateway.node(OFFERED, device=device)
    operator = await gateway.operator(READING)
    groups = (await operator.call("tools.catalog"))["groups"]
    whole = [tool["id"] for group in groups for tool in group["tools"]]
    assert len(whole) == 9
    seen, cursor = [], {}
    while True:
        page = await operator.call("tools.catalog", {"limit": 2, **cursor})
        seen += [tool["id"] for group in page["groups"] for tool in group["tools"]]
        if len(seen) == 4:
            # Where the page ended there is nothing any more.
            ended = page["groups"][-1]["id"]
            await (await gateway.operator()).call("node.pair.remove", {"nodeId": ended})
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    kept = [name for name in whole if f"_{ended[:6]}__" not in name]
    assert [name for name in seen if name in kept] == kept
    assert len(seen) == len(set(seen))

    (one,) = (await operator.call("tools.catalog", {"name": kept[0], "includeSchemas": True}))["groups"]
    assert [tool["id"] for tool in one["tools"]] == [kept[0]]
    for cursor in ("nonsense", "WzEsMiwzXQ=="):
        refused = await operator.request("tools.catalog", {"cursor": cursor})
        told = f"cursor '{cursor}' is none of this list; begin again without one"
        assert refused["error"]["message"] == told


@pytest.mark.covers("tools.invoke")
async def test_a_tool_is_called_by_its_name(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo"])
    operator = await gateway.operator(WRITING)
    name = (await entries(operator))["demo.echo"]["id"]
    asked = await operator.post("tools.invoke", {"name": name, "args": {"text": "hi"}, "idempotencyKey": "k"})
    request = await respond(node, node_id, ok=True, payload={"text": "ho"})
    assert (request["command"], request["idempotencyKey"]) == ("demo.echo", "k")
    done = await finish(operator, asked)
    assert done["payload"] == {"ok": True, "toolName": name, "output": {"text": "ho"}, "source": "plugin"}


async def test_what_fails_at_the_tool_is_in_the_result(start):
    gateway = await start()
    await gateway.node(["demo.echo"])
    operator = await gateway.operator(WRITING)
    name = (await entries(operator))["demo.echo"]["id"]
    absent = await operator.call("tools.invoke", {"name": "absent"})
    assert (absent["ok"], absent["error"]["code"]) == (False, "TOOL_NOT_FOUND")
    wrong = await operator.call("tools.invoke", {"name": name, "args": {"text": 1}})
    assert wrong["error"]["message"] == "invalid demo.echo params: at /text: must be string (got 1)"


async def test_scopes_are_those_of_the_command(start):
    gateway = await start()
    await gateway.node(["demo.echo", "demo.root"])
    reader, writer = await gateway.operator(READING), await gateway.operator(WRITING)
    tools = await entries(reader)
    refused = await reader.request("tools.invoke", {"name": tools["demo.echo"]["id"]})
    assert refused["error"]["details"]["missingScope"] == "operator.write"
    refused = await writer.request("tools.invoke", {"name": tools["demo.root"]["id"]})
    assert refused["error"]["details"]["missingScope"] == "operator.admin"


@pytest.mark.covers(
    "plugin.approval.list",
    "plugin.approval.resolve",
    "plugin.approval.requested",
    "plugin.approval.resolved",
)
async def test_a_word_is_for_one_call_of_one_caller_and_once(start):
    gateway = await start(FOREIGN)
    node, node_id = await gateway.node(["demo.risky"])
    agent, admin = await gateway.operator(WRITING), await gateway.operator()
    call = {"name": (await entries(agent))["demo.risky"]["id"], "args": {"a": 1, "b": 2}}
    refused = await agent.call("tools.invoke", call)
    assert (refused["ok"], refused["requiresApproval"]) == (False, True)
    asked = (await admin.event("plugin.approval.requested"))["payload"]
    assert asked["id"] == refused["approvalId"]
    # Asked again, it is the same question.
    assert (await agent.call("tools.invoke", call))["approvalId"] == asked["id"]
    assert [row["id"] for row in await admin.call("plugin.approval.list")] == [asked["id"]]
    for method, params in (("list", {}), ("resolve", {"id": asked["id"], "decision": "allow-once"})):
        denied = await agent.request(f"plugin.approval.{method}", params)
        assert denied["error"]["details"]["missingScope"] == "operator.approvals"
    confirmed = await agent.request("tools.invoke", {**call, "confirm": True})
    assert confirmed["error"]["details"]["missingScope"] == "operator.approvals"

    decision = {"id": asked["id"], "decision": "allow-once"}
    always = await admin.request("plugin.approval.resolve", {**decision, "decision": "allow-always"})
    assert always["error"]["message"].endswith("is not possible here; use allow-once or deny")
    await admin.call("plugin.approval.resolve", decision)
    assert (await admin.event("plugin.approval.resolved"))["payload"]["decision"] == "allow-once"
    assert await admin.call("plugin.approval.resolve", decision) == {"ok": True}
    refused = await admin.request("plugin.approval.resolve", {**decision, "decision": "deny"})
    assert refused["error"]["message"].startswith(f"approval {asked['id']} is decided already: allow-once")
    running = await agent.post("tools.invoke", {**call, "args": {"b": 2, "a": 1}})
    await respond(node, node_id, ok=True, payload={})
    assert (await finish(agent, running))["payload"]["ok"] is True
    assert (await agent.call("tools.invoke", call))["requiresApproval"] is True
    kinds = (await admin.call("audit.list", {"kinds": ["tool.ask", "tool.approval"]}))["events"]
    assert [event["kind"] for event in kinds].count("tool.approval") == 1


async def test_a_question_expires(start):
    clock = FakeClock()
    gateway = await start(FOREIGN, now_ms=clock)
    await gateway.node(["demo.risky"])
    operator = await gateway.operator()
    call = {"name": (await entries(operator))["demo.risky"]["id"]}
    asked = (await operator.call("tools.invoke", call))["approvalId"]
    clock.advance(LIFETIME_MS)
    refused = await operator.request("plugin.approval.resolve", {"id": asked, "decision": "allow-once"})
    assert refused["error"]["details"]["code"] == "APPROVAL_NOT_FOUND"
    assert await operator.call("plugin.approval.list") == []
    assert (await operator.call("tools.invoke", call))["approvalId"] != asked


async def test_the_call_outlasts_the_commands_own_limit(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator(WRITING)
    name = (await entries(operator))["demo.any"]["id"]
    for params, expected in (
        ({"args": {"timeoutMs": 600_000}}, 605_000),
        ({"args": {"timeoutMs": 5}}, 30_000),
        ({"args": {"timeoutMs": 600_000}, "timeoutMs": 20_000}, 20_000),
    ):
        asked = await operator.post("tools.invoke", {"name": name, **params})
        request = await respond(node, node_id, ok=True, payload={})
        assert request["timeoutMs"] == expected
        await finish(operator, asked)


@pytest.mark.interop
async def test_answers_are_as_published(start):
    from tests.protocol.test_schema import checker

    gateway = await start(FOREIGN)
    node, node_id = await gateway.node(OFFERED)
    operator = await gateway.operator(WRITING)
    checker("ToolsCatalogResult", published=True)(await operator.call("tools.catalog"))
    tools = await entries(operator)
    running = await operator.post("tools.invoke", {"name": tools["demo.echo"]["id"], "args": {"text": "a"}})
    await respond(node, node_id, ok=True, payload={"text": "b"})
    answers = [(await finish(operator, running))["payload"]]
    answers.append(await operator.call("tools.invoke", {"name": tools["foreign.thing"]["id"]}))
    answers.append(await operator.call("tools.invoke", {"name": "absent"}))
    for given in answers:
        checker("ToolsInvokeResult", published=True)(given)
    assert [given["ok"] for given in answers] == [True, False, False]
