"""A paired node that lies about itself, or speaks for another one (PROTOCOL 6.2, 9.1, 11.3, 12, 14.3)."""

from __future__ import annotations

import orjson
import pytest
from openclaw_host_commands import HostCommands

from openclaw_core.testing import FakeDevice, node_params
from tests.gateway.invoking import finish, invoke, post_invoke
from tests.gateway.leftovers import assert_refused
from tests.gateway.queueing import WORK, Work, acked, enqueue_invoke, item

from .evidence import assert_in_trail, assert_wait_in_trail, error_of

pytestmark = pytest.mark.anyio

IGNORED = {"ok": True, "ignored": True}


# Itself


@pytest.mark.parametrize(
    "client",
    [
        {"platform": "windows", "deviceFamily": "Windows"},
        {"platform": "linux", "deviceFamily": "Mac"},
        {"platform": "iOS 18.4", "deviceFamily": "iPhone"},
    ],
)
async def test_spoofed_platform(start, client):
    """A paired device suddenly is another kind of machine, with that kind's default commands (6.2)."""
    gateway, device = await start(), FakeDevice()
    wire = await gateway.wire()
    token = (await wire.connect(node_params(), device))["payload"]["auth"]["deviceToken"]
    again = await gateway.wire()
    spoofed = node_params(["demo.echo"], client=client, auth={"deviceToken": token})
    code, message, details = error_of(await again.connect(spoofed, device))
    assert (code, details["reason"]) == ("NOT_PAIRED", "metadata-upgrade")
    assert message == "pairing required: device identity changed and must be re-approved"
    close_code, reason = await again.closed()
    assert (close_code, reason.startswith("pairing required: device identity changed")) == (1008, True)
    await assert_wait_in_trail(gateway, device, "metadata-upgrade")
    (row,) = (await (await gateway.operator()).call("device.pair.list"))["paired"]
    assert row["platform"] == "linux", "the pin holds"


async def test_spoofed_platform_that_disagrees_with_its_family(start):
    """Neither is believed: the rights are those of `unknown` (9.1)."""
    gateway = await start()
    _, node_id = await gateway.node(["demo.any", "demo.linux"], client={"deviceFamily": "Mac"})
    operator = await gateway.operator()
    assert (await operator.call("node.describe", {"nodeId": node_id}))["commands"] == ["demo.any"]
    code, _, details = error_of(await invoke(operator, node_id, "demo.linux"))
    assert (code, details["reason"]) == ("INVALID_REQUEST", "command not allowlisted")
    await assert_in_trail(gateway, "invoke", "command not allowlisted", actor="client:cli", subject=node_id)


async def test_spoofed_platform_under_an_old_signature(start):
    """A relay rewrites what a v2 signature does not bind; a gateway may refuse v2 (27, row 29)."""
    gateway, device = await start({"auth.allowV2Signatures": False}), FakeDevice()

    def rewritten(wire):
        params = node_params()
        proof = device.prove(params, wire.nonce, wire.challenged_at, version="v2")
        spoofed = {**params["client"], "platform": "windows", "deviceFamily": "Windows"}
        return {**params, "client": spoofed, "device": proof}

    details = {"code": "DEVICE_AUTH_SIGNATURE_INVALID", "reason": "device-signature"}
    await assert_refused(gateway, rewritten, details=details, begins="device signature invalid")


