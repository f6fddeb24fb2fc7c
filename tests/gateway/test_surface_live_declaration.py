"""`node.pluginSurface.refresh` with a declaration: PROTOCOL 8.2 without a reconnect."""

import pytest

from openclaw_core import Family, hookimpl
from openclaw_core.config import GatewayConfig
from openclaw_core.errors import StoreError, UnavailableError
from openclaw_core.protocol.surfaces import NodeSurfaceRefreshParams
from openclaw_core.testing import FakeDevice

from .invoking import assert_settled, failure, finish, invoke, post_invoke, respond
from .test_pairing_races import held_still, taken

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.covers("node.pluginSurface.refresh", "node.surface.changed", "node.pair.requested"),
]

REFRESH = "node.pluginSurface.refresh"


async def declare(node, **declared):
    return await node.call(REFRESH, declared)


async def pending_of(operator, node_id):
    rows = (await operator.call("node.pair.list"))["pending"]
    return [row for row in rows if row["nodeId"] == node_id]


async def describe(operator, node_id):
    return await operator.call("node.describe", {"nodeId": node_id})


# Narrowing


async def test_narrowing_holds_at_once(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any", "demo.echo"], caps=["demo", "more"])
    operator = await gateway.operator()
    answer = await declare(node, surface="demo", commands=["demo.any"], caps=["demo"])
    assert answer == {
        "nodeId": node_id,
        "approvalState": "approved",
        "effective": {"caps": ["demo"], "commands": ["demo.any"], "permissions": {}},
        "withheld": [],
    }
    changed = (await operator.event("node.surface.changed"))["payload"]
    assert changed == {"nodeId": node_id, "added": [], "removed": ["demo.echo"]}
    entry = await describe(operator, node_id)
    assert (entry["commands"], entry["caps"], entry["approvalState"]) == (["demo.any"], ["demo"], "approved")
    refused = await invoke(operator, node_id, "demo.echo", params={"text": "x"})
    assert failure(refused)[2]["reason"] == "command not declared by node"
    assert await pending_of(operator, node_id) == []


async def test_families_hear_of_every_live_change(start):
    heard = []

    class Listener:
        @hookimpl
        def openclaw_family(self):
            return Family("listener", "Listener", ())

        @hookimpl
        def openclaw_surface_changed(self, node, before):
            heard.append((sorted(before), sorted(node.commands)))

    gateway = await start(extra=[Listener()])
    node, node_id = await gateway.node(["demo.any", "demo.echo"])
    await declare(node, commands=["demo.any"])
    await declare(node, commands=["demo.any"])  # nothing new, nothing to hear
    await declare(node, commands=["demo.any", "demo.linux"])
    await gateway.approve_surface(node_id)
    assert heard == [
        ([], ["demo.any", "demo.echo"]),
        (["demo.any", "demo.echo"], ["demo.any"]),
        (["demo.any"], ["demo.any", "demo.linux"]),
    ]


async def test_what_was_given_up_comes_back_unasked(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any", "demo.echo"])
    await declare(node, commands=[])
    answer = await declare(node, commands=["demo.echo"])
    assert answer["effective"]["commands"] == ["demo.echo"]
    assert await pending_of(await gateway.operator(), node_id) == []


async def test_invokes_in_flight_go_on(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    request_id = await post_invoke(operator, node_id, "demo.any")
    await declare(node, commands=[])
    await respond(node, node_id, payloadJSON='{"done":true}')
    assert (await finish(operator, request_id))["payload"]["payload"] == {"done": True}
    assert_settled(gateway)


# Widening


async def test_widening_waits_for_approval_with_the_difference(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"], permissions={"mic": False})
    operator = await gateway.operator()
    answer = await declare(
        node, commands=["demo.any", "demo.echo"], caps=["demo", "more"], permissions={"mic": True}
    )
    assert answer["effective"] == {"caps": ["demo"], "commands": ["demo.any"], "permissions": {}}
    added = {"caps": ["more"], "commands": ["demo.echo"], "permissions": {"mic": True}}
    (row,) = await pending_of(operator, node_id)
    assert answer["pending"] == {"requestId": row["requestId"], **added}
    assert (answer["approvalState"], row["added"]) == ("pending-reapproval", added)
    assert answer["withheld"] == [
        {
            "command": "demo.echo",
            "reason": "awaiting-approval",
            "message": "it waits for approval",
            "cure": f"openclaw nodes approve {row['requestId']}",
        }
    ]
    asked = (await operator.event("node.pair.requested", lambda payload: "added" in payload))["payload"]
    assert (asked["requestId"], asked["added"]) == (row["requestId"], added)
    await operator.call("node.pair.approve", {"requestId": row["requestId"]})
    assert (await node.event("node.pair.resolved", is_approval(row)))["payload"]["nodeId"] == node_id
    entry = await describe(operator, node_id)
    assert (entry["commands"], entry["caps"]) == (["demo.any", "demo.echo"], ["demo", "more"])
    assert entry["permissions"] == {"mic": True}


def is_approval(row):
    return lambda payload: payload["requestId"] == row["requestId"] and payload["decision"] == "approved"


async def test_a_node_that_was_never_approved_may_change_its_mind(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"], approve=False)
    operator = await gateway.operator()
    (first,) = await pending_of(operator, node_id)
    answer = await declare(node, commands=["demo.echo"])
    (second,) = await pending_of(operator, node_id)
    assert second["requestId"] != first["requestId"]
    assert (second["commands"], answer["approvalState"]) == (["demo.echo"], "pending-approval")
    assert answer["effective"]["commands"] == []


async def test_one_declaration_narrows_and_widens(start):
    gateway = await start()
    node, _ = await gateway.node(["demo.any", "demo.linux"])
    answer = await declare(node, commands=["demo.any", "demo.echo"])
    assert answer["effective"]["commands"] == ["demo.any"]
    assert answer["pending"]["commands"] == ["demo.echo"]


async def test_going_back_withdraws_the_request(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await declare(node, commands=["demo.any", "demo.echo"])
    (row,) = await pending_of(operator, node_id)
    assert "pending" not in await declare(node, commands=["demo.any"])
    withdrawn = await operator.event(
        "node.pair.resolved", lambda payload: payload["requestId"] == row["requestId"]
    )
    assert withdrawn["payload"]["decision"] == "rejected"
    assert await pending_of(operator, node_id) == []


async def test_repeating_asks_nothing_again(start):
    """A node that declares the same in a loop cannot pester the person who said no."""
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await declare(node, commands=["demo.any", "demo.echo"])
    (row,) = await pending_of(operator, node_id)
    await operator.call("node.pair.reject", {"requestId": row["requestId"]})
    answer = await declare(node, commands=["demo.echo", "demo.any"])
    assert await pending_of(operator, node_id) == []
    assert [item["reason"] for item in answer["withheld"]] == ["not-approved"]


async def test_a_reconnect_declares_anew(start):
    """What was declared live is of that connection; the next connect says it again."""
    gateway = await start()
    device = FakeDevice()
    node, node_id = await gateway.node(["demo.any", "demo.echo"], device=device)
    await declare(node, commands=["demo.any"])
    await gateway.node(["demo.any", "demo.echo"], device=device, approve=False)
    entry = await describe(await gateway.operator(), node_id)
    assert entry["commands"] == ["demo.any", "demo.echo"]


# Policy


async def test_what_the_policy_holds_back_is_told(start):
    gateway = await start({"nodes.commands.deny": ["demo.linux"]})
    node, _ = await gateway.node(["demo.any"])
    answer = await declare(node, commands=["demo.any", "demo.risky", "demo.linux", "made.up"])
    assert {item["command"]: item["reason"] for item in answer["withheld"]} == {
        "demo.linux": "denied",
        "demo.risky": "dangerous",
        "made.up": "unknown-command",
    }
    assert "pending" not in answer


async def test_an_allowed_command_is_asked_for_without_a_reconnect(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any", "demo.risky"])
    operator, runtime = await gateway.operator(), gateway.server.gateway.runtime
    config = GatewayConfig.model_validate({"nodes": {"commands": {"allow": ["demo.risky"]}}})
    await runtime.declarations.catch_up(runtime.reload(config))
    (row,) = await pending_of(operator, node_id)
    assert row["added"]["commands"] == ["demo.risky"]
    assert (await describe(operator, node_id))["commands"] == ["demo.any"]


# Refusals


async def test_malformed(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    for params in (
        {"commands": [""]},
        {"caps": "demo"},
        {"permissions": {"mic": 1}},
        {"commands": None},
        {"extra": 1},
    ):
        assert failure(await node.request(REFRESH, params))[0] == "INVALID_REQUEST"
    assert (await describe(await gateway.operator(), node_id))["commands"] == ["demo.any"]


async def test_an_operator_declares_nothing(start):
    operator = await (await start()).operator()
    refused = await operator.request(REFRESH, {"commands": []})
    assert failure(refused)[1] == "unauthorized role: operator"


async def test_a_replaced_socket_declares_nothing(start):
    """Its request was read, and then waited for the device's lock while the newer socket came in."""
    gateway = await start()
    device = FakeDevice()
    _, node_id = await gateway.node(["demo.any"], device=device)
    runtime = gateway.server.gateway.runtime
    replaced = runtime.nodes.find(node_id)
    await gateway.node(["demo.any"], device=device)
    with pytest.raises(UnavailableError) as refused:
        await runtime.declarations.declare(replaced, NodeSurfaceRefreshParams(commands=[]))
    assert refused.value.details["reason"] == "replaced"
    assert (await describe(await gateway.operator(), node_id))["commands"] == ["demo.any"]


@pytest.mark.parametrize(
    ("method", "key", "more"),
    [
        ("device.pair.remove", "deviceId", {}),
        ("node.pair.remove", "nodeId", {}),
        ("device.token.revoke", "deviceId", {"role": "node"}),
    ],
)
async def test_a_node_that_lost_its_pairing_declares_nothing(start, method, key, more):
    """Its request was read, and waited for the decision about the device."""
    gateway, device = await start(), FakeDevice()
    node, node_id = await gateway.node(["demo.any"], device=device)
    admin, other = await gateway.operator(), await gateway.operator()
    async with held_still(gateway, device):
        await admin.post(method, {key: node_id, **more})
        await taken(admin)
        await node.post(REFRESH, {"commands": ["demo.any", "demo.echo"]})
        await taken(node)
        await other.post("node.rename", {"nodeId": node_id, "displayName": "Kitchen"})
        await taken(other)
    assert (await node.closed())[0] == 4001
    assert (await other.call("node.pair.list"))["pending"] == []
    registry = gateway.server.gateway.runtime.registry
    assert (node_id in registry.surfaces) == (method == "device.token.revoke")


async def test_what_could_not_be_asked_for_is_asked_when_it_is_repeated(start, monkeypatch):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])

    async def refuse(*_changes):
        raise StoreError("the disk is full")

    widened = {"commands": ["demo.any", "demo.echo"]}
    with monkeypatch.context() as patch:
        patch.setattr(gateway.server.gateway.runtime.store, "write", refuse)
        assert (await node.request(REFRESH, widened))["ok"] is False
    answer = await declare(node, **widened)
    (row,) = await pending_of(await gateway.operator(), node_id)
    assert answer["pending"]["requestId"] == row["requestId"]
