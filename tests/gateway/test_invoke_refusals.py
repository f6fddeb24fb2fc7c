"""What node.invoke refuses before anything reaches a node: PROTOCOL 9.4 and the order of 11.1."""

import pytest

from openclaw_core.testing import FakeDevice

from .invoking import (
    assert_audited,
    assert_settled,
    failure,
    invoke,
    invoke_params,
    made_here,
    respond,
)

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.invoke")]

NOT_LISTED = "command not allowlisted"
NOT_SENT = {"outcome": "not-dispatched"}
HEAD = "node command not allowed: "


async def assert_untouched(node):
    """The node got no invoke: what it is sent next is the answer to its own call."""
    answer = await node.call("health", {})
    assert answer["ok"] is True
    assert not [frame for frame in node.events if frame["event"].startswith("node.invoke")]


@pytest.mark.parametrize(
    ("overrides", "command", "reason", "message"),
    [
        (
            {"nodes.commands.deny": ["demo.any"]},
            "demo.any",
            NOT_LISTED,
            '"demo.any" is blocked by gateway.nodes.commands.deny',
        ),
        (
            {"nodes.commands.deny": ["demo.risky"], "nodes.commands.allow": ["demo.risky"]},
            "demo.risky",
            NOT_LISTED,
            '"demo.risky" is blocked by gateway.nodes.commands.deny',
        ),
        (
            {"nodes.denyCommands": ["demo.any"]},
            "demo.any",
            NOT_LISTED,
            '"demo.any" is blocked by gateway.nodes.commands.deny',
        ),
        (
            {},
            "demo.risky",
            NOT_LISTED,
            '"demo.risky" requires explicit gateway.nodes.commands.allow opt-in',
        ),
        (
            {},
            "foreign.command",
            NOT_LISTED,
            '"foreign.command" is not in the allowlist for platform "linux"',
        ),
        (
            {},
            "demo.linux",
            "command not declared by node",
            'the node (platform: linux) does not support "demo.linux"',
        ),
        (
            {"nodes.commands.allow": ["foreign.command"]},
            "foreign.command",
            "command not declared by node",
            'the node (platform: linux) does not support "foreign.command"',
        ),
    ],
)
async def test_policy(start, overrides, command, reason, message):
    gateway = await start(overrides)
    declared = ["demo.echo", "demo.any", "demo.risky"]
    node, node_id = await gateway.node(declared)
    operator = await gateway.operator()
    response = await invoke(operator, node_id, command)
    details = {"reason": reason, "command": command}
    assert failure(response) == ("INVALID_REQUEST", HEAD + message, details, None)
    await assert_untouched(node)
    assert_settled(gateway)
    await assert_audited(gateway, node_id, command, "refused", reason)


async def test_dangerous_with_opt_in(start):
    gateway = await start({"nodes.commands.allow": ["demo.risky"]})
    node, node_id = await gateway.node(["demo.risky"])
    operator = await gateway.operator()
    request = await operator.post("node.invoke", invoke_params(node_id, "demo.risky"))
    await respond(node, node_id)
    response = await operator.request("", request_id=request)
    assert response["ok"] is True


async def test_platform(start):
    gateway = await start()
    client = {"platform": "macos", "deviceFamily": "Mac"}
    node, node_id = await gateway.node(["demo.any", "demo.linux"], client=client)
    response = await invoke(await gateway.operator(), node_id, "demo.linux")
    assert failure(response) == (
        "INVALID_REQUEST",
        HEAD + '"demo.linux" is not in the allowlist for platform "macos"',
        {"reason": NOT_LISTED, "command": "demo.linux"},
        None,
    )
    await assert_untouched(node)


@pytest.mark.parametrize("declared", [[], ["foreign.command"], ["demo.risky"]])
async def test_node_that_offers_nothing(start, declared):
    gateway = await start()
    _, node_id = await gateway.node(declared)
    response = await invoke(await gateway.operator(), node_id, "demo.any")
    assert failure(response) == (
        "INVALID_REQUEST",
        HEAD + "the node did not declare any supported commands",
        {"reason": "node did not declare commands", "command": "demo.any"},
        None,
    )
    assert_settled(gateway)


