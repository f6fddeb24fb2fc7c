"""What `node.describe` adds about commands, and `node.explain`: PROTOCOL 8.1, 9, 10."""

from collections.abc import Callable

import pytest

from openclaw_core import Command, Family
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.config import GatewayConfig
from openclaw_core.protocol.base import Wire as WireModel
from openclaw_core.testing import FakeDevice, TestGateway, plugins_of

from .conftest import DEMO, Anything
from .invoking import failure, invoke

pytestmark = [pytest.mark.anyio, pytest.mark.covers("node.describe", "node.explain")]

STEPS = ["declared", "approved", "policy", "permission", "reachable"]
EVERYTHING = [item.name for item in DEMO.commands]


class SnapParams(WireModel):
    max_width: int
    quality: int = 80


class Shapeless(WireModel):
    thing: Callable[[], int]  # no JSON Schema can say this


SNAP = Command(
    "lens.snap",
    SnapParams,
    Anything,
    title="Take a picture",
    description="Takes one picture.",
    platforms=ALL_PLATFORMS,
    read_only=True,
    foreground=True,
    queueable=True,
    timeout_ms=20_000,
    permission="lens",
)
ODD = Command("lens.odd", Shapeless, Anything, platforms=ALL_PLATFORMS)
LENS = Family("lens", "Lens", (SNAP, ODD), caps=("lens",))


@pytest.fixture
async def lens(tmp_path):
    async with TestGateway(tmp_path / "lens", plugins_of(LENS, DEMO)) as gateway:
        yield gateway


async def describe(operator, node_id):
    return await operator.call("node.describe", {"nodeId": node_id})


async def explain(operator, node_id, command):
    answer = await operator.call("node.explain", {"nodeId": node_id, "command": command})
    assert [step["step"] for step in answer["steps"]] == STEPS
    failed = [step for step in answer["steps"] if not step["ok"]]
    assert answer["works"] == (not failed)
    assert (answer.get("failed"), answer.get("cure")) == (
        (failed[0]["step"], failed[0]["cure"]) if failed else (None, None)
    )
    assert all(step["reason"] and step["cure"] for step in failed)
    return answer


# describe


async def test_details_of_effective_commands(lens):
    _, node_id = await lens.node(["lens.snap", "demo.any"])
    first, second = (await describe(await lens.operator(), node_id))["commandDetails"]
    assert [first["name"], second["name"]] == ["demo.any", "lens.snap"]
    assert (second["title"], second["description"]) == ("Take a picture", "Takes one picture.")
    assert (second["timeoutMs"], second["validated"]) == (20_000, True)
    assert second["hints"] == {
        "readOnly": True,
        "destructive": False,
        "idempotent": False,
        "dangerous": False,
        "foreground": True,
        "queueable": True,
    }
    schema = second["paramsSchema"]
    assert (schema["required"], schema["properties"]["quality"]["default"]) == (["maxWidth"], 80)
    assert second["resultSchema"]["type"] == "object"
    listed = (await (await lens.operator()).call("node.list"))["nodes"][0]
    assert not {"commandDetails", "withheld"} & listed.keys()


