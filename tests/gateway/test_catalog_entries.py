"""`node.list`, `node.describe` and `node.pair.list`: PROTOCOL 10."""

import pytest

from openclaw_core.testing import FakeDevice, node_params, operator_params

from .invoking import add_node_role, failure

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.list", "node.describe", "node.pair.list")]

CLIENT = {
    "displayName": "Attic",
    "version": "2.1.0",
    "modelIdentifier": "RPi5",
}
PENDING_FACTS = ("pendingRequestId", "pendingDeclaredCaps", "pendingDeclaredCommands")


async def describe(operator, node_id):
    """The entry as node.list has it; what describe adds is of test_explain.py."""
    entry = await operator.call("node.describe", {"nodeId": node_id})
    assert [entry.pop("commandDetails"), entry.pop("withheld")] != [None, None]
    return entry


async def leave(node, operator, node_id):
    """Close the node's socket and wait until the gateway knows."""
    await node.socket.close()
    await operator.event(
        "presence",
        lambda payload: any(
            row.get("deviceId") == node_id and row["reason"] == "disconnect" for row in payload["presence"]
        ),
    )


def timeless(entry):
    """The entry without its times, which must be there as integers."""
    times = {key for key in entry if key.endswith("AtMs") or key == "ts"}
    assert all(isinstance(entry[key], int) for key in times)
    return {key: value for key, value in entry.items() if key not in times}, times


async def test_live_entry(start):
    gateway = await start()
    _, node_id = await gateway.node(
        ["demo.echo", "demo.any"], client=CLIENT, permissions={"mic": True}, pathEnv="/usr/bin:/bin"
    )
    entry, times = timeless(await describe(await gateway.operator(), node_id))
    remote = {"remoteIp": entry["remoteIp"]} if "remoteIp" in entry else {}
    assert entry == {
        "nodeId": node_id,
        "displayName": "Attic",
        "platform": "linux",
        "version": "2.1.0",
        "clientId": "node-host",
        "clientMode": "node",
        "deviceFamily": "Linux",
        "modelIdentifier": "RPi5",
        **remote,
        "pathEnv": "/usr/bin:/bin",
        "caps": ["demo"],
        "commands": ["demo.any", "demo.echo"],
        "permissions": {"mic": True},
        "sessionHost": False,
        "nodePluginTools": [],
        "approvalState": "approved",
        "lastSeenReason": "connect",
        "paired": True,
        "connected": True,
    }
    assert times == {"ts", "connectedAtMs", "lastConnectedAtMs", "lastSeenAtMs", "approvedAtMs"}


