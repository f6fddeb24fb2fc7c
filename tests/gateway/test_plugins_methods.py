"""RPC methods and events that a family adds: `openclaw_methods`, `MethodContext`, `Family.events`."""

import pytest
from pydantic import BaseModel

from openclaw_core import Command, Family, hookimpl
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.hookspecs import RpcMethod

from .conftest import Anything
from .invoking import assert_audited, assert_settled, failure, finish, invoke, respond

pytestmark = pytest.mark.anyio

READER = ["operator.read"]
APPROVER = ["operator.read", "operator.approvals"]


class Target(BaseModel, extra="forbid"):
    node: str
    command: str = "lamp.secret"
    budget: int | None = None


class Lamp:
    @hookimpl
    def openclaw_family(self):
        secret = Command(
            "lamp.secret", Anything, Anything, platforms=ALL_PLATFORMS, private="node.invoke: use lamp.light"
        )
        plain = Command("lamp.plain", Anything, Anything, platforms=ALL_PLATFORMS)
        return Family("lamp", "Lamp", (secret, plain), events={"lamp.lit": "operator.approvals"})

    @hookimpl
    def openclaw_methods(self):
        def method(name, scope, handler):
            return RpcMethod(name, scope, Target, handler)

        return [
            method("lamp.light", "operator.write", self.light),
            method("lamp.tell", "operator.read", self.tell),
            method("lamp.stray", "operator.read", self.stray),
            method("lamp.break", "operator.read", self.fail),
            method("lamp.object", "operator.read", self.give_object),
            method("lamp.crowd", "operator.read", self.crowd),
        ]

    async def light(self, args, context):
        payload = await context.invoke_node(args.node, args.command, {"on": True}, args.budget)
        return {"lit": payload, "by": context.caller.client_id}

    async def tell(self, args, context):
        context.broadcast("lamp.lit", {"node": args.node})
        return {}

    async def stray(self, args, context):
        context.broadcast("lamp.unregistered", {"node": args.node})
        return {}

    async def fail(self, args, context):
        raise RuntimeError("secret of the family")

    async def give_object(self, args, context):
        return {"not": object()}

    async def crowd(self, args, context):
        return {"scopes": sorted(len(caller.scopes) for caller in context.operators)}


async def test_method_reaches_its_private_command(start):
    gateway = await start(extra=[Lamp()])
    node, node_id = await gateway.node(["lamp.secret"])
    operator = await gateway.operator()
    assert (await invoke(operator, node_id, "lamp.secret"))["error"]["message"] == (
        "node.invoke: use lamp.light"
    )
    request_id = await operator.post("lamp.light", {"node": node_id, "budget": 5_000})
    request = await respond(node, node_id, payload={"watts": 9})
    assert (request["command"], request["paramsJSON"]) == ("lamp.secret", '{"on":true}')
    assert request["timeoutMs"] == 5_000
    response = await finish(operator, request_id)
    assert response["payload"] == {"lit": {"watts": 9}, "by": "cli"}
    assert_settled(gateway)
    await assert_audited(gateway, node_id, "lamp.secret", "ok", None)


async def test_method_cannot_reach_another_familys_private_command(start):
    gateway = await start(extra=[Lamp()])
    _, node_id = await gateway.node(["demo.hidden"])
    operator = await gateway.operator()
    response = await operator.request("lamp.light", {"node": node_id, "command": "demo.hidden"})
    assert failure(response)[1] == "use demo.method"


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ({"ok": False, "error": {"code": "BULB", "message": "broken"}}, "BULB: broken"),
        ({"ok": False}, "node invoke failed"),
    ],
)
async def test_method_gets_the_nodes_failure(start, outcome, message):
    gateway = await start(extra=[Lamp()])
    node, node_id = await gateway.node(["lamp.secret"])
    operator = await gateway.operator()
    request_id = await operator.post("lamp.light", {"node": node_id})
    await respond(node, node_id, **outcome)
    assert failure(await finish(operator, request_id))[:2] == ("UNAVAILABLE", message)
    assert_settled(gateway)


async def test_method_on_a_node_that_is_unknown(start):
    gateway = await start(extra=[Lamp()])
    response = await (await gateway.operator()).request("lamp.light", {"node": "nobody"})
    assert failure(response)[2]["reason"] == "unknown-node"


async def test_scope_and_schema_of_a_method(start):
    gateway = await start(extra=[Lamp()])
    reader = await gateway.operator(READER)
    code, _, details, _ = failure(await reader.request("lamp.light", {"nonsense": 1}))
    assert (code, details["missingScope"]) == ("FORBIDDEN", "operator.write")
    code, message, _, _ = failure(await reader.request("lamp.tell", {"node": 5}))
    assert code == "INVALID_REQUEST"
    assert message == "invalid lamp.tell params: at /node: must be string"
    node, _ = await gateway.node(["demo.any"])
    assert failure(await node.request("lamp.tell", {"node": "n"}))[1] == "unauthorized role: node"


async def test_hello_names_the_familys_methods_and_events(start):
    from openclaw_core.testing import operator_params

    gateway = await start(extra=[Lamp()])
    hello = (await (await gateway.wire()).connect(operator_params()))["payload"]
    assert "lamp.light" in hello["features"]["methods"]
    assert "lamp.lit" in hello["features"]["events"]


async def test_own_event_is_gated_by_its_scope(start):
    gateway = await start(extra=[Lamp()])
    node, _ = await gateway.node(["demo.any"])
    reader, approver = await gateway.operator(READER), await gateway.operator(APPROVER)
    await approver.call("lamp.tell", {"node": "n"})
    event = await approver.event("lamp.lit")
    assert event["payload"] == {"node": "n"}
    assert isinstance(event["seq"], int)
    for other in (reader, node):
        await other.call("health", {})
        assert [frame for frame in other.events if frame["event"].startswith("lamp.")] == []


async def test_event_nobody_registered_reaches_only_admins(start):
    gateway = await start(extra=[Lamp()])
    node, _ = await gateway.node(["demo.any"])
    reader, approver = await gateway.operator(READER), await gateway.operator(APPROVER)
    admin = await gateway.operator()
    await reader.call("lamp.stray", {"node": "n"})
    assert (await admin.event("lamp.unregistered"))["payload"] == {"node": "n"}
    for other in (reader, approver, node):
        await other.call("health", {})
        assert [frame for frame in other.events if frame["event"].startswith("lamp.")] == []


@pytest.mark.parametrize("name", ["lamp.break", "lamp.object"])
async def test_method_that_breaks_is_answered_without_its_secrets(start, name):
    gateway = await start(extra=[Lamp()])
    operator = await gateway.operator()
    assert failure(await operator.request(name, {"node": "n"})) == (
        "UNAVAILABLE",
        "internal error; the gateway's log has the details",
        {"code": "INTERNAL"},
        None,
    )
    assert (await operator.call("health", {}))["ok"] is True


async def test_method_sees_every_operator(start):
    gateway = await start(extra=[Lamp()])
    await gateway.node(["demo.any"])
    await gateway.operator(APPROVER)
    reader = await gateway.operator(READER)
    answer = await reader.call("lamp.crowd", {"node": "n"})
    # gateway.node approved the surface through an operator whose socket may still be closing.
    assert answer["scopes"][:2] == [1, 2]