async def test_private_command(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.hidden"])
    operator = await gateway.operator()
    response = await invoke(operator, node_id, "demo.hidden")
    assert failure(response) == ("INVALID_REQUEST", "use demo.method", {"command": "demo.hidden"}, None)
    await assert_untouched(node)
    await assert_audited(gateway, node_id, "demo.hidden", "refused", "INVALID_REQUEST")
    # Before the node is looked up, so that no answer depends on the node.
    response = await invoke(operator, "no-such-node", "demo.hidden")
    assert response["error"]["message"] == "use demo.method"


async def test_params_that_no_caller_may_use(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.picky"])
    admin = await gateway.operator()
    fish = {"food": "fish"}
    # Before the admin scope and the node are looked at (11.1).
    for operator, target in ((admin, node_id), (await gateway.operator(["operator.write"]), "no-such-node")):
        response = await invoke(operator, target, "demo.picky", params=fish)
        wanted = ("INVALID_REQUEST", "demo.picky does not eat fish", {"command": "demo.picky"}, None)
        assert failure(response) == wanted
    await assert_untouched(node)
    request_id = await admin.post(
        "node.invoke",
        {"nodeId": node_id, "command": "demo.picky", "params": {"food": "bread"}, "idempotencyKey": "k"},
    )
    assert (await node.event("node.invoke.request"))["payload"]["command"] == "demo.picky"
    assert request_id


async def test_command_that_waits_for_reapproval_names_the_request(start):
    gateway = await start()
    device = FakeDevice()
    first, node_id = await gateway.node(["demo.any"], device=device)
    await first.socket.close()
    await gateway.node(["demo.any", "demo.echo"], device=device, approve=False)
    operator = await gateway.operator()
    (pending,) = (await operator.call("node.pair.list"))["pending"]
    response = await invoke(operator, node_id, "demo.echo", params={"text": "x"})
    assert failure(response) == (
        "INVALID_REQUEST",
        HEAD + 'the node (platform: linux) does not support "demo.echo"',
        {
            "reason": "command not declared by node",
            "command": "demo.echo",
            "pendingRequestId": pending["requestId"],
            "hint": f"openclaw nodes approve {pending['requestId']}",
        },
        None,
    )
    assert_settled(gateway)


async def test_first_approval_names_the_request(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"], approve=False)
    operator = await gateway.operator()
    (pending,) = (await operator.call("node.pair.list"))["pending"]
    request_id = pending["requestId"]
    response = await invoke(operator, node_id, "demo.any")
    assert failure(response) == (
        "UNAVAILABLE",
        f"the node's commands await approval: openclaw nodes approve {request_id}",
        {
            "code": "PAIRING_CHANGED",
            "reason": "awaiting-approval",
            "nodeId": node_id,
            "requestId": request_id,
            "outcome": "not-dispatched",
        },
        True,
    )
    await assert_untouched(node)
    await assert_audited(gateway, node_id, "demo.any", "refused", "PAIRING_CHANGED")


async def test_rejected_surface(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"], approve=False)
    operator = await gateway.operator()
    (pending,) = (await operator.call("node.pair.list"))["pending"]
    await operator.call("node.pair.reject", {"requestId": pending["requestId"]})
    code, _, details, retryable = failure(await invoke(operator, node_id, "demo.any"))
    assert (code, retryable) == ("UNAVAILABLE", True)
    assert details == {"code": "PAIRING_CHANGED", "reason": "not-approved", "nodeId": node_id, **NOT_SENT}


async def test_unknown_node(start):
    gateway = await start()
    response = await invoke(await gateway.operator(), "nobody", "demo.any")
    assert failure(response) == (
        "UNAVAILABLE",
        "unknown node 'nobody'; `openclaw nodes list` shows the known ones",
        {"code": "PAIRING_CHANGED", "reason": "unknown-node", "nodeId": "nobody", **NOT_SENT},
        False,
    )
    assert_settled(gateway)
    await assert_audited(gateway, "nobody", "demo.any", "refused", "PAIRING_CHANGED")


async def test_removed_node_is_unknown(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await operator.call("node.pair.remove", {"nodeId": node_id})
    assert await node.closed() == (4001, "device removed")
    response = await invoke(operator, node_id, "demo.any")
    assert response["error"]["details"]["reason"] == "unknown-node"


@pytest.mark.parametrize("command", ["demo.any", "foreign.command", "demo.risky"])
async def test_node_that_is_away_even_for_a_forbidden_command(start, command):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await node.socket.close()
    await gateway_forgets(operator, node_id)
    assert failure(await invoke(operator, node_id, command)) == (
        "UNAVAILABLE",
        "node not connected",
        made_here("NOT_CONNECTED", "node not connected", outcome="not-dispatched", code="NOT_CONNECTED"),
        True,
    )
    assert_settled(gateway)
    await assert_audited(gateway, node_id, command, "refused", "NOT_CONNECTED")


async def gateway_forgets(operator, node_id):
    """Wait for the presence broadcast that a node is gone."""
    await operator.event(
        "presence",
        lambda payload: any(
            row.get("deviceId") == node_id and row["reason"] == "disconnect" for row in payload["presence"]
        ),
    )


async def test_scope_comes_before_schema(start):
    gateway = await start()
    operator = await gateway.operator(["operator.read", "operator.pairing"])
    response = await operator.request("node.invoke", {"nonsense": True})
    assert failure(response) == (
        "FORBIDDEN",
        "missing scope: operator.write",
        {
            "code": "MISSING_SCOPE",
            "missingScope": "operator.write",
            "requiredScopes": ["operator.write"],
        },
        None,
    )


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({}, "must have required property 'nodeId'"),
        ({"nodeId": "n", "command": "c"}, "must have required property 'idempotencyKey'"),
        ({"nodeId": "", "command": "c", "idempotencyKey": "k"}, "at /nodeId: "),
        ({"nodeId": "n", "command": "c", "idempotencyKey": ""}, "at /idempotencyKey: "),
        (
            {"nodeId": "n", "command": "c", "idempotencyKey": "k", "timeoutMs": -1},
            "at /timeoutMs: must be >= 0",
        ),
        (
            {"nodeId": "n", "command": "c", "idempotencyKey": "k", "timeoutMs": 1.5},
            "at /timeoutMs: must be integer",
        ),
        (
            {"nodeId": "n", "command": "c", "idempotencyKey": "k", "timeoutMs": 1e300},
            "at /timeoutMs: must be integer",
        ),
        (
            {"nodeId": "n", "command": "c", "idempotencyKey": "k", "extra": 1},
            "at root: unexpected property 'extra'",
        ),
        (["list"], "at root: must be object"),
    ],
)
async def test_schema(start, params, problem):
    gateway = await start()
    response = await (await gateway.operator()).request("node.invoke", params)
    code, message, _, _ = failure(response)
    assert code == "INVALID_REQUEST"
    assert message.startswith("invalid node.invoke params: ")
    assert problem in message
    assert_settled(gateway)


@pytest.mark.parametrize(("node_id", "command"), [(" ", "demo.any"), ("nobody", "\t "), ("  ", " ")])
async def test_blank_ids(start, node_id, command):
    gateway = await start()
    response = await invoke(await gateway.operator(), node_id, command)
    assert failure(response) == ("INVALID_REQUEST", "nodeId and command required", None, None)


async def test_admin_only_command(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.root"])
    operator = await gateway.operator(["operator.read", "operator.write"])
    refusal = (
        "FORBIDDEN",
        "missing scope: operator.admin",
        {
            "code": "MISSING_SCOPE",
            "missingScope": "operator.admin",
            "requiredScopes": ["operator.admin"],
        },
        None,
    )
    assert failure(await invoke(operator, node_id, "demo.root")) == refusal
    assert failure(await invoke(operator, "nobody", "demo.root")) == refusal
    await assert_audited(gateway, "nobody", "demo.root", "refused", "MISSING_SCOPE")
    admin = await gateway.operator()
    request = await admin.post("node.invoke", invoke_params(node_id, "demo.root"))
    await respond(node, node_id)
    assert (await admin.request("", request_id=request))["ok"] is True


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({}, "must have required property 'text'"),
        (None, "must have required property 'text'"),
        ({"text": 7}, "at /text: must be string"),
        ("text", "must be object"),
    ],
)
async def test_params_are_checked_before_anything_reaches_the_node(start, params, problem):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo"])
    response = await invoke(await gateway.operator(), node_id, "demo.echo", params=params)
    code, message, details, retryable = failure(response)
    assert (code, details["command"], retryable) == ("INVALID_REQUEST", "demo.echo", None)
    assert all(item["problem"] in message for item in details["problems"])
    assert message.startswith("invalid demo.echo params: ")
    assert problem in message
    await assert_untouched(node)
    assert_settled(gateway)


async def test_params_too_deep_to_hand_on(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    deep = "[" * 300 + "]" * 300
    operator = await gateway.operator()
    text = f'"nodeId":"{node_id}","command":"demo.any","idempotencyKey":"k","params":{{"a":{deep}}}'
    await operator.send(f'{{"type":"req","id":"deep","method":"node.invoke","params":{{{text}}}}}')
    response = await operator.request("", request_id="deep")
    code, message, _, _ = failure(response)
    assert code == "INVALID_REQUEST"
    assert message.startswith("invalid demo.any params: ")
    assert_settled(gateway)