async def test_offline_entry(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.echo", "demo.any"], client=CLIENT, pathEnv="/bin")
    operator = await gateway.operator()
    await leave(node, operator, node_id)
    entry, times = timeless(await describe(operator, node_id))
    assert (entry["connected"], entry["paired"], entry["approvalState"]) == (False, True, "approved")
    assert entry["commands"] == ["demo.any", "demo.echo"]  # the approved set
    assert (entry["displayName"], entry["platform"], entry["version"]) == ("Attic", "linux", "2.1.0")
    assert (entry["deviceFamily"], entry["modelIdentifier"]) == ("Linux", "RPi5")
    assert "pathEnv" not in entry
    assert "connectedAtMs" not in times
    assert "lastDisconnectedAtMs" in times


async def test_history_survives_a_restart(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"], client=CLIENT)
    operator = await gateway.operator()
    await leave(node, operator, node_id)
    before = await describe(operator, node_id)
    await gateway.__aexit__()
    gateway = await start()
    after = await describe(await gateway.operator(), node_id)
    assert {**after, "ts": 0} == {**before, "ts": 0}


async def test_order(start):
    gateway = await start()
    operator = await gateway.operator()
    ids = {}
    for name in ("Zoe", "adam", "Bea"):
        _, ids[name] = await gateway.node(["demo.any"], client={"displayName": name})
    twins = sorted([(await gateway.node(["demo.any"], client={"displayName": "Twin"}))[1] for _ in range(2)])
    away = {}
    for name in ("Away", "Abel"):
        node, away[name] = await gateway.node(["demo.any"], client={"displayName": name})
        await leave(node, operator, away[name])
    listed = await operator.call("node.list")
    assert isinstance(listed["ts"], int)
    seen = [row["nodeId"] for row in listed["nodes"]]
    assert seen == [ids["Bea"], *twins, ids["Zoe"], ids["adam"], away["Abel"], away["Away"]]
    for row in listed["nodes"]:
        described = await describe(operator, row["nodeId"])
        assert {**described, "ts": 0} == {**row, "ts": 0}


async def test_unapproved_entry_by_scope(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"], approve=False, permissions={"mic": True})
    admin = await describe(await gateway.operator(), node_id)
    assert (admin["approvalState"], admin["commands"], admin["caps"]) == ("pending-approval", [], [])
    assert admin["pendingDeclaredCommands"] == ["demo.any"]
    assert admin["pendingDeclaredCaps"] == ["demo"]
    assert admin["pendingDeclaredPermissions"] == {"mic": True}
    assert "permissions" not in admin
    pairing = await gateway.operator(["operator.read", "operator.pairing"])
    assert (await describe(pairing, node_id))["pendingRequestId"] == admin["pendingRequestId"]
    reader = await describe(await gateway.operator(["operator.read"]), node_id)
    assert reader["approvalState"] == "pending-approval"
    assert not set(PENDING_FACTS) & reader.keys()


async def test_device_token_session_sees_the_request_of_its_own_device(start):
    gateway = await start()
    device = FakeDevice()
    wire = await gateway.wire()
    hello = await wire.connect(operator_params(["operator.read"]), device)
    token = hello["payload"]["auth"]["deviceToken"]
    await add_node_role(gateway, device)
    _, node_id = await gateway.node(["demo.any"], device=device, approve=False)
    _, foreign_id = await gateway.node(["demo.any"], approve=False)
    session = await gateway.wire()
    params = operator_params(["operator.read"], token=None, auth={"deviceToken": token})
    assert (await session.connect(params, device))["ok"] is True
    own = await describe(session, node_id)
    assert [fact for fact in PENDING_FACTS if fact in own] == ["pendingRequestId"]
    assert not set(PENDING_FACTS) & (await describe(session, foreign_id)).keys()


async def test_revoked_node_says_so(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    assert "revoked" not in await describe(operator, node_id)
    await operator.call("device.token.revoke", {"deviceId": node_id, "role": "node"})
    assert await node.closed() == (4001, "device token revoked")
    entry = await describe(operator, node_id)
    assert (entry["revoked"], entry["paired"]) == (True, True)


@pytest.mark.parametrize("params", [{"nodeId": "nobody"}, {"nodeId": "a" * 64}])
async def test_describe_an_unknown_node(start, params):
    gateway = await start()
    refused = await (await gateway.operator()).request("node.describe", params)
    assert failure(refused) == ("INVALID_REQUEST", "unknown nodeId", params, None)


async def test_operators_are_no_nodes(start):
    gateway = await start()
    device = FakeDevice()
    assert (await (await gateway.wire()).connect(operator_params(), device))["ok"] is True
    operator = await gateway.operator()
    assert (await operator.call("node.list"))["nodes"] == []
    refused = await operator.request("node.describe", {"nodeId": device.device_id})
    assert failure(refused)[1] == "unknown nodeId"


@pytest.mark.parametrize("method", ["node.list", "node.describe"])
async def test_catalog_takes_the_read_scope(start, method):
    gateway = await start()
    operator = await gateway.operator(["operator.pairing"])
    refused = await operator.request(method, {"nodeId": "n"} if method == "node.describe" else {})
    assert failure(refused)[2]["missingScope"] == "operator.read"


async def test_paired_rows(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"], client=CLIENT)
    operator = await gateway.operator()
    (row,) = (await operator.call("node.pair.list"))["paired"]
    entry, times = timeless(row)
    remote = {"remoteIp": entry["remoteIp"]} if "remoteIp" in entry else {}
    assert entry == {
        "nodeId": node_id,
        "displayName": "Attic",
        "platform": "linux",
        "version": "2.1.0",
        "clientId": "node-host",
        "clientMode": "node",
        "deviceFamily": "Linux",
        "modelIdentifier": "RPi5",
        **remote,
        "caps": ["demo"],
        "commands": ["demo.any"],
        "lastSeenReason": "connect",
    }
    assert {"createdAtMs", "approvedAtMs", "lastConnectedAtMs", "lastSeenAtMs"} <= times


async def test_live_name_and_platform_beat_the_stored_ones(start):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(["demo.any"], device=device, client={"displayName": "First"})
    wire = await gateway.wire()
    params = node_params(["demo.any"], client={"displayName": "Second", "version": "9"})
    assert (await wire.connect(params, device))["ok"] is True
    entry = await describe(await gateway.operator(), device.device_id)
    assert (entry["displayName"], entry["version"]) == ("Second", "9")