async def test_operator_methods_called_by_a_node(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    refused = await invoke(node, node_id, "demo.any")
    wanted = ("INVALID_REQUEST", "unauthorized role: node", {"code": "UNAUTHORIZED_ROLE"})
    assert error_of(refused) == wanted
    await assert_in_trail(
        gateway, "node.invoke", "UNAUTHORIZED_ROLE", actor=f"node:{node_id}", subject=node_id
    )


# Runs that nobody asked for


@pytest.mark.parametrize("event", ["exec.started", "exec.finished", "exec.denied"])
async def test_executed_event_without_its_run(start, event):
    """A node claims that a run it was never asked for has begun or ended (12.5)."""
    gateway = await start(extra=[HostCommands()])
    node, node_id = await gateway.node(["system.run"])
    claim = {"sessionKey": "main", "runId": "made-up", "exitCode": 0, "success": True, "output": "root"}
    answer = await node.call("node.event", {"event": event, "payload": claim})
    assert answer == {"ok": True, "event": event, "handled": False, "reason": "unmatched_exec_event"}
    await assert_in_trail(
        gateway,
        "node.event",
        "unmatched_exec_event",
        actor=f"node:{node_id}",
        subject=node_id,
        reason=event,
    )


async def test_run_of_another_node_reported_as_ended(start):
    gateway = await start(extra=[HostCommands()])
    victim, victim_id = await gateway.node(["system.run"])
    other, other_id = await gateway.node(["system.run"])
    operator = await gateway.operator()
    params = {"command": ["true"], "rawCommand": "true"}
    asked = await post_invoke(operator, victim_id, "system.run", params=params)
    request = (await victim.event("node.invoke.request"))["payload"]
    run_id = orjson.loads(request["paramsJSON"])["runId"]
    claim = {"event": "exec.finished", "payload": {"sessionKey": "s", "runId": run_id, "output": ""}}
    assert (await other.call("node.event", claim))["reason"] == "unmatched_exec_event"
    await assert_in_trail(
        gateway, "node.event", "unmatched_exec_event", actor=f"node:{other_id}", subject=other_id
    )
    assert await victim.call("node.event", claim) == {"ok": True}, "the true one still counts"
    await victim.call("node.invoke.result", {"id": request["id"], "nodeId": victim_id, "ok": False})
    assert not (await finish(operator, asked))["ok"]


# Another node's work


async def two_nodes(start):
    """A node that was asked something, another one, and the operator that waits."""
    gateway = await start()
    victim, victim_id = await gateway.node(["demo.any"])
    other, other_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    asked = await post_invoke(operator, victim_id, "demo.any", progress=True)
    invoke_id = (await victim.event("node.invoke.request"))["payload"]["id"]
    return gateway, (victim, victim_id), (other, other_id), (operator, asked, invoke_id)


async def assert_answered_by(node, node_id, operator, asked, invoke_id):
    result = {"id": invoke_id, "nodeId": node_id, "ok": True, "payload": {"by": "victim"}}
    assert await node.call("node.invoke.result", result) == {"ok": True}
    assert (await finish(operator, asked))["payload"]["payload"] == {"by": "victim"}


async def test_result_for_an_invoke_of_another_node(start):
    gateway, victim, (other, other_id), waiting = await two_nodes(start)
    forged = {"id": waiting[2], "nodeId": other_id, "ok": True, "payload": {"by": "other"}}
    assert await other.call("node.invoke.result", forged) == IGNORED
    await assert_in_trail(
        gateway, "node.invoke.result", "FOREIGN_INVOKE", actor=f"node:{other_id}", subject=victim[1]
    )
    refused = await other.request("node.invoke.result", {**forged, "nodeId": victim[1]})
    mismatch = ("INVALID_REQUEST", "nodeId mismatch", {"nodeId": victim[1]})
    assert error_of(refused) == mismatch
    await assert_in_trail(
        gateway, "node.invoke.result", "INVALID_REQUEST", actor=f"node:{other_id}", subject=victim[1]
    )
    await assert_answered_by(*victim, *waiting)


async def test_progress_for_an_invoke_of_another_node(start):
    gateway, victim, (other, other_id), waiting = await two_nodes(start)
    forged = {"invokeId": waiting[2], "nodeId": other_id, "seq": 0, "chunk": "all is well"}
    assert await other.call("node.invoke.progress", forged) == IGNORED
    await assert_in_trail(
        gateway, "node.invoke.progress", "FOREIGN_INVOKE", actor=f"node:{other_id}", subject=victim[1]
    )
    await assert_answered_by(*victim, *waiting)
    operator = waiting[0]
    assert not [frame for frame in operator.events if frame.get("event") == "node.invoke.progress"]


async def test_ack_of_an_item_of_another_node(start):
    gateway = await start(extra=[Work])
    commands = [command.name for command in WORK.commands]
    _, victim_id = await gateway.node(commands)
    other, other_id = await gateway.node(commands)
    operator = await gateway.operator()
    queued = await enqueue_invoke(operator, victim_id)
    assert (await acked(other, queued))["unknownIds"] == [queued]
    assert (await item(operator, queued))["state"] == "queued"
    await assert_in_trail(
        gateway, "node.pending.ack", "FOREIGN_WORK", actor=f"node:{other_id}", subject=victim_id
    )