async def test_a_private_command_is_marked_with_the_way_to_it(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.hidden", "demo.any"])
    plain, hidden = (await describe(await gateway.operator(), node_id))["commandDetails"]
    assert (hidden["name"], hidden["private"]) == ("demo.hidden", "use demo.method")
    assert "private" not in plain


async def test_a_model_without_a_schema_spoils_no_other(lens):
    _, node_id = await lens.node(["lens.odd", "demo.any"])
    _, odd = (await describe(await lens.operator(), node_id))["commandDetails"]
    assert (odd["name"], "paramsSchema" in odd, "resultSchema" in odd) == ("lens.odd", False, True)


async def test_a_command_nobody_knows_is_not_validated(start):
    gateway = await start({"nodes.commands.allow": ["made.up"]})
    _, node_id = await gateway.node(["made.up"])
    entry = await describe(await gateway.operator(), node_id)
    assert entry["commandDetails"] == [{"name": "made.up", "validated": False}]


async def test_every_withheld_command_has_its_reason(start):
    gateway = await start({"nodes.commands.deny": ["demo.echo"]})
    _, node_id = await gateway.node([*EVERYTHING, "made.up"], approve=False, client={"deviceFamily": "Mac"})
    operator = await gateway.operator()
    (request,) = (await operator.call("node.pair.list"))["pending"]
    entry = await describe(operator, node_id)
    withheld = {item["command"]: item for item in entry["withheld"]}
    waiting = {"reason": "awaiting-approval", "cure": f"openclaw nodes approve {request['requestId']}"}
    assert set(withheld) == {*EVERYTHING, "made.up"}
    assert {name: item["reason"] for name, item in withheld.items() if name not in request["commands"]} == {
        "demo.echo": "denied",
        "demo.linux": "platform",
        "demo.risky": "dangerous",
        "made.up": "unknown-command",
    }
    assert all(waiting.items() <= withheld[name].items() for name in request["commands"])
    reader = await gateway.operator(["operator.read"])
    told = {item["command"]: item["cure"] for item in (await describe(reader, node_id))["withheld"]}
    assert told["demo.any"] == "openclaw nodes pending"  # ids of requests are for who may settle them


async def test_withheld_while_the_node_is_away(start):
    gateway = await start()
    device = FakeDevice()
    await gateway.node(["demo.any"], device=device)
    node, node_id = await gateway.node(["demo.any", "demo.echo"], device=device, approve=False)
    operator = await gateway.operator()
    await node.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    entry = await describe(operator, node_id)
    assert [item["name"] for item in entry["commandDetails"]] == ["demo.any"]
    assert [(item["command"], item["reason"]) for item in entry["withheld"]] == [
        ("demo.echo", "awaiting-approval")
    ]


# explain


async def test_a_command_that_works(lens):
    _, node_id = await lens.node(["lens.snap"], permissions={"lens": True})
    operator = await lens.operator()
    answer = await explain(operator, node_id, "lens.snap")
    assert (answer["works"], answer["displayName"], answer["command"]) == (True, "Test Node", "lens.snap")
    assert answer["steps"][3]["message"] == "its app has to be in the foreground"


FAILING = (
    ("demo.linux", "declared", "not-declared", "pip install test-distribution"),
    ("made.up", "declared", "not-declared", "install the capability package that has it"),
    ("demo.risky", "approved", "dangerous", 'add "demo.risky" to gateway.nodes.commands.allow'),
    ("demo.echo", "approved", "denied", 'remove "demo.echo" from gateway.nodes.commands.deny'),
    ("demo.hidden", "policy", "private", "use demo.method"),
    ("gone.soon", "approved", "unknown-command", "install its family on the gateway's machine"),
)


async def test_the_first_step_that_fails(start):
    gateway = await start({"nodes.commands.deny": ["demo.echo"]})
    offered = ["demo.any", "demo.risky", "demo.echo", "demo.hidden", "gone.soon"]
    _, node_id = await gateway.node(offered)
    operator = await gateway.operator()
    for command, failed, reason, cure in FAILING:
        answer = await explain(operator, node_id, command)
        step = answer["steps"][STEPS.index(failed)]
        assert (answer["failed"], step["reason"]) == (failed, reason)
        assert cure in answer["cure"]
        assert failure(await invoke(operator, node_id, command))[0] == "INVALID_REQUEST"


async def test_waiting_for_approval_then_rejected(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"], approve=False)
    operator = await gateway.operator()
    (request,) = (await operator.call("node.pair.list"))["pending"]
    answer = await explain(operator, node_id, "demo.any")
    assert answer["cure"] == f"openclaw nodes approve {request['requestId']}"
    await operator.call("node.pair.reject", {"requestId": request["requestId"]})
    answer = await explain(operator, node_id, "demo.any")
    assert (answer["failed"], answer["steps"][1]["reason"]) == ("approved", "not-approved")


async def test_policy_that_changed_after_the_approval(start):
    gateway = await start()
    _, node_id = await gateway.node(["demo.any"])
    runtime, operator = gateway.server.gateway.runtime, await gateway.operator()
    runtime.reload(GatewayConfig.model_validate({"nodes": {"commands": {"deny": ["demo.any"]}}}))
    answer = await explain(operator, node_id, "demo.any")
    assert [step["ok"] for step in answer["steps"]] == [True, True, False, True, True]
    assert [item["reason"] for item in (await describe(operator, node_id))["withheld"]] == ["denied"]


@pytest.mark.parametrize(
    ("approved", "declared", "reason"),
    [
        ({"lens": False}, {"lens": False}, "permission-off"),
        ({"lens": False}, {"lens": True}, "permission-unapproved"),
    ],
)
async def test_the_system_of_the_node_withholds(lens, approved, declared, reason):
    device = FakeDevice()
    await lens.node(["lens.snap"], device=device, permissions=approved)
    _, node_id = await lens.node(["lens.snap"], device=device, permissions=declared, approve=False)
    answer = await explain(await lens.operator(), node_id, "lens.snap")
    assert (answer["failed"], answer["steps"][3]["reason"]) == ("permission", reason)


async def test_a_node_that_is_away_or_revoked(start):
    gateway = await start()
    node, node_id = await gateway.node(["demo.any"])
    operator = await gateway.operator()
    await node.socket.close()
    await operator.event("presence", lambda payload: "disconnect" in str(payload))
    answer = await explain(operator, node_id, "demo.any")
    assert (answer["failed"], answer["steps"][4]["reason"]) == ("reachable", "not-connected")
    assert (await explain(operator, node_id, "demo.echo"))["failed"] == "declared"
    await operator.call("device.token.revoke", {"deviceId": node_id, "role": "node"})
    assert (await explain(operator, node_id, "demo.any"))["steps"][4]["reason"] == "revoked"


async def test_refusals(start):
    gateway = await start()
    operator = await gateway.operator()
    refused = await operator.request("node.explain", {"nodeId": "nobody", "command": "demo.any"})
    assert failure(refused)[:2] == ("INVALID_REQUEST", "unknown nodeId")
    assert "nodes list" in failure(refused)[2]["hint"]
    assert failure(await operator.request("node.explain", {"nodeId": "x"}))[0] == "INVALID_REQUEST"
    pairer = await gateway.operator(["operator.pairing"])
    refused = await pairer.request("node.explain", {"nodeId": "nobody", "command": "x"})
    assert failure(refused)[2]["missingScope"] == "operator.read"
